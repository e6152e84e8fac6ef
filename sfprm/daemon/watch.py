"""The daemon as seen from outside: health, metrics and alerts, put together for one process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from sfprm.daemon.alerts import Alert
from sfprm.daemon.backoff import Backoff
from sfprm.daemon.health import HealthServer
from sfprm.daemon.installation import Installation
from sfprm.daemon.keeper import Board
from sfprm.daemon.metrics import Metrics
from sfprm.daemon.teller import Teller
from sfprm.daemon.troubles import (
    away_trouble,
    disk_trouble,
    files_trouble,
    free_mb,
    state_troubles,
)
from sfprm.errors import BadSettings, SfprmError
from sfprm.events import Event
from sfprm.jobs.starter import Starter
from sfprm.salesforce.calls import CallDone, log_call

if TYPE_CHECKING:
    from sfprm.settings import Settings
    from sfprm.store.writer import Store

__all__ = ["Watch"]

_log = structlog.get_logger("sfprm.daemon")

STUCK_S = 30.0
"""A clock that has not ticked for so long does not live."""
LAG_S = 600.0
"""A due run that has waited for so long: not ready."""


class Watch:
    """Counts what this process does, and answers and tells for it while `open`."""

    def __init__(self, starter: Starter, *, alerts: bool = True) -> None:
        self._starter, self._alerts = starter, alerts
        self.metrics = Metrics(self._states)
        self._installation: Installation | None = None
        self._board = Board({})
        self._away: Mapping[str, Backoff] = {}
        starter.on_call = self._called
        starter.on_rows = self.metrics.rows

    def _called(self, done: CallDone) -> None:
        log_call(done)
        self.metrics.call(done)

    @contextmanager
    def open(
        self,
        installation: Installation,
        board: Board,
        away: Mapping[str, Backoff],
        jobs_dir: Path,
    ) -> Iterator[HealthServer]:
        """Answer and tell while inside."""
        self._installation, self._board, self._away = installation, board, away
        settings, clock = self._starter.settings, self._starter.clock
        with ExitStack() as held:
            health = held.enter_context(self._answer(settings.health))
            if health.port is not None:
                _log.info(Event.HEALTH_READY, port=health.port)
            if self._alerts:
                held.enter_context(
                    Teller(self._starter.state(), settings, jobs_dir, clock, self.look)
                )
            yield health

    def _answer(self, address: str) -> HealthServer:
        """On the port of the settings; without one where the port that nobody chose is taken (by a
        daemon of another state, or a worker beside this one)."""
        try:
            return HealthServer(
                address, live=self.live, ready=self.ready, metrics=self.metrics.text
            )
        except BadSettings as taken:
            if address != type(self._starter.settings).model_fields["health"].default:
                raise
            _log.warning(Event.HEALTH_UNSEEN, why=taken.message)
            return HealthServer("off", live=self.live, ready=self.ready, metrics=self.metrics.text)

    def live(self) -> Mapping[str, str]:
        """Whether the clock turns."""
        ticked = self._board.ticked
        if ticked is None:
            return {"clock": ""}
        silent = (self._starter.clock.now() - ticked).total_seconds()
        return {"clock": "" if silent <= STUCK_S else f"has not ticked for {silent:.0f} s"}

    def ready(self) -> Mapping[str, str]:
        """Whether work can be done: state, disk, files, org, and no run waits too long."""
        now = self._starter.clock.now()
        found = {
            "state": self._board.state_trouble,
            "files": self._board.refused.partition("\n")[0],
        }
        free = free_mb(self._starter.settings)
        short = free is not None and free < self._starter.settings.disk_reserve_mb
        found["disk"] = f"{free} MB free" if short else ""
        for name, backoff in dict(self._away).items():
            found[f"org {name}".strip()] = backoff.why if backoff.failures else ""
        found["runs"] = self._lag(now)
        return found

    def _lag(self, now: datetime) -> str:
        try:
            due = self._starter.state().work.due(now)
        except SfprmError as trouble:
            return trouble.message
        paused = {f.name for f in self._board.files.values() if self._board.paused(f)}
        waits = [
            (now - r.not_before).total_seconds()
            for r in due
            if r.not_before is not None and r.job not in paused
        ]
        longest = max(waits, default=0.0)
        return "" if longest <= LAG_S else f"one is due for {longest:.0f} s"

    def look(self, now: datetime) -> list[Alert]:
        """Everything that is wrong now."""
        found = disk_trouble(self._starter.settings)
        found += files_trouble("jobs", self._board.refused)
        for name, backoff in dict(self._away).items():
            found += away_trouble(name, backoff)
        if self._installation is None:
            return found
        files = list(self._board.files.values())
        for org in self._installation:
            found += files_trouble(str(org.starter.settings.programme), org.refused)
        for name, store, _ in self._states():
            mine = [file for file in files if file.org == name]
            found += state_troubles(name, store, mine, now)
        return found

    def _states(self) -> Iterator[tuple[str, Store, Settings]]:
        if self._installation is None:
            return
        names = {file.org for file in self._board.files.values()}
        for org in self._installation.states(names):
            yield org.name, org.starter.state(), org.starter.settings
