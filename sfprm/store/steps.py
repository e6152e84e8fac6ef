"""Steps of a run, and the values that were last written to managed fields."""

from __future__ import annotations

import json
from itertools import islice
from sys import intern
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Text, bindparam, delete, false, func, or_, select, update

from sfprm.errors import Bug
from sfprm.ids import RecordId, RunId
from sfprm.store.canonical import canonical
from sfprm.store.inserts import insert
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
_FEW = 4
"""Stretches of numbers that are named by their ends; more are listed one by one."""
_OF_RUN = update(steps).where(steps.c.run == bindparam("of"))
_MOVED = _OF_RUN.values(state=bindparam("to"), message="")
_RANGE = _MOVED.where(steps.c.number.between(bindparam("first"), bindparam("last")))
_LISTED = _MOVED.where(steps.c.number.in_(bindparam("those", expanding=True)))
_ONE = _OF_RUN.where(steps.c.number == bindparam("at")).values(
    state=bindparam("to"),
    message=bindparam("words"),
    record_id=func.coalesce(bindparam("found", type_=Text), steps.c.record_id),
)


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
    """Store planned steps; a long plan is taken in parts, so that it is not held twice."""
    left = iter(planned)
    while part := list(islice(left, _AT_ONCE)):
        connection.execute(
            steps.insert(),
            [
                {
                    "run": step.run,
                    "number": step.number,
                    "kind": step.kind,
                    "key": step.key,
                    "state": step.state.value,
                    "before": dict(step.before),
                    "after": dict(step.after),
                    "record_id": step.record_id,
                    "message": step.message,
                }
                for step in part
            ],
        )


def advance(
    connection: Connection,
    run: RunId,
    numbers: Sequence[int],
    state: StepState,
    record_ids: Mapping[int, RecordId],
    messages: Mapping[int, str],
) -> None:
    """Move steps on. A record id once known is kept. Raises Bug for a step that is not there."""
    numbers, moved = list(dict.fromkeys(numbers)), 0
    plain = [n for n in numbers if n not in messages and n not in record_ids]
    ranges = _ranges(plain)
    if len(ranges) <= _FEW:
        for first, last in ranges:
            given = {"of": run, "to": state.value, "first": first, "last": last}
            moved += connection.execute(_RANGE, given).rowcount
    else:
        for start in range(0, len(plain), _AT_ONCE):
            part = plain[start : start + _AT_ONCE]
            moved += connection.execute(
                _LISTED, {"of": run, "to": state.value, "those": part}
            ).rowcount
    special = [n for n in numbers if n in messages or n in record_ids]
    if special:
        word, found = messages.get, record_ids.get
        rows = [
            {"of": run, "to": state.value, "at": n, "words": word(n, ""), "found": found(n)}
            for n in special
        ]
        moved += connection.execute(_ONE, rows).rowcount
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
    fresh: Mapping[tuple[str, str], Mapping[str, Any]],
    run: RunId,
    now: datetime,
) -> None:
    by_object: dict[str, list[str]] = {}
    for object_, key in fresh:
        by_object.setdefault(object_, []).append(key)
    known: dict[tuple[str, str], dict[str, Any]] = {}
    single = False
    for object_, keys in by_object.items():
        query = select(applied.c.key, applied.c.field, applied.c.value).where(
            applied.c.object == object_, applied.c.key.in_(keys)
        )
        for key, field, value in connection.execute(query):
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
    statement = insert(connection, applied)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["object", "key", "field"],
            set_={name: statement.excluded[name] for name in ("value", "run", "written_at")},
        ),
        [
            {
                "object": at[0],
                "key": at[1],
                "field": WHOLE,
                "value": canonical({**known.get(at, {}), **fields}),
                "run": run,
                "written_at": now,
            }
            for at, fields in fresh.items()
        ],
    )


def forget(connection: Connection, object_: str, key: str) -> None:
    """Forget every value of one record."""
    connection.execute(delete(applied).where(applied.c.object == object_, applied.c.key == key))
