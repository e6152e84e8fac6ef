"""One way in for writes of any size: Collections, five of them in a composite call, or Bulk 2.0.

Chosen by what it costs in calls and by what each can carry. One outcome a row, in order; rows
refused for a lock are sent again, alone; no other row is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from math import ceil

from sfprm.errors import BadRequest, OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce.bulk import Fields, Operation
from sfprm.salesforce.collections import MAX_ROWS, UNKNOWN, RowError, RowOutcome
from sfprm.salesforce.composite import MAX_HEAVY
from sfprm.salesforce.session import Session
from sfprm.salesforce.ways import (
    Chunk,
    by_bulk,
    by_collections,
    by_composite,
    chunks_of,
    is_unknown,
)

__all__ = [
    "BULK_FROM",
    "NOT_SENT",
    "SETUP_OBJECTS",
    "UNKNOWN",
    "ReadBack",
    "Way",
    "WritePlan",
    "known",
    "plan_write",
    "send_chunks",
    "write",
    "write_each",
]

BULK_FROM = 2000
"""Rows from which Bulk 2.0 is thought of; under it Salesforce advises Collections [documented]."""

NOT_SENT = "NOT_SENT"
"""Our code for rows that were not sent, because the outcome of earlier ones is unknown."""

SETUP_OBJECTS = frozenset(
    {
        "fieldpermissions",
        "group",
        "groupmember",
        "networkmembergroup",
        "objectpermissions",
        "permissionset",
        "permissionsetassignment",
        "permissionsetgroup",
        "permissionsetgroupcomponent",
        "permissionsetlicenseassign",
        "profile",
        "queuesobject",
        "setupentityaccess",
        "user",
        "userlogin",
        "userpackagelicense",
        "userrole",
        "userterritory2association",
    }
)
"""Objects whose writes lock each other: one request at a time, never in one with other objects
(MIXED_DML_OPERATION), never by Bulk 2.0, which cannot be told to run in turn [documented; that
NetworkMemberGroup, Profile and UserLogin belong here is unverified]."""

ReadBack = Callable[[Chunk], Sequence[RecordId | None]]
"""Asks the org which rows of a chunk that got no answer are there: an id for each, or None."""

_LOOKS = 3
"""How often unknown rows are read back and sent once more."""
_PORTION = 20_000
"""Rows that `write_each` holds in memory."""

_ROUTED = frozenset({"lead", "case"})
_BULK_CALLS = 9
"""Calls of a bulk job: create, upload, close, about four looks, two result files."""


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
    read_back: ReadBack | None = None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
    on_job: Callable[[RecordId, int, int], None] | None = None,
) -> list[RowOutcome]:
    """Write rows of one object; one outcome a row, in order. Several objects: `write_changes`.

    `key`: the external id of an upsert; for an insert, a field whose value is unique in these rows
    (or None: no bulk); update and delete go by `Id`. `on_outcomes` is told of each part as soon as
    it is answered. A call without a clear answer that may not be repeated is looked into by
    `read_back`, and its rows that are not there are sent again; without one it ends the
    writing: its rows are UNKNOWN and those after it NOT_SENT (see `known`). Other errors are
    raised.
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
        return by_bulk(session, object_, rows, operation, key, on_job, on_outcomes)
    return send_chunks(
        session, chunks_of(object_, operation, rows, key),
        packed=plan.way is Way.COMPOSITE,
        headers=headers, read_back=read_back, on_outcomes=on_outcomes,
    )  # fmt: skip


def write_each(
    session: Session,
    object_: str,
    rows: Iterable[Fields],
    *,
    operation: Operation,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    read_back: ReadBack | None = None,
) -> Iterator[RowOutcome]:
    """`write` for rows without end: outcomes come as they are told, in order; memory is bounded.

    The rows after one whose outcome is unknown are not asked for.
    """
    start, given = 0, iter(rows)
    while portion := list(islice(given, _PORTION)):
        told = write(
            session, object_, portion,
            operation=operation, key=key, headers=headers, read_back=read_back,
        )  # fmt: skip
        for outcome in told:
            yield _moved(outcome, start)
        if any(is_unknown(outcome) for outcome in told):
            return
        start += len(portion)


def known(outcomes: Sequence[RowOutcome]) -> Sequence[RowOutcome]:
    """The same outcomes, for those who cannot go on without each. Raises OutcomeUnknown when there
    is a row of which nobody knows."""
    lost = next((one for one in outcomes if is_unknown(one)), None)
    if lost is not None:
        raise OutcomeUnknown(lost.errors[0].message)
    return outcomes


def send_chunks(
    session: Session,
    chunks: Sequence[Chunk],
    *,
    packed: bool,
    headers: Mapping[str, str] | None = None,
    read_back: ReadBack | None = None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
    start: int = 0,
) -> list[RowOutcome]:
    """Send chunks, five a call if they are `packed`, and stop when an outcome stays unknown.

    One outcome a row of all chunks, in order, counted from `start`.
    """
    done: list[RowOutcome] = []
    size = MAX_HEAVY if packed else 1
    for number in range(0, len(chunks), size):
        call = chunks[number : number + size]
        at = start + len(done)
        if packed:
            told = by_composite(session, call, at)
        else:
            told = [_moved(one, at) for one in by_collections(session, call[0], headers)]
        for _ in range(_LOOKS if read_back is not None else 0):
            if not any(is_unknown(one) for one in told):
                break
            told = _looked_into(session, call, told, headers, read_back)
        done += told
        lost = any(is_unknown(one) for one in told)
        if lost:
            rest = sum(len(chunk.rows) for chunk in chunks[number + size :])
            told += not_sent(start + len(done), rest)
            done += told[len(told) - rest :] if rest else []
        if on_outcomes is not None:
            on_outcomes(told)
        if lost:
            break
    return done


def not_sent(start: int, count: int) -> list[RowOutcome]:
    """Outcomes of rows that were kept back."""
    error = RowError(NOT_SENT, "an earlier outcome is unknown")
    return [RowOutcome(start + number, None, False, errors=(error,)) for number in range(count)]


def _looked_into(
    session: Session,
    call: Sequence[Chunk],
    told: list[RowOutcome],
    headers: Mapping[str, str] | None,
    read_back: ReadBack | None,
) -> list[RowOutcome]:
    """Unknown rows that are in the org are done; the others are sent once more."""
    assert read_back is not None
    first, start = told[0].index, 0
    for chunk in call:
        lost = [n for n in range(len(chunk.rows)) if is_unknown(told[start + n])]
        if lost:
            asked = replace(chunk, rows=[chunk.rows[n] for n in lost])
            found = dict(zip(lost, read_back(asked), strict=True))
            missing = [n for n in lost if found[n] is None]
            smaller = replace(chunk, rows=[chunk.rows[n] for n in missing])
            again = by_collections(session, smaller, headers) if missing else []
            for n, outcome in zip(missing, again, strict=True):
                told[start + n] = replace(outcome, index=first + start + n)
            for n, id_ in found.items():
                if id_ is not None:
                    made = chunk.operation == "insert"
                    told[start + n] = RowOutcome(first + start + n, id_, True, created=made)
        start += len(chunk.rows)
    return told


def _moved(outcome: RowOutcome, by: int) -> RowOutcome:
    return replace(outcome, index=by + outcome.index) if by else outcome
