"""Queues, and the users that rules and pools name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import RoleMember, ToUser
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.programme.model import PublicGroup, Queue
    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

MISSING = Code(
    "queue-missing",
    CheckState.PROBLEM,
    "a queue that is only referred to is not in this org",
    "create it in Setup › Queues, or correct the name",
    "route: read the intake, give leads to queues",
)
NOT_FOR_LEADS = Code(
    "queue-not-for-leads",
    CheckState.PROBLEM,
    "a queue may not own leads",
    "add Lead to its supported objects in Setup › Queues",
    "route: give leads to queues",
    "provisioning sheet, section 10 (Queue not associated with this SObject type)",
)
INTAKE_AND_MEMBER = Code(
    "queue-intake-and-member",
    CheckState.PROBLEM,
    "a queue is both where leads wait and a member that gets leads, so they go round in circles",
    "give the pool another intake queue, or take the queue out of the pool's members",
    "route: leads are dealt out again and again",
    "design, decision 3",
)
RULE_USER = Code(
    "rule-user-missing",
    CheckState.PROBLEM,
    "a rule or pool names a user who is not there, or not active",
    "name an active user in routing.yaml",
    "route: give leads to users",
    "provisioning sheet, section 10 (INACTIVE_OWNER_OR_USER)",
)
GROUP_MISSING = Code(
    "group-missing",
    CheckState.PROBLEM,
    "a public group that is only referred to is not in this org",
    "create it in Setup › Public Groups, or correct the name",
    "apply: members of queues and groups",
)
ROLE_MISSING = Code(
    "role-missing",
    CheckState.PROBLEM,
    "a queue or group has a role as member that the org has not",
    "correct the role's API name, or create the role",
    "apply: members of queues and groups",
)
CODES = (MISSING, NOT_FOR_LEADS, INTAKE_AND_MEMBER, RULE_USER, GROUP_MISSING, ROLE_MISSING)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Queues as the org has them, then as the routing uses them."""
    for queue in facts.programme.queues.values():
        found = facts.estate.queues.get(queue.developer_name)
        name = f"queue {queue.name}"
        if found is None and not queue.managed:
            words = f"no queue {queue.developer_name} in this org"
            yield MISSING(name, words, [queue.developer_name])
        elif found is not None and not queue.managed and not found.for_lead:
            yield NOT_FOR_LEADS(name, f"it may own {_objects(found.objects)}", [found.id])
        elif found is not None:
            yield ok(name, f"{len(found.members)} members")
        else:
            yield ok(name, "will be created")
    yield from _groups(facts)
    yield from _circles(facts)
    yield from _users(facts)


def _groups(facts: Facts) -> Iterator[CheckItem]:
    programme, estate = facts.programme, facts.estate
    for group in programme.groups.values():
        if not group.managed and group.developer_name not in estate.groups:
            words = f"no group {group.developer_name} in this org"
            yield GROUP_MISSING(f"group {group.name}", words, [group.developer_name])
    holders: list[Queue | PublicGroup] = [*programme.queues.values(), *programme.groups.values()]
    for holder in holders:
        for member in holder.members:
            if isinstance(member, RoleMember) and f"role:{member.role}" not in estate.role_groups:
                words = f"its member, the role {member.role}, is not in this org"
                yield ROLE_MISSING(holder.name, words, [member.role])


def _objects(objects: frozenset[str]) -> str:
    return ", ".join(sorted(objects)) or "nothing"


def _circles(facts: Facts) -> Iterator[CheckItem]:
    routing = facts.programme.routing
    intakes = dict.fromkeys(routing.rule_intakes, "the rules")
    intakes |= {p.intake: f"pool {p.key}" for p in routing.pools.values() if p.intake}
    for pool in routing.pools.values():
        for member in pool.members:
            if member.kind == "queue" and member.name in intakes:
                words = f"intake of {intakes[member.name]}, and member of pool {pool.key}"
                yield INTAKE_AND_MEMBER(f"queue {member.name}", words, [member.name])


def _users(facts: Facts) -> Iterator[CheckItem]:
    routing = facts.programme.routing
    named = [
        (f"rule {rule.name}", target.username)
        for rule in routing.all_rules
        for target in rule.targets
        if isinstance(target, ToUser)
    ]
    named += [
        (f"pool {pool.key}", member.name)
        for pool in routing.pools.values()
        for member in pool.members
        if member.kind == "user"
    ]
    for subject, username in named:
        user = facts.estate.user(username)
        if user is None or not user.active:
            state = "is inactive" if user else "is not in this org"
            yield RULE_USER(subject, f"its user {username} {state}", [username])


CHECK = Check("queues and routing", CODES, look)
