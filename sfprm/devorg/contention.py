"""What requests that run at the same time take from each other: rows, and the groups' lock.

Every request is one transaction under the org's lock, done in no time. To be met by others it must
last: its rows and the groups' lock stay held for a settable time after its work, without the org's
lock, and its answer comes at the end of it. A request that needs what another holds is taken back
whole, waits, and is run again; after a settable wait it is refused. Others see the holder's work
before its answer, which a real org would not show."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

__all__ = ["CONFLICTS", "Contention", "Held"]

CONFLICTS: dict[str, frozenset[str]] = {
    "reparent": frozenset({"reparent", "roles", "user", "members"}),
    "roles": frozenset({"reparent", "roles", "members"}),
    "user": frozenset({"reparent"}),
    "members": frozenset({"reparent", "roles"}),
}
"""Which kinds of work on groups exclude which; see `behaviours/contention.py`."""


class Held(Exception):
    """The request needs what another holds: it is to be run again, at the latest at `until`
    (seconds of `time.monotonic`)."""

    def __init__(self, until: float) -> None:
        super().__init__(f"held until {until}")
        self.until = until


@dataclass(slots=True)
class _Attempt:
    """The request that runs now: since when it wants its locks, and what it has taken."""

    since: float
    rows: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    work: float = 0.0
    row_hold: float = 0.0
    group_hold: float = 0.0


@dataclass(frozen=True, slots=True)
class _Hold:
    rows: frozenset[str]
    groups: frozenset[str]
    until: float


class Contention:
    """The locks held in one org. Used under the org's lock."""

    def __init__(self) -> None:
        self._holds: list[_Hold] = []
        self._now: _Attempt | None = None

    def begin(self, since: float) -> None:
        """A request starts, or starts again; what it first wanted its locks at."""
        self._now = _Attempt(since)

    def end(self) -> float:
        """The request is done: hold what it took. The seconds by which its answer is late."""
        attempt, self._now = self._now, None
        if attempt is None:
            return 0.0
        row = attempt.row_hold + attempt.work if attempt.rows else 0.0
        group = attempt.group_hold + attempt.work if attempt.groups else 0.0
        if row:
            self.hold(row, rows=attempt.rows)
        if group:
            self.hold(group, groups=attempt.groups)
        return max(row, group, attempt.work)

    def abandon(self) -> None:
        """The request is taken back."""
        self._now = None

    def hold(
        self, seconds: float, *, rows: set[str] | None = None, groups: set[str] | None = None
    ) -> None:
        """Hold rows or kinds of work on groups for so long."""
        until = monotonic() + seconds
        self._holds.append(_Hold(frozenset(rows or ()), frozenset(groups or ()), until))

    def release(self) -> None:
        """Nothing is held any more."""
        self._holds.clear()

    def take_row(self, id_: str, wait: float, hold: float) -> bool:
        """Take a row; False when another holds it and the request has waited its time. Raises
        Held."""
        if self._now is None:
            return True
        if self._taken(wait, [one.until for one in self._living() if id_ in one.rows]):
            return False
        if hold:
            self._now.rows.add(id_)
            self._now.row_hold = hold
        return True

    def take_groups(self, kind: str, wait: float, hold: float) -> bool:
        """The same for a kind of work on groups."""
        if self._now is None:
            return True
        against = CONFLICTS[kind]
        if self._taken(wait, [one.until for one in self._living() if one.groups & against]):
            return False
        if hold:
            self._now.groups.add(kind)
            self._now.group_hold = hold
        return True

    def work(self, seconds: float) -> None:
        """The request has work to do that takes so long, its locks held."""
        if self._now is not None:
            self._now.work += seconds

    @property
    def busy(self) -> bool:
        """Something is held."""
        return bool(self._living())

    def as_json(self) -> list[dict[str, object]]:
        """What is held, with the seconds that are left."""
        now = monotonic()
        return [
            {
                "rows": sorted(one.rows),
                "groups": sorted(one.groups),
                "seconds": round(one.until - now, 3),
            }
            for one in self._living()
        ]

    def _living(self) -> list[_Hold]:
        if self._holds:
            now = monotonic()
            self._holds = [one for one in self._holds if one.until > now]
        return self._holds

    def _taken(self, wait: float, others: list[float]) -> bool:
        """Another holds it and patience is over; raises Held while it is not."""
        assert self._now is not None
        if not others:
            return False
        deadline = self._now.since + wait
        if monotonic() < deadline:
            raise Held(min(max(others), deadline))
        return True
