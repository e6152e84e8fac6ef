"""The daemon's life: start, work due runs off one at a time, drain on SIGTERM, reload on SIGHUP.

The first SIGTERM or SIGINT lets the run in hand end and exits 0; a second one breaks it off and
exits 130. Either way the next start goes on from the journal.
"""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

import structlog

from sfprm.daemon.jobfiles import IfLate, JobFile, load_job_files
from sfprm.daemon.schedule import Due, Wake, is_late, missed, start_scheduler
from sfprm.errors import AnotherWriter, BadFiles, SfprmError
from sfprm.events import Event
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.store.lock import daemon_lock

__all__ = ["Daemon"]

_log = structlog.get_logger("sfprm.daemon")


class Daemon:
    """One process that runs job files on their schedules.

    `on_finished` is told of each run. `once` runs every job file a single time and ends.
    """

    def __init__(
        self,
        starter: Starter,
        jobs_dir: Path,
        *,
        once: bool = False,
        on_finished: Callable[[Finished], None] = lambda _: None,
    ) -> None:
        self._starter = starter
        self._jobs_dir = jobs_dir
        self._once = once
        self._on_finished = on_finished
        self._due: queue.SimpleQueue[Due | Wake] = queue.SimpleQueue()
        self._pending: dict[str, Due] = {}
        self._files: dict[str, JobFile] = {}
        self._good: Programme | None = None
        self._draining = False
        self._reload = False

    def run(self) -> int:
        """Run until told to stop. Returns the exit code.

        Raises BadFiles when the job files are bad at the start, AnotherWriter when another daemon
        holds this state.
        """
        self._files = {file.name: file for file in load_job_files(self._jobs_dir)}
        self._good = load_programme(self._starter.settings.programme)
        self._starter.load = self._programme
        with ExitStack() as held:
            locks = self._starter.settings.state_dir / "locks"
            held.enter_context(
                daemon_lock(locks, clock=self._starter.clock, wait=self._starter.wait)
            )
            if self._once:
                return self._run_each_once()
            held.enter_context(_Signals(self._stop, self._hup))
            return self._serve()

    def _run_each_once(self) -> int:
        codes = [self._do(file) for file in self._files.values()]
        return max(codes, default=0)

    def _serve(self) -> int:
        clock = self._starter.clock
        scheduler = start_scheduler(list(self._files.values()), self._due, clock.now())
        code = 0
        try:
            self._catch_up()
            _log.info(Event.DAEMON_READY, jobs=sorted(self._files))
            while not self._draining:
                self._take()
                if self._reload:
                    scheduler.shutdown(wait=False)
                    self._reread()
                    scheduler = start_scheduler(list(self._files.values()), self._due, clock.now())
                if self._pending and not self._draining:
                    self._work(self._pending.pop(next(iter(self._pending))))
        except KeyboardInterrupt:
            code = 130
        finally:
            scheduler.shutdown(wait=False)
        _log.info(Event.DAEMON_STOPPED, exit_code=code)
        return code

    def _catch_up(self) -> None:
        """Slots that passed while no daemon ran, each file's once."""
        now = self._starter.clock.now()
        for file in self._files.values():
            slots = [r.slot for r in self._starter.state().runs(job=file.name) if r.slot]
            due = missed(file, max(slots, default=None), now)
            if due is not None:
                self._due.put(due)

    def _take(self) -> None:
        """Move what is due from the queue to `_pending`; wait when there is nothing.

        Slots of one job that came due during a long run are one run, for the newest of them.
        """
        items = [] if self._pending else [self._due.get()]
        with suppress(queue.Empty):
            while True:
                items.append(self._due.get_nowait())
        self._pending |= {item.name: item for item in items if isinstance(item, Due)}

    def _work(self, due: Due) -> None:
        file = self._files.get(due.name)
        if file is None:
            _log.info(Event.JOB_SKIPPED, job=due.name, slot=due.slot.isoformat(), why="gone")
            return
        if file.if_late is IfLate.SKIP and is_late(due, self._starter.clock.now()):
            _log.info(Event.JOB_SKIPPED, job=due.name, slot=due.slot.isoformat(), why="late")
            return
        _log.info(Event.JOB_DUE, job=due.name, slot=due.slot.isoformat())
        code = self._do(file, due)
        if code == 130:
            raise KeyboardInterrupt

    def _do(self, file: JobFile, due: Due | None = None) -> int:
        self._starter.started_by = f"daemon ({file.name})"
        slot = due.slot if due is not None else None
        finished = run_job(file.job, file.options, self._starter, slot=slot, name=file.name)
        if isinstance(finished.error, AnotherWriter):
            why = finished.error.message
            _log.warning(Event.JOB_SKIPPED, job=file.name, slot=slot and slot.isoformat(), why=why)
        elif finished.error is not None:
            _log.error(
                Event.RUN_FAILED,
                run=finished.run,
                job=file.name,
                error=finished.error.name,
                message=finished.error.message,
            )
        self._on_finished(finished)
        return finished.exit_code

    def _programme(self) -> Programme:
        """The files as they are, or the last good ones when they are bad."""
        try:
            self._good = load_programme(self._starter.settings.programme)
        except BadFiles as bad:
            _log.error(Event.FILES_REFUSED, errors=len(bad.complaints), message=bad.message)
        assert self._good is not None
        return self._good

    def _reread(self) -> None:
        self._reload = False
        try:
            self._files = {file.name: file for file in load_job_files(self._jobs_dir)}
        except SfprmError as bad:
            _log.error(Event.FILES_REFUSED, message=bad.message)
            return
        _log.info(Event.FILES_RELOADED, jobs=sorted(self._files))

    def _stop(self, number: int) -> None:
        if self._draining:
            raise KeyboardInterrupt
        self._draining = True
        _log.info(Event.DAEMON_DRAINING, signal=signal.Signals(number).name)
        self._due.put(Wake())

    def _hup(self) -> None:
        self._reload = True
        self._due.put(Wake())


class _Signals:
    """Installs the handlers, and puts the old ones back."""

    def __init__(self, stop: Callable[[int], None], hup: Callable[[], None]) -> None:
        self._stop, self._hup = stop, hup
        self._before: list[tuple[int, object]] = []

    def __enter__(self) -> _Signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before.append((number, signal.signal(number, self._on_stop)))
        self._before.append((signal.SIGHUP, signal.signal(signal.SIGHUP, self._on_hup)))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop(number)

    def _on_hup(self, _number: int, _frame: FrameType | None) -> None:
        self._hup()
