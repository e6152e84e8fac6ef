"""The agent's own user: its permissions, its role, and the fields that it must see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

KEYS_HIDDEN = Code(
    "key-fields-hidden",
    CheckState.PROBLEM,
    "the external-id fields are not there, or nobody has granted them to the agent",
    "run `sfprm setup`: it deploys them with the permission sets that grant them",
    "apply: every account and contact",
    "operations.md, rule 1",
)
MISSING = Code(
    "permission-missing",
    CheckState.PROBLEM,
    "the agent's user lacks a permission that a step needs",
    "assign the permission set sfprm_run to the agent's user (`sfprm setup` does)",
    "the step named",
    "operations.md, rules 2 and 6",
)
UNREAD = Code(
    "permission-unread",
    CheckState.MANUAL,
    "the org does not tell whether the agent has a permission",
    "look at the permission sets of the agent's user in Setup",
    "the step named",
    "operations.md, rule 2",
)
NO_ROLE = Code(
    "agent-no-role",
    CheckState.WARNING,
    "the agent's user has no role, so what it owns is out of the hierarchy's sight",
    "give the agent's user a role in Setup › Users",
    "apply, where the agent owns accounts",
    "operations.md, rule 2",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Fields, permissions, role."""
    keys = facts.programme.key_fields
    named = f"Account.{keys.account} and Contact.{keys.contact}"
    if facts.estate.keys_visible:
        yield ok("external-id fields", f"{named} are visible")
    else:
        yield KEYS_HIDDEN("external-id fields", f"{named} are not both visible")
    lacks = facts.surroundings.lacks
    for lack in lacks:
        if lack.why == "not granted":
            words = f"not granted; needed by {lack.need.step or 'sfprm'}"
            yield MISSING(f"permission {lack.need.label}", words, [lack.need.key])
    unread = [lack.need.label for lack in lacks if lack.why != "not granted"]
    if unread:
        yield UNREAD("permissions of the agent", f"not told here: {some(unread)}", unread)
    if not lacks:
        yield ok("permissions of the agent", "all that sfprm_run grants")
    agent = facts.estate.user(facts.estate.org.agent_username)
    if agent is not None and agent.role_id is None:
        yield NO_ROLE("role of the agent", f"{agent.name} has no role", [agent.id])


CHECK = Check("the agent", (KEYS_HIDDEN, MISSING, UNREAD, NO_ROLE), look)
