"""Processes at work: their heartbeats, and what is theirs while they live."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update

from sfprm.store.book import Book
from sfprm.store.engine import reading, writing
from sfprm.store.inserts import insert
from sfprm.store.records import RunState
from sfprm.store.tables import runs as runs_table
from sfprm.store.work_tables import leases, parts, workers

__all__ = ["AtWork", "WorkerSeen"]


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


class AtWork(Book):
    """Processes by their id."""

    def beat(self, worker: WorkerSeen, seconds: float, kept: Collection[str] = ()) -> None:
        """Say that a process lives: those of its runs, locks and parts that are in `kept` are its
        own for `seconds` more. What has lapsed stays lapsed."""
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
            .where(mine, runs_table.c.lease_until > now, runs_table.c.id.in_(kept))
            .values(lease_until=until),
            update(leases)
            .where(leases.c.worker == worker.id, leases.c.until > now, leases.c.name.in_(kept))
            .values(until=until),
            update(parts)
            .where(parts.c.worker == worker.id, parts.c.until > now, parts.c.id.in_(kept))
            .values(until=until),
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
