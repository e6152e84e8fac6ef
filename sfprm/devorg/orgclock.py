"""The org's clock: follows the machine's until it is advanced or set."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

__all__ = ["OrgClock"]


class OrgClock:
    """`advance` adds to an offset (time goes on); `set` stands still; `follow` undoes both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._fixed: datetime | None = None

    def now(self) -> datetime:
        """The present instant of the org, aware, in UTC."""
        with self._lock:
            if self._fixed is not None:
                return self._fixed
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Move on by `seconds`; the new instant."""
        with self._lock:
            if self._fixed is not None:
                self._fixed += timedelta(seconds=seconds)
            else:
                self._offset += timedelta(seconds=seconds)
        return self.now()

    def set(self, instant: datetime) -> datetime:
        """Stand still at `instant` (aware)."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs an offset, as in 2026-01-01T09:00:00Z")
        with self._lock:
            self._fixed = instant.astimezone(UTC)
        return self.now()

    def follow(self) -> datetime:
        """Follow the machine's clock again."""
        with self._lock:
            self._fixed = None
            self._offset = timedelta(0)
        return self.now()

    def state(self) -> dict[str, object]:
        """For the control API: the instant, and whether it is fixed or shifted (seconds)."""
        now = self.now()
        with self._lock:
            return {
                "now": now.isoformat(),
                "fixed": self._fixed is not None,
                "offset": self._offset.total_seconds(),
            }
