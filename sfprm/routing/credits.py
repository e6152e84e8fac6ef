"""The fair choice: one unit a lead, shared out by weight over those eligible for that lead.

The most owed member wins and pays exactly what was shared out, so credits and house always add
up to 0, to the last bit. Then no member is ever further than (n - 1)/2 leads from its entitlement,
and the m most owed together never further than m(n - m)/2, whatever the eligibility, weights
and order of leads; n counts all who ever were members.

The members of a ledger are the candidates of the class last chosen from: whoever is new there
joins with credit 0, whoever is missing there leaves and its credit goes to the house. So a ledger
follows from the sequence of classes alone, and can be replayed from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.routing.values import UNIT, Choice, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.routing.values import EligibilityClass

__all__ = [
    "Book",
    "broken_laws",
    "choose",
    "drift",
    "join",
    "leave",
    "refund",
    "shares",
    "sync_members",
    "worst_moment",
]


def shares(eligibility: EligibilityClass) -> dict[str, int]:
    """Each eligible member's share of one lead, in UNIT: UNIT·w div W."""
    eligible = [c for c in eligibility.candidates if not c.reasons]
    whole = sum(c.weight for c in eligible)
    return {c.member: UNIT * c.weight // whole for c in eligible}


@dataclass(frozen=True, slots=True)
class _Sharing:
    """A class made ready for choosing many times."""

    eligibility: EligibilityClass
    members: frozenset[str]
    shares: tuple[tuple[str, int], ...]
    total: int


class Book:
    """A ledger while a batch is decided. Changes in place; `ledger` gives it back as a value."""

    def __init__(self, ledger: Ledger) -> None:
        self._key = ledger.key
        self._credits = dict(ledger.credits)
        self._last_won = dict(ledger.last_won)
        self._members = frozenset(self._credits)
        self._house = ledger.house
        self._sequence = ledger.sequence
        self._ever = ledger.ever
        # by identity: classes are interned by whoever decides; holding the class keeps its id
        self._sharings: dict[int, _Sharing] = {}

    def choose(self, eligibility: EligibilityClass) -> Choice:
        """Share one lead out and let the most owed member have it.

        Ties: longest since it last won (never won first), then the smallest key. Raises Bug when
        nobody is eligible or the class is of another ledger.
        """
        sharing = self._sharings.get(id(eligibility))
        if sharing is None:
            sharing = self._sharings[id(eligibility)] = self._make_ready(eligibility)
        if sharing.members != self._members:
            self.sync(sharing.members)
        credits = self._credits
        last_won = self._last_won
        winner = ""
        most = 0
        for member, share in sharing.shares:
            owed = credits[member] + share
            credits[member] = owed
            if not winner or owed > most:
                winner, most = member, owed
            elif owed == most:
                mine = (last_won.get(member, 0), member)
                if mine < (last_won.get(winner, 0), winner):
                    winner = member
        share = next(share for member, share in sharing.shares if member == winner)
        after = most - sharing.total
        credits[winner] = after
        self._sequence += 1
        last_won[winner] = self._sequence
        return Choice(eligibility, winner, most - share, after, self._sequence)

    def sync(self, members: Iterable[str]) -> None:
        """Make the ledger's members those: the new join, the missing leave."""
        wanted = frozenset(members)
        for member in self._members - wanted:
            self._house += self._credits.pop(member)
            self._last_won.pop(member, None)
        for member in wanted - self._members:
            self._credits[member] = 0
            self._ever += 1
        self._members = wanted

    def furthest(self) -> int:
        """The largest distance of a present member from its entitlement, in UNIT."""
        return max((abs(credit) for credit in self._credits.values()), default=0)

    def ledger(self) -> Ledger:
        """The ledger as it is now, as a frozen value."""
        return Ledger(
            key=self._key,
            credits=MappingProxyType(dict(sorted(self._credits.items()))),
            house=self._house,
            last_won=MappingProxyType(dict(sorted(self._last_won.items()))),
            sequence=self._sequence,
            ever=self._ever,
        )

    def _make_ready(self, eligibility: EligibilityClass) -> _Sharing:
        if eligibility.ledger != self._key:
            raise Bug(f"a class of {eligibility.ledger} was used on the ledger {self._key}.")
        parts = tuple(shares(eligibility).items())
        if not parts:
            raise Bug(f"{self._key}: asked to choose when nobody is eligible.")
        return _Sharing(
            eligibility,
            frozenset(c.member for c in eligibility.candidates),
            parts,
            sum(share for _, share in parts),
        )


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

    The part of a member who has left goes to the house. `sequence` and `last_won` stay: the
    choice was made, and counts as a turn when two are owed the same.
    """
    parts = shares(eligibility)
    if winner not in parts:
        raise Bug(f"{ledger.key}: {winner} cannot be refunded, it was not eligible.")
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


def worst_moment(ledger: Ledger, classes: Iterable[EligibilityClass]) -> int:
    """The largest distance of any member from its entitlement at any moment, in UNIT, from the
    ledger on while those classes are chosen from in order."""
    book = Book(ledger)
    worst = max((abs(c) for c in ledger.credits.values()), default=0)
    for eligibility in classes:
        book.choose(eligibility)
        worst = max(worst, book.furthest())
    return worst
