"""Runs: one row an execution of a job, from the moment it is due."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from sfprm.errors import Bug
from sfprm.ids import RunId
from sfprm.store.inserts import insert
from sfprm.store.records import Run, RunState
from sfprm.store.run_states import ENDINGS, RunEvent, move
from sfprm.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

MOST_ATTEMPTS = 5
"""Times that a scheduled run whose process died is begun anew: one that kills its process is not
begun for ever."""


def new_id(now: datetime) -> RunId:
    """A name that sorts by time."""
    return RunId(f"{now:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}")


def _run(row: Row[*tuple[object, ...]]) -> Run:
    fields = dict(row._mapping)
    return Run(
        **{
            **fields,
            "id": RunId(fields["id"]),
            "state": RunState(fields["state"]),
            "locked": bool(fields["locked"]),
        }
    )


def find(connection: Connection, run: RunId) -> Run | None:
    """One run."""
    row = connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
    return None if row is None else _run(row)


NOT_BEGUN = (RunState.DUE.value, RunState.SUPERSEDED.value)


def latest(connection: Connection, job: str | None, limit: int, *, begun: bool = True) -> list[Run]:
    """Latest first. `begun`: without those that are due still, or were superseded."""
    query = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
    if begun:
        query = query.where(runs.c.state.not_in(NOT_BEGUN))
    if job is not None:
        query = query.where(runs.c.job == job)
    return [_run(row) for row in connection.execute(query)]


def start(connection: Connection, run: Run) -> bool:
    """Store a run; False when its (job, slot) has one already."""
    values = {column.name: getattr(run, column.name) for column in runs.columns}
    values |= {
        "state": run.state.value,
        "options": dict(run.options),
        "counts": dict(run.counts),
        "locked": int(run.locked),
    }
    done = connection.execute(
        insert(connection, runs)
        .values(**values)
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
    """End a run. One that was replaced while it was thought dead stays lost.

    Raises Bug when it is unknown or has ended.
    """
    held = find(connection, run)
    if held is None:
        raise Bug(f"Run {run} was never started.")
    if state not in ENDINGS:
        raise Bug(f"{state.value!r} is not an end of a run.")
    after = move(held.state, ENDINGS[state])
    if held.state is RunState.LOST and _successor(connection, run) is not None:
        return
    connection.execute(
        update(runs)
        .where(runs.c.id == run)
        .values(
            state=after.value,
            finished=finished,
            counts=dict(counts),
            calls=calls,
            exit_code=exit_code,
            message=message,
            lease_until=None,
        )
    )


def _successor(connection: Connection, run: RunId) -> str | None:
    query = select(runs.c.id).where(runs.c.retry_of == run).limit(1)
    return connection.execute(query).scalar()


def claim(
    connection: Connection,
    run: RunId,
    *,
    now: datetime,
    started_by: str,
    worker: str | None = None,
    lease_until: datetime | None = None,
) -> bool:
    """Take a due run in hand; False when another has it, or it was superseded."""
    done = connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.state == RunState.DUE.value)
        .values(
            state=move(RunState.DUE, RunEvent.STARTED).value,
            started=now,
            started_by=started_by,
            worker=worker,
            lease_until=lease_until,
            locked=0,
        )
    )
    return done.rowcount == 1


def lock(connection: Connection, run: RunId) -> None:
    """The run holds the org's lock from now on."""
    connection.execute(update(runs).where(runs.c.id == run).values(locked=1))


def put_back(connection: Connection, run: RunId) -> None:
    """A run that was taken in hand and could not begin is due still."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.state == RunState.RUNNING.value)
        .values(
            state=move(RunState.RUNNING, RunEvent.COULD_NOT_BEGIN).value,
            worker=None,
            lease_until=None,
            locked=0,
        )
    )


def due(connection: Connection, now: datetime) -> list[Run]:
    """Runs that may start now, in order of their slots."""
    query = (
        select(runs)
        .where(
            runs.c.state == RunState.DUE.value,
            (runs.c.not_before.is_(None)) | (runs.c.not_before <= now),
        )
        .order_by(runs.c.due_at, runs.c.id)
    )
    return [_run(row) for row in connection.execute(query)]


def of_state(connection: Connection, states: Iterable[RunState]) -> list[Run]:
    """Runs in those states, oldest first."""
    query = (
        select(runs)
        .where(runs.c.state.in_([state.value for state in states]))
        .order_by(runs.c.started, runs.c.id)
    )
    return [_run(row) for row in connection.execute(query)]


def supersede(connection: Connection, ids: Sequence[RunId], now: datetime) -> None:
    """Due runs for which a newer slot stands."""
    if ids:
        connection.execute(
            update(runs)
            .where(runs.c.id.in_(ids), runs.c.state == RunState.DUE.value)
            .values(state=move(RunState.DUE, RunEvent.NEWER_DUE).value, finished=now)
        )


def put_off(connection: Connection, run: RunId, not_before: datetime) -> None:
    """A due run that could not begin is tried again from then on."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.state == RunState.DUE.value)
        .values(not_before=not_before)
    )


def newest_slots(connection: Connection) -> dict[str, datetime]:
    """Each job file's latest slot, whatever became of it."""
    query = (
        select(runs.c.job, func.max(runs.c.due_at))
        .where(runs.c.due_at.is_not(None))
        .group_by(runs.c.job)
    )
    return {job: at for job, at in connection.execute(query) if at is not None}


def newest_of(connection: Connection, states: Sequence[RunState]) -> dict[str, Run]:
    """Each job's run in those states that ended last."""
    last = (
        select(runs.c.job, func.max(runs.c.finished).label("at"))
        .where(runs.c.state.in_([state.value for state in states]))
        .group_by(runs.c.job)
        .subquery()
    )
    query = select(runs).join(last, (runs.c.job == last.c.job) & (runs.c.finished == last.c.at))
    return {row.job: _run(row) for row in connection.execute(query)}


def lose(connection: Connection, now: datetime, *, scheduled: bool = False) -> list[Run]:
    """Mark what a dead process left running as lost: runs that held the org's lock (which the
    caller holds now), or all `scheduled` ones (of a dead daemon). A scheduled one gets a successor
    that is due at once and has its slot. Runs with a lease are left to `lose_lapsed`."""
    chosen = runs.c.due_at.is_not(None) if scheduled else runs.c.locked == 1
    return _lose(connection, now, chosen & runs.c.lease_until.is_(None))


def lose_lapsed(connection: Connection, now: datetime) -> list[Run]:
    """The same for runs whose process has not said for too long that it lives. `now` by the
    database's clock."""
    return _lose(connection, now, runs.c.lease_until < now)


def _lose(connection: Connection, now: datetime, chosen: ColumnElement[bool]) -> list[Run]:
    left = connection.execute(
        select(runs).where(runs.c.state == RunState.RUNNING.value, chosen).with_for_update()
    ).all()
    lost = move(RunState.RUNNING, RunEvent.PROCESS_DIED)
    found = []
    for row in left:
        run = _run(row)
        connection.execute(
            update(runs)
            .where(runs.c.id == run.id)
            .values(state=lost.value, finished=now, slot=None, lease_until=None)
        )
        if run.due_at is not None and run.attempt < MOST_ATTEMPTS:
            again(connection, run, now, now)
        found.append(replace(run, state=lost, finished=now))
    return found


def again(connection: Connection, run: Run, now: datetime, not_before: datetime) -> Run:
    """A due run that takes the place of one that failed or was lost; it has its slot."""
    connection.execute(update(runs).where(runs.c.id == run.id).values(slot=None))
    successor = Run(
        id=new_id(now),
        job=run.job,
        state=RunState.DUE,
        started_by=run.started_by,
        started=now,
        slot=run.due_at,
        options=run.options,
        due_at=run.due_at,
        not_before=not_before,
        attempt=run.attempt + 1,
        retry_of=run.id,
        locked=run.locked,
    )
    start(connection, successor)
    return successor
