"""Open query cursors: results kept to be read page by page, for two days of the org's clock [D].

A page holds as many rows as the batch size says, child rows counted with their parents (REST
sheet, section 5). How rows are shared out is not documented; here a parent whose children do not
fit any more begins the next page, and child sets too long for a page of their own are cut, with a
cursor of their own for what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Cursor", "Cursors", "Open", "page_of"]

LIFE = timedelta(days=2)

Record: TypeAlias = dict[str, Any]
Open: TypeAlias = Callable[[Sequence[Record], int], str]
"""Opens a cursor over records, to be read on from a place; its address."""


@dataclass(slots=True)
class Cursor:
    """All records of one result, in pages of `batch` rows. `nested`: they hold child sets."""

    records: Sequence[Record]
    batch: int
    made: datetime
    user_id: str
    resource: str
    nested: bool = False

    def page(self, start: int, open_: Open) -> tuple[list[Record], int]:
        """The records from that place on, and the place of the next page."""
        if not self.nested:
            end = min(start + self.batch, len(self.records))
            return list(self.records[start:end]), end
        return page_of(self.records, start, self.batch, open_)


@dataclass(slots=True)
class Cursors:
    """The open cursors of an org, by the id that their locators begin with."""

    _org: Org
    _open: dict[str, Cursor] = field(default_factory=dict)

    def keep(self, cursor: Cursor) -> str:
        """Keep a cursor; its id."""
        now = self._org.clock.now()
        for old in [key for key, one in self._open.items() if now - one.made > LIFE]:
            del self._open[old]
        id_ = self._org.storage.next_id("01g")
        self._open[id_] = cursor
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


def page_of(
    records: Sequence[Record], start: int, room: int, open_: Open
) -> tuple[list[Record], int]:
    """The records from a place on that fit into `room` rows, children counted, and the place of
    the next one. The first record is always there, its child sets cut where they must be.
    """
    taken: list[Record] = []
    place = start
    while place < len(records) and (room > 0 or not taken):
        record = records[place]
        weight = _weight(record)
        if weight > room:
            if taken:
                break
            record = _cut(record, room - 1, open_)
        taken.append(record)
        room -= weight
        place += 1
    return taken, place


def _is_set(value: Any) -> bool:
    return isinstance(value, dict) and "totalSize" in value and "records" in value


def _weight(record: Record) -> int:
    """Rows of a record: itself, and its children to the last."""
    return 1 + sum(
        sum(map(_weight, value["records"])) for value in record.values() if _is_set(value)
    )


def _cut(record: Record, room: int, open_: Open) -> Record:
    """A record with as many children as there is room for, the first sets first; of each set there
    is at least one.
    """
    made = dict(record)
    for key, value in record.items():
        if not _is_set(value):
            continue
        children = value["records"]
        kept, place = page_of(children, 0, max(room, 1), open_)
        room -= sum(map(_weight, kept))
        if place < len(children):
            made[key] = {
                "totalSize": value["totalSize"],
                "done": False,
                "nextRecordsUrl": open_(children, place),
                "records": kept,
            }
        elif kept != children:
            made[key] = {**value, "records": kept}
    return made
