"""Sharing out a whole set of leads at once, as evenly as can be: migrations, redistribution.

Leads of equal eligibility are one class. Each class shares its leads by weight over those eligible
for it; a member's entitlement is the sum of its shares. A flow from the classes to the members then
gives everybody the floor or the ceiling of its entitlement, and never more than its cap; what caps
keep from a member goes to the others, as few leads as can be, and what nobody may take is named.

With no cap in the way such a split always exists: the shares themselves are a flow within floor and
ceiling of every member, and where a flow with fractions is, one in whole leads is too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Group", "Split", "entitlements", "split"]


@dataclass(frozen=True, slots=True)
class Group:
    """Leads that may go to the same members: `count` of them, and the weight of each member.

    Weights are at least 1; a member without weight is not eligible and is left out.
    """

    count: int
    weights: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Split:
    """How many leads of each group each member gets, in the order of the groups.

    `entitled` is what each member was entitled to before caps; `left` how many leads of each group
    nobody could take.
    """

    given: tuple[Mapping[str, int], ...]
    entitled: Mapping[str, Fraction]
    left: tuple[int, ...]

    def got(self, member: str) -> int:
        """All that a member gets."""
        return sum(each.get(member, 0) for each in self.given)

    @property
    def worst(self) -> Fraction:
        """The furthest that anybody is from its entitlement, in leads; caps count as any cause."""
        return max((abs(self.got(m) - e) for m, e in self.entitled.items()), default=Fraction(0))


def entitlements(groups: Sequence[Group]) -> dict[str, Fraction]:
    """What each member is entitled to of the whole set, exactly; by name."""
    found: dict[str, Fraction] = {}
    for group in groups:
        whole = sum(group.weights.values())
        for member, weight in group.weights.items():
            share = Fraction(group.count * weight, whole)
            found[member] = found.get(member, Fraction(0)) + share
    return dict(sorted(found.items()))


def split(groups: Sequence[Group], caps: Mapping[str, int] | None = None) -> Split:
    """Share all groups out. `caps`: the most that a member may take, for those that have one.

    Within one lead of its entitlement everybody whom no cap touches, as long as no cap leaves
    leads over; those go evenly over whoever has room. The answer hangs on the input alone. Raises
    BadRequest for a weight below 1 or a negative count or cap.
    """
    caps = caps or {}
    for group in groups:
        if group.count < 0 or any(weight < 1 for weight in group.weights.values()):
            raise BadRequest("A group's count must not be negative, nor a weight below 1.")
    if any(cap < 0 for cap in caps.values()):
        raise BadRequest("A cap must not be negative.")
    entitled = entitlements(groups)
    flow = _Flow(groups, tuple(entitled), caps)
    # first everybody to the floor of its entitlement: nobody's ceiling may cost another's floor
    flow.fill([floor(e) for e in entitled.values()])
    level = [ceil(e) for e in entitled.values()]
    flow.fill(level)
    while flow.is_left:
        # only caps bring us here: one lead more for everybody who has room, round by round
        level = [most + 1 for most in level]
        if not flow.fill(level):
            break
    return flow.answer(entitled)


class _Flow:
    """Leads on their way from groups to members; both by number, members in order of name."""

    def __init__(
        self, groups: Sequence[Group], members: tuple[str, ...], caps: Mapping[str, int]
    ) -> None:
        self._members = members
        number = {member: at for at, member in enumerate(members)}
        self._eligible = [frozenset(number[m] for m in group.weights) for group in groups]
        self._left = [group.count if group.weights else 0 for group in groups]
        self._nobody = [0 if group.weights else group.count for group in groups]
        self._caps = [caps.get(member) for member in members]
        self._got = [0] * len(members)
        self._given: list[dict[int, int]] = [{} for _ in groups]
        self._holds: list[dict[int, int]] = [{} for _ in members]
        self._groups = groups
        self._level: list[int] = []

    @property
    def is_left(self) -> bool:
        """Whether leads are left that somebody is eligible for."""
        return any(self._left)

    def fill(self, level: Sequence[int]) -> int:
        """Give as many leads as can be, with everybody up to its level and cap; how many that were.
        Nobody loses a lead, though it may become another one."""
        self._level = [
            most if cap is None else min(most, cap)
            for most, cap in zip(level, self._caps, strict=True)
        ]
        before = sum(self._left)
        self._share()
        while self._augment():
            pass
        return before - sum(self._left)

    def _share(self) -> None:
        """What can be given straight away, by weight, so that everybody gets of every kind."""
        for group, left in enumerate(self._left):
            whole = sum(self._groups[group].weights.values())
            for at in sorted(self._eligible[group]):
                weight = self._groups[group].weights[self._members[at]]
                self._give(group, at, min(left * weight // whole, self._room(at)))
        for group in range(len(self._left)):
            for at in sorted(self._eligible[group]):
                if not self._left[group]:
                    break
                self._give(group, at, min(self._left[group], self._room(at)))

    def _room(self, member: int) -> int:
        return max(0, self._level[member] - self._got[member])

    def _give(self, group: int, member: int, count: int) -> None:
        if count:
            self._left[group] -= count
            self._got[member] += count
            self._move(group, member, count)

    def _move(self, group: int, member: int, count: int) -> None:
        now = self._given[group].get(member, 0) + count
        if now:
            self._given[group][member] = self._holds[member][group] = now
        else:
            del self._given[group][member], self._holds[member][group]

    def _augment(self) -> bool:
        """Find a way from a group with leads left to a member with room, on which others swap
        leads, and use it; False when there is none (breadth first, so ways are short)."""
        came_from: dict[int, int] = {}
        by: dict[int, int] = {}
        groups = [group for group, left in enumerate(self._left) if left]
        seen = set(groups)
        unseen = set(range(len(self._members)))
        for group in groups:  # grows while it is walked through
            for member in sorted(self._eligible[group] & unseen):
                unseen.discard(member)
                came_from[member] = group
                if self._room(member):
                    self._use(member, came_from, by)
                    return True
                for other in self._holds[member]:
                    if other not in seen:
                        seen.add(other)
                        by[other] = member
                        groups.append(other)
        return False

    def _use(self, end: int, came_from: Mapping[int, int], by: Mapping[int, int]) -> None:
        steps = [(came_from[end], end)]
        while steps[-1][0] in by:
            member = by[steps[-1][0]]
            steps.append((came_from[member], member))
        count = min(self._room(end), self._left[steps[-1][0]])
        for (group, _), (_, member) in pairwise(steps):
            count = min(count, self._given[group][member])
        self._left[steps[-1][0]] -= count
        self._got[end] += count
        for group, member in steps:
            self._move(group, member, count)
        for (group, _), (_, member) in pairwise(steps):
            self._move(group, member, -count)

    def answer(self, entitled: Mapping[str, Fraction]) -> Split:
        """The split as it stands."""
        return Split(
            given=tuple(
                {self._members[at]: count for at, count in sorted(given.items())}
                for given in self._given
            ),
            entitled=entitled,
            left=tuple(a + b for a, b in zip(self._left, self._nobody, strict=True)),
        )
