"""Bulk API 2.0 query: a million rows for some dozen calls, typed as the REST query types them.

The results are CSV; describe says what each column is. No aggregates, child sub-queries, GROUP BY,
OFFSET or TYPEOF [documented in part]. Rows come in no promised order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sfprm.errors import BadRequest, OrgRefused, OrgUnreachable
from sfprm.salesforce.answer import told_id
from sfprm.salesforce.bulk import watch
from sfprm.salesforce.describe import ObjectDescribe, describe
from sfprm.salesforce.query import Row
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query

__all__ = ["PAGE", "bulk_select", "can_type", "fits_bulk"]

PAGE = 50_000
"""Rows a page: one page is in memory at a time."""

Read = Callable[[str], Any]


def fits_bulk(query: Query) -> bool:
    """Whether a bulk job can answer the query with rows that we can type: plain fields, and
    fields of a parent one level up."""
    return (
        all(name.replace(".", "", 1).replace("_", "").isalnum() for name in query.select)
        and query.from_.replace("_", "").isalnum()
        and not any(name.lower().startswith("owner.") for name in query.select)
    )


def can_type(session: Session, query: Query) -> bool:
    """Whether describe tells what each selected column holds. A parent of several kinds (a task's
    `Who`, a record's `Owner`) has columns of no one type: such a query is read by pages."""
    try:
        _readers(session, query)
    except BadRequest:
        return False
    return True


def bulk_select(
    session: Session,
    query: Query,
    *,
    include_deleted: bool = False,
    timeout: float = 3600.0,
    page: int = PAGE,
) -> Iterator[Row]:
    """The rows of a query by a bulk job; nothing is sent before the first is asked for.

    Raises BadRequest for a query that does not fit, OrgRefused for one that the org fails,
    StillWorking after `timeout` seconds.
    """
    if not fits_bulk(query):
        raise BadRequest("This query cannot be answered by a bulk job: plain fields only.")
    readers = _readers(session, query)
    asked = {"operation": "queryAll" if include_deleted else "query", "query": query.text()}
    told: Any = session.request("POST", "jobs/query", kind="bulk", json=asked, repeatable=True).json
    if not isinstance(told, Mapping) or "id" not in told:
        raise OrgUnreachable("The answer about a bulk job is not Salesforce's.")
    job = told_id(told["id"])
    state = watch(session, job, family="query", timeout=timeout)
    if state.state != "JobComplete":
        raise OrgRefused(
            f"The bulk query {job} ended as {state.state}: {state.error or 'no reason given'}."
        )
    locator = ""
    while True:
        params = {"maxRecords": str(page)} | ({"locator": locator} if locator else {})
        answer = session.request(
            "GET", f"jobs/query/{job}/results", kind="bulk", params=params,
            headers={"Accept": "text/csv"},
        )  # fmt: skip
        locator = answer.headers.get("Sforce-Locator", "null")
        rows = _rows(answer.content, readers)
        del answer  # one page in memory, not two while the next is on its way
        yield from rows
        del rows
        if locator in ("", "null"):  # the literal text stands for the end [recorded]
            return


def _rows(content: bytes, readers: Mapping[str, Read]) -> Iterator[Row]:
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
    head = next(lines, [])
    columns = [(*name.partition(".")[::2], readers.get(name.lower(), str)) for name in head]
    for line in lines:
        row: dict[str, Any] = {}
        for (first, second, read), text in zip(columns, line, strict=True):
            value = read(text) if text else None
            if not second:
                row[first] = value
            else:
                parent = row.setdefault(first, {})
                parent[second] = value
        for name, value in row.items():
            if isinstance(value, dict) and not any(v is not None for v in value.values()):
                row[name] = None  # as REST answers for a parent that is not there
        yield row


def _readers(session: Session, query: Query) -> dict[str, Read]:
    """How to read each selected column, by its name in lower case."""
    own = _described(session, query.from_)
    readers: dict[str, Read] = {}
    for name in query.select:
        first, dot, second = name.partition(".")
        if not dot:
            readers[name.lower()] = _reader(own, first)
            continue
        link = own.field(f"{first[:-1]}c" if first.lower().endswith("__r") else f"{first}Id")
        if link is None or len(link.reference_to) != 1:
            raise BadRequest(
                f"{name}: a bulk query reads a parent of one kind only.",
                hint="Read it by pages: `read` does so by itself.",
            )
        readers[name.lower()] = _reader(_described(session, link.reference_to[0]), second)
    return readers


def _described(session: Session, object_: str) -> ObjectDescribe:
    found = describe(session, object_)
    if found is None:
        raise OrgRefused(f"The org has no object {object_}, or the user may not see it.")
    return found


def _reader(object_: ObjectDescribe, name: str) -> Read:
    field = object_.field(name)
    match field.type if field else "string":
        case "boolean":
            return lambda text: text == "true"
        case "int" | "long":
            return int
        case "double" | "currency" | "percent":
            return float
        case "datetime":
            return lambda text: text.replace("Z", "+0000")
        case _:
            return str
