"""One way in for writes of any size: Collections, five of them in a composite call, or Bulk 2.0.

Chosen by what it costs in calls and by what each can carry. One outcome a row, in order; rows
refused for a lock are sent again, alone; no other row is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil
from typing import Any

from sfprm.errors import BadRequest, OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce import bulk, collections
from sfprm.salesforce.bulk import Fields, Operation
from sfprm.salesforce.collections import MAX_ROWS, RowError, RowOutcome, outcomes_of, record_of
from sfprm.salesforce.composite import MAX_HEAVY, Part, together
from sfprm.salesforce.refusals import Refusal, read_fault
from sfprm.salesforce.session import Session

__all__ = [
    "BULK_FROM",
    "NOT_SENT",
    "SETUP_OBJECTS",
    "UNKNOWN",
    "Way",
    "WritePlan",
    "plan_write",
    "write",
]  # fmt: skip

BULK_FROM = 2000
"""Rows from which Bulk 2.0 is thought of; under it Salesforce advises Collections [documented]."""

UNKNOWN = "OUTCOME_UNKNOWN"
"""Our code for rows that were sent and not answered: read them back before writing them again."""

NOT_SENT = "NOT_SENT"
"""Our code for rows that were not sent, because the outcome of earlier ones is unknown."""

SETUP_OBJECTS = frozenset(
    {
        "group",
        "groupmember",
        "permissionset",
        "permissionsetassignment",
        "queuesobject",
        "user",
        "userrole",
    }
)
"""Objects whose writes lock each other: one request at a time, never by Bulk 2.0, which cannot
be told to run in turn [documented]."""

_ROUTED = frozenset({"lead", "case"})
_BULK_CALLS = 9
"""Calls of a bulk job: create, upload, close, about four looks, two result files."""
_LOCK_JOBS = 2
"""Further jobs for rows that a lock refused."""


class Way(Enum):
    """How rows go out."""

    COLLECTIONS = "Collections"
    COMPOSITE = "Collections in composite calls"
    BULK = "Bulk 2.0"


@dataclass(frozen=True, slots=True)
class WritePlan:
    """The way chosen, about how many calls it costs, and why; shown before anything is sent."""

    way: Way
    calls: int
    why: str


def plan_write(
    object_: str,
    operation: Operation,
    count: int,
    fields: frozenset[str],
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    bulk_from: int = BULK_FROM,
    owners_by_bulk: bool = False,
) -> WritePlan:
    """How `count` rows with these fields are best written. Pure.

    `key`: a column that tells rows apart. `owners_by_bulk` lets owners of leads and cases go by
    Bulk 2.0, which cannot switch the org's assignment rules off. Headers that only matter to REST
    keep the rows from it as well.
    """
    name = object_.lower()
    single = WritePlan(Way.COLLECTIONS, ceil(count / MAX_ROWS), "one call for each 200 rows")
    packed = WritePlan(
        Way.COMPOSITE, ceil(count / (MAX_ROWS * MAX_HEAVY)), "one call for each 1,000 rows"
    )
    if name in SETUP_OBJECTS:
        return replace(single, why="users, groups and the like are written in turn")
    if headers:
        return replace(single, why=f"only this carries {', '.join(sorted(headers))}")
    rest = packed if count > MAX_ROWS else single
    if count < bulk_from:
        return rest
    if name in _ROUTED and "ownerid" in {f.lower() for f in fields} and not owners_by_bulk:
        return replace(rest, why="owners of leads and cases do not go by Bulk 2.0")
    if key is None:
        return replace(rest, why="no column tells the rows apart")
    if rest.calls <= _BULK_CALLS:
        return replace(rest, why="fewer calls than a bulk job")
    return WritePlan(Way.BULK, _BULK_CALLS, f"{rest.calls:,} calls otherwise")


def write(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    *,
    operation: Operation,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    bulk_from: int = BULK_FROM,
    owners_by_bulk: bool = False,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
    on_job: Callable[[RecordId, int, int], None] | None = None,
) -> list[RowOutcome]:
    """Write rows of one object; one outcome a row, in order.

    `key`: the external id of an upsert; for an insert, a field whose value is unique in these rows
    (or None: no bulk); update and delete go by `Id`. `on_outcomes` is told of each part as soon as
    it is answered. A call without a clear answer that may not be repeated ends the writing: its
    rows are UNKNOWN and those after it NOT_SENT. Other errors are raised.
    """
    if operation in ("update", "delete"):
        key = "Id"
    if operation == "upsert" and key is None:
        raise BadRequest("An upsert needs the name of its external-id field.")
    fields = frozenset(name for row in rows for name in row)
    plan = plan_write(
        object_, operation, len(rows), fields,
        key=key, headers=headers, bulk_from=bulk_from, owners_by_bulk=owners_by_bulk,
    )  # fmt: skip
    if plan.way is Way.BULK and key is not None:
        return _by_bulk(session, object_, rows, operation, key, on_job, on_outcomes)
    size = MAX_ROWS * (MAX_HEAVY if plan.way is Way.COMPOSITE else 1)
    done: list[RowOutcome] = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        try:
            if plan.way is Way.COMPOSITE:
                told = _by_composite(session, object_, part, operation, key, headers)
            else:
                told = _by_collections(session, object_, part, operation, key, headers)
        except OutcomeUnknown as error:
            told = _all(len(part), UNKNOWN, error.message)
            told += _all(len(rows) - start - len(part), NOT_SENT, "an earlier outcome is unknown",
                         after=len(part))  # fmt: skip
        told = [replace(outcome, index=start + outcome.index) for outcome in told]
        if on_outcomes is not None:
            on_outcomes(told)
        done += told
        if len(done) == len(rows):
            break
    return done


def _all(count: int, code: str, words: str, *, after: int = 0) -> list[RowOutcome]:
    error = RowError(code, words)
    return [RowOutcome(after + number, None, False, errors=(error,)) for number in range(count)]


def _by_collections(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    operation: Operation,
    key: str | None,
    headers: Mapping[str, str] | None,
) -> list[RowOutcome]:
    match operation:
        case "insert":
            return collections.create(session, object_, rows, headers=headers)
        case "update":
            return collections.update(session, object_, rows, headers=headers)
        case "upsert":
            return collections.upsert(session, object_, str(key), rows, headers=headers)
        case "delete":
            return collections.delete(session, [str(row["Id"]) for row in rows])


def _by_composite(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    operation: Operation,
    key: str | None,
    headers: Mapping[str, str] | None,
) -> list[RowOutcome]:
    starts = range(0, len(rows), MAX_ROWS)
    parts = [
        _part(object_, rows[start : start + MAX_ROWS], operation, key, f"part{number}")
        for number, start in enumerate(starts)
    ]
    answers = together(session, parts, kind=operation, repeatable=operation != "insert")
    outcomes: list[RowOutcome] = []
    for start, answer in zip(starts, answers, strict=True):
        indexes = range(start, min(start + MAX_ROWS, len(rows)))
        if answer.status >= 300:
            fault = read_fault(answer.status, answer.body)
            error = RowError(fault.code, fault.message, fault.fields)
            outcomes += [RowOutcome(index, None, False, errors=(error,)) for index in indexes]
        else:
            outcomes += outcomes_of(indexes, answer.body, created=operation == "insert")
    locked = [outcome.index for outcome in outcomes if _is_locked(outcome)]
    if locked:
        session.gate.crowded()
        again = _by_collections(
            session, object_, [rows[index] for index in locked], operation, key, headers
        )
        for index, outcome in zip(locked, again, strict=True):
            outcomes[index] = replace(outcome, index=index)
    return outcomes


def _part(
    object_: str, rows: Sequence[Fields], operation: Operation, key: str | None, name: str
) -> Part:
    path = "composite/sobjects"
    if operation == "delete":
        ids = ",".join(str(row["Id"]) for row in rows)
        return Part("DELETE", f"{path}?ids={ids}&allOrNone=false", name)
    body: dict[str, Any] = {
        "allOrNone": False,
        "records": [record_of(object_, row) for row in rows],
    }
    if operation == "upsert":
        path = f"{path}/{object_}/{key}"
    return Part("POST" if operation == "insert" else "PATCH", path, name, body)


def _by_bulk(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    operation: Operation,
    key: str,
    on_job: Callable[[RecordId, int, int], None] | None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None,
) -> list[RowOutcome]:
    """The rows by bulk jobs; those that a lock refused are told of once, when they are through."""

    def settled(told: Sequence[RowOutcome]) -> None:
        if on_outcomes is not None:
            on_outcomes([outcome for outcome in told if not _is_locked(outcome)])

    outcomes = bulk.ingest(
        session, object_, operation, rows, key=key, on_job=on_job, on_outcomes=settled
    )
    first_locked = [outcome.index for outcome in outcomes if _is_locked(outcome)]
    for _ in range(_LOCK_JOBS):
        locked = [outcome.index for outcome in outcomes if _is_locked(outcome)]
        if not locked:
            break
        session.gate.crowded()
        again = bulk.ingest(session, object_, operation, [rows[i] for i in locked], key=key)
        for index, outcome in zip(locked, again, strict=True):
            outcomes[index] = replace(outcome, index=index)
    if first_locked and on_outcomes is not None:
        on_outcomes([outcomes[index] for index in first_locked])
    return outcomes


def _is_locked(outcome: RowOutcome) -> bool:
    return any(error.refusal is Refusal.LOCK for error in outcome.errors)
