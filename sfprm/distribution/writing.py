"""New owners, 200 leads a call; while the org writes one call, the next is made ready and sent."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, MAX_ROWS, RowOutcome, update
from sfprm.threads import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sfprm.distribution.offering import ExtraFields
    from sfprm.salesforce.session import Session
    from sfprm.store.records import JournalEntry

__all__ = ["AT_ONCE", "write_owners"]

AT_ONCE = 2
"""Calls of one batch under way together, where the session lets them: the org need not wait for us
between two calls, and what it holds locked is no more than two calls' leads."""

Part = tuple["Sequence[JournalEntry]", list[RowOutcome]]


def write_owners(
    session: Session,
    entries: Sequence[JournalEntry],
    extra: ExtraFields,
    is_broken_off: Callable[[], bool],
) -> Iterator[Part]:
    """The entries, 200 at a time and in order, with what became of each.

    Once broken off, no call is begun any more; those under way are waited for. Raises what ended a
    call, after the other has ended too: what became of that one nobody is told.
    """
    parts = [entries[at : at + MAX_ROWS] for at in range(0, len(entries), MAX_ROWS)]

    def write(rows: Sequence[dict[str, Any]]) -> list[RowOutcome]:
        return update(session, "Lead", rows, headers=AUTO_ASSIGN_OFF)

    if len(parts) == 1:
        yield parts[0], write(_rows(parts[0], extra))
        return
    under_way: deque[tuple[Sequence[JournalEntry], Future[list[RowOutcome]]]] = deque()
    hands = Pool(AT_ONCE, thread_name_prefix="write")
    try:
        for part in parts:
            if is_broken_off():
                break
            rows = _rows(part, extra)
            done = None
            if len(under_way) == AT_ONCE:
                first, outcomes = under_way.popleft()
                done = (first, outcomes.result())
            under_way.append((part, hands.submit(write, rows)))
            if done is not None:
                yield done
        while under_way:
            first, outcomes = under_way.popleft()
            yield first, outcomes.result()
    finally:
        hands.shutdown(wait=True, cancel_futures=True)


def _rows(part: Sequence[JournalEntry], extra: ExtraFields) -> list[dict[str, Any]]:
    more = extra.of(part)
    if not more:
        return [{"Id": e.lead, "OwnerId": e.owner_new} for e in part]
    return [{"Id": e.lead, "OwnerId": e.owner_new, **more.get(e.sequence, {})} for e in part]
