"""What follows a run: it stays due, it is tried again, or that was that."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from sfprm.daemon.jobfiles import JobFile
from sfprm.errors import AnotherWriter, BadRequest, Replaced, SfprmError, TryLater
from sfprm.events import Event
from sfprm.jobs.runner import Finished
from sfprm.store.records import Run
from sfprm.store.work import WorkBook

__all__ = ["after_run", "has_failed", "retry_at"]

_log = structlog.get_logger("sfprm.daemon")

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)


def has_failed(finished: Finished) -> bool:
    """Whether somebody should be told. Not when it is due still, was broken off, or done but for
    rows that stand in its error file."""
    return finished.begun and finished.exit_code not in (0, 68, 130)


def retry_at(file: JobFile, finished: Finished, attempt: int, now: datetime) -> datetime | None:
    """When a failed run is tried again; None when not. Bad files are not repeated, nor what
    another has taken over."""
    if not has_failed(finished) or attempt > file.retries:
        return None
    if isinstance(finished.error, (BadRequest, Replaced)):
        return None
    wait: timedelta = min(LONGEST_RETRY, file.retry_wait * 2 ** (attempt - 1))
    return now + wait


def after_run(
    work: WorkBook, file: JobFile, finished: Finished, now: datetime, due: Run | None
) -> None:
    """Log it, and store what follows."""
    error = finished.error
    if due is not None and not finished.begun and isinstance(error, TryLater):
        waited = now - (due.not_before or due.due_at or now)
        wait = max(FIRST_WAIT, min(LONGEST_WAIT, waited))
        event = Event.JOB_WAITS
        work.put_off(due.id, now + wait)
        _log.warning(
            event,
            job=file.name,
            run=due.id,
            why=error.message,
            seconds=round(wait.total_seconds(), 1),
        )
        return
    if isinstance(error, AnotherWriter):
        _log.warning(Event.JOB_SKIPPED, job=file.name, run=finished.run, why=error.message)
    elif error is not None:
        _log_failure(file, finished, error)
    if due is None:
        return
    at = retry_at(file, finished, due.attempt, now)
    if at is not None:
        again = work.retry(finished.run, now, at)
        if again is not None:
            seconds = round((at - now).total_seconds(), 1)
            _log.info(Event.JOB_RETRIES, job=file.name, run=again.id, after=due.id, seconds=seconds)


def _log_failure(file: JobFile, finished: Finished, error: SfprmError) -> None:
    _log.error(
        Event.RUN_FAILED,
        run=finished.run,
        job=file.name,
        error=error.name,
        message=error.message,
    )
