"""Runs a job: binds the state to its org, takes the lock, keeps the run's row, counts the cost.

Written once for the command line and the daemon. Errors of the tree end the run and are handed
back as data; the caller renders them and sets the exit code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from sfprm.blocks import json_text
from sfprm.errors import AnotherWriter, Bug, Interrupted, NotReady, SfprmError, TryLater
from sfprm.estate.meant import refuse_unmeant
from sfprm.estate.reader import org_facts
from sfprm.events import Event
from sfprm.ids import RunId
from sfprm.jobs.brakes import Brakes, Disk
from sfprm.jobs.crew import Crew
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Limits
from sfprm.jobs.presence import Fence
from sfprm.jobs.starter import Starter
from sfprm.store.lanes import Lanes
from sfprm.store.lock import org_lock
from sfprm.store.records import Run, RunState, SeenAllowance
from sfprm.store.runs import new_id

__all__ = ["Finished", "Starter", "run_job"]

_log = structlog.get_logger("sfprm.jobs")

NO_LIMITS = Limits()
STATES = {0: RunState.DONE, 68: RunState.PARTLY, 130: RunState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended. Either `result` or `error` is set; `calls` are API calls made, those of
    workers that helped among them.

    `begun`: its row says that it ran. A due run that could not begin is due still.
    """

    run: RunId
    job: str
    exit_code: int
    calls: int
    seconds: float
    result: JobResult | None = None
    error: SfprmError | None = None
    begun: bool = True
    name: str = ""
    shut_out: bool = False
    """The org was asked to let us in, and did not."""
    settled: bool = True
    """Its row says how it ended; False when the state could not be told."""
    body: Mapping[str, Any] | None = None
    """The result as JSON has it, where it was made for the run's report already."""


def run_job(
    job: Job[Any, Any],
    options: JobOptions,
    starter: Starter,
    *,
    slot: datetime | None = None,
    name: str | None = None,
    due: Run | None = None,
    limits: Limits = NO_LIMITS,
) -> Finished:
    """Run a job to its end. Raises nothing of the tree: it is in `Finished.error`.

    `name` is the job file's, under which a scheduled run is recorded: two files may run one job at
    the same instant, and a run is unique by (name, slot). By default it is the job's. `due`: the
    row of a run that is due, which becomes this one.
    """
    run = due.id if due is not None else new_id(starter.clock.now())
    recorded = _Recorded(job, options, starter, run, slot, name or job.name, due, limits)
    if starter.traces is None:
        return _run(recorded)
    with starter.traces.run(run, recorded.name):
        finished = _run(recorded)
        error = None if finished.error is None else finished.error.name
        starter.traces.ended(finished.exit_code, finished.calls, error)
        return finished


def _run(recorded: _Recorded) -> Finished:
    starter, job, run = recorded.starter, recorded.job, recorded.run
    clock = starter.clock
    began = clock.monotonic()
    before = 0
    if starter.session is not None:
        before = starter.session.calls.total
        starter.session.calls.begin_run()
    result: JobResult | None = None
    error: SfprmError | None = None
    bound = structlog.contextvars.bind_contextvars(run=run)
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
    calls += recorded.calls_of_helpers()
    if result is not None:
        code = result.exit_code
    else:
        code = error.exit_code if error is not None else Bug.exit_code
    settled = True
    try:
        recorded.finish(result, error, code, calls)
    except SfprmError as unwritten:  # the state could not take the row: the run stays open in it
        settled = False
        error = error or unwritten
        code = error.exit_code if code == 0 else code
    finally:
        structlog.contextvars.reset_contextvars(**bound)
        structlog.contextvars.unbind_contextvars("plan")
    seconds = clock.monotonic() - began
    begun = recorded.has_row or recorded.due is None
    shut_out = recorded.asked and not recorded.bound
    return Finished(
        run, job.name, code, calls, seconds, result, error, begun, recorded.name, shut_out, settled,
        recorded.body,
    )  # fmt: skip


class _Recorded:
    """One run with its row. The row is written once the org is known and the lock is held."""

    def __init__(
        self,
        job: Job[Any, Any],
        options: JobOptions,
        starter: Starter,
        run: RunId,
        slot: datetime | None,
        name: str,
        due: Run | None,
        limits: Limits,
    ) -> None:
        self.job, self.options, self.starter, self.name = job, options, starter, name
        self.run, self.slot, self.due = run, slot, due
        self.started = starter.clock.now()
        self.limits = limits
        self.has_row = False
        self.taken = False
        self.asked = False
        self.bound = False
        self.body: Mapping[str, Any] | None = None
        self.run_dir = starter.settings.state_dir / "runs" / run
        self._held = contextlib.ExitStack()
        self._fence: Fence | None = None
        self._brakes: Brakes | None = None
        self._crew: Crew | None = None

    def execute(self) -> JobResult:
        starter, job = self.starter, self.job
        if self.due is not None:
            self._take(self.due)
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
        if self.due is not None or (job.recorded and not job.is_dry(self.options)):
            self._start()
            if self._crew is not None:
                self._crew.lead(context)
        result: JobResult = job.join([job.run(context, s) for s in job.split(self.options)])
        return result

    @property
    def _writes(self) -> bool:
        return self.job.writes and not self.job.is_dry(self.options)

    def _bind(self, context: JobContext) -> None:
        """The state is this org's, the lock is ours, and each call is asked for from now on."""
        starter = self.starter
        disk = None
        if self._writes:
            disk = Disk(starter.settings.state_dir, starter.settings.disk_reserve_mb)
            disk.check()
        self.asked = True
        identity = context.session.identity
        if self.job.needs_programme:
            self._refuse_unmeant(context)
        store = starter.state()
        store.bind_org(identity.org_id, identity.org_name, self.started)
        self.bound = True
        lanes = None
        if self._writes and store.work.shared:
            self._share(identity.org_id)
            lanes = Lanes(
                store.engine, identity.org_id, starter.settings.calls_in_flight, starter.clock
            )
            self._held.callback(lanes.close)
        elif self._writes:
            self._held.enter_context(
                org_lock(
                    starter.settings.state_dir / "locks",
                    identity.org_id,
                    job=f"{self.name} {self.run}",
                    wait=starter.wait,
                    clock=starter.clock,
                )
            )
            for lost in store.lose_runs(self.started):
                _log.warning(Event.RUN_LOST, run=lost.id, job=lost.job)
        session = context.session
        session.guard = self._brakes = Brakes(
            starter.clock,
            self.limits,
            fence=self._fence,
            lanes=lanes,
            most=starter.settings.call_budget if self._fence is not None else None,
            disk=disk,
        )
        self._held.callback(setattr, session, "guard", None)

    def _refuse_unmeant(self, context: JobContext) -> None:
        """Nothing of an org that the files are not for is read, kept or written."""
        try:
            refuse_unmeant(context.programme, org_facts(context.session))
        except NotReady:
            self.asked = False  # the org did let us in
            raise

    def _share(self, org: str) -> None:
        """Hold the leases of what the job writes, and let the store ask for them as well."""
        starter, store = self.starter, self.starter.state()
        presence = starter.present()
        assert presence is not None
        leases = self._held.enter_context(
            presence.holding(
                [f"{scope.value} of {org}" for scope in self.job.scopes],
                run=self.run,
                words=f"{self.name} {self.run}",
                wait=starter.wait,
                now=self.started,
            )
        )
        self._fence = Fence(presence, store.engine, leases)
        store.fence = self._fence.in_transaction
        self._held.callback(setattr, store, "fence", None)
        for lost in store.work.lose_lapsed():
            _log.warning(Event.RUN_LOST, run=lost.id, job=lost.job)
        store.work.forget_orphans()
        self._crew = Crew(starter, self.run, self.name, self._fence)
        self._held.callback(self._crew.close)

    def _take(self, due: Run) -> None:
        """Take the due run in hand, so that no newer slot takes its place while it begins."""
        presence = self.starter.present()
        if presence is not None:
            self._held.enter_context(presence.keeping(self.run))
        self.taken = self.starter.state().work.claim(
            self.run,
            now=self.started,
            started_by=self.starter.started_by,
            worker=presence.id if presence is not None else None,
            seconds=presence.lease_seconds if presence is not None else 0.0,
        )
        if not self.taken:
            raise _begun_elsewhere(self.name, due.due_at)

    def _start(self) -> None:
        starter = self.starter
        presence = starter.present()
        work = starter.state().work
        seconds = presence.lease_seconds if presence is not None else 0.0
        worker = presence.id if presence is not None else None
        locked = self._writes and presence is None
        if self.due is not None:
            if locked:
                work.lock_run(self.run)
        else:
            row = Run(
                id=self.run,
                job=self.name,
                state=RunState.RUNNING,
                started_by=starter.started_by,
                started=self.started,
                slot=self.slot,
                due_at=self.slot,
                options=self.options.model_dump(mode="json"),
                worker=worker,
                lease_until=work.lease_end(self.started, seconds) if seconds else None,
                locked=locked,
            )
            if presence is not None:
                self._held.enter_context(presence.keeping(self.run))
            if not starter.state().start_run(row):
                raise _begun_elsewhere(self.name, self.slot)
        self.has_row = True
        if presence is not None:
            presence.doing = f"{self.name} {self.run}"
            self._held.callback(setattr, presence, "doing", "")
        _log.info(Event.RUN_STARTED, run=self.run, job=self.name, by=starter.started_by)

    def finish(
        self, result: JobResult | None, error: SfprmError | None, code: int, calls: int
    ) -> None:
        if self._crew is not None:
            self._crew.close()  # nothing is written once the run's row has ended
        try:
            if self.bound and calls:
                self._keep_allowance()
            if self.has_row:
                self._finish_row(result, error, code, calls)
            elif self.taken and isinstance(error, TryLater):
                self.starter.state().work.put_back(self.run)
            elif self.taken and error is not None:
                self._refuse(error, code)
        finally:
            self._held.close()

    def calls_of_helpers(self) -> int:
        """API calls that other workers made for this run; 0 when the state cannot tell."""
        if self._fence is None or self._brakes is None:
            return 0
        try:
            made = self.starter.state().work.calls_under(self._fence.leases)
        except SfprmError:
            return 0
        return max(0, made - self._brakes.passed)

    def _refuse(self, error: SfprmError, code: int) -> None:
        """A due run that is not worth trying again as things stand: it has failed."""
        self.starter.state().finish_run(
            self.run,
            state=STATES.get(code, RunState.FAILED),
            finished=self.starter.clock.now(),
            counts={},
            calls=0,
            exit_code=code,
            message=error.message,
        )
        self.has_row = True

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
            self.body = result.to_json()
            write_report(self.run_dir, self.body)
        _log.info(
            Event.RUN_FINISHED,
            run=self.run,
            job=self.name,
            exit_code=code,
            calls=calls,
            seconds=round((finished - self.started).total_seconds(), 3),
        )


def _begun_elsewhere(name: str, slot: datetime | None) -> AnotherWriter:
    return AnotherWriter(
        f"{name}: the run due at {slot} was started by another process, or a newer one stands.",
        hint="Nothing to do: each due run happens once.",
    )


def write_report(run_dir: Path, body: Mapping[str, Any]) -> Path:
    """Keep a result beside its run: `runs/<run>/result.json`. Returns the path."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "result.json"
    text = json_text(body, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    return path
