"""Which runs are due: job files, the clock and what ran before in; due runs out. No waiting here.

Asked again and again, it names a slot once only, because a slot that has a run is known from the
store: after a restart, a reload, a jump of the clock or beside a second daemon the answer is the
same. What came due while nobody asked is late, and the file says what then.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sfprm.daemon.jobfile_model import IfLate, Overlap
from sfprm.daemon.jobfiles import JobFile
from sfprm.daemon.trigger import newest
from sfprm.store.records import Run, RunState
from sfprm.store.runs import new_id

__all__ = ["LATE_SECONDS", "Pick", "Planner", "changed_at", "next_times", "pick"]

LATE_SECONDS = 60
"""A slot that nobody looked at within this time is late: the file's `if_late` decides."""
SETTLE = timedelta(seconds=1)
"""A watched file is looked at once nobody has written to it for so long."""
NEVER = datetime.min.replace(tzinfo=UTC)


class Planner:
    """Names due slots. `seen` is when a file without any run was first looked at: what was due
    before that was never missed."""

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}

    def slots(
        self,
        file: JobFile,
        now: datetime,
        *,
        last: datetime | None,
        followed: datetime | None = None,
    ) -> list[datetime]:
        """The slots of the file that are due and have no run yet, ascending. `last`: the newest
        slot that has one; `followed`: when the job that the file comes after was last done."""
        since = self._seen.setdefault(file.name, now) if last is None else last
        if file.after is not None:
            return [followed] if followed is not None and followed > since else []
        if file.watched:
            at = changed_at(file.watched, now)
            return [at] if at is not None and at > since else []
        schedule = file.timed
        assert schedule is not None
        if last is None and file.every is not None:
            # a pace that never ran is due at once
            since = now - file.every
        return _kept(file, newest(schedule, since, now), now)

    def due(
        self,
        files: Iterable[JobFile],
        now: datetime,
        *,
        last: Mapping[str, datetime],
        done: Mapping[str, Run],
    ) -> list[Run]:
        """New due runs of all files."""
        found = []
        for file in files:
            followed = done.get(file.after) if file.after is not None else None
            slots = self.slots(
                file,
                now,
                last=last.get(file.name),
                followed=followed.finished if followed is not None else None,
            )
            found += [_row(file, slot, now) for slot in slots]
        return found


def _kept(file: JobFile, slots: Sequence[datetime], now: datetime) -> list[datetime]:
    """What `if_late` and `overlap` leave of the slots."""
    fresh = [s for s in slots if (now - s).total_seconds() <= LATE_SECONDS]
    match file.if_late:
        case IfLate.CATCH_UP:
            return list(slots)
        case IfLate.SKIP:
            kept = fresh
        case IfLate.RUN_ONCE:
            kept = fresh or list(slots[-1:])
    return kept if file.overlap is Overlap.QUEUE else kept[-1:]


def _row(file: JobFile, slot: datetime, now: datetime) -> Run:
    return Run(
        id=new_id(now),
        job=file.name,
        state=RunState.DUE,
        started_by="schedule",
        started=now,
        slot=slot,
        options=file.options.model_dump(mode="json"),
        due_at=slot,
        not_before=file.starts(slot),
        locked=False,
    )


def changed_at(patterns: Sequence[str], now: datetime) -> datetime | None:
    """When the newest of the files was last written; None when there is none, or one is being
    written right now."""
    times = []
    for pattern in patterns:
        for path in glob.glob(pattern):
            try:
                times.append(Path(path).stat().st_mtime_ns)
            except OSError:  # gone since it was listed
                continue
    if not times:
        return None
    at = datetime.fromtimestamp(max(times) // 1000 / 1_000_000, UTC)
    return at if at <= now - SETTLE else None


@dataclass(frozen=True, slots=True)
class Pick:
    """What to do now: `run`, and due runs for which a newer one stands."""

    run: Run | None
    superseded: tuple[Run, ...] = ()


def pick(
    due: Sequence[Run],
    files: Mapping[str, JobFile],
    *,
    held: Iterable[str] = (),
    begun: Mapping[str, datetime] | None = None,
) -> Pick:
    """The run to start of those that are due (in order of their slots): of the file that was
    `begun` longest ago, else the oldest; of several of one file only the newest counts if it does
    not queue. By slots alone, a file of a short pace would wait for ever behind others where there
    is more to do than time: each newer slot takes the place of the older, at the end of the line.
    Names in `held` wait: paused, or their org is away. Runs of files that are gone are superseded.
    """
    waits = set(held)
    latest: dict[str, Run] = {}
    dropped: list[Run] = []
    ready: list[Run] = []
    for run in due:
        file = files.get(run.job)
        if file is None:
            dropped.append(run)
            continue
        if file.overlap is Overlap.NEVER and file.if_late is not IfLate.CATCH_UP:
            older = latest.get(run.job)
            if older is not None:
                dropped.append(older)
                ready.remove(older)
            latest[run.job] = run
        ready.append(run)
    last = begun or {}
    first = min(
        (run for run in ready if run.job not in waits),
        key=lambda run: last.get(run.job, NEVER),
        default=None,
    )
    return Pick(first, tuple(dropped))


def next_times(file: JobFile, now: datetime, count: int) -> list[datetime]:
    """The next instants after `now` at which the file's job would be due, aware UTC; none for
    files that wait for another job or a change."""
    schedule = file.timed
    times: list[datetime] = []
    at = now
    while schedule is not None and len(times) < count and (found := schedule.after(at)) is not None:
        times.append(found)
        at = found
    return times
