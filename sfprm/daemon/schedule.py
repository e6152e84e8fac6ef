"""From job files to due runs. APScheduler is the only clock; the runs are done elsewhere.

The scheduler's executor here does not run anything: it hands each due slot to a queue, and the
daemon's main thread works the queue off, one run at a time.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from sfprm.daemon.crontab import crontab_trigger
from sfprm.daemon.jobfiles import IfLate, JobFile

__all__ = ["Due", "Wake", "is_late", "missed", "next_times", "start_scheduler", "trigger_for"]

LATE_SECONDS = 60
"""A run that starts later than this after its slot is late: the file's `if_late` decides."""


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is due. `slot` is the scheduled instant, aware UTC."""

    name: str
    slot: datetime


@dataclass(frozen=True, slots=True)
class Wake:
    """Nothing is due; look at the flags."""


class _Queueing(BaseExecutor):  # type: ignore[misc]
    """Hands due slots to the queue."""

    def __init__(self, due: queue.SimpleQueue[Due | Wake]) -> None:
        super().__init__()
        self._due = due

    def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        self._due.put(Due(job.id, run_times[-1].astimezone(UTC)))
        self._run_job_success(job.id, [])


def trigger_for(file: JobFile) -> BaseTrigger:
    """The file's schedule as a trigger, in its time zone."""
    zone = ZoneInfo(file.time_zone)
    if file.cron is not None:
        return crontab_trigger(file.cron, zone)
    assert file.every is not None
    return IntervalTrigger(seconds=int(file.every.total_seconds()), timezone=zone)


def start_scheduler(
    files: Sequence[JobFile], due: queue.SimpleQueue[Due | Wake], now: datetime
) -> BackgroundScheduler:
    """Start the clock. Intervals fire at once and then at their pace; crons at their times."""
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": _Queueing(due)})
    for file in files:
        scheduler.add_job(
            _due_is_enough,
            trigger_for(file),
            id=file.name,
            coalesce=True,
            misfire_grace_time=None if file.if_late is IfLate.RUN_ONCE else LATE_SECONDS,
            **({"next_run_time": now} if file.every is not None else {}),
        )
    scheduler.start()
    return scheduler


def _due_is_enough() -> None:
    """The executor never calls it; the scheduler wants something that can be called."""


def is_late(due: Due, now: datetime) -> bool:
    """Whether a run would start too long after its slot for `if_late: skip`."""
    return (now - due.slot).total_seconds() > LATE_SECONDS


def missed(file: JobFile, last: datetime | None, now: datetime) -> Due | None:
    """The slot that passed while no daemon ran: the first after `last`, the file's latest slot
    that was run. None for intervals, which fire at the start anyway, and for `if_late: skip`."""
    if last is None or file.cron is None or file.if_late is IfLate.SKIP:
        return None
    [slot] = next_times(file, last, 1) or [now]
    return Due(file.name, slot) if slot < now else None


def next_times(file: JobFile, now: datetime, count: int) -> list[datetime]:
    """The next instants after `now` at which the file's job would be due, aware UTC."""
    trigger = trigger_for(file)
    times: list[datetime] = []
    previous: datetime | None = now
    at = now
    while len(times) < count:
        found = trigger.get_next_fire_time(previous, at)
        if found is None:
            break
        times.append(found.astimezone(UTC))
        previous = at = found
    return times
