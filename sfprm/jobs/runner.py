"""Runs a job: binds the state to its org, takes the lock, keeps the run's row, counts the cost.

Written once for the command line and the daemon. Errors of the tree end the run and are handed
back as data; the caller renders them and sets the exit code.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from sfprm.clock import Clock
from sfprm.errors import AnotherWriter, Bug, Interrupted, SfprmError
from sfprm.events import Event, Progress
from sfprm.ids import RunId
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.salesforce.calls import log_call
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings
from sfprm.store.api import StoreWriter
from sfprm.store.database import open_store
from sfprm.store.lock import org_lock
from sfprm.store.records import Run, RunState, SeenAllowance

__all__ = ["Finished", "Starter", "run_job"]

_log = structlog.get_logger("sfprm.jobs")

STATES = {0: RunState.DONE, 68: RunState.PARTLY, 130: RunState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended. Either `result` or `error` is set; `calls` are API calls made."""

    run: RunId
    job: str
    exit_code: int
    calls: int
    seconds: float
    result: JobResult | None = None
    error: SfprmError | None = None


@dataclass(slots=True)
class Starter:
    """What runs share: settings, clock, and optionally an open session and store.

    A starter that is given none opens them when a job first asks, and closes what it opened.
    """

    settings: Settings
    clock: Clock
    progress: Progress
    started_by: str = "cli"
    wait: float = 0.0
    session: Session | None = None
    store: StoreWriter | None = None
    load: Callable[[], Programme] | None = None
    _opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def connect(self) -> Session:
        """The session, opened on first use."""
        if self.session is None:
            self.session = open_session(self.settings, self.clock, on_call=log_call)
            self._opened.callback(self.session.close)
        return self.session

    def state(self) -> StoreWriter:
        """The store, opened on first use."""
        if self.store is None:
            store = open_store(self.settings.database)
            self._opened.callback(store.close)
            self.store = store
        return self.store

    def programme(self) -> Programme:
        """The declared programme, read anew."""
        if self.load is not None:
            return self.load()
        return load_programme(self.settings.programme)

    def close(self) -> None:
        """Close what was opened."""
        self._opened.close()
        self.session = self.store = None

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_job(
    job: Job[Any, Any],
    options: JobOptions,
    starter: Starter,
    *,
    slot: datetime | None = None,
    name: str | None = None,
) -> Finished:
    """Run a job to its end. Raises nothing of the tree: it is in `Finished.error`.

    `name` is the job file's, under which a scheduled run is recorded: two files may run one job at
    the same instant, and a run is unique by (name, slot). By default it is the job's.
    """
    clock = starter.clock
    began = clock.monotonic()
    started = clock.now()
    run = RunId(f"{started:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}")
    before = 0
    if starter.session is not None:
        before = starter.session.calls.total
        starter.session.calls.begin_run()
    recorded = _Recorded(job, options, starter, run, started, slot, name or job.name)
    result: JobResult | None = None
    error: SfprmError | None = None
    try:
        result = recorded.execute()
    except SfprmError as refused:
        error = refused
    except KeyboardInterrupt:
        error = Interrupted(f"{job.name} was interrupted.")
    except Exception as unexpected:  # noqa: BLE001 - the one outer edge (style.md, flaw 6)
        _log.exception(Event.RUN_FAILED, run=run, job=job.name)
        error = Bug(f"{job.name} failed: {type(unexpected).__name__}: {unexpected}")
        error.__cause__ = unexpected
    starter.progress.rest()
    calls = (starter.session.calls.total if starter.session is not None else 0) - before
    if result is not None:
        code = result.exit_code
    else:
        code = error.exit_code if error is not None else Bug.exit_code
    try:
        recorded.finish(result, error, code, calls)
    except SfprmError as unwritten:  # the state could not take the row: the run stays open in it
        error = error or unwritten
        code = error.exit_code if code == 0 else code
    seconds = clock.monotonic() - began
    return Finished(run, job.name, code, calls, seconds, result, error)


class _Recorded:
    """One run with its row. The row is written once the org is known and the lock is held."""

    def __init__(
        self,
        job: Job[Any, Any],
        options: JobOptions,
        starter: Starter,
        run: RunId,
        started: datetime,
        slot: datetime | None,
        name: str,
    ) -> None:
        self.job, self.options, self.starter, self.name = job, options, starter, name
        self.run, self.started, self.slot = run, started, slot
        self.has_row = False
        self.bound = False
        self.run_dir = starter.settings.state_dir / "runs" / run
        self._held = contextlib.ExitStack()

    def execute(self) -> JobResult:
        starter, job = self.starter, self.job
        context = JobContext(
            settings=starter.settings,
            clock=starter.clock,
            store=starter.state(),
            progress=starter.progress,
            run=self.run,
            run_dir=self.run_dir,
            connect=starter.connect,
            load=starter.programme,
        )
        if job.needs_programme:
            _ = context.programme  # bad files are found before the org hears from us
        if not job.offline:
            self._bind(context)
        if job.recorded and not job.is_dry(self.options):
            self._start()
        result: JobResult = job.join([job.run(context, s) for s in job.split(self.options)])
        return result

    def _bind(self, context: JobContext) -> None:
        identity = context.session.identity
        context.store.bind_org(identity.org_id, identity.org_name, self.started)
        self.bound = True
        if not self.job.writes or self.job.is_dry(self.options):
            return
        self._held.enter_context(
            org_lock(
                self.starter.settings.database,
                self.starter.settings.state_dir / "locks",
                identity.org_id,
                job=f"{self.name} {self.run}",
                wait=self.starter.wait,
                clock=self.starter.clock,
            )
        )
        for lost in context.store.lose_runs(self.started):
            _log.warning(Event.RUN_LOST, run=lost.id, job=lost.job)

    def _start(self) -> None:
        row = Run(
            id=self.run,
            job=self.name,
            state=RunState.RUNNING,
            started_by=self.starter.started_by,
            started=self.started,
            slot=self.slot,
            options=self.options.model_dump(mode="json"),
        )
        if not self.starter.state().start_run(row):
            raise AnotherWriter(
                f"{self.name}: the run due at {self.slot} was started by another process.",
                hint="Nothing to do: each due run happens once.",
            )
        self.has_row = True
        _log.info(Event.RUN_STARTED, run=self.run, job=self.job.name, by=self.starter.started_by)

    def finish(
        self, result: JobResult | None, error: SfprmError | None, code: int, calls: int
    ) -> None:
        try:
            if self.bound and calls:
                self._keep_allowance()
            if self.has_row:
                self._finish_row(result, error, code, calls)
        finally:
            self._held.close()

    def _keep_allowance(self) -> None:
        """What the newest answer said of the org's day, for `status`, which asks no org."""
        seen = self.starter.session.calls.allowance if self.starter.session else None
        if seen is not None:
            self.starter.state().see_allowance(SeenAllowance(*seen, self.starter.clock.now()))

    def _finish_row(
        self, result: JobResult | None, error: SfprmError | None, code: int, calls: int
    ) -> None:
        clock = self.starter.clock
        finished = clock.now()
        self.starter.state().finish_run(
            self.run,
            state=STATES.get(code, RunState.FAILED),
            finished=finished,
            counts=dict(result.counts) if result is not None else {},
            calls=calls,
            exit_code=code,
            message=error.message if error is not None else "",
        )
        if result is not None:
            write_report(self.run_dir, result)
        _log.info(
            Event.RUN_FINISHED,
            run=self.run,
            job=self.job.name,
            exit_code=code,
            calls=calls,
            seconds=round((finished - self.started).total_seconds(), 3),
        )


def write_report(run_dir: Path, result: JobResult) -> Path:
    """Keep the result beside the run: `runs/<run>/result.json`. Returns the path."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "result.json"
    text = json.dumps(result.to_json(), ensure_ascii=False, indent=1, default=str)
    path.write_text(text + "\n", encoding="utf-8")
    return path
