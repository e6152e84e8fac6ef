"""The call log: every request to the org with its cost in API calls."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

__all__ = ["CallLog"]

KEPT = 1000
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `kind` is the resource's name, `cost` the API calls it counted as."""

    method: str
    path: str
    status: int
    cost: int
    kind: str
    milliseconds: float


class CallLog:
    """Counts and the last `KEPT` requests. `used` counts toward the daily allowance, in windows of
    24 hours of the org's clock (a real org's window rolls), and survives `reset`, as
    `Sforce-Limit-Info` must not go back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._by_kind: Counter[str] = Counter()
        self._total = 0
        self._since: datetime | None = None
        self.used = 0

    def charge(self, cost: int, now: datetime) -> int:
        """Count `cost` calls toward the allowance; the sum used in these 24 hours."""
        with self._lock:
            if self._since is None or now - self._since >= WINDOW:
                self._since, self.used = now, 0
            self.used += cost
            return self.used

    def exhausted(self, now: datetime, most: int) -> bool:
        """The allowance of these 24 hours, `most` calls, is used up."""
        with self._lock:
            return self._since is not None and now - self._since < WINDOW and self.used >= most

    def add(self, entry: Entry) -> None:
        """Log one finished request."""
        with self._lock:
            self._entries.append(entry)
            self._by_kind[entry.kind] += entry.cost
            self._total += entry.cost

    def reset(self) -> None:
        """Forget the log; the allowance used stays."""
        with self._lock:
            self._entries.clear()
            self._by_kind.clear()
            self._total = 0

    def as_json(self) -> dict[str, Any]:
        """The control API's shape."""
        with self._lock:
            return {
                "total": self._total,
                "by_kind": {kind: n for kind, n in self._by_kind.items() if n},
                "entries": [
                    {
                        "method": entry.method,
                        "path": entry.path,
                        "status": entry.status,
                        "cost": entry.cost,
                        "kind": entry.kind,
                        "milliseconds": round(entry.milliseconds, 2),
                    }
                    for entry in self._entries
                ],
            }
