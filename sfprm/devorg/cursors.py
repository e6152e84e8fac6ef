"""Open query cursors: results kept to be read page by page, for two days of the org's clock [D]."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Cursor", "Cursors"]

LIFE = timedelta(days=2)
MAX_OPEN = 300  # kept in memory; a real org has had no limit since v56 [D]


@dataclass(slots=True)
class Cursor:
    """All records of one result, in pages of `batch`."""

    records: list[dict[str, Any]]
    batch: int
    made: datetime
    user_id: str
    resource: str


@dataclass(slots=True)
class Cursors:
    """The open cursors of an org, by the id that their locators begin with."""

    _org: Org
    _open: dict[str, Cursor] = field(default_factory=dict)

    def keep(self, records: list[dict[str, Any]], batch: int, user_id: str, resource: str) -> str:
        """Open a cursor over all records of a result; its id."""
        now = self._org.clock.now()
        for old in [key for key, one in self._open.items() if now - one.made > LIFE]:
            del self._open[old]
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        id_ = self._org.storage.next_id("01g")
        self._open[id_] = Cursor(records, batch, now, user_id, resource)
        return id_

    def find(self, id_: str, user_id: str) -> Cursor | None:
        """A living cursor of that user."""
        cursor = self._open.get(id_)
        if cursor is None or cursor.user_id != user_id:
            return None
        return cursor if self._org.clock.now() - cursor.made <= LIFE else None

    def close_all(self) -> None:
        """Forget all."""
        self._open.clear()
