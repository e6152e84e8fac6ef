"""Bulk API 2.0 as the org has it: jobs by id, and the work that waits.

Work goes on once `Delays.bulk_seconds` of the org's clock have gone by since the job was closed: by
itself (`working.py`), 2,000 rows at a time so that requests come in between, and with each request
about jobs, up to 10,000 rows (one internal batch [D]). Each 200 rows are a transaction that commits
with its results, so a killed process goes on where it was. A job shows its end only after a poll
that was told it is not done: no client may rely on the first answer."""

from __future__ import annotations

import json
import sqlite3
import sys
import traceback
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

from sfprm.devorg.bulk import queries
from sfprm.devorg.bulk.dialect import CsvProblem
from sfprm.devorg.bulk.ingest import Work
from sfprm.devorg.bulk.job import Event, Job
from sfprm.devorg.bulk.store import Store
from sfprm.devorg.problems import Refusal
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["BATCH", "Bulk"]

BATCH = 10_000
SLICE = 2_000
PIECE = 2_000
LIMITS = {"batches": 15_000, "query_jobs": 10_000}
"""In 24 hours; batches are shared with Bulk v1 [D]. The setting `bulk_limits` lowers them."""
_SURPRISES = (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError,
              RuntimeError, sqlite3.Error)  # fmt: skip


class Bulk:
    """The jobs of an org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self.store = Store(org)
        self._waiting: list[str] | None = None
        self._texts: dict[str, str] = {}

    def forget(self) -> None:
        """The database is another one now."""
        self._waiting = None
        self._texts.clear()

    def limit(self, kind: str) -> int:
        """The allowance of 24 hours: batches or query_jobs."""
        return int(self._org.setting("bulk_limits", {}).get(kind, LIMITS[kind]))

    def left(self, kind: str) -> int:
        """What is left of it."""
        self.store.prepare()
        return max(0, self.limit(kind) - self.store.used(kind))

    def add(self, job: Job) -> None:
        """Keep a new job; one that is closed already (a query) waits for its work."""
        self.store.save(job)
        if job.working:
            self._wait_for(job.id)

    def close(self, job: Job) -> Job | None:
        """All data is there; None when the job's state does not allow it."""
        now = self._org.clock.now()
        closed = job.moved(Event.CLOSE, stamp_text(now))
        if closed is None:
            return None
        closed = replace(closed, closed=now.isoformat())
        self.store.save(closed)
        self._wait_for(job.id)
        return closed

    def abort(self, job: Job) -> Job | None:
        """Stop a job; what it has written stays. None when its state does not allow it."""
        aborted = job.moved(Event.ABORT, self._now())
        if aborted is None or job.outcome is not None:
            return None
        with self._org.storage.transaction():
            self._keep_rest(job)
            self.store.save(aborted)
        self._texts.pop(job.id, None)
        return aborted

    def poll(self, job: Job) -> Job:
        """The job as shown to a poll."""
        if not job.working:
            return job
        if not job.polled:
            job = replace(job, polled=True)
            self.store.save(job)
            return job
        return self.reveal(job)

    def reveal(self, job: Job) -> Job:
        """Show what the work came to, when it is over."""
        if job.working and job.outcome is not None:
            ended = job.moved(job.outcome, self._now())
            assert ended is not None
            self.store.save(ended)
            return ended
        return job

    @property
    def waiting(self) -> bool:
        """There may be work. Asked without the org's lock."""
        return self._waiting is None or bool(self._waiting)

    def settle(self, *, slices: int | None = None) -> None:
        """Let waiting work go on: so many slices, or a whole batch of each job that is due. Called
        before a request about jobs is answered, and between requests; never raises."""
        rows = BATCH if slices is None else slices * SLICE
        for job in self._living():
            if self._due_in(job) == 0:
                self._go_on(job, rows)

    def due_in(self) -> float | None:
        """Seconds of the org's clock until a job can go on; None when none waits."""
        return min(map(self._due_in, self._living()), default=None)

    def _living(self) -> list[Job]:
        """The jobs that wait for work; those at their end are forgotten."""
        if self._waiting is None:
            self.store.prepare()
            self._waiting = self.store.working()
        found = []
        for id_ in list(self._waiting):
            job = self.store.find(id_)
            if job is None or not job.working or job.outcome is not None:
                self._waiting.remove(id_)
                self._texts.pop(id_, None)
            else:
                found.append(job)
        return found

    def _wait_for(self, id_: str) -> None:
        if self._waiting is not None:
            self._waiting.append(id_)

    def _due_in(self, job: Job) -> float:
        assert job.closed is not None
        wait = timedelta(seconds=self._org.delays.bulk_seconds)
        left = datetime.fromisoformat(job.closed) + wait - self._org.clock.now()
        return max(0.0, left.total_seconds())

    def _go_on(self, job: Job, rows: int) -> None:
        started = perf_counter()
        begun = job.moved(Event.BEGIN, self._now())
        try:
            if begun is not None:
                job = begun
                self.store.save(job)
            job = self._query(job) if job.kind == "query" else self._ingest(job, rows)
        except CsvProblem as problem:
            job = self._failed(job, str(problem))
        except Refusal as refusal:
            job = self._failed(job, f"{refusal.code} : {refusal.message}")
        except _SURPRISES as error:
            traceback.print_exc(file=sys.stderr)
            job = self._failed(job, f"UNKNOWN_EXCEPTION : {type(error).__name__}")
        spent = int((perf_counter() - started) * 1000)
        self.store.save(replace(job, milliseconds=job.milliseconds + spent))

    def _failed(self, job: Job, why: str) -> Job:
        """The end of a job that cannot go on; the rows not reached are unprocessed."""
        kept = self.store.find(job.id)
        assert kept is not None
        self._keep_rest(kept)
        return replace(kept, outcome=Event.FAIL, error=why)

    def _keep_rest(self, job: Job) -> None:
        """The rows that were not reached, as a results file; data that cannot be read stays as it
        was sent."""
        if job.kind == "query":
            return
        text = self._text(job.id)
        dialect = job.dialect
        try:
            header, start = dialect.header(text)
            rest = [dialect.line(cells) for cells, _ in dialect.rows(text, job.offset or start)]
        except CsvProblem:
            self.store.add_part(job.id, "unprocessed", 0, text)
            return
        self.store.add_part(job.id, "unprocessed", len(rest), dialect.line(header) + "".join(rest))

    def _query(self, job: Job) -> Job:
        org = self._org
        access = org.permissions.of(job.user_id)
        pieces = queries.run(
            org,
            access,
            job.query or "",
            job.version,
            job.dialect,
            deleted=job.operation == "queryAll",
        )
        total = 0
        with org.storage.transaction():
            self.store.add_part(job.id, "header", 0, "".join(next(pieces)))
            for lines in pieces:
                total += len(lines)
                for first in range(0, len(lines), PIECE):
                    piece = lines[first : first + PIECE]
                    self.store.add_part(job.id, "rows", len(piece), json.dumps(piece))
            job = replace(job, processed=total, total=total, outcome=Event.FINISH)
            self.store.save(job)
        return job

    def _ingest(self, job: Job, rows: int) -> Job:
        text = self._text(job.id)
        if job.total is None:
            job = replace(job, total=job.dialect.count(text))
            self._charge(job)
            self.store.save(job)
        work = Work(self._org, job, text)
        until = job.processed + rows
        while job.processed < until:
            with self._org.storage.transaction():
                job = self._step(work, job)
            if job.outcome is not None:
                break
        return job

    def _step(self, work: Work, job: Job) -> Job:
        done = work.run(job.offset or work.start)
        good, bad = len(done.successful), len(done.failed)
        if good:
            self.store.add_part(job.id, "successful", good, "".join(done.successful))
        if bad:
            self.store.add_part(job.id, "failed", bad, "".join(done.failed))
        processed = job.processed + good + bad
        job = replace(job, offset=done.offset, processed=processed, failed=job.failed + bad)
        if processed >= (job.total or 0):
            job = replace(job, outcome=Event.FINISH)
        self.store.save(job)
        return job

    def _charge(self, job: Job) -> None:
        """Batches of 10,000 rows toward the day's allowance. Raises CsvProblem when it is used up
        (the words as in Bulk v1 [P])."""
        batches = -(-(job.total or 0) // BATCH)
        if batches > self.left("batches"):
            raise CsvProblem("ExceededQuota : ApiBatchItems Limit exceeded.")
        self.store.use("batches", batches)

    def _text(self, id_: str) -> str:
        if id_ not in self._texts:
            self._texts[id_] = self.store.data(id_)
        return self._texts[id_]

    def _now(self) -> str:
        return stamp_text(self._org.clock.now())
