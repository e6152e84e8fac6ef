"""Runs: one row an execution of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sfprm.errors import Bug
from sfprm.ids import RunId
from sfprm.store.inserts import insert
from sfprm.store.records import Run, RunState
from sfprm.store.run_states import ENDINGS, RunEvent, move
from sfprm.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row


def _run(row: Row[*tuple[object, ...]]) -> Run:
    fields = dict(row._mapping)
    return Run(**{**fields, "id": RunId(fields["id"]), "state": RunState(fields["state"])})


def find(connection: Connection, run: RunId) -> Run | None:
    """One run."""
    row = connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
    return None if row is None else _run(row)


def latest(connection: Connection, job: str | None, limit: int) -> list[Run]:
    """Latest first."""
    query = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
    if job is not None:
        query = query.where(runs.c.job == job)
    return [_run(row) for row in connection.execute(query)]


def start(connection: Connection, run: Run) -> bool:
    """Store a run; False when its (job, slot) has one already."""
    done = connection.execute(
        insert(connection, runs)
        .values(
            id=run.id,
            job=run.job,
            state=run.state.value,
            started_by=run.started_by,
            started=run.started,
            slot=run.slot,
            finished=run.finished,
            options=dict(run.options),
            counts=dict(run.counts),
            calls=run.calls,
            exit_code=run.exit_code,
            message=run.message,
        )
        .on_conflict_do_nothing(index_elements=["job", "slot"]),
        execution_options={"preserve_rowcount": True},
    )
    return done.rowcount == 1


def finish(
    connection: Connection,
    run: RunId,
    *,
    state: RunState,
    finished: datetime,
    counts: Mapping[str, int],
    calls: int,
    exit_code: int,
    message: str,
) -> None:
    """End a run. Raises Bug when it is unknown or has ended."""
    held = find(connection, run)
    if held is None:
        raise Bug(f"Run {run} was never started.")
    if state not in ENDINGS:
        raise Bug(f"{state.value!r} is not an end of a run.")
    connection.execute(
        update(runs)
        .where(runs.c.id == run)
        .values(
            state=move(held.state, ENDINGS[state]).value,
            finished=finished,
            counts=dict(counts),
            calls=calls,
            exit_code=exit_code,
            message=message,
        )
    )


def lose(connection: Connection, now: datetime) -> list[Run]:
    """Mark what a dead process left running as lost."""
    left = connection.execute(select(runs).where(runs.c.state == RunState.RUNNING.value)).all()
    lost = move(RunState.RUNNING, RunEvent.PROCESS_DIED)
    if left:
        connection.execute(
            update(runs)
            .where(runs.c.state == RunState.RUNNING.value)
            .values(state=lost.value, finished=now)
        )
    found = [find(connection, RunId(row.id)) for row in left]
    return [run for run in found if run is not None]
