"""A plan as shards that several workers carry out, each waiting only for those that it needs. Pure.

Partners are parted into groups; a group's accounts and contacts are one shard, so its records are
never touched by two. The first users of accounts make roles and take a lock that other first users
need (facts sheet, section 9): their shards stand in one line, one after the other, as a group's
contacts are there. No run is shorter than that line, so it begins as early as can be: the first
groups are as large as the first users' requests, which grow; once the line is under way its shards
hold several groups, as a hand-over costs it time. Later users go wide, a request a shard. Members
are parted by the queue or group that they are put into, when all users and roles are there.
Whatever else there is (owners, moves, leavers, freezes) is a shard of its own that everything after
waits for, in the order of the phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.lanes import cut, takes_role_lock
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
LINE_STARTS = 3
"""Shards of first users that hold one group each, until enough accounts are ready."""
LINE_ENDS = 2
"""The same at the end of the line: the fewer first users in its last shard, the sooner everybody
has something to do again."""
IN_LINE = 2
"""Groups whose first users are one shard in between."""
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
    rest = _of(steps, _AFTER_OWNERS if owners else _OWN + _AFTER_OWNERS)
    ready: list[tuple[int, ...]] = []
    straight = not moves and not leavers
    needs: list[tuple[int, ...]] = []
    mine = _parted(steps, rest, groups)
    for part in _line(len(groups)):
        ready += [made.add(mine[at]) for at in part]
        if straight:
            line = _in_line(made, firsts, ready, part, line, needs)
    if not straight:
        made.bar(moves)
        made.bar(leavers)
        for part in _line(len(groups)):
            line = _in_line(made, firsts, ready, part, line, needs)
    for late, after in zip(lates, needs, strict=True):
        for request in _requests(steps, late):
            made.add(request, after)
    for kind in (UpdateUser, FreezeUser):
        made.bar(_of(steps, (kind,)))
    grants = _of(steps, _GRANTS)
    members = _of(steps, _MEMBERS)
    for chosen, parts in ((grants, len(grants) // ROWS), (members, _shares(len(members), hands))):
        before = made.all
        for share in _by_owner(steps, chosen, parts):
            made.add(share, before)
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


def _requests(steps: Sequence[PlannedStep], chosen: Sequence[int]) -> Iterator[Sequence[int]]:
    """The chosen as requests are filled with them; those of one account stay together."""
    users, at = [steps[place] for place in chosen], 0
    while at < len(users):
        end = cut(users, at, ROWS)
        yield chosen[at:end]
        at = end


def _line(groups: int) -> list[range]:
    """The groups whose first users are one shard: alone at the start and at the end."""
    found: list[range] = []
    at = 0
    while at < groups:
        between = LINE_STARTS <= at < groups - LINE_ENDS
        end = min(at + IN_LINE, groups - LINE_ENDS) if between else at + 1
        found.append(range(at, end))
        at = end
    return found


def _in_line(
    made: _Made,
    firsts: Sequence[Sequence[int]],
    ready: Sequence[tuple[int, ...]],
    part: range,
    line: tuple[int, ...],
    needs: list[tuple[int, ...]],
) -> tuple[int, ...]:
    """Add the first users of these groups behind the line; its end. `needs` is given what the later
    users of each of the groups wait for."""
    own = [place for at in part for place in ready[at]]
    mine = made.add(sorted(n for at in part for n in firsts[at]), (*own, *line))
    needs += [(*ready[at], *mine) for at in part]
    return mine or line


def _groups(steps: Sequence[PlannedStep], hands: int) -> list[list[str]]:
    """The partners in groups of about equal work, filled so that their requests are full. The first
    groups have no more accounts than the first users' requests have rows, while these grow."""
    contacts: dict[str, int] = {}
    grows = False
    for step in steps:
        if type(step) in (*_OWN, *_AFTER_OWNERS, CreateUser):
            contacts.setdefault(step.owner, 0)
            contacts[step.owner] += isinstance(step, UpsertContact)
            grows = grows or takes_role_lock(step)
    calls = -(-sum(contacts.values()) // ROWS)
    # small groups cost calls: their accounts and first users leave requests half empty
    most = max(1, min(CONTACT_CALLS, calls // hands))
    rows = _growing() if grows else iter(())
    found: list[list[str]] = []
    requests, room, full = most, 0, ROWS
    for owner, people in contacts.items():
        if people > room:
            requests, room = requests + 1, ROWS
        if not found or requests > most or len(found[-1]) >= full:
            found.append([])
            requests, room, full = 1, ROWS, next(rows, ROWS)
        found[-1].append(owner)
        room = max(0, room - people)
    return found


def _growing() -> Iterator[int]:
    """The accounts of the first groups, while users' requests grow: one for the first two requests,
    so that the line begins after few contacts, then one for each."""
    size = ChunkSize()
    grown = size.after(0.0, locked=False)
    yield size.size + grown.size
    while (grown := grown.after(0.0, locked=False)).size < ROWS:
        yield grown.size


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
