"""Doing one run: in its org, with what follows from how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from sfprm.daemon.backoff import Backoff
from sfprm.daemon.installation import Installation
from sfprm.daemon.jobfiles import JobFile
from sfprm.daemon.outcome import after_run
from sfprm.errors import LoginRefused, OrgUnreachable
from sfprm.events import Event
from sfprm.jobs.runner import Finished, run_job
from sfprm.store.records import Run

if TYPE_CHECKING:
    from sfprm.daemon.watch import Watch

__all__ = ["Doing"]

_log = structlog.get_logger("sfprm.daemon")


class Doing:
    """Does runs one at a time. `away`: orgs that did not answer, by name, and until when they are
    left alone."""

    def __init__(self, installation: Installation, watch: Watch | None = None) -> None:
        self._installation, self._watch = installation, watch
        self.away: dict[str, Backoff] = {}

    def is_away(self, org: str, now: datetime) -> bool:
        """Whether nothing is tried with the org for now."""
        return self.away.get(org, Backoff()).holds(now)

    def do(self, file: JobFile, due: Run | None = None) -> Finished:
        """Run a job file's job; `due` is the row of the run that is due."""
        org = self._installation.org_of(file)
        starter = org.starter
        starter.started_by = f"{starter.kind} ({file.name})"
        finished = run_job(
            file.job, file.options, starter, name=file.name, due=due, limits=file.limits
        )
        now = starter.clock.now()
        if finished.error is not None and (
            finished.shut_out or isinstance(finished.error, (OrgUnreachable, LoginRefused))
        ):
            away = self.away.get(org.name, Backoff()).failed(now, finished.error.message)
            self.away[org.name] = away
            assert away.until is not None
            seconds = round((away.until - now).total_seconds(), 1)
            _log.warning(Event.ORG_AWAY, org=org.name, seconds=seconds, why=away.why)
        else:
            self.away.pop(org.name, None)
        after_run(starter.state().work, file, finished, now, due)
        if self._watch is not None and finished.begun:
            self._watch.metrics.run(file.name, finished)
        return finished
