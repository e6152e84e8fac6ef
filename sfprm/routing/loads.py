"""What pool members carry while a batch is decided, and which caps they have reached."""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.model import Cap
from sfprm.routing.values import Code, Load, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import PoolKey
    from sfprm.programme.model import Programme

__all__ = ["WINDOWS", "CapRules", "Capped", "Loads", "cap_reasons"]

WINDOWS = (
    ("hour", timedelta(seconds=3600), Code.CAP_HOUR),
    ("day", timedelta(hours=24), Code.CAP_DAY),
    ("week", timedelta(hours=7 * 24), Code.CAP_WEEK),
    ("month", timedelta(hours=30 * 24), Code.CAP_MONTH),
)
"""The rolling windows of caps. A win exactly one window ago no longer counts."""

Capped = tuple[tuple[int, tuple[Reason, ...]], ...]
"""A member's place in the pool and the caps it has reached, for those that have reached any."""


def cap_reasons(cap: Cap, load: Load, now: datetime) -> tuple[Reason, ...]:
    """The caps that the load has reached, widest last."""
    counts = [len(load.wins) - bisect_right(load.wins, now - window) for _, window, _ in WINDOWS]
    return _reached(cap, counts, load.open_held)


def _reached(cap: Cap, counts: list[int], held: int) -> tuple[Reason, ...]:
    found = []
    for (name, _, code), most, count in zip(
        WINDOWS, (cap.hour, cap.day, cap.week, cap.month), counts, strict=True
    ):
        if most is not None and count >= most:
            found.append(Reason(code, f"cap of {most} a {name} reached"))
    if cap.open is not None and held >= cap.open:
        found.append(Reason(Code.CAP_OPEN, f"holds {held} open leads, cap {cap.open}"))
    return tuple(found)


class _Tally:
    """One member of one pool. `counts` are wins in each window, those of the batch included."""

    __slots__ = ("before", "cap", "counts", "held", "reached", "won")

    def __init__(self, cap: Cap, before: Load, now: datetime) -> None:
        self.cap = cap
        self.before = before
        self.held = before.open_held
        self.won = 0
        self.counts: list[int] = []
        self.reached: tuple[Reason, ...] = ()
        if cap != Cap():
            wins = before.wins
            self.counts = [len(wins) - bisect_right(wins, now - w) for _, w, _ in WINDOWS]
            self.reached = _reached(cap, self.counts, self.held)

    def look(self) -> bool:
        """Look at the caps anew; whether what is reached has changed."""
        found = _reached(self.cap, self.counts, self.held)
        if found == self.reached:
            return False
        self.reached = found
        return True


class CapRules:
    """What the programme says of caps: each member's, who has one (with its place in the pool), and
    in which pools a member counts as holding a lead."""

    def __init__(self, programme: Programme) -> None:
        self.caps: dict[tuple[PoolKey, str], Cap] = {}
        self.capped: dict[PoolKey, list[tuple[int, str]]] = {}
        self.holders: dict[str, list[tuple[PoolKey, str]]] = {}
        self.states: dict[tuple[PoolKey, Capped], int] = {}
        """A number for each set of caps reached that was met, so that it is compared by that."""
        self._folded: dict[str, str] = {}
        for pool in programme.routing.pools.values():
            for at, member in enumerate(pool.members):
                key = (pool.key, member.key)
                self.caps[key] = member.cap
                name = self._folded.setdefault(member.key.casefold(), member.key)
                self.holders.setdefault(name, []).append(key)
                if member.cap != Cap():
                    self.capped.setdefault(pool.key, []).append((at, member.key))

    def held_by(self, member: str) -> list[tuple[PoolKey, str]]:
        """The same where the member is written in other letter case."""
        return self.holders.get(self._folded.get(member.casefold(), ""), [])


class Loads:
    """All members' loads at one instant. Changes in place as leads are won."""

    def __init__(
        self,
        programme: Programme,
        loads: Mapping[tuple[PoolKey, str], Load],
        now: datetime,
        rules: CapRules | None = None,
    ) -> None:
        self._loads = loads
        self._now = now
        self._tallies: dict[tuple[PoolKey, str], _Tally] = {}
        self._rules = rules or CapRules(programme)
        self._capped: dict[PoolKey, tuple[int, Capped]] = {}

    def capped(self, pool: PoolKey) -> tuple[int, Capped]:
        """Who has reached a cap in the pool, with a number that stands for it."""
        found = self._capped.get(pool)
        if found is None:
            capped = tuple(
                (at, reached)
                for at, member in self._rules.capped.get(pool, ())
                if (reached := self._tally((pool, member)).reached)
            )
            states = self._rules.states
            state = states.setdefault((pool, capped), len(states))
            found = self._capped[pool] = (state, capped)
        return found

    def took(self, member: str, pool: PoolKey | None = None) -> None:
        """A lead is the member's. A win counts in the pool that it was won in; a lead is held
        whichever pool or rule it came by: all caps on open leads of that member count it."""
        for key in self._rules.holders.get(member) or self._rules.held_by(member):
            tally = self._tallies.get(key) or self._tally(key)
            tally.held += 1
            if key[0] == pool:
                tally.won += 1
                if tally.counts:
                    tally.counts = [count + 1 for count in tally.counts]
            if tally.counts and tally.look():
                self._capped.pop(key[0], None)

    def _tally(self, key: tuple[PoolKey, str]) -> _Tally:
        found = self._tallies.get(key)
        if found is None:
            cap = self._rules.caps[key]
            found = self._tallies[key] = _Tally(cap, self._loads.get(key, Load()), self._now)
        return found

    def result(self) -> Mapping[tuple[PoolKey, str], Load]:
        """The loads now, as values."""
        changed = {
            key: Load(tally.held, (*tally.before.wins, *((self._now,) * tally.won)))
            for key, tally in self._tallies.items()
            if tally.won or tally.held != tally.before.open_held
        }
        return MappingProxyType({**self._loads, **changed})
