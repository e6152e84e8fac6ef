"""What changed since the last look, deletes included, by SystemModstamp.

The stamp is set when a row is written but is seen only when its transaction is through, so rows
appear late, behind a mark already passed; and it counts whole seconds [from the facts sheet: calls
may last ten minutes]. So each look begins an overlap earlier than the newest stamp seen, and what
was seen already is left out. The mark comes from the rows, never from this machine's clock. Rows
deleted for good, or merged and purged, are not seen: sweep in full now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sfprm.ids import RecordId
from sfprm.salesforce.identity import parse_datetime
from sfprm.salesforce.query import Row, select
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, compare

__all__ = ["OVERLAP", "Change", "Changes", "Mark"]

OVERLAP = timedelta(minutes=15)
"""How far back each look begins: longer than a synchronous call may last."""

_STAMP = "SystemModstamp"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far was read: the newest stamp seen, and what was seen within the overlap before it."""

    newest: datetime
    seen: frozenset[tuple[RecordId, datetime]] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """For keeping it between runs."""
        seen = sorted([str(id_), stamp.isoformat()] for id_, stamp in self.seen)
        return {"newest": self.newest.isoformat(), "seen": seen}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Mark:
        """As `to_json` gave it."""
        seen = ((RecordId(id_), datetime.fromisoformat(stamp)) for id_, stamp in told["seen"])
        return cls(datetime.fromisoformat(told["newest"]), frozenset(seen))


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is new or was changed; `deleted`: it lies in the recycle bin."""

    row: Row
    deleted: bool


class Changes:
    """The changes of an object since a mark, oldest first; iterate once.

    After the last, `mark` is where the next look begins; before that it is the old one, so that a
    crash loses nothing. None of both: everything is read, and nothing was ever there.
    """

    def __init__(
        self,
        session: Session,
        query: Query,
        since: Mark | None,
        *,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self.mark = since
        self._session = session
        self._query = query
        self._overlap = overlap

    def __iter__(self) -> Iterator[Change]:
        since = self.mark
        newest = since.newest if since else None
        old = since.seen if since else frozenset()
        seen = set(old)
        for row in select(self._session, self._asked(since), include_deleted=True):
            stamp = parse_datetime(row[_STAMP])
            told = (RecordId(row["Id"]), stamp)
            newest = stamp if newest is None else max(newest, stamp)
            if told not in seen:
                seen.add(told)
                deleted = bool(row["IsDeleted"])
                if deleted and since is None:
                    continue  # a first look is about what is there
                yield Change(row, deleted)
        if newest is not None:
            start = newest - self._overlap
            self.mark = Mark(newest, frozenset(t for t in seen if t[1] >= start))

    def _asked(self, since: Mark | None) -> Query:
        names = {name.lower() for name in self._query.select}
        more = tuple(n for n in ("Id", _STAMP, "IsDeleted") if n.lower() not in names)
        query = replace(
            self._query, select=self._query.select + more, order_by=(_STAMP, "Id"), limit=None
        )
        if since is None:
            return query
        return query.also(compare(_STAMP, ">=", since.newest - self._overlap))
