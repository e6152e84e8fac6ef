"""The call log: every request to the org with its cost in API calls."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

__all__ = ["CallLog"]

KEPT = 1000
AHEAD = 20
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
    `Sforce-Limit-Info` must not go back.

    It survives a restart too: `keep` is given what `kept` takes again, some calls ahead, so that it
    is written seldom; a killed process has then used up to `AHEAD` calls more, never fewer."""

    def __init__(
        self,
        keep: Callable[[dict[str, Any]], None] | None = None,
        kept: Mapping[str, Any] | None = None,
    ) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._by_kind: Counter[str] = Counter()
        self._total = 0
        self._since: datetime | None = None
        self.used = 0
        if kept is not None:
            self._since, self.used = datetime.fromisoformat(kept["since"]), int(kept["used"])
        self._written = self.used

    def charge(self, cost: int, now: datetime) -> int:
        """Count `cost` calls toward the allowance; the sum used in these 24 hours."""
        with self._lock:
            if self._since is None or now - self._since >= WINDOW:
                self._since, self.used = now, 0
            self.used += cost
            if not self._written - AHEAD <= self.used <= self._written:
                self._write(self.used + AHEAD)
            return self.used

    def keep(self) -> None:
        """Give `keep` the number as it is: the org is closed, or its records were exchanged."""
        with self._lock:
            self._write(self.used)

    def _write(self, used: int) -> None:
        if self._keep is not None and self._since is not None:
            self._keep({"since": self._since.isoformat(), "used": used})
            self._written = used

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
