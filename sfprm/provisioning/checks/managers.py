"""Channel managers: active, internal, with a role, and not owning too much."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

_STEP = "apply: make accounts, make users"

MISSING = Code(
    "manager-missing",
    CheckState.PROBLEM,
    "the org has no user of a channel manager's username",
    "correct the username under channel_managers, or create the user",
    _STEP,
)
INACTIVE = Code(
    "manager-inactive",
    CheckState.PROBLEM,
    "a channel manager's user is not active",
    "name another channel manager, or activate the user in Setup › Users",
    _STEP,
    "provisioning sheet, section 10 (INACTIVE_OWNER_OR_USER)",
)
EXTERNAL = Code(
    "manager-external",
    CheckState.PROBLEM,
    "a channel manager is a partner user, who cannot own partner accounts",
    "name an internal user",
    _STEP,
    "provisioning sheet, section 2 (portal users cannot own partner accounts)",
)
NO_ROLE = Code(
    "manager-no-role",
    CheckState.PROBLEM,
    "a channel manager has no role, so no user can be made under their accounts",
    "give the user a role in Setup › Users",
    "apply: make users",
    "provisioning sheet, section 2 (portal account owner must have a role)",
)
OWNS_MANY = Code(
    "owner-near-limit",
    CheckState.WARNING,
    "one user or queue owns, or would own, nearly as many records of an object as one should",
    "share the partners over more channel managers, and route the leads that are parked there",
    "every change of that owner's role, and sharing, becomes slow",
    "provisioning sheet, section 9",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each channel manager, then whoever owns much."""
    waiting = Counter(p.manager for p in facts.programme.partners.values())
    for key, manager in facts.programme.channel_managers.items():
        user = facts.estate.user(manager.username)
        name = f"channel manager {key}"
        wait = f"{waiting[key]} partners wait for it"
        if user is None:
            yield MISSING(name, f"no user {manager.username}; {wait}", [manager.username])
        elif not user.active:
            yield INACTIVE(name, f"{user.name} is not active; {wait}", [user.id])
        elif user.contact_id is not None:
            yield EXTERNAL(name, f"{user.name} is an external user; {wait}", [user.id])
        elif user.role_id is None:
            fix = f"Setup › Users › {user.name} › Role, then run check again"
            yield NO_ROLE(name, f"{user.name} has no role; {wait}", [user.id], fix=fix)
        else:
            words = f"{user.name}, role {user.role_name}, {waiting[key]} partners"
            yield ok(name, words)
    yield from _holdings(facts, waiting)


def _holdings(facts: Facts, waiting: Counter[str]) -> Iterator[CheckItem]:
    limit = facts.thresholds.owned
    near = limit * facts.thresholds.near
    more: dict[str, int] = {}
    for key, manager in facts.programme.channel_managers.items():
        user = facts.estate.user(manager.username)
        if user is not None:
            there = sum(1 for a in facts.estate.accounts.values() if a.owner_id == user.id)
            more[user.name] = max(0, waiting[key] - there)
    for held in facts.surroundings.holdings:
        new = more.get(held.owner, 0) if held.object == "Account" else 0
        if held.records + new >= near:
            words = f"{held.owner} owns {held.records:,}"
            words += f" and would own {held.records + new:,}" if new else ""
            yield OWNS_MANY(
                f"{held.object} records of {held.owner}",
                f"{words} of at most {limit:,}",
                [held.owner],
            )


CHECK = Check("channel managers", (MISSING, INACTIVE, EXTERNAL, NO_ROLE, OWNS_MANY), look)
