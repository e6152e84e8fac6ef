"""A plan as shards that several workers carry out, each waiting only for those that it needs. Pure.

Partners are parted into groups; a group's accounts and contacts are one shard, so its records are
never touched by two. The first users of accounts make roles and take a lock that other first users
need (facts sheet, section 9): their requests stand in one line, each when its accounts' contacts
are there. No run is shorter than that line, so it begins as early as can be: the contacts that its
first, small requests need are written before the rest of their group, and once the line is under
way its shards hold several requests, as a hand-over costs it time. Later users go wide, a request a
shard. Members are parted by the queue or group that they are put into, when all users and roles are
there. Whatever else there is (owners, moves, leavers, freezes) is a shard of its own that
everything after waits for, in the order of the phases. All requests are as full as those of one
worker, but for the ends of groups.
"""

from __future__ import annotations

from collections import deque
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

__all__ = ["MEMBERS", "WORTH_IT", "Shard", "shards", "worth_sharing"]

WORTH_IT = 20
"""Write calls from which a plan is shared."""
ROWS = 200
"""Records in one request."""
CONTACT_CALLS = 3
"""Calls that the contacts of one group take where there is enough for all hands."""
GROUPS_A_HAND = 2
"""Groups of each hand below which they are not made larger than that. Between accounts and
contacts a worker pauses, so few and large groups cost less; too few are not even for all."""
MOST_CONTACT_CALLS = 6
LINE_ENDS = 2
"""Requests of first users that are a shard each at the end of the line: the fewer in its last, the
sooner everybody has something to do again."""
IN_LINE = 2
"""Requests of first users that are one shard in between."""
MEMBERS = (400, 3000)
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


def worth_sharing(steps: Sequence[PlannedStep]) -> bool:
    """Whether a plan is large enough to be shared."""
    return calls_for(steps) >= WORTH_IT


def shards(steps: Sequence[PlannedStep], hands: int, *, torn: bool = False) -> list[Shard]:
    """The shards of a plan for so many workers, those that others wait for first; none when the
    plan is not worth it. Every step is in exactly one. `torn`: workers have one request under way
    each, so that the contacts of an account may be in two, and all requests are full."""
    if not worth_sharing(steps):
        return []
    made = _Made(steps)
    groups = _groups(steps, hands, torn=torn)
    owners, moves = _of(steps, (ChangeOwner,)), _of(steps, (MoveContact,))
    leavers = _of(steps, (DeactivateUser,))
    users = _of(steps, (CreateUser,))
    firsts = [at for at in users if takes_role_lock(steps[at])]
    lates = [at for at in users if not takes_role_lock(steps[at])]
    before = made.add(_of(steps, _GROUPS))
    if owners:
        for own in _parted(steps, _of(steps, _OWN), groups):
            made.add(own)
        made.bar(owners)
    rest = _of(steps, _AFTER_OWNERS if owners else _OWN + _AFTER_OWNERS)
    parts = _begun(steps, _parted(steps, rest, groups), torn=torn)
    line = _Line(steps, made, parts, firsts, before)
    straight = not moves and not leavers
    for part in parts:
        line.add(part)
        if straight:
            line.go_on()
    made.bar(moves)
    made.bar(leavers)
    line.go_on()
    for request in _requests(steps, lates):
        made.add(request, line.before(request))
    for kind in (UpdateUser, FreezeUser):
        made.bar(_of(steps, (kind,)))
    grants = _of(steps, _GRANTS)
    members = _of(steps, _MEMBERS)
    for chosen, many in ((grants, len(grants) // ROWS), (members, _shares(len(members), hands))):
        before = made.all
        for share in _by_owner(steps, chosen, many):
            made.add(share, before)
    return made.shards


@dataclass(frozen=True, slots=True)
class _Part:
    """Steps of the accounts and contacts of a group; `behind`: after those of the part before."""

    steps: Sequence[int]
    behind: bool = False


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


def _begun(
    steps: Sequence[PlannedStep], groups: Sequence[Sequence[int]], *, torn: bool
) -> list[_Part]:
    """The groups, the first of them in two: what the line begins with, and its other contacts."""
    parts = [_Part(group) for group in groups if group]
    if not parts:
        return []
    contacts = [at for at in parts[0].steps if isinstance(steps[at], UpsertContact)]
    enough, there, begun = next(_growing()), set[str](), list[int]()
    full = range(0, len(contacts), ROWS)
    requests = (contacts[at : at + ROWS] for at in full) if torn else _requests(steps, contacts)
    for request in requests:
        if len(there) > enough:  # the last of them may have contacts in the next request
            break
        begun += request
        there.update(steps[at].owner for at in request)
    rest = contacts[len(begun) :]
    if not rest:
        return parts
    head = sorted(set(parts[0].steps) - set(rest))
    return [_Part(head), _Part(rest, behind=True), *parts[1:]]


class _Line:
    """The first users of accounts, one shard after the other, each when its accounts and contacts
    are there."""

    def __init__(
        self,
        steps: Sequence[PlannedStep],
        made: _Made,
        parts: Sequence[_Part],
        firsts: Sequence[int],
        before: tuple[int, ...],
    ) -> None:
        self._steps, self._made, self._end = steps, made, before
        self._left = deque(_in_line(firsts))
        self._home = {steps[at].owner: n for n, part in enumerate(parts) for at in part.steps}
        """The part that a partner's last contact, or account, is in."""
        self._there: list[tuple[int, ...]] = []
        """The shards of the parts that were added."""
        self._of: dict[str, tuple[int, ...]] = {}
        """The shard that holds a partner's first user."""

    def add(self, part: _Part) -> None:
        """Accounts and contacts."""
        self._there.append(self._made.add(part.steps, self._there[-1] if part.behind else ()))

    def go_on(self) -> None:
        """Add the shards whose accounts and contacts are there."""
        while self._left and max(self._homes(self._left[0]), default=-1) < len(self._there):
            shard = self._left.popleft()
            self._end = self._made.add(shard, (*self.before(shard), *self._end))
            self._of.update(dict.fromkeys((self._steps[at].owner for at in shard), self._end))

    def before(self, users: Sequence[int]) -> tuple[int, ...]:
        """The shards that these users wait for: of their contacts, and of the first users of their
        accounts."""
        owners = {self._steps[at].owner for at in users}
        there = [place for home in self._homes(users) for place in self._there[home]]
        return (*there, *(place for owner in owners for place in self._of.get(owner, ())))

    def _homes(self, users: Sequence[int]) -> set[int]:
        owners = {self._steps[at].owner for at in users}
        return {self._home[owner] for owner in owners if owner in self._home}


def _in_line(firsts: Sequence[int]) -> Iterator[Sequence[int]]:
    """The first users, parted: a request alone at the start, while requests grow, and at the end.
    The first shard has two requests, as few users as they are."""
    at, small = 0, _growing()
    while at < len(firsts):
        requests = -(-(len(firsts) - at) // ROWS)
        end = at + next(small, ROWS * max(1, min(IN_LINE, requests - LINE_ENDS)))
        yield firsts[at:end]
        at = end


def _groups(steps: Sequence[PlannedStep], hands: int, *, torn: bool) -> list[list[str]]:
    """The partners in groups of about equal work, filled so that their requests are full."""
    contacts: dict[str, int] = {}
    for step in steps:
        if type(step) in (*_OWN, *_AFTER_OWNERS, CreateUser):
            contacts.setdefault(step.owner, 0)
            contacts[step.owner] += isinstance(step, UpsertContact)
    calls = -(-sum(contacts.values()) // ROWS)
    # small groups cost calls as well: their accounts leave requests half empty
    most = max(1, min(CONTACT_CALLS, calls // hands))
    most = max(most, min(MOST_CONTACT_CALLS, calls // (GROUPS_A_HAND * hands)))
    full = ROWS * -(-most // CONTACT_CALLS)
    found: list[list[str]] = []
    requests, room = most, 0
    for owner, people in contacts.items():
        if people > room:
            more = -(-(people - room) // ROWS) if torn else 1
            requests, room = requests + more, room + more * ROWS if torn else ROWS
        if not found or requests > most or len(found[-1]) >= full:
            found.append([])
            requests, room = 1, ROWS
        found[-1].append(owner)
        room = max(0, room - people)
    return found


def _growing() -> Iterator[int]:
    """The rows of users' requests while they grow, those of the first two together."""
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
