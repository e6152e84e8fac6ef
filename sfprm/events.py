"""Names of what happens: log events with their fields, and the progress of long work.

A log event is a stable name plus keys; the sentence is only for people. Tokens, secrets, names of
people and addresses are never fields.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

__all__ = ["Event", "NoProgress", "Progress"]


class Event(StrEnum):
    """Log events. The fields of each stand beside it."""

    RUN_STARTED = "run.started"  # run, job, by
    RUN_FINISHED = "run.finished"  # run, job, exit_code, calls, seconds
    RUN_FAILED = "run.failed"  # run, job, error, message
    RUN_LOST = "run.lost"  # run, job
    PLAN_MADE = "plan.made"  # run, plan, steps; events after it in the run carry the plan's id
    CALL_DONE = "call.done"  # kind, method, path, status, milliseconds, attempt, request_id
    CALL_FAILED = "call.failed"  # the same; status 0: no answer
    ROW_REFUSED = "row.refused"  # object, operation, record, code
    DAEMON_READY = "daemon.ready"  # jobs
    DAEMON_DRAINING = "daemon.draining"  # signal
    DAEMON_STOPPED = "daemon.stopped"  # exit_code
    JOB_DUE = "job.due"  # job, slot
    JOB_SKIPPED = "job.skipped"  # job, slot, why
    JOB_WAITS = "job.waits"  # job, slot, why, seconds
    JOB_RETRIES = "job.retries"  # job, run, after, seconds
    DAEMON_STANDS_BY = "daemon.stands_by"  # why
    PART_DROPPED = "part.dropped"  # run, job, why
    RUN_HELPED = "run.helped"  # run, job, parts: those that this process did of another's run
    ORG_AWAY = "org.away"  # org, seconds, why
    HEALTH_READY = "health.ready"  # port
    HEALTH_UNSEEN = "health.unseen"  # why
    STATE_AWAY = "state.away"  # why
    CLOCK_JUMPED = "clock.jumped"  # seconds
    ALERT_RAISED = "alert.raised"  # key, kind
    ALERT_ENDED = "alert.ended"  # key, kind
    ALERT_UNSENT = "alert.unsent"  # channel, why
    WORKER_READY = "worker.ready"  # worker
    FILES_RELOADED = "files.reloaded"  # programme, jobs
    FILES_REFUSED = "files.refused"  # errors; the last good files stay in force


class Progress(Protocol):
    """Where long work tells how far it is. Shown on stderr, or nowhere."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins; `total` in units of `advance`, None when it is not known."""

    def advance(self, by: int = 1) -> None:
        """So much more of the stage is done."""

    def say(self, text: str) -> None:
        """One line for the person who waits."""

    def rest(self) -> None:
        """Nothing is under way now; whatever is drawn goes away."""


class NoProgress:
    """Tells nobody."""

    def stage(self, name: str, total: int | None = None) -> None:
        return

    def advance(self, by: int = 1) -> None:
        return

    def say(self, text: str) -> None:
        return

    def rest(self) -> None:
        return
