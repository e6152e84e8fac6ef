"""A plan as shards that several workers carry out, each waiting only for those that it needs. Pure.

Partners are parted into groups; a group's accounts and contacts are one shard, so its records are
never touched by two. The first users of accounts make roles and take a lock that other first users
need (facts sheet, section 9): their shards stand in one line, one after the other, as a group's
contacts are there. Later users go wide. Members are parted by the queue or group that they are put
into, when all users and roles are there. Whatever else there is (owners, moves, leavers, freezes)
is a shard of its own that everything after waits for, in the order of the phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.provisioning.lanes import takes_role_lock
from sfprm.provisioning.plan import calls_for
from sfprm.provisioning.steps import (
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateGroup,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    EnablePartner,
    FreezeUser,
    GrantPermissionSet,
    MoveContact,
    QueueForLead,
    RemoveMember,
    RevokePermissionSet,
    UpdateAccount,
    UpdateGroup,
    UpdateQueue,
    UpdateUser,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sfprm.provisioning.steps import PlannedStep

__all__ = ["MEMBERS", "WORTH_IT", "Shard", "shards"]

WORTH_IT = 20
"""Write calls from which a plan is shared."""
ROWS = 200
"""Records in one request."""
CONTACT_CALLS = 3
"""Calls that the contacts of one group take, at most."""
MEMBERS = (400, 2000)
"""Memberships of one shard, at least and at most, about; those of one queue are never parted."""

_Kinds = tuple[type["PlannedStep"], ...]
_OWN: _Kinds = (CreateAccount, UpdateAccount)
_AFTER_OWNERS: _Kinds = (EnablePartner, UpsertContact)
_GROUPS: _Kinds = (CreateGroup, UpdateGroup, CreateQueue, UpdateQueue, QueueForLead)
_GRANTS: _Kinds = (RevokePermissionSet, GrantPermissionSet)
_MEMBERS: _Kinds = (RemoveMember, AddMember)


@dataclass(frozen=True, slots=True)
class Shard:
    """Steps by their places in the plan, in its order; `after`: places of the shards that must be
    done before."""

    steps: tuple[int, ...]
    after: tuple[int, ...] = ()


def shards(steps: Sequence[PlannedStep], hands: int) -> list[Shard]:
    """The shards of a plan for so many workers, those that others wait for first; none when the
    plan is not worth it. Every step is in exactly one."""
    if calls_for(steps) < WORTH_IT:
        return []
    made = _Made(steps)
    groups = _groups(steps, hands)
    owners, moves = _of(steps, (ChangeOwner,)), _of(steps, (MoveContact,))
    leavers = _of(steps, (DeactivateUser,))
    users = _of(steps, (CreateUser,))
    firsts = _parted(steps, [at for at in users if takes_role_lock(steps[at])], groups)
    lates = _parted(steps, [at for at in users if not takes_role_lock(steps[at])], groups)
    line = made.add(_of(steps, _GROUPS))
    if owners:
        for own in _parted(steps, _of(steps, _OWN), groups):
            made.add(own)
        made.bar(owners)
    needs: list[tuple[int, ...]] = []
    rest = _of(steps, _AFTER_OWNERS if owners else _OWN + _AFTER_OWNERS)
    straight = not moves and not leavers
    for own, first in zip(_parted(steps, rest, groups), firsts, strict=True):
        ready = made.add(own)
        mine = made.add(first, (*ready, *line)) if straight else ()
        needs.append((*ready, *mine))
        line = mine or line
    if not straight:
        made.bar(moves)
        made.bar(leavers)
        for at, first in enumerate(firsts):
            mine = made.add(first, line)
            needs[at], line = mine, mine or line
    for late, after in zip(lates, needs, strict=True):
        made.add(late, after)
    for kind in (UpdateUser, FreezeUser):
        made.bar(_of(steps, (kind,)))
    grants = _of(steps, _GRANTS)
    members = _of(steps, _MEMBERS)
    for chosen, parts in ((grants, len(grants) // ROWS), (members, _shares(len(members), hands))):
        before = made.all
        for part in _by_owner(steps, chosen, parts):
            made.add(part, before)
    return made.shards


class _Made:
    """Shards as they are made."""

    def __init__(self, steps: Sequence[PlannedStep]) -> None:
        self._steps = steps
        self._barrier: tuple[int, ...] = ()
        self.shards: list[Shard] = []

    @property
    def all(self) -> tuple[int, ...]:
        """The places of all shards so far."""
        return tuple(range(len(self.shards)))

    def add(self, steps: Sequence[int], after: Iterable[int] = ()) -> tuple[int, ...]:
        """One shard, if it holds anything; its place."""
        if not steps:
            return ()
        waits = tuple(sorted({*self._barrier, *after}))
        self.shards.append(Shard(tuple(steps), waits))
        return (len(self.shards) - 1,)

    def bar(self, steps: Sequence[int]) -> None:
        """One shard that waits for all before it, and that all after it wait for."""
        self._barrier = self.add(steps, self.all) or self._barrier


def _of(steps: Sequence[PlannedStep], kinds: _Kinds) -> list[int]:
    return [at for at, step in enumerate(steps) if type(step) in kinds]


def _parted(
    steps: Sequence[PlannedStep], chosen: Iterable[int], groups: Sequence[Sequence[str]]
) -> list[list[int]]:
    """The chosen by the group of their partner; as many parts as groups."""
    group_of = {owner: at for at, group in enumerate(groups) for owner in group}
    found: list[list[int]] = [[] for _ in groups]
    for at in chosen:
        found[group_of[steps[at].owner]].append(at)
    return found


def _groups(steps: Sequence[PlannedStep], hands: int) -> list[list[str]]:
    """The partners in groups of about equal work, filled so that their requests are full."""
    contacts: dict[str, int] = {}
    for step in steps:
        if type(step) in (*_OWN, *_AFTER_OWNERS, CreateUser):
            contacts.setdefault(step.owner, 0)
            contacts[step.owner] += isinstance(step, UpsertContact)
    calls = -(-sum(contacts.values()) // ROWS)
    # small groups cost calls: their accounts and first users leave requests half empty
    most = max(1, min(CONTACT_CALLS, calls // hands))
    found: list[list[str]] = []
    requests, room = most, 0
    for owner, people in contacts.items():
        if people > room:
            requests, room = requests + 1, ROWS
        if not found or requests > most or len(found[-1]) == ROWS:
            found.append([])
            requests, room = 1, ROWS
        found[-1].append(owner)
        room = max(0, room - people)
    return found


def _shares(members: int, hands: int) -> int:
    """In how many parts memberships are dealt out. Nothing comes after them: as much for each, so
    that requests are full and all end together."""
    least, most = MEMBERS
    if members < least * hands:
        return members // least
    return hands * -(-members // (hands * most))


def _by_owner(
    steps: Sequence[PlannedStep], chosen: Sequence[int], parts: int
) -> Iterator[list[int]]:
    """The chosen in about so many parts of about equal size; those of one owner are never
    parted."""
    by_owner: dict[str, list[int]] = {}
    for at in chosen:
        by_owner.setdefault(steps[at].owner, []).append(at)
    part: list[int] = []
    dealt, cut = 0, 1
    for ats in by_owner.values():
        part += ats
        dealt += len(ats)
        if dealt * parts >= len(chosen) * cut:
            yield sorted(part)
            part = []
            cut = dealt * parts // len(chosen) + 1
    if part:
        yield sorted(part)
