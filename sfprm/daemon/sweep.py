"""Keeping the work of several machines moving: runs of dead workers are due again, and every due
run is hinted at until somebody begins it. Any daemon or worker does this; twice is safe."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from sfprm.daemon.installation import Installation
from sfprm.daemon.keeper import Board
from sfprm.daemon.planner import pick
from sfprm.events import Event
from sfprm.jobs.queue import Queue

__all__ = ["Sweep"]

_log = structlog.get_logger("sfprm.daemon")

AGAIN = timedelta(seconds=5)
"""A hint that nobody took is given again after this."""
FORGET = timedelta(days=1)


class Sweep:
    """One look at a time, at the keeper's pace."""

    def __init__(self, installation: Installation, board: Board, queue: Queue) -> None:
        self._installation, self._board, self._queue = installation, board, queue
        self._hinted: dict[str, datetime] = {}
        self._forgot: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """Take lost runs back, drop what newer slots replaced, hint at what is due."""
        files = self._board.files
        for org in self._installation.states({file.org for file in files.values()}):
            work = org.starter.state().work
            for lost in work.lose_lapsed():
                _log.warning(Event.RUN_LOST, run=lost.id, job=lost.job)
            mine = {n: f for n, f in files.items() if f.org == org.name}
            due = work.due(now)
            # a run of a file that is not known here may be known elsewhere
            known = [run for run in due if run.job in mine]
            dropped = pick(known, mine).superseded
            if dropped:
                work.supersede([run.id for run in dropped], now)
            gone = {run.id for run in dropped}
            for run in known:
                if run.id in gone or self._board.paused(mine[run.job]) is not None:
                    continue
                hinted = self._hinted.get(run.id)
                if hinted is None or now - hinted > AGAIN:
                    self._queue.run_is_due(org.name, run.id, run.job)
                    self._hinted[run.id] = now
            open_ids = {run.id for run in known}
            self._hinted = {i: at for i, at in self._hinted.items() if i in open_ids}
            if self._forgot is None or now - self._forgot > FORGET:
                work.forget_workers(now - FORGET)
        self._forgot = self._forgot or now
