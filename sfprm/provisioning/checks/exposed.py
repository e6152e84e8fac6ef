"""Records that partners would see: the review in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok
from sfprm.provisioning.exposure_model import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

SEEN = Code(
    "records-exposed",
    CheckState.MANUAL,
    "sharing rules, folders or defaults show internal records to partners",
    "`sfprm setup --dry-run` lists each with who would see what; `sfprm setup --convert all` "
    "rewrites rules and folders",
    "nothing fails: partners see too much",
    "provisioning sheet, section 1",
)
UNREAD = Code(
    "exposure-unread",
    CheckState.MANUAL,
    "the agent may not read what partners would see",
    "grant sfprm_setup, or go through Setup › Convert External User Access by hand",
    "nothing fails: partners may see too much",
    "provisioning sheet, section 1",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """The number of findings of each part."""
    name = "records that partners would see"
    review = facts.exposure
    if review is None:
        yield UNREAD(name, "the agent may not retrieve metadata")
        return
    counts = {part: len(review.of(part)) for part in Part}
    if any(counts.values()):
        words = ", ".join(f"{count} {part.value}" for part, count in counts.items() if count)
        yield SEEN(name, words, [f.where for f in review.findings])
    else:
        yield ok(name, f"none found: {review.why}")


CHECK = Check("what partners see", (SEEN, UNREAD), look)
