"""The daemon's life on one machine: start, work due runs off one at a time, drain, reload.

The first SIGTERM or SIGINT lets the run in hand end and exits 0; a second one breaks it off and
exits 130. Either way the next start goes on from the journal.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import structlog

from sfprm.daemon.doing import Doing
from sfprm.daemon.installation import Installation, Org
from sfprm.daemon.jobfiles import load_job_files
from sfprm.daemon.keeper import Board, Keeper
from sfprm.daemon.notify import Supervisor
from sfprm.daemon.planner import pick
from sfprm.daemon.signals import Signals
from sfprm.daemon.watch import Watch
from sfprm.errors import AnotherWriter, TryLater
from sfprm.events import Event
from sfprm.jobs.starter import Starter
from sfprm.store.lock import daemon_lock

__all__ = ["Daemon"]

_log = structlog.get_logger("sfprm.daemon")

IDLE_S = 0.5
"""Seconds until the next look when nothing is said to be due."""


class Daemon:
    """One process that runs job files on their schedules.

    `once` runs every job file a single time and ends. `standby` waits for the other daemon of this
    state to end instead of refusing. `each` is called at every tick of the clock. `watch` shows the
    daemon to those outside.
    """

    def __init__(
        self,
        starter: Starter,
        jobs_dir: Path,
        *,
        once: bool = False,
        standby: bool = False,
        each: tuple[Callable[[datetime], None], ...] = (),
        supervisor: Supervisor | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._starter, self._jobs_dir = starter, jobs_dir
        self._once, self._standby, self._each = once, standby, each
        self._watch = watch
        self._supervisor = supervisor or Supervisor({})
        self.installation = Installation(starter)
        self.board = Board({})
        self._doing = Doing(self.installation, watch)
        self._draining = False
        self._adrift = False
        self._begun: dict[str, datetime] = {}

    def run(self) -> int:
        """Run until told to stop. Returns the exit code.

        Raises BadFiles when the job files or the programme are bad at the start, AnotherWriter
        when another daemon holds this state.
        """
        settings = self._starter.settings
        files = load_job_files(self._jobs_dir, settings.orgs)
        self.board.files = {file.name: file for file in files}
        for file in files:
            self.installation.org_of(file).programme()
        with ExitStack() as held:
            held.callback(self.installation.close)
            held.enter_context(Signals(self._stop, self.board.reload.set))
            if not self._hold_state(held):
                return 0
            if self._once:
                return self._run_each_once()
            if self._watch is not None:
                held.enter_context(
                    self._watch.open(
                        self.installation, self.board, self._doing.away, self._jobs_dir
                    )
                )
            return self._serve()

    def _hold_state(self, held: ExitStack) -> bool:
        """Be this state's only daemon; False when told to end while standing by."""
        clock, locks = self._starter.clock, self._starter.settings.state_dir / "locks"
        said = False
        while not self._draining:
            try:
                held.enter_context(daemon_lock(locks, clock=clock, wait=self._starter.wait))
            except AnotherWriter as other:
                if not self._standby:
                    hint = "Stop it first, or let this one take over when it ends: --standby."
                    raise AnotherWriter(other.message, hint=hint) from None
                if not said:
                    _log.info(Event.DAEMON_STANDS_BY, why=other.message)
                    self._supervisor.say("READY=1", f"STATUS=standing by: {other.message}")
                    said = True
                clock.sleep(IDLE_S)
                continue
            return True
        return False

    def _run_each_once(self) -> int:
        codes = [self._doing.do(file).exit_code for file in self.board.files.values()]
        return max(codes, default=0)

    def _serve(self) -> int:
        code = 0
        self._lose_left()
        with Keeper(
            self.installation,
            self.board,
            self._jobs_dir,
            self._starter.clock,
            each=self._each,
            supervisor=self._supervisor,
        ):
            _log.info(Event.DAEMON_READY, jobs=sorted(self.board.files))
            self._supervisor.say("READY=1", f"STATUS={len(self.board.files)} job files")
            try:
                while not self._draining:
                    self.board.news.clear()
                    try:
                        worked = self._work_one()
                    except TryLater as away:  # the state: what was in hand may be open in it
                        self._adrift, worked = True, False
                        _log.error(Event.STATE_AWAY, why=away.message)
                    if not worked:
                        self.board.news.wait(IDLE_S)
            except KeyboardInterrupt:
                code = 130
        self._supervisor.say("STOPPING=1")
        _log.info(Event.DAEMON_STOPPED, exit_code=code)
        return code

    def _lose_left(self) -> None:
        """Scheduled runs that are open and in nobody's hands: a dead daemon's, or one's whose end
        could not be stored."""
        now = self._starter.clock.now()
        for org in self._states():
            for lost in org.starter.state().work.lose_scheduled(now):
                _log.warning(Event.RUN_LOST, run=lost.id, job=lost.job)
        self._adrift = False

    def _states(self) -> list[Org]:
        return self.installation.states({file.org for file in self.board.files.values()})

    def _work_one(self) -> bool:
        """Start the next due run of any org; False when there is none."""
        now = self._starter.clock.now()
        if self.board.state_trouble:
            return False
        if self._adrift:
            self._lose_left()
        for org in self._states():
            work = org.starter.state().work
            files = {n: f for n, f in self.board.files.items() if f.org == org.name}
            away = self._doing.is_away(org.name, now)
            held = [n for n, f in files.items() if away or self.board.paused(f) is not None]
            picked = pick(work.due(now), files, held=held, begun=self._begun)
            if picked.superseded:
                work.supersede([run.id for run in picked.superseded], now)
                for run in picked.superseded:
                    why = "a newer slot is due" if run.job in files else "its job file is gone"
                    _log.info(Event.JOB_SKIPPED, job=run.job, run=run.id, why=why)
            if picked.run is not None:
                self._begun[picked.run.job] = now
                finished = self._doing.do(files[picked.run.job], picked.run)
                self._adrift = self._adrift or not finished.settled
                if finished.exit_code == 130:
                    raise KeyboardInterrupt
                return True
        return False

    def _stop(self, number: int) -> None:
        self._draining = True
        _log.info(Event.DAEMON_DRAINING, signal=signal.Signals(number).name)
        self.board.news.set()
