"""What people did in the org: changes that the plan would overwrite, people whom no file names,
and what the plan refuses."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sfprm.programme.model import PeoplePolicy
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some
from sfprm.provisioning.fields import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK", "PLAN_BLOCKED", "plan_blocked"]

OVERWRITTEN = Code(
    "person-change-overwritten",
    CheckState.WARNING,
    "somebody changed a managed value in the org, and the plan would change it back",
    "take the value over into the files, or say who wins for the field",
    "apply: the person's change is lost",
    "operations.md, rule 13; design, decision 8",
)
UNDECLARED = Code(
    "people-undeclared",
    CheckState.WARNING,
    "active partner users under our accounts are named by no file",
    "declare them in people.csv, or mark the partner with `people: delegated`",
    "route: they get no leads; offboard: they are not counted",
    "operations.md, rule 27",
)
DELEGATED = Code(
    "people-delegated",
    CheckState.NOTE,
    "a partner's own administrators made people, as the files allow",
    "nothing: they are taken over at each pass",
    "none",
    "operations.md, rule 27",
)
PLAN_BLOCKED = Code(
    "plan-blocked",
    CheckState.PROBLEM,
    "the plan would refuse a record",
    "read `sfprm plan`: it names each record with its fix",
    "apply: that record and what hangs on it",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Overwritten values, then undeclared people."""
    found = [*_overwritten(facts), *_undeclared(facts)]
    yield from found
    if not found:
        yield ok("changes by people", "none that the plan would overwrite")


def _overwritten(facts: Facts) -> Iterator[CheckItem]:
    for difference in facts.comparison.differences:
        theirs = [
            c for c in difference.changes if c.written and c.cause in (Cause.PERSON, Cause.BOTH)
        ]
        if theirs:
            words = "; ".join(f"{c.field}: {c.before!r} would be {c.after!r} again" for c in theirs)
            records = [str(difference.record_id or difference.key)]
            yield OVERWRITTEN(f"{difference.kind.value} {difference.key}", words, records)


def _undeclared(facts: Facts) -> Iterator[CheckItem]:
    by_partner: dict[str, list[str]] = defaultdict(list)
    for one in facts.surroundings.undeclared:
        by_partner[one.partner.lower()].append(one.username)
    for partner in facts.programme.partners.values():
        names = by_partner.get(partner.key_value.lower())
        if names:
            code = DELEGATED if partner.people is PeoplePolicy.DELEGATED else UNDECLARED
            yield code(f"people of {partner.key}", f"{len(names)}: {some(names)}", names)


def plan_blocked(facts: Facts) -> CheckItem | None:
    """What the plan refuses, for when no other check has said why."""
    blocked = facts.comparison.blocked
    if not blocked:
        return None
    words = f"{len(blocked)}: {some(f'{d.label}: {d.why}' for d in blocked)}"
    return PLAN_BLOCKED("plan", words, [d.key for d in blocked])


CHECK = Check("changes by people", (OVERWRITTEN, UNDECLARED, DELEGATED, PLAN_BLOCKED), look)
