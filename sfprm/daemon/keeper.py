"""The daemon's second thread: names what is due, notices changes, says that the daemon lives.

It never runs a job and never talks to an org. What it finds due it stores; whoever works (the main
thread, or workers) takes it from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from sfprm.clock import Clock
from sfprm.daemon.installation import Installation
from sfprm.daemon.jobfiles import JobFile, load_job_files, text_of
from sfprm.daemon.notify import Supervisor
from sfprm.daemon.planner import Planner
from sfprm.errors import SfprmError
from sfprm.events import Event
from sfprm.store.work import ALL, Pause

__all__ = ["Board", "Keeper"]

_log = structlog.get_logger("sfprm.daemon")

PACE_S = 0.25
"""Seconds between two looks at the clock."""
LOOK_AT_FILES_S = 2.0
JUMP_S = 5.0
"""A clock that differs by more than this from what was waited has jumped."""


@dataclass(slots=True)
class Board:
    """What the daemon's threads tell each other."""

    files: Mapping[str, JobFile]
    refused: str = ""
    """What is wrong with the job files as they are; those in `files` are the last good ones."""
    reload: threading.Event = field(default_factory=threading.Event)
    news: threading.Event = field(default_factory=threading.Event)
    state_trouble: str = ""
    ticked: datetime | None = None
    pauses: Mapping[str, Mapping[str, Pause]] = field(default_factory=dict)
    """Per org: what is paused, by name."""

    def paused(self, file: JobFile) -> Pause | None:
        """The pause that holds a file, its own or its org's."""
        held = self.pauses.get(file.org, {})
        return held.get(ALL) or held.get(file.name)


class Keeper:
    """Ticks until it is told to end. `each` are called at every tick with the instant.

    `names_due`: whether it stores due runs, as a daemon's does and a worker's does not.
    """

    def __init__(
        self,
        installation: Installation,
        board: Board,
        jobs_dir: Path,
        clock: Clock,
        *,
        each: tuple[Callable[[datetime], None], ...] = (),
        names_due: bool = True,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._names_due = names_due
        self._installation, self._board, self._jobs_dir = installation, board, jobs_dir
        self._clock, self._each = clock, each
        self._supervisor = supervisor or Supervisor({})
        self._planner = Planner()
        self._digest = text_of(jobs_dir)
        self._looked = clock.monotonic()
        self._last: tuple[datetime, float] | None = None
        self._watchdog = clock.monotonic()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self.tick()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(10)

    def _go_on(self) -> None:
        while not self._ends.wait(PACE_S):
            self.tick()

    def tick(self) -> None:
        """One look at everything."""
        now = self._clock.now()
        self._see_jump(now)
        try:
            self._see_files()
            self._name_due(now)
            for act in self._each:
                act(now)
            self._board.state_trouble = ""
        except SfprmError as trouble:
            if trouble.message != self._board.state_trouble:
                _log.error(Event.STATE_AWAY, why=trouble.message)
            self._board.state_trouble = trouble.message
        self._board.ticked = now
        self._keep_watchdog()

    def _name_due(self, now: datetime) -> None:
        files = self._board.files
        pauses: dict[str, Mapping[str, Pause]] = {}
        news = False
        for org in self._installation.states({file.org for file in files.values()}):
            work = org.starter.state().work
            pauses[org.name] = work.pauses()
            self._board.pauses = {**self._board.pauses, org.name: pauses[org.name]}
            mine = [
                file
                for file in files.values()
                if file.org == org.name and self._board.paused(file) is None
            ]
            followed = any(file.after for file in mine)
            if not self._names_due:
                continue
            rows = self._planner.due(
                mine,
                now,
                last=work.newest_slots(),
                done=work.last_done() if followed else {},
            )
            for row in rows:
                if work.add_due(row):
                    news = True
                    slot = row.slot.isoformat() if row.slot else None
                    _log.info(Event.JOB_DUE, job=row.job, slot=slot, run=row.id)
        if news:
            self._board.news.set()

    def _see_files(self) -> None:
        asked = self._board.reload.is_set()
        elapsed = self._clock.monotonic() - self._looked
        if not asked and elapsed < LOOK_AT_FILES_S:
            return
        self._looked = self._clock.monotonic()
        digest = text_of(self._jobs_dir)
        if digest == self._digest and not asked:
            return
        self._board.reload.clear()
        self._digest = digest
        try:
            orgs = self._installation.main.settings.orgs
            files = load_job_files(self._jobs_dir, orgs)
        except SfprmError as bad:
            self._board.refused = bad.message
            _log.error(Event.FILES_REFUSED, message=bad.message)
            return
        self._board.refused = ""
        self._board.files = {file.name: file for file in files}
        self._board.news.set()
        _log.info(Event.FILES_RELOADED, jobs=sorted(self._board.files))

    def _see_jump(self, now: datetime) -> None:
        at = self._clock.monotonic()
        if self._last is not None:
            before, then = self._last
            jump = (now - before) - timedelta(seconds=at - then)
            if abs(jump.total_seconds()) > JUMP_S:
                _log.warning(Event.CLOCK_JUMPED, seconds=round(jump.total_seconds(), 1))
        self._last = (now, at)

    def _keep_watchdog(self) -> None:
        seconds = self._supervisor.watchdog_seconds
        if seconds is not None and self._clock.monotonic() - self._watchdog >= seconds / 3:
            self._watchdog = self._clock.monotonic()
            self._supervisor.say("WATCHDOG=1")
