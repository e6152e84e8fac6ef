"""Steps of a run, and the values that were last written to managed fields."""

from __future__ import annotations

import json
from itertools import islice
from sys import intern
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, false, or_, select

from sfprm.errors import Bug
from sfprm.ids import RecordId, RunId
from sfprm.store.canonical import canonical
from sfprm.store.records import AppliedValue, Step, StepOutcome, StepState
from sfprm.store.tables import applied, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

WHOLE = ""
"""In the column `field`: the value is a JSON object of all fields of the record. Rows of single
fields are of older versions; they are read, and folded into the whole when it is next written."""
_AT_ONCE = 500
"""Rows a statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""
# Plain SQL, as both databases know it: an apply runs these for each of its rows, and SQLAlchemy's
# own work on a row costs several times the database's.
_ADD = (
    "INSERT INTO steps (run, number, kind, key, state, before, after, record_id, message) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, number) DO NOTHING"
)
_RANGE = "UPDATE steps SET state = ?, message = '' WHERE run = ? AND number BETWEEN ? AND ?"
_ONE = (
    "UPDATE steps SET state = ?, message = ?, record_id = coalesce(?, record_id) "
    "WHERE run = ? AND number = ?"
)
_KNOWN = "SELECT key, field, value FROM applied WHERE object = ? AND key IN "
_KEEP = (
    "INSERT INTO applied (object, key, field, value, run, written_at) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (object, key, field) DO UPDATE SET "
    "value = excluded.value, run = excluded.run, written_at = excluded.written_at"
)


def _many(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> int:
    """Run the statement for each of the rows; how many rows of the table it touched."""
    return connection.exec_driver_sql(_marked(connection, statement), rows).rowcount


def _marked(connection: Connection, statement: str) -> str:
    """With the driver's own mark where a value goes."""
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")


def of_run(connection: Connection, run: RunId) -> list[Step]:
    """In order of number."""
    query = select(steps).where(steps.c.run == run).order_by(steps.c.number)
    return [
        Step(
            run=RunId(row.run),
            number=row.number,
            kind=row.kind,
            key=row.key,
            state=StepState(row.state),
            before=row.before,
            after=row.after,
            record_id=RecordId(row.record_id) if row.record_id else None,
            message=row.message,
        )
        for row in connection.execute(query)
    ]


def outcomes(
    connection: Connection, run: RunId, numbers: Iterable[int] | None
) -> dict[int, StepOutcome]:
    """What became of those steps, by number; of all steps of the run when None are named."""
    query = select(steps.c.number, steps.c.state, steps.c.record_id, steps.c.message).where(
        steps.c.run == run
    )
    if numbers is None:
        return _outcomes(connection, query)
    found: dict[int, StepOutcome] = {}
    left = iter(numbers)
    while part := list(islice(left, _AT_ONCE)):
        found |= _outcomes(connection, query.where(steps.c.number.in_(part)))
    return found


def _outcomes(connection: Connection, query: Select[Any]) -> dict[int, StepOutcome]:
    return {
        row.number: StepOutcome(
            StepState(row.state), RecordId(row.record_id) if row.record_id else None, row.message
        )
        for row in connection.execute(query)
    }


def add(connection: Connection, planned: Iterable[Step]) -> None:
    """Store planned steps; a long plan is taken in parts, so that it is not held twice. One that is
    there stays as it is: who takes up another's part may plan what the other did just before."""
    left = iter(planned)
    while part := list(islice(left, _AT_ONCE)):
        rows: list[tuple[Any, ...]] = [
            (
                step.run,
                step.number,
                step.kind,
                step.key,
                step.state.value,
                canonical(dict(step.before)) if step.before else "{}",
                canonical(dict(step.after)) if step.after else "{}",
                step.record_id,
                step.message,
            )
            for step in part
        ]
        _many(connection, _ADD, rows)


def advance(
    connection: Connection,
    run: RunId,
    numbers: Sequence[int],
    state: StepState,
    record_ids: Mapping[int, RecordId],
    messages: Mapping[int, str],
) -> None:
    """Move steps on. A record id once known is kept. Raises Bug for a step that is not there."""
    numbers, moved, to = list(dict.fromkeys(numbers)), 0, state.value
    special = [n for n in numbers if n in record_ids or n in messages]
    plain = [n for n in numbers if n not in record_ids and n not in messages]
    if plain:
        ends: list[tuple[Any, ...]] = [(to, run, first, last) for first, last in _ranges(plain)]
        moved += _many(connection, _RANGE, ends)
    if special:
        word, found = messages.get, record_ids.get
        moved += _many(connection, _ONE, [(to, word(n, ""), found(n), run, n) for n in special])
    if moved != len(numbers):
        query = select(steps.c.number).where(steps.c.run == run)
        unknown = set(numbers) - set(connection.execute(query).scalars())
        raise Bug(f"Run {run} has no step {min(unknown)}.")


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each stretch of numbers that follow each other."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def last_applied(
    connection: Connection, keys: Mapping[str, Iterable[str]] | None = None
) -> dict[tuple[str, str], dict[str, Any]]:
    """(object, key) → field → the value last written; of those `keys` (by object) alone, if any
    are named."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    query = select(applied.c.object, applied.c.key, applied.c.field, applied.c.value)
    if keys is not None:
        named = [
            (applied.c.object == object_) & applied.c.key.in_(list(some))
            for object_, some in keys.items()
        ]
        query = query.where(or_(false(), *named))
    for object_, key, field, value in connection.execute(query):
        at = (intern(object_), key)
        if field == WHOLE:
            held = found.get(at)
            found[at] = orjson.loads(value) if held is None else {**held, **orjson.loads(value)}
        else:
            found.setdefault(at, {}).setdefault(field, json.loads(value))
    return found


def remember(
    connection: Connection, values: Iterable[AppliedValue], run: RunId, now: datetime
) -> None:
    """Remember what was written; the latest value counts."""
    fresh: dict[tuple[str, str], dict[str, Any]] = {}
    for object_, key, field, value in values:
        fresh.setdefault((object_, key), {})[field] = value
    ats = sorted(fresh)
    for start in range(0, len(ats), _AT_ONCE):
        part = ats[start : start + _AT_ONCE]
        _merge(connection, {at: fresh[at] for at in part}, run, now)


def _merge(
    connection: Connection,
    fresh: Mapping[tuple[str, str], dict[str, Any]],
    run: RunId,
    now: datetime,
) -> None:
    by_object: dict[str, list[str]] = {}
    for object_, key in fresh:
        by_object.setdefault(object_, []).append(key)
    known: dict[tuple[str, str], dict[str, Any]] = {}
    single = False
    for object_, keys in by_object.items():
        query = _marked(connection, f"{_KNOWN}({', '.join('?' * len(keys))})")
        for key, field, value in connection.exec_driver_sql(query, (object_, *keys)):
            held = known.setdefault((object_, key), {})
            if field == WHOLE:
                held |= orjson.loads(value)
            else:
                single = True
                held.setdefault(field, json.loads(value))
    if single:
        for object_, keys in by_object.items():
            connection.execute(
                delete(applied).where(
                    applied.c.object == object_, applied.c.key.in_(keys), applied.c.field != WHOLE
                )
            )
    instant = applied.c.written_at.type.dialect_impl(connection.dialect)
    as_kept = instant.bind_processor(connection.dialect)
    at_that = as_kept(now) if as_kept is not None else now
    rows: list[tuple[Any, ...]] = []
    for at, fields in fresh.items():
        kept = known.get(at)
        value = canonical(fields if kept is None else {**kept, **fields})
        rows.append((*at, WHOLE, value, run, at_that))
    _many(connection, _KEEP, rows)


def forget(connection: Connection, object_: str, key: str) -> None:
    """Forget every value of one record."""
    connection.execute(delete(applied).where(applied.c.object == object_, applied.c.key == key))
