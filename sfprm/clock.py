"""The clock, real and set by hand. Only the outermost layer builds one; all else is given it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FakeClock", "SystemClock"]


class Clock(Protocol):
    """What a waiting or dating piece of code may ask."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait. A clock set by hand moves on instead."""


class SystemClock:
    """The machine's clock, or one that is `skew` seconds ahead of it. Its waits are `waits` times
    as long: tests need not wait as long for an embedded org as one does for Salesforce."""

    def __init__(self, skew: float = 0.0, *, waits: float = 1.0) -> None:
        self._skew = timedelta(seconds=skew)
        self._waits = waits

    def now(self) -> datetime:
        return datetime.now(UTC) + self._skew

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self._waits)


class FakeClock:
    """A clock that moves only when told; `sleep` moves it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._now = start.astimezone(UTC)
        self._start = self._now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Move on by that much."""
        self._now += by
