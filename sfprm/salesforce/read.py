"""One way in for reads of any size: pages, ranges of ids side by side, or a bulk job.

Chosen by what each costs in calls and time; the plan can be shown before anything is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from math import ceil
from queue import Full, Queue
from threading import Event

from sfprm.errors import BadRequest
from sfprm.ids import RecordId
from sfprm.salesforce.bulk_query import PAGE, bulk_select, can_type, fits_bulk
from sfprm.salesforce.query import Row, first_page, select, select_all
from sfprm.salesforce.ranges import key_ranges
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, compare
from sfprm.threads import Pool

__all__ = ["BULK_FROM", "RANGES_FROM", "ReadPlan", "ReadWay", "plan_read", "read", "read_ranges"]

RANGES_FROM = 20_000
"""Rows from which several queries at the same time are worth two calls for the ids' bounds."""
BULK_FROM = 100_000
"""Rows from which a bulk job is worth its wait."""
_REST_PAGE = 2_000
_LOOKS = 8
_PER_RANGE = 10_000
"""Rows that a range should have: five pages."""


class ReadWay(Enum):
    """How rows come in."""

    PAGES = "pages of 2,000"
    RANGES = "ranges of ids side by side"
    BULK = "Bulk 2.0"


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The way chosen, about how many calls it costs, and why. `parts`: ranges."""

    way: ReadWay
    calls: int
    why: str
    parts: int = 1


def plan_read(
    query: Query,
    rows: int,
    *,
    ordered: bool = True,
    ranges_from: int = RANGES_FROM,
    bulk_from: int = BULK_FROM,
) -> ReadPlan:
    """How a query that matches about so many rows is best read. Pure.

    `ordered`: whether the query's own order matters to the caller; the other ways do not keep it.
    """
    pages = max(1, ceil(rows / _REST_PAGE))
    plain = ReadPlan(ReadWay.PAGES, pages, f"{pages:,} pages")
    if query.limit is not None or (ordered and query.order_by) or not fits_bulk(query):
        return replace(plain, why="its order, limit or fields need plain pages")
    bulk_calls = 1 + _LOOKS + ceil(rows / PAGE)
    if rows >= bulk_from and bulk_calls < pages:
        return ReadPlan(ReadWay.BULK, bulk_calls, f"{pages:,} pages otherwise")
    if rows >= ranges_from:
        parts = ceil(rows / _PER_RANGE)
        return ReadPlan(
            ReadWay.RANGES, 2 + pages + parts, f"{pages:,} pages, several at a time", parts
        )
    return plain


def read(
    session: Session,
    query: Query,
    *,
    ordered: bool = True,
    include_deleted: bool = False,
    rows: int | None = None,
    workers: int = 4,
) -> Iterator[Row]:
    """The rows of a query, lazily, in flat memory, by the way that `plan_read` chooses.

    `rows`: about how many there are; None: the first page tells, and is the beginning when pages
    are the way, so that small reads cost what `select` costs.
    """
    begun: Iterator[Row] | None = None
    if rows is None:
        rows, begun = first_page(session, query, include_deleted=include_deleted)
    plan = plan_read(query, rows, ordered=ordered)
    if plan.way is ReadWay.BULK and not can_type(session, query):
        plan = plan_read(query, rows, ordered=ordered, bulk_from=rows + 1)
    if plan.way is not ReadWay.PAGES:
        begun = None  # a page of memory
    match plan.way:
        case ReadWay.BULK:
            yield from bulk_select(session, query, include_deleted=include_deleted)
        case ReadWay.RANGES:
            yield from read_ranges(
                session, query, parts=plan.parts, workers=workers, include_deleted=include_deleted
            )
        case ReadWay.PAGES:
            yield from begun or select(session, query, include_deleted=include_deleted)


def read_ranges(
    session: Session,
    query: Query,
    *,
    parts: int,
    workers: int = 4,
    include_deleted: bool = False,
) -> Iterator[Row]:
    """The rows of a query in order of their ids, read by `parts` ranges, `workers` at a time.

    At most `workers` × 4 pages are in memory, however uneven the ranges are. Rows made meanwhile
    may be in or not, as with any query that has pages. The query must have no order and no limit
    of its own.
    """
    if query.limit is not None or query.order_by:
        raise BadRequest("A query that is read by ranges has neither order nor limit.")
    bounds = _bounds(session, query, include_deleted)
    if bounds is None:
        return
    waiting: deque[_Feed] = deque()
    ranges = iter(key_ranges(*bounds, parts))
    with Pool(workers, thread_name_prefix="read") as pool:
        try:
            while True:
                while len(waiting) < workers and (next_ := next(ranges, None)) is not None:
                    rows = select(session, _within(query, *next_), include_deleted=include_deleted)
                    waiting.append(_Feed(rows, pool))
                if not waiting:
                    return
                yield from waiting[0]
                waiting.popleft()
        finally:
            for feed in waiting:
                feed.stop()


class _Feed:
    """Rows that a thread reads ahead, a few pages at most; iterate once."""

    _AHEAD = 3
    _LOOK = 0.1
    """Seconds after which a thread before a full queue looks whether it is still wanted."""

    def __init__(self, rows: Iterator[Row], pool: Pool) -> None:
        self._pages: Queue[list[Row] | None] = Queue(self._AHEAD)
        self._stopped = Event()
        self._reading = pool.submit(self._read, rows)

    def stop(self) -> None:
        """The rest is not wanted."""
        self._stopped.set()
        self._reading.cancel()

    def __iter__(self) -> Iterator[Row]:
        while (page := self._pages.get()) is not None:
            yield from page
        self._reading.result()  # raises what ended the reading

    def _read(self, rows: Iterator[Row]) -> None:
        try:
            while page := list(islice(rows, _REST_PAGE)):
                if not self._handed(page):
                    return
        finally:
            self._handed(None)

    def _handed(self, page: list[Row] | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._pages.put(page, timeout=self._LOOK)
            except Full:
                continue
            return True
        return False


def _within(query: Query, start: RecordId, end: RecordId | None) -> Query:
    bounded = query.also(compare("Id", ">=", start))
    if end is not None:
        bounded = bounded.also(compare("Id", "<", end))
    return replace(bounded, order_by=("Id",))


def _bounds(
    session: Session, query: Query, include_deleted: bool
) -> tuple[RecordId, RecordId] | None:
    """The lowest and the highest id that the query matches: two calls."""
    ends = [
        select_all(
            session,
            replace(query, select=("Id",), order_by=(f"Id {direction}",), limit=1),
            include_deleted=include_deleted,
        )
        for direction in ("ASC", "DESC")
    ]
    if not ends[0] or not ends[1]:
        return None
    return RecordId(ends[0][0]["Id"]), RecordId(ends[1][0]["Id"])
