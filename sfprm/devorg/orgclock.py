"""The org's clock: follows the machine's until it is advanced or set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["OrgClock"]


class OrgClock:
    """`advance` adds to an offset (time goes on); `set` stands still; `follow` undoes both.
    `on_change` hears of each with what `load` takes again, so that the org can keep it."""

    def __init__(self, on_change: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._fixed: datetime | None = None
        self._on_change = on_change

    def now(self) -> datetime:
        """The present instant of the org, aware, in UTC."""
        with self._lock:
            if self._fixed is not None:
                return self._fixed
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Move on by `seconds`; the new instant. Raises OverflowError past year 9999."""
        with self._lock:
            if self._fixed is not None:
                self._fixed += timedelta(seconds=seconds)
            else:
                offset = self._offset + timedelta(seconds=seconds)
                _ = datetime.now(UTC) + offset
                self._offset = offset
        return self._changed()

    def set(self, instant: datetime) -> datetime:
        """Stand still at `instant` (aware)."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs an offset, as in 2026-01-01T09:00:00Z")
        with self._lock:
            self._fixed = instant.astimezone(UTC)
        return self._changed()

    def follow(self) -> datetime:
        """Follow the machine's clock again."""
        with self._lock:
            self._fixed = None
            self._offset = timedelta(0)
        return self._changed()

    def keep(self) -> None:
        """Tell `on_change` how the clock goes, though nothing changed."""
        self._changed()

    def kept(self) -> dict[str, Any]:
        """What `load` takes."""
        with self._lock:
            fixed = self._fixed.isoformat() if self._fixed is not None else None
            return {"offset": self._offset.total_seconds(), "fixed": fixed}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Go as a clock did that gave this."""
        with self._lock:
            self._offset = timedelta(seconds=float(kept["offset"]))
            fixed = kept["fixed"]
            self._fixed = datetime.fromisoformat(fixed) if fixed else None

    def state(self) -> dict[str, object]:
        """For the control API: the instant, and whether it is fixed or shifted (seconds)."""
        now = self.now()
        with self._lock:
            return {
                "now": now.isoformat(),
                "fixed": self._fixed is not None,
                "offset": self._offset.total_seconds(),
            }

    def _changed(self) -> datetime:
        if self._on_change is not None:
            self._on_change(self.kept())
        return self.now()
