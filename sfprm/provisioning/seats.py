"""Seats handed out while people are compared in file order. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sfprm.provisioning.difference import SeatUse

if TYPE_CHECKING:
    from sfprm.estate.model import Estate

__all__ = ["Seats"]


class Seats:
    """What each licence has left. A licence that is counted by account takes a seat with the first
    active user of an account, and gives it back with the last; every other one with each user.

    `home` is the account's id, or the partner's key where the account is still to be made.
    """

    def __init__(self, estate: Estate) -> None:
        self.licences = estate.licences
        self.taken: Counter[str] = Counter()
        self.freed: Counter[str] = Counter()
        self.users: Counter[tuple[str, str]] = Counter()
        """Active users by licence and home; of licences that are counted by account."""
        if not any(licence.by_account for licence in estate.licences.values()):
            return
        licence_of = {p.id: p.licence for p in estate.profiles.values()}
        homes = {c.id: c.account_id for c in estate.contacts.values()}
        for contact, user in estate.partner_users.items():
            name, home = licence_of.get(user.profile_id, ""), homes.get(contact)
            if user.active and home is not None and self._by_account(name):
                self.users[name, home] += 1

    def _by_account(self, licence: str) -> bool:
        found = self.licences.get(licence)
        return found is not None and found.by_account

    def take(self, licence: str, home: str) -> bool:
        """A seat for one more active user; False when there is none."""
        if self._by_account(licence):
            self.users[licence, home] += 1
            if self.users[licence, home] > 1:
                return True
        found = self.licences.get(licence)
        left = found.left if found is not None else 0
        if left + self.freed[licence] - self.taken[licence] <= 0:
            if self._by_account(licence):
                self.users[licence, home] -= 1
            return False
        self.taken[licence] += 1
        return True

    def give_back(self, licence: str, home: str) -> None:
        """The seat of a user who leaves."""
        if self._by_account(licence):
            self.users[licence, home] -= 1
            if self.users[licence, home] > 0:
                return
        self.freed[licence] += 1

    def total(self, licence: str) -> int:
        """How many the org has bought."""
        found = self.licences.get(licence)
        return found.total if found is not None else 0

    def fix(self, licence: str) -> str:
        """What to do when there is none left."""
        if self._by_account(licence):
            return "buy licences, or deactivate all users of another partner, then run plan again"
        return "buy licences or deactivate partner users, then run plan again"

    def use(self) -> tuple[SeatUse, ...]:
        """What the people so far take and give back."""
        return tuple(
            SeatUse(name, one.total, one.left, self.taken[name], self.freed[name])
            for name, one in self.licences.items()
        )
