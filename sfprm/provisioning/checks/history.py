"""History tracking: acceptance is read from it (operations.md, rule 23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

_WANTED = {"OwnerId": "Owner", "Status": "Status"}
OFF = Code(
    "history-off",
    CheckState.WARNING,
    "the history of a lead's owner or status is not kept",
    "switch it on in Setup › Object Manager › Lead › Fields › Set History Tracking",
    "recall: who accepted a lead, and when",
    "operations.md, rule 23",
)
UNREAD = Code(
    "history-unread",
    CheckState.MANUAL,
    "the org does not tell whether the history of leads is kept",
    "look in Setup › Object Manager › Lead › Fields › Set History Tracking",
    "recall: who accepted a lead, and when",
    "operations.md, rule 23",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Owner and Status of Lead."""
    tracked = facts.surroundings.tracked
    untold = [label for name, label in _WANTED.items() if name not in tracked]
    off = [label for name, label in _WANTED.items() if tracked.get(name) is False]
    if untold:
        yield UNREAD("history of leads", f"not told: {' and '.join(untold)}", untold)
    if off:
        yield OFF("history of leads", f"not kept: {' and '.join(off)}", off)
    if not untold and not off:
        yield ok("history of leads", "owner and status are kept")


CHECK = Check("history", (OFF, UNREAD), look)
