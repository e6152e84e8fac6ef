"""What in the org acts on our writes: rules that refuse them, flows and triggers that change them.

They are listed, not judged: only the org knows what they do to a record (operations.md, rules 12,
13 and 16).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import OnDuplicate
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Automation, Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

BLOCKS = Code(
    "duplicate-rule-blocks",
    CheckState.WARNING,
    "a duplicate rule blocks records that double another",
    "look for twins before apply; a record that it refuses is listed with its matches",
    "apply: make accounts and contacts",
    "operations.md, rule 16 (DUPLICATES_DETECTED)",
)
ALERTS = Code(
    "duplicate-rule-alerts",
    CheckState.WARNING,
    "a duplicate rule alerts, which refuses records made by API",
    "say on_duplicate: allow_alert for the object in programme.yaml, or mend the twins listed",
    "apply: make accounts and contacts",
    "operations.md, rule 16 (DUPLICATES_DETECTED)",
)
VALIDATION = Code(
    "validation-rule",
    CheckState.WARNING,
    "an active validation rule may refuse our writes",
    "see that records of the programme meet it, or let it leave the agent's user out",
    "apply and route: single records",
    "operations.md, rule 12 (FIELD_CUSTOM_VALIDATION_EXCEPTION)",
)
FLOW = Code(
    "flow-active",
    CheckState.WARNING,
    "an active record-triggered flow runs on our writes, and may change or refuse them",
    "see that it leaves owner and the declared fields alone, or leaves the agent's user out",
    "apply and route: values come back other than written",
    "operations.md, rule 13",
)
TRIGGER = Code(
    "trigger-active",
    CheckState.WARNING,
    "an active Apex trigger runs on our writes, and may change or refuse them",
    "see that it leaves owner and the declared fields alone, or leaves the agent's user out",
    "apply and route: values come back other than written",
    "operations.md, rules 12 and 13",
)
ASSIGNMENT = Code(
    "assignment-rule-active",
    CheckState.NOTE,
    "an active assignment rule gives leads an owner when others write them without a header",
    "let it fill the intake queues; sfprm switches it off for its own writes",
    "route: leads move that sfprm did not touch",
    "operations.md, rule 14",
)
UNREAD = Code(
    "automation-unread",
    CheckState.MANUAL,
    "the org does not tell the agent what runs on its writes",
    "look in Setup › Flows, Apex Triggers, Object Manager › Validation Rules, Duplicate Rules",
    "apply and route",
    "operations.md, rule 13",
)
CODES = (BLOCKS, ALERTS, VALIDATION, FLOW, TRIGGER, ASSIGNMENT, UNREAD)
_BY_KIND = {
    "flow": FLOW,
    "trigger": TRIGGER,
    "validation rule": VALIDATION,
    "assignment rule": ASSIGNMENT,
}


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each of them, then what could not be read."""
    found = False
    for one in facts.surroundings.automation:
        code = _BY_KIND.get(one.kind) or _duplicates(facts, one)
        if code is not None:
            found = True
            said = f"it says: {one.message}" if one.message else ""
            words = "; ".join(filter(None, (one.action, said))) or "active"
            yield code(f"{one.kind} {one.name} on {one.object}", words, [one.name])
    unread = [name for name in facts.surroundings.unread if name in _READ_FOR_THIS]
    if unread:
        yield UNREAD("automation", f"not told: {', '.join(unread)}", unread)
    elif not found:
        yield ok("automation", "nothing runs on our writes")


_READ_FOR_THIS = frozenset({"flows", "triggers", "duplicate rules", "validation rules"})


def _duplicates(facts: Facts, rule: Automation) -> Code | None:
    if rule.action == "blocks":
        return BLOCKS
    if rule.action == "reports":
        return None
    allowed = facts.programme.on_duplicate.get(rule.object)
    return None if allowed is OnDuplicate.ALLOW_ALERT else ALERTS


CHECK = Check("what runs on our writes", CODES, look)
