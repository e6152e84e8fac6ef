"""Waiting for an org that is away: longer each time, and at once over when it answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

__all__ = ["Backoff"]

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row it failed, and until when nothing is tried."""

    failures: int = 0
    until: datetime | None = None
    why: str = ""

    def failed(self, now: datetime, why: str) -> Self:
        """Once more: twice as long as before, at most five minutes."""
        wait = min(LONGEST, FIRST * 2 ** min(self.failures, 20))
        return replace(self, failures=self.failures + 1, until=now + wait, why=why)

    def holds(self, now: datetime) -> bool:
        """Whether to wait. A clock that went back does not make the wait longer than it was."""
        return self.until is not None and now < self.until and self.until - now <= LONGEST
