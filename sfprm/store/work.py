"""What is due, who is at work, who holds which lock, what is paused: one transaction a question.

Leases and heartbeats go by the database's clock, so that workers with skewed clocks agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text, update

from sfprm.ids import RunId
from sfprm.store import runs
from sfprm.store.engine import reading, writing
from sfprm.store.inserts import insert
from sfprm.store.records import RunState
from sfprm.store.tables import runs as runs_table
from sfprm.store.work_tables import alerts, held, leases, parts, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

    from sfprm.store.records import Run

__all__ = ["Lease", "Part", "Pause", "WorkBook", "WorkerSeen"]

ALL = ""
"""The pause that holds everything of the org."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A job file (or, with an empty name, the whole org) that is not started until resumed."""

    name: str
    since: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock held, or the words of who holds it. `fence` 0: not got."""

    name: str
    fence: int
    holder: str = ""


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A process that was at work at `seen`; `doing` in words."""

    id: str
    kind: str
    host: str
    process: int
    started: datetime
    seen: datetime
    doing: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run. `state`: waiting, running, done or failed; `fence` grows with each worker
    that takes it up."""

    id: str
    run: RunId
    number: int
    kind: str
    content: Any
    state: str
    fence: int
    worker: str | None = None
    result: Any = None
    message: str = ""


class WorkBook:
    """Work under way, on a database. May be used by several threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def shared(self) -> bool:
        """Whether several machines may work on this state."""
        return self._engine.dialect.name == "postgresql"

    # runs that are due

    def add_due(self, run: Run) -> bool:
        """Store a due run; False when its slot has one, whoever stored it."""
        with writing(self._engine) as connection:
            return runs.start(connection, run)

    def due(self, now: datetime) -> list[Run]:
        """Runs that may start now, in order of their slots."""
        with reading(self._engine) as connection:
            return runs.due(connection, now)

    def history(self, job: str | None = None, limit: int = 50) -> list[Run]:
        """All runs, latest first, with those that are due still or were superseded."""
        with reading(self._engine) as connection:
            return runs.latest(connection, job, limit, begun=False)

    def open_runs(self) -> list[Run]:
        """Runs that are due (later, too) or under way."""
        with reading(self._engine) as connection:
            return runs.of_state(connection, (RunState.DUE, RunState.RUNNING))

    def supersede(self, ids: Sequence[RunId], now: datetime) -> None:
        """Due runs for which a newer slot stands."""
        with writing(self._engine) as connection:
            runs.supersede(connection, ids, now)

    def claim(
        self,
        run: RunId,
        *,
        now: datetime,
        started_by: str,
        worker: str | None = None,
        seconds: float = 0.0,
    ) -> bool:
        """Take a due run in hand; False when it is not due any more. `seconds`: its lease; 0 for
        none."""
        with writing(self._engine) as connection:
            until = self._now(connection, now) + timedelta(seconds=seconds) if seconds else None
            return runs.claim(
                connection,
                run,
                now=now,
                started_by=started_by,
                worker=worker,
                lease_until=until,
            )

    def lock_run(self, run: RunId) -> None:
        """The run holds the org's lock from now on."""
        with writing(self._engine) as connection:
            runs.lock(connection, run)

    def put_back(self, run: RunId) -> None:
        """A run that was taken in hand and could not begin is due still."""
        with writing(self._engine) as connection:
            runs.put_back(connection, run)

    def lease_end(self, now: datetime, seconds: float) -> datetime:
        """When a lease taken now ends, by the clock that leases go by."""
        with reading(self._engine) as connection:
            return self._now(connection, now) + timedelta(seconds=seconds)

    def put_off(self, run: RunId, not_before: datetime) -> None:
        """A due run that could not begin is tried again from then on."""
        with writing(self._engine) as connection:
            runs.put_off(connection, run, not_before)

    def retry(self, run: RunId, now: datetime, not_before: datetime) -> Run | None:
        """A due run in place of one that failed."""
        with writing(self._engine) as connection:
            failed = runs.find(connection, run)
            return None if failed is None else runs.again(connection, failed, now, not_before)

    def newest_slots(self) -> dict[str, datetime]:
        """Each job file's latest slot, whatever became of it."""
        with reading(self._engine) as connection:
            return runs.newest_slots(connection)

    def last_done(self) -> dict[str, Run]:
        """Each job file's latest run that was done, or done but for some rows."""
        with reading(self._engine) as connection:
            return runs.newest_of(connection, (RunState.DONE, RunState.PARTLY))

    def last_ended(self) -> dict[str, Run]:
        """Each job file's latest run that ended, however."""
        ended = (RunState.DONE, RunState.PARTLY, RunState.FAILED, RunState.INTERRUPTED)
        with reading(self._engine) as connection:
            return runs.newest_of(connection, ended)

    def lose_scheduled(self, now: datetime) -> list[Run]:
        """Runs of a daemon that is dead: the caller holds its lock. Each gets a successor."""
        with writing(self._engine) as connection:
            return runs.lose(connection, now, scheduled=True)

    def lose_lapsed(self) -> list[Run]:
        """Runs whose process has been silent for too long; scheduled ones get successors."""
        with writing(self._engine) as connection:
            return runs.lose_lapsed(connection, self._now(connection, datetime.now(UTC)))

    # pauses

    def pause(self, pause: Pause) -> None:
        """Hold a job file, or with an empty name everything."""
        with writing(self._engine) as connection:
            connection.execute(
                insert(connection, held)
                .values(name=pause.name, since=pause.since, by=pause.by, why=pause.why)
                .on_conflict_do_nothing()
            )

    def resume(self, name: str) -> bool:
        """False when it was not paused."""
        with writing(self._engine) as connection:
            gone = connection.execute(delete(held).where(held.c.name == name))
            return gone.rowcount > 0

    def pauses(self) -> dict[str, Pause]:
        """What is held, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(held).order_by(held.c.name))
            return {r.name: Pause(r.name, r.since, r.by, r.why) for r in rows}

    def troubles(self) -> list[tuple[str, datetime]]:
        """What is wrong just now, by its title, and since when."""
        query = select(alerts).where(alerts.c.ended.is_(None)).order_by(alerts.c.since)
        with reading(self._engine) as connection:
            return [(row.title, row.since) for row in connection.execute(query)]

    # workers and leases

    def beat(self, worker: WorkerSeen, seconds: float) -> None:
        """Say that a process lives: its runs, leases and parts are its own for `seconds` more.
        What has lapsed stays lapsed."""
        with writing(self._engine) as connection:
            now = self._now(connection, worker.seen)
            values = {
                "kind": worker.kind,
                "host": worker.host,
                "process": worker.process,
                "started": worker.started,
                "seen": now,
                "doing": worker.doing,
            }
            connection.execute(
                insert(connection, workers)
                .values(id=worker.id, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values)
            )
        until = now + timedelta(seconds=seconds)
        mine = (runs_table.c.worker == worker.id) & (runs_table.c.state == RunState.RUNNING.value)
        # a transaction each: a run that ends holds its lease while it wants its row, and this must
        # not hold the row while it wants the lease
        for statement in (
            update(runs_table)
            .where(mine, runs_table.c.lease_until > now)
            .values(lease_until=until),
            *(
                update(table)
                .where(table.c.worker == worker.id, table.c.until > now)
                .values(until=until)
                for table in (leases, parts)
            ),
        ):
            with writing(self._engine) as connection:
                connection.execute(statement)

    def leave(self, worker: str) -> None:
        """A process ends in good order."""
        with writing(self._engine) as connection:
            connection.execute(delete(workers).where(workers.c.id == worker))

    def abandon(self, worker: str) -> None:
        """A process breaks off: what is its own is anybody's at once."""
        with writing(self._engine) as connection:
            now = self._now(connection, datetime.now(UTC))
            connection.execute(delete(workers).where(workers.c.id == worker))
        mine = (runs_table.c.worker == worker) & (runs_table.c.state == RunState.RUNNING.value)
        for statement in (
            update(runs_table).where(mine).values(lease_until=now),
            *(
                update(table).where(table.c.worker == worker, table.c.until > now).values(until=now)
                for table in (leases, parts)
            ),
        ):
            with writing(self._engine) as connection:
                connection.execute(statement)

    def workers(self, *, seen_since: datetime | None = None) -> list[WorkerSeen]:
        """Processes at work, by host and start. Those not seen since are left out."""
        query = select(workers).order_by(workers.c.host, workers.c.started)
        if seen_since is not None:
            query = query.where(workers.c.seen >= seen_since)
        with reading(self._engine) as connection:
            return [WorkerSeen(**row._mapping) for row in connection.execute(query)]

    def forget_workers(self, before: datetime) -> None:
        """Drop the rows of processes that died long ago."""
        with writing(self._engine) as connection:
            connection.execute(delete(workers).where(workers.c.seen < before))

    def take_lease(
        self, name: str, *, worker: str, run: str, words: str, seconds: float, now: datetime
    ) -> Lease:
        """Hold the name for `seconds`, with a fence of its own; or say who holds it."""
        with writing(self._engine) as connection:
            at = self._now(connection, now)
            connection.execute(
                insert(connection, leases)
                .values(name=name, fence=0, words="", calls=0)
                .on_conflict_do_nothing()
            )
            row = connection.execute(
                select(leases).where(leases.c.name == name).with_for_update()
            ).one()
            if row.until is not None and row.until > at:
                since = row.since.isoformat(timespec="seconds")
                return Lease(name, 0, f"{row.words}, since {since}")
            fence = row.fence + 1
            connection.execute(
                update(leases)
                .where(leases.c.name == name)
                .values(
                    fence=fence,
                    worker=worker,
                    run=run,
                    words=words,
                    since=at,
                    until=at + timedelta(seconds=seconds),
                    calls=0,
                )
            )
            return Lease(name, fence)

    def drop_lease(self, lease: Lease) -> None:
        """Let go, if it is still held."""
        with writing(self._engine) as connection:
            connection.execute(
                update(leases)
                .where(leases.c.name == lease.name, leases.c.fence == lease.fence)
                .values(until=None, worker=None)
            )

    def leases(self) -> list[tuple[str, str, datetime]]:
        """Locks held now: name, holder in words, since when."""
        with reading(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            rows = connection.execute(
                select(leases).where(leases.c.until > at).order_by(leases.c.name)
            )
            return [(row.name, row.words, row.since) for row in rows]

    # parts of runs

    def add_parts(self, added: Sequence[Part]) -> None:
        """Store parts, waiting."""
        with writing(self._engine) as connection:
            connection.execute(
                parts.insert(),
                [
                    {
                        "id": part.id,
                        "run": part.run,
                        "number": part.number,
                        "kind": part.kind,
                        "content": part.content,
                        "state": part.state,
                        "fence": 0,
                        "message": "",
                    }
                    for part in added
                ],
            )

    def claim_part(self, id_: str, *, worker: str, seconds: float) -> Part | None:
        """Take a part up; None when it is done, gone, or another's whose lease holds."""
        with writing(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            row = connection.execute(
                select(parts).where(parts.c.id == id_).with_for_update()
            ).one_or_none()
            if row is None or row.state in ("done", "failed"):
                return None
            if row.state == "running" and row.until is not None and row.until > at:
                return None
            connection.execute(
                update(parts)
                .where(parts.c.id == id_)
                .values(
                    state="running",
                    worker=worker,
                    fence=row.fence + 1,
                    until=at + timedelta(seconds=seconds),
                )
            )
            return Part(
                id_, RunId(row.run), row.number, row.kind, row.content, "running", row.fence + 1
            )

    def free_part(self, run: RunId) -> str | None:
        """The first part of the run that nobody has, or whose worker has been silent too long."""
        with reading(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            query = (
                select(parts.c.id)
                .where(
                    parts.c.run == run,
                    (parts.c.state == "waiting")
                    | ((parts.c.state == "running") & (parts.c.until < at)),
                )
                .order_by(parts.c.number)
                .limit(1)
            )
            return connection.execute(query).scalar()

    def finish_part(self, part: Part, *, state: str, result: Any, message: str = "") -> bool:
        """End a part; False when another has taken it up meanwhile."""
        with writing(self._engine) as connection:
            done = connection.execute(
                update(parts)
                .where(parts.c.id == part.id, parts.c.fence == part.fence)
                .values(state=state, result=result, message=message, until=None)
            )
            return done.rowcount == 1

    def parts_of(self, run: RunId) -> list[Part]:
        """In order of number."""
        query = select(parts).where(parts.c.run == run).order_by(parts.c.number)
        with reading(self._engine) as connection:
            return [
                Part(
                    r.id, RunId(r.run), r.number, r.kind, r.content, r.state, r.fence, r.worker,
                    r.result, r.message,
                )
                for r in connection.execute(query)
            ]  # fmt: skip

    def forget_parts(self, run: RunId) -> None:
        """Drop the parts of a run that has ended."""
        with writing(self._engine) as connection:
            connection.execute(delete(parts).where(parts.c.run == run))

    def size(self) -> dict[str, int]:
        """Rows of the tables that grow: runs and journal entries."""
        with reading(self._engine) as connection:
            counted = connection.execute(select(func.count()).select_from(runs_table)).scalar_one()
            entries = connection.execute(
                text("SELECT coalesce(max(sequence), 0) FROM journal")
            ).scalar_one()
            return {"runs": int(counted), "journal": int(entries)}

    def _now(self, connection: Connection, given: datetime) -> datetime:
        """The database's clock where several share it, else the caller's."""
        if not self.shared:
            return given
        at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return at.astimezone(UTC)
