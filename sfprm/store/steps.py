"""Steps of a run, and the values that were last written to managed fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from sfprm.errors import Bug
from sfprm.ids import RecordId, RunId
from sfprm.store.canonical import canonical
from sfprm.store.inserts import insert
from sfprm.store.records import AppliedValue, Step, StepState
from sfprm.store.tables import applied, steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


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


def add(connection: Connection, planned: Sequence[Step]) -> None:
    """Store planned steps."""
    rows = [
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
        for step in planned
    ]
    if rows:
        connection.execute(steps.insert(), rows)


def advance(
    connection: Connection,
    run: RunId,
    numbers: Sequence[int],
    state: StepState,
    record_ids: Mapping[int, RecordId],
    messages: Mapping[int, str],
) -> None:
    """Move steps on. A record id once known is kept. Raises Bug for a step that is not there."""
    known_numbers = connection.execute(select(steps.c.number).where(steps.c.run == run)).scalars()
    unknown = sorted(set(numbers) - set(known_numbers))
    if unknown:
        raise Bug(f"Run {run} has no step {unknown[0]}.")
    if numbers:
        connection.execute(
            update(steps)
            .where(steps.c.run == run, steps.c.number == bindparam("at"))
            .values(state=state.value, message=bindparam("words")),
            [{"at": number, "words": messages.get(number, "")} for number in numbers],
        )
    known = [{"at": n, "found": record_ids[n]} for n in numbers if n in record_ids]
    if known:
        connection.execute(
            update(steps)
            .where(steps.c.run == run, steps.c.number == bindparam("at"))
            .values(record_id=bindparam("found")),
            known,
        )


def last_applied(connection: Connection) -> dict[tuple[str, str], dict[str, Any]]:
    """(object, key) → field → the value last written."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    query = select(applied).order_by(applied.c.object, applied.c.key, applied.c.field)
    for row in connection.execute(query):
        found.setdefault((row.object, row.key), {})[row.field] = json.loads(row.value)
    return found


def remember(
    connection: Connection, values: Sequence[AppliedValue], run: RunId, now: datetime
) -> None:
    """Remember what was written; the latest value counts."""
    rows = {
        (value.object, value.key, value.field): {
            "object": value.object,
            "key": value.key,
            "field": value.field,
            "value": canonical(value.value),
            "run": run,
            "written_at": now,
        }
        for value in values
    }
    if not rows:
        return
    statement = insert(connection, applied)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["object", "key", "field"],
            set_={name: statement.excluded[name] for name in ("value", "run", "written_at")},
        ),
        [rows[key] for key in sorted(rows)],
    )


def forget(connection: Connection, object_: str, key: str) -> None:
    """Forget every value of one record."""
    connection.execute(delete(applied).where(applied.c.object == object_, applied.c.key == key))
