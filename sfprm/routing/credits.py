"""The fair choice: one unit a lead, shared out by weight over those eligible for that lead.

The most owed member wins and pays exactly what was shared out, so credits and house always add
up to 0, to the last bit. Then no member is ever further than (n - 1)/2 leads from its entitlement,
and the m most owed together never further than m(n - m)/2, whatever the eligibility, weights
and order of leads; n counts all who ever were members.

The members of a ledger are the candidates of the class last chosen from: whoever is new there
joins with credit 0, whoever is missing there leaves and its credit goes to the house. So a ledger
follows from the sequence of classes alone, and can be replayed from it.

A ledger of equal counts (its key ends in `/counts`) shares over all members instead, eligible or
not, so that who was away is owed for it: at most CATCH_UP leads, and no more is shared to it then.

Catching up is spread: who is owed more than is ever owed in the ordinary course (by refunds, or in
equal counts by absence) gets its part of the leads and one more of every twenty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.routing.lanes import BIAS, Lanes, Reading
from sfprm.routing.values import UNIT, Choice, Code, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.routing.values import Candidate, EligibilityClass

__all__ = [
    "CATCH_UP",
    "COUNTS",
    "KNOWN",
    "Book",
    "Sharing",
    "broken_laws",
    "choose",
    "drift",
    "has_bound",
    "is_counts",
    "join",
    "leave",
    "refund",
    "shares",
    "shares_in",
    "sync_members",
    "worst_moment",
]

COUNTS = "/counts"
"""What the key of a ledger of equal counts ends in."""

CATCH_UP = 20
"""Leads that a member of equal counts is owed at most for having been away."""

KNOWN = "/known"
"""What the key of a ledger ends in whose members pay for leads of companies that they work at: such
leads are not chosen, so no bound holds for it."""

ENDLESS = 1 << 61
"""More than anybody is ever owed."""

TWENTY = 20
"""Leads over which catching up is spread."""


def shares(eligibility: EligibilityClass) -> dict[str, int]:
    """Each eligible member's share of one lead, in UNIT: UNIT·w div W."""
    return _shared([c for c in eligibility.candidates if _shares(c)])


def _shares(candidate: Candidate) -> bool:
    """Whether the member is given a share: who is eligible, and who leaves the lead to another."""
    return not candidate.reasons or candidate.reasons[0].code is Code.YIELDS


def _shared(candidates: Sequence[Candidate]) -> dict[str, int]:
    whole = sum(c.weight for c in candidates)
    return {c.member: UNIT * c.weight // whole for c in candidates}


def is_counts(key: str) -> bool:
    """Whether the ledger shares out equal counts."""
    return key.endswith(COUNTS)


def has_bound(key: str) -> bool:
    """Whether a bound is proved for the ledger."""
    return not key.endswith((COUNTS, KNOWN))


@dataclass(frozen=True, slots=True)
class Sharing:
    """A class made ready for choosing many times. Lists are in the class's order of members.

    `owed` reads the lanes, of packed credits, of those who may win; `whole` is the weight of those
    with a share together. `lump` is `shares`, packed without a bias. `lone`: there is one member
    only.
    """

    eligibility: EligibilityClass
    order: tuple[str, ...]
    shares: tuple[int, ...]
    total: int
    lump: int
    owed: Reading
    whole: int
    lone: bool


class Book:
    """A ledger while a batch is decided. Changes in place; `ledger` gives it back as a value."""

    def __init__(self, ledger: Ledger, ready: dict[int, Sharing] | None = None) -> None:
        """`ready`: classes made ready before, by identity; it grows. Whoever hands it in keeps it
        to one ledger, and the classes as long as it."""
        self._key = ledger.key
        self._counts = is_counts(ledger.key)
        self._order = tuple(ledger.credits)
        self._lanes = Lanes(len(self._order))
        self._size = self._lanes.whole.size
        self._packed = self._lanes.pack(tuple(ledger.credits.values()))
        self._last_won = [ledger.last_won.get(member, 0) for member in self._order]
        self._house = ledger.house
        self._sequence = ledger.sequence
        self._ever = ledger.ever
        self._ordinary = self._limit()
        # by identity: classes are interned by whoever decides; holding the class keeps its id
        self._sharings: dict[int, Sharing] = {} if ready is None else ready

    def choose(self, eligibility: EligibilityClass) -> Choice:
        """Share one lead out and let the most owed member have it.

        Ties: longest since it last won (never won first), then the smallest key. Raises Bug when
        nobody is eligible or the class is of another ledger.
        """
        sharing = self._sharings.get(id(eligibility))
        if sharing is None:
            sharing = self._sharings[id(eligibility)] = self._make_ready(eligibility)
        if sharing.order is not self._order:
            self._take_order(sharing)
        if sharing.lone:  # gets the lead and pays for it
            credit = self._packed - BIAS
            sequence = self._sequence = self._sequence + 1
            self._last_won[0] = sequence
            return Choice(eligibility, sharing.order[0], credit, credit, sequence)
        if self._counts:
            sharing = self._counted(sharing)
        packed = self._packed + sharing.lump
        lanes = packed.to_bytes(self._size, "little")
        most, place = sharing.owed.highest(lanes)
        at = self._first_of(sharing, lanes, most) if place is None else place
        if most - BIAS - sharing.shares[at] > self._ordinary:
            at, most = self._spread(sharing, lanes, at, most)
        owed = most - BIAS
        self._packed = packed - (sharing.total << (64 * at))
        sequence = self._sequence = self._sequence + 1
        self._last_won[at] = sequence
        before, after = owed - sharing.shares[at], owed - sharing.total
        return Choice(eligibility, sharing.order[at], before, after, sequence)

    def follow(self, choice: Choice) -> None:
        """Make a choice that was made before, without looking for its winner."""
        sharing = self._sharings.get(id(choice.eligibility))
        if sharing is None:
            sharing = self._make_ready(choice.eligibility)
            self._sharings[id(choice.eligibility)] = sharing
        if sharing.order is not self._order:
            self._take_order(sharing)
        if self._counts:
            sharing = self._counted(sharing)
        at = sharing.order.index(choice.winner)
        self._packed += sharing.lump - (sharing.total << (64 * at))
        self._sequence += 1
        self._last_won[at] = self._sequence

    def shares_of(self, eligibility: EligibilityClass) -> dict[str, int]:
        """What each member would be given of one lead now, in UNIT; those without are left out."""
        sharing = self._make_ready(eligibility)
        self._take_order(sharing)
        if self._counts:
            sharing = self._counted(sharing)
        return {m: part for m, part in zip(sharing.order, sharing.shares, strict=True) if part}

    def sync(self, members: Iterable[str]) -> None:
        """Make the ledger's members those: the new join, the missing leave."""
        self._arrange(tuple(sorted(set(members))))

    def furthest(self) -> int:
        """The largest distance of a present member from its entitlement, in UNIT."""
        lanes = self._lanes.whole.unpack(self._packed.to_bytes(self._size, "little"))
        return max(max(lanes) - BIAS, BIAS - min(lanes)) if lanes else 0

    def ledger(self) -> Ledger:
        """The ledger as it is now, as a frozen value."""
        credits = dict(sorted(zip(self._order, self._credits(), strict=True)))
        won = {m: at for m, at in sorted(zip(self._order, self._last_won, strict=True)) if at}
        return Ledger(
            key=self._key,
            credits=MappingProxyType(credits),
            house=self._house,
            last_won=MappingProxyType(won),
            sequence=self._sequence,
            ever=self._ever,
        )

    def _credits(self) -> list[int]:
        return self._lanes.unpack(self._packed)

    def _take_order(self, sharing: Sharing) -> None:
        """Lanes in the order of the class; the new join, the missing leave."""
        if sharing.order != self._order:
            self._arrange(sharing.order)
        self._order = sharing.order

    def _arrange(self, order: tuple[str, ...]) -> None:
        credits = dict(zip(self._order, self._credits(), strict=True))
        won = dict(zip(self._order, self._last_won, strict=True))
        self._ever += sum(member not in credits for member in order)
        ordered = [credits.pop(member, 0) for member in order]
        self._lanes = Lanes(len(order))
        self._size = self._lanes.whole.size
        self._packed = self._lanes.pack(ordered)
        self._last_won = [won.get(member, 0) for member in order]
        self._house += sum(credits.values())
        self._order = order
        self._ordinary = self._limit()

    def _limit(self) -> int:
        """What a member is owed at most in the ordinary course, net of refunds: the proved bound,
        and no less than two leads; in equal counts one lead. Where leads of known companies count,
        anything: whoever had none of those is to come level, not to catch up slowly."""
        if self._key.endswith(KNOWN):
            return ENDLESS
        return UNIT if self._counts else max(2 * UNIT, (self._ever - 1) * UNIT // 2)

    def _first_of(self, sharing: Sharing, lanes: bytes, most: int) -> int:
        """Among those owed the same: longest since it last won, then the smallest key."""
        level, won = sharing.owed.level(lanes, most), self._last_won
        longest = min([won[at] for at in level])
        return min([at for at in level if won[at] == longest], key=sharing.order.__getitem__)

    def _spread(self, sharing: Sharing, lanes: bytes, wanted: int, most: int) -> tuple[int, int]:
        """Who wins, with its lane, when the most owed is catching up: whoever is catching up waits
        for its turns, unless all do."""
        turn = self._sequence + 1

        def waits(at: int, lane: int) -> bool:
            if lane - BIAS - sharing.shares[at] <= self._ordinary:
                return False
            weight = sharing.eligibility.candidates[at].weight
            return not _is_turn(turn, weight, sharing.whole)

        owed = sharing.owed.all(lanes)
        free = {at: lane for at, lane in owed.items() if not waits(at, lane)}
        if not free:
            return wanted, most
        best = min(free, key=lambda at: (-free[at], self._last_won[at], sharing.order[at]))
        return best, free[best]

    def _counted(self, sharing: Sharing) -> Sharing:
        """Shares of equal counts: over all but those who are away and owed CATCH_UP already."""
        may = set(sharing.owed.places)
        counting = [
            c
            for at, (c, credit) in enumerate(
                zip(sharing.eligibility.candidates, self._credits(), strict=True)
            )
            if c.weight > 0 and (at in may or credit < CATCH_UP * UNIT)
        ]
        found = _shared(counting)
        parts = tuple([found.get(member, 0) for member in sharing.order])
        return replace(sharing, shares=parts, total=sum(parts), lump=self._lanes.lump(parts))

    def _make_ready(self, eligibility: EligibilityClass) -> Sharing:
        if eligibility.ledger != self._key:
            raise Bug(f"a class of {eligibility.ledger} was used on the ledger {self._key}.")
        candidates = eligibility.candidates
        members = tuple([c.member for c in candidates])
        order = self._order if members == self._order else members
        owed = Reading([not c.reasons for c in candidates])
        if not owed.places:
            raise Bug(f"{self._key}: asked to choose when nobody is eligible.")
        weights = [c.weight if not c.reasons or _shares(c) else 0 for c in candidates]
        whole = sum(weights)
        by_weight = {weight: UNIT * weight // whole for weight in set(weights)}
        parts = [by_weight[weight] for weight in weights]
        lanes = self._lanes if len(order) == self._lanes.count else Lanes(len(order))
        return Sharing(
            eligibility=eligibility,
            order=order,
            shares=tuple(parts),
            total=sum(parts),
            lump=lanes.lump(parts),
            owed=owed,
            whole=whole,
            lone=len(order) == 1,
        )


def _is_turn(turn: int, weight: int, whole: int) -> bool:
    """Whether a member that is catching up may win the turn: evenly, at the rate of its part of the
    turns and one more of every TWENTY."""
    part, of = TWENTY * weight + whole, TWENTY * whole
    return turn * part // of > (turn - 1) * part // of


def shares_in(ledger: Ledger, eligibility: EligibilityClass) -> dict[str, int]:
    """Each member's share of one lead, in UNIT, as the ledger stands; who has none is left out."""
    return Book(ledger).shares_of(eligibility)


def choose(ledger: Ledger, eligibility: EligibilityClass) -> tuple[Choice, Ledger]:
    """One fair choice, and the ledger after it. Raises Bug as `Book.choose`."""
    book = Book(ledger)
    choice = book.choose(eligibility)
    return choice, book.ledger()


def sync_members(ledger: Ledger, members: Iterable[str]) -> Ledger:
    """The ledger with exactly those members."""
    book = Book(ledger)
    book.sync(members)
    return book.ledger()


def join(ledger: Ledger, member: str) -> Ledger:
    """A new member, with credit 0. One that is there already stays as it is."""
    return sync_members(ledger, {*ledger.credits, member})


def leave(ledger: Ledger, member: str) -> Ledger:
    """A member leaves; its credit goes to the house. One that is not there changes nothing."""
    return sync_members(ledger, set(ledger.credits) - {member})


def refund(ledger: Ledger, eligibility: EligibilityClass, winner: str) -> Ledger:
    """The exact inverse of one choice: shares are taken back, the winner gets back what it paid.

    (In equal counts, where what was shared hangs on who had reached CATCH_UP, it is the inverse of
    a choice in which nobody had.) The part of a member who has left goes to the house. `sequence`
    and `last_won` stay: the choice was made, and counts as a turn when two are owed the same.
    """
    parts = shares(eligibility)
    if winner not in parts:
        raise Bug(f"{ledger.key}: {winner} cannot be refunded, it was not eligible.")
    if is_counts(ledger.key):
        parts = _shared([c for c in eligibility.candidates if c.weight > 0])
    credits = dict(ledger.credits)
    house = ledger.house
    changes = {member: -share for member, share in parts.items()}
    changes[winner] += sum(parts.values())
    for member, change in changes.items():
        if member in credits:
            credits[member] += change
        else:
            house += change
    return replace(ledger, credits=MappingProxyType(credits), house=house)


def drift(ledger: Ledger) -> float:
    """The worst distance of a present member from its entitlement, in leads."""
    return max((abs(credit) for credit in ledger.credits.values()), default=0) / UNIT


def broken_laws(ledger: Ledger) -> list[str]:
    """The laws that the ledger breaks, in words; empty when all is well.

    The bounds hold for a ledger net of refunds.
    """
    found = []
    total = sum(ledger.credits.values()) + ledger.house
    if total:
        found.append(f"{ledger.key}: credits and house add up to {total}, not to 0.")
    n = ledger.ever
    if n < len(ledger.credits):
        found.append(f"{ledger.key}: has {len(ledger.credits)} members but only {n} ever joined.")
    if has_bound(ledger.key):  # in equal counts, say, who is away falls behind
        found.extend(_broken_bounds(ledger.key, ledger.credits, n))
    return found


def _broken_bounds(key: str, credits: Mapping[str, int], n: int) -> list[str]:
    found = []
    running = 0
    for m, credit in enumerate(sorted(credits.values(), reverse=True), start=1):
        running += credit
        # everything twice, so that halves stay integers
        if 2 * running > m * (n - m) * UNIT:
            found.append(
                f"{key}: the {m} most owed are owed {running / UNIT:.3f} leads together, "
                f"more than {m * (n - m) / 2:g}."
            )
    for member, credit in credits.items():
        if 2 * abs(credit) > (n - 1) * UNIT:
            found.append(
                f"{key}: {member} is {credit / UNIT:+.3f} leads from its entitlement, "
                f"more than {(n - 1) / 2:g}."
            )
    return found


def worst_moment(ledger: Ledger, choices: Iterable[Choice]) -> int:
    """The largest distance of any member from its entitlement at any moment, in UNIT, from the
    ledger on while those choices are made in order."""
    book = Book(ledger)
    worst = max((abs(c) for c in ledger.credits.values()), default=0)
    for choice in choices:
        book.follow(choice)
        worst = max(worst, book.furthest())
    return worst
