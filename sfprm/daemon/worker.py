"""One of several processes that share the work, on PostgreSQL: `sfprm worker`, and every daemon.

The main thread takes hints from the queue and does one run, or part of one, at a time in a thread
beside it. A database that goes away ends nothing: the process waits and takes up its place again;
what it was doing is stopped by its fence.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from sfprm.daemon.doing import Doing
from sfprm.daemon.installation import Installation
from sfprm.daemon.jobfiles import load_job_files
from sfprm.daemon.keeper import Board, Keeper
from sfprm.daemon.notify import Supervisor
from sfprm.daemon.sweep import Sweep
from sfprm.daemon.watch import Watch
from sfprm.errors import BadSettings, SfprmError, TryLater
from sfprm.events import Event
from sfprm.ids import RunId
from sfprm.jobs.helping import help_run
from sfprm.jobs.queue import serve
from sfprm.jobs.starter import Starter
from sfprm.programme.model import Programme
from sfprm.store.records import RunState

__all__ = ["Worker"]

_log = structlog.get_logger("sfprm.daemon")

PUT_OFF = timedelta(seconds=5)
LONGEST_PAUSE_S = 30.0


class Worker:
    """Takes runs until it is told to stop. `clock`: it names due runs as well (a daemon)."""

    def __init__(
        self,
        starter: Starter,
        jobs_dir: Path,
        *,
        clock: bool,
        each: tuple[Callable[[datetime], None], ...] = (),
        supervisor: Supervisor | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._starter, self._jobs_dir, self._clock = starter, jobs_dir, clock
        self._each = each
        self._supervisor = supervisor or Supervisor({})
        self._watch = watch
        self.installation = Installation(starter)
        self.board = Board({})
        self._doing = Doing(self.installation, watch)
        self._draining = False
        self._programmes: dict[str, Programme] = {}
        self._stop = asyncio.Event()

    def run(self) -> int:
        """Work until told to stop. Returns the exit code.

        Raises BadFiles or BadSettings at the start.
        """
        settings = self._starter.settings
        if not self._starter.state().work.shared:
            raise BadSettings(
                "The state is SQLite: one daemon alone does the work.",
                hint="Move it with `sfprm state migrate --to postgresql+psycopg://…`, set "
                "SFPRM_DATABASE_URL, and start as many workers as you like.",
            )
        files = load_job_files(self._jobs_dir, settings.orgs)
        self.board.files = {file.name: file for file in files}
        for file in files:
            org = self.installation.org_of(file)
            if org.good is None:
                org.programme()
            org.starter.queue = self._starter.hints()
            if not org.starter.state().work.shared:
                raise BadSettings(
                    f"The org {org.name} keeps its state in SQLite, and several machines work.",
                    hint="Give it a PostgreSQL database of its own (SFPRM_DATABASE_URL).",
                )
        with ExitStack() as held:
            held.callback(self.installation.close)
            presence = self._starter.present()
            assert presence is not None
            if self._watch is not None:
                held.enter_context(
                    self._watch.open(
                        self.installation, self.board, self._doing.away, self._jobs_dir
                    )
                )
            sweep = Sweep(self.installation, self.board, self._starter.hints())
            held.enter_context(
                Keeper(
                    self.installation,
                    self.board,
                    self._jobs_dir,
                    self._starter.clock,
                    each=(sweep, *self._each),
                    names_due=self._clock,
                    supervisor=self._supervisor,
                )
            )
            return asyncio.run(self._serve())

    async def _serve(self) -> int:
        presence = self._starter.present()
        assert presence is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self.board.reload.set)
        ready = Event.DAEMON_READY if self._clock else Event.WORKER_READY
        _log.info(ready, jobs=sorted(self.board.files), worker=presence.id)
        self._supervisor.say("READY=1", f"STATUS={len(self.board.files)} job files")
        pause = 0.5
        while not self._stop.is_set():
            began = loop.time()
            try:
                await serve(
                    self._starter.settings.database,
                    run=self._take_run,
                    help_=self._help,
                    name=presence.id,
                    beat=presence.beat_seconds,
                    silence=presence.lease_seconds,
                    stop=self._stop,
                )
            except (TryLater, OSError) as away:
                _log.error(Event.STATE_AWAY, why=str(away))
                pause = 0.5 if loop.time() - began > LONGEST_PAUSE_S else min(
                    LONGEST_PAUSE_S, pause * 2
                )  # fmt: skip
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause)
        self._supervisor.say("STOPPING=1")
        _log.info(Event.DAEMON_STOPPED, exit_code=0)
        return 0

    def _told_to_stop(self, number: int) -> None:
        if self._draining:
            # the run in hand is in another thread: what is ours is let go, and the process ends
            presence = self._starter.presence
            if presence is not None:
                with suppress(SfprmError):
                    self._starter.state().work.abandon(presence.id)
            _log.warning(Event.DAEMON_STOPPED, exit_code=130)
            os._exit(130)
        self._draining = True
        _log.info(Event.DAEMON_DRAINING, signal=signal.Signals(number).name)
        self._stop.set()

    def _take_run(self, org: str, run: str, name: str) -> None:
        """A hint came: begin the run, if it is due and may begin."""
        try:
            self._begin(org, RunId(run), name)
        except SfprmError as trouble:
            _log.error(Event.RUN_FAILED, run=run, job=name, message=trouble.message)

    def _begin(self, org: str, run: RunId, name: str) -> None:
        file = self.board.files.get(name)
        if file is None or file.org != org or self._draining:
            return  # hinted at again, for somebody who knows it
        work = self.installation.org(org).starter.state().work
        now = self._starter.clock.now()
        row = self.installation.org(org).starter.state().run(run)
        if row is not None and row.state is RunState.SUPERSEDED:
            # the newest takes its turn: with more to do than time, its own hint would be too late
            row = next((due for due in reversed(work.due(now)) if due.job == name), None)
        if row is None or row.state is not RunState.DUE or self.board.paused(file) is not None:
            return
        if self._doing.is_away(org, now):
            until = self._doing.away[org].until
            work.put_off(row.id, until or now + PUT_OFF)
            return
        self._doing.do(file, row)

    def _help(self, invitation: Mapping[str, Any]) -> None:
        """Another's run could use hands."""
        if self._draining:
            return
        org = self.installation.org(invitation["org"])
        if org.good is not None and org.good.digest not in self._programmes:
            self._programmes = {org.good.digest: org.good}
        try:
            help_run(
                org.starter, invitation, known=self._programmes, stopped=lambda: self._draining
            )
        except SfprmError as trouble:
            _log.warning(
                Event.PART_DROPPED,
                run=invitation["run"],
                job=invitation["name"],
                why=trouble.message,
            )
