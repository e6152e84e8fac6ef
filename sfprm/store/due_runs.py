"""Runs that are due, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sfprm.store import runs
from sfprm.store.book import Book
from sfprm.store.engine import reading, writing
from sfprm.store.records import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.ids import RunId
    from sfprm.store.records import Run

__all__ = ["DueRuns"]


class DueRuns(Book):
    """Runs by their slots."""

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
