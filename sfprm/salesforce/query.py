"""Reading rows: pages fetched as they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import Any

from sfprm.errors import Bug, OrgUnreachable
from sfprm.salesforce.answer import understood
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query
from sfprm.threads import Pool

__all__ = ["Row", "count", "first_page", "select", "select_all"]

_NESTED = re.compile(r"[.(]|\bTYPEOF\b", re.I).search

Row = Mapping[str, Any]
"""One record: `attributes` removed, a parent as Row or None, a child sub-query as list of Rows."""


def select(
    session: Session,
    query: Query | str,
    *,
    batch_size: int = 2000,
    include_deleted: bool = False,
    ahead: int = 0,
) -> Iterator[Row]:
    """The rows of a query, one call a page; nothing is sent before the first is asked for.

    `batch_size` 200 to 2,000 is a hint to the org. `include_deleted` reads the recycle bin too.
    `ahead`: as long as fewer rows have come, the page after the present one is asked for at once,
    by a thread, so that it is there when it is wanted; what goes wrong is raised only then.
    """
    _, rows = first_page(
        session, query, batch_size=batch_size, include_deleted=include_deleted, ahead=ahead
    )
    yield from rows


def first_page(
    session: Session,
    query: Query | str,
    *,
    batch_size: int = 2000,
    include_deleted: bool = False,
    ahead: int = 0,
) -> tuple[int, Iterator[Row]]:
    """How many rows a query matches, told with its first page, and the rows: one call now, one for
    each further page as it is asked for."""
    headers = {"Sforce-Query-Options": f"batchSize={batch_size}"}
    text = query if isinstance(query, str) else query.text()
    path = "queryAll" if include_deleted else "query"
    page = _page(session, path, {"q": text}, headers)
    with understood("to a query"):
        total = int(page.get("totalSize") or 0)
    return total, _rows(session, page, headers, flat=_is_flat(text), ahead=ahead)


def _rows(
    session: Session,
    page: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    flat: bool,
    ahead: int = 0,
) -> Iterator[Row]:
    told = 0
    with ExitStack() as open_:
        hand: Executor | None = None
        while True:
            records, done = page["records"], page.get("done", True)
            rest = "" if done else str(page["nextRecordsUrl"])
            told += len(records)
            coming: Future[Mapping[str, Any]] | None = None
            if rest and told < ahead:
                hand = hand or open_.enter_context(Pool(1, "page"))
                coming = hand.submit(_page, session, rest, None, headers)
            for record in records:
                if flat:
                    record.pop("attributes", None)
                    yield record
                else:
                    yield _row(session, record, headers)
            if done:
                return
            page = _page(session, rest, None, headers) if coming is None else coming.result()


def select_all(session: Session, query: Query | str, *, include_deleted: bool = False) -> list[Row]:
    """All rows of a query at once."""
    return list(select(session, query, include_deleted=include_deleted))


def count(session: Session, query: Query | str) -> int:
    """How many rows a query matches, by one call that reads none.

    A Query's own selection is replaced; a text must select COUNT().
    """
    if isinstance(query, Query):
        text = Query(("COUNT()",), query.from_, query.where, (), query.limit).text()
    elif query.upper().replace(" ", "").startswith("SELECTCOUNT()"):
        text = query
    else:
        raise Bug("A count needs a Query, or a text that selects COUNT().")
    page = _page(session, "query", {"q": text}, {})
    with understood("to a count"):
        return int(page["totalSize"])


def _page(
    session: Session, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str]
) -> Mapping[str, Any]:
    page: Any = session.request("GET", path, kind="query", params=params, headers=headers).json
    records = page.get("records") if isinstance(page, dict) else None
    more = records is not None and not page.get("done", True)
    if (
        not isinstance(records, list)
        or (records and type(records[0]) is not dict)
        or (more and not isinstance(page.get("nextRecordsUrl"), str))
    ):
        raise OrgUnreachable("The answer to a query is not Salesforce's: it holds no rows.")
    told: Mapping[str, Any] = page
    return told


def _is_flat(text: str) -> bool:
    """Whether rows hold no rows: no parents' fields, no sub-query, no TYPEOF, no function."""
    selected = text.partition(" FROM ")[0]
    return selected != text and not _NESTED(selected)


def _row(session: Session, record: dict[str, Any], headers: Mapping[str, str]) -> Row:
    """The record, changed in its place: it is ours alone, and a million copies cost time."""
    record.pop("attributes", None)
    for name, value in record.items():
        if type(value) is dict:
            record[name] = _value(session, value, headers)
    return record


def _value(session: Session, value: dict[str, Any], headers: Mapping[str, str]) -> Any:
    if "attributes" in value:
        return _row(session, value, headers)
    if "records" not in value:
        return value  # a compound value, such as an address
    rows = [_row(session, child, headers) for child in value["records"]]
    while not value.get("done", True):
        value = dict(_page(session, str(value["nextRecordsUrl"]), None, headers))
        rows += [_row(session, child, headers) for child in value["records"]]
    return rows
