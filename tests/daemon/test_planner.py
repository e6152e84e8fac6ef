"""What is due: by the clock, by another job, by a file; late, doubled, paused, gone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sfprm.daemon.backoff import LONGEST, Backoff
from sfprm.daemon.jobfile_model import IfLate, Overlap
from sfprm.daemon.jobfiles import JobFile
from sfprm.daemon.planner import Planner, pick
from sfprm.ids import RunId
from sfprm.jobs.registry import job_named
from sfprm.jobs.route import RouteOptions
from sfprm.store.records import Run, RunState

NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def job_file(name: str = "night", **fields: Any) -> JobFile:
    """A job file as loaded; hourly unless said otherwise."""
    if not fields.keys() & {"cron", "after", "watched", "every"}:
        fields["every"] = HOUR
    return JobFile(
        name=name,
        path=Path(f"{name}.yaml"),
        job=job_named("route"),
        options=RouteOptions(),
        **fields,
    )


def at(text: str) -> datetime:
    """An instant of the day of NOW."""
    return datetime.fromisoformat(f"2026-11-23T{text}+00:00")


def hours(*numbers: int) -> list[datetime]:
    """Full hours of the day of NOW."""
    return [datetime(2026, 11, 23, n, tzinfo=UTC) for n in numbers]


# if_late, overlap, newest slot with a run, the slots that are due at 12:00:10
LATE = [
    (IfLate.RUN_ONCE, Overlap.NEVER, None, [12]),  # never ran: due at once
    (IfLate.RUN_ONCE, Overlap.NEVER, 12, []),
    (IfLate.RUN_ONCE, Overlap.NEVER, 11, [12]),
    (IfLate.RUN_ONCE, Overlap.NEVER, 8, [12]),  # once for four
    (IfLate.SKIP, Overlap.NEVER, 8, [12]),  # 12:00 is ten seconds ago: not late
    (IfLate.CATCH_UP, Overlap.NEVER, 8, [9, 10, 11, 12]),
    (IfLate.CATCH_UP, Overlap.QUEUE, 8, [9, 10, 11, 12]),
    (IfLate.RUN_ONCE, Overlap.QUEUE, 8, [12]),
]


@pytest.mark.parametrize(("if_late", "overlap", "last", "expected"), LATE)
def test_missed_slots(
    if_late: IfLate, overlap: Overlap, last: int | None, expected: list[int]
) -> None:
    """Run once, skip, or catch up."""
    file = job_file(if_late=if_late, overlap=overlap)
    ran = None if last is None else hours(last)[0]
    assert Planner().slots(file, NOW, last=ran) == hours(*expected)


@pytest.mark.parametrize(
    ("if_late", "expected"), [(IfLate.SKIP, []), (IfLate.RUN_ONCE, [12]), (IfLate.CATCH_UP, [12])]
)
def test_late_is_more_than_a_minute(if_late: IfLate, expected: list[int]) -> None:
    """After its slot."""
    file = job_file(if_late=if_late)
    now = at("12:01:01")
    assert Planner().slots(file, now, last=hours(11)[0]) == hours(*expected)


def test_slots_that_came_due_during_a_run_queue_or_are_one() -> None:
    """A pace of ten seconds, a run of thirty."""
    last = at("11:59:40")
    every = timedelta(seconds=10)
    queued = Planner().slots(job_file(every=every, overlap=Overlap.QUEUE), NOW, last=last)
    assert queued == [at("11:59:50"), at("12:00:00"), at("12:00:10")]
    assert Planner().slots(job_file(every=every), NOW, last=last) == [at("12:00:10")]


def test_a_cron_that_never_ran_missed_nothing() -> None:
    """What was due before it was first seen is not made up for; what comes after is."""
    planner = Planner()
    file = job_file(cron="0 9 * * *")
    assert planner.slots(file, NOW, last=None) == []
    tomorrow = NOW + timedelta(days=1)
    assert planner.slots(file, tomorrow, last=None) == [hours(9)[0] + timedelta(days=1)]


def test_a_clock_that_goes_back_names_nothing_twice() -> None:
    """The slot that has a run stays the newest."""
    file = job_file()
    assert Planner().slots(file, NOW - 3 * HOUR, last=hours(12)[0]) == []


def test_after_another_job() -> None:
    """Each time that the other was done; what was done before it was first seen does not count."""
    planner = Planner()
    file = job_file(after="route")
    assert planner.slots(file, NOW, last=None, followed=NOW - HOUR) == []
    done = NOW + timedelta(minutes=1)
    assert planner.slots(file, done, last=None, followed=done) == [done]
    assert planner.slots(file, done, last=done, followed=done) == []


def test_on_a_files_change(tmp_path: Path) -> None:
    """Once for each change, a second after the last byte was written."""
    planner = Planner()
    watched = tmp_path / "partners.csv"
    file = job_file(watched=(str(tmp_path / "*.csv"),))
    assert planner.slots(file, NOW, last=None) == []
    watched.write_text("key\n")
    changed = NOW + timedelta(minutes=1)
    os.utime(watched, (changed.timestamp(), changed.timestamp()))
    assert planner.slots(file, changed, last=None) == []
    later = changed + timedelta(seconds=1)
    assert planner.slots(file, later, last=None) == [changed]
    assert planner.slots(file, later, last=changed) == []


def due(job: str, hour: int) -> Run:
    """A due run."""
    [slot] = hours(hour)
    return Run(RunId(f"{job}-{hour}"), job, RunState.DUE, "schedule", NOW, slot, due_at=slot)


def test_the_oldest_due_run_is_picked_and_doubles_are_superseded() -> None:
    """Of one file only the newest counts, unless it queues or catches up; gone files' runs go."""
    runs = [due("b", 8), due("a", 9), due("q", 9), due("gone", 9), due("a", 10), due("q", 10)]
    files = {
        "a": job_file("a"),
        "b": job_file("b"),
        "q": job_file("q", overlap=Overlap.QUEUE),
    }
    picked = pick(runs, files)
    assert picked.run is not None
    assert picked.run.id == "b-8"
    assert {run.id for run in picked.superseded} == {"a-9", "gone-9"}
    held = pick(runs, files, held=["b", "a"])
    assert held.run is not None
    assert held.run.id == "q-9"
    assert pick(runs, files, held=files).run is None


def test_a_short_pace_does_not_starve() -> None:
    """With more to do than time: every file has its turn, though the newest slot of the shortest
    pace is always the last of the line."""
    files = {"fast": job_file("fast"), "q": job_file("q", overlap=Overlap.QUEUE)}
    waiting = [due("q", hour) for hour in range(12)]
    begun: dict[str, datetime] = {}
    turns = []
    for hour in range(12, 18):
        picked = pick([*waiting, due("fast", hour)], files, begun=begun)
        assert picked.run is not None
        turns.append(picked.run.id)
        begun[picked.run.job] = NOW + hour * HOUR
        waiting = [run for run in waiting if run != picked.run]
    assert turns == ["q-0", "fast-13", "q-1", "fast-15", "q-2", "fast-17"]


def test_the_wait_for_an_org_doubles_up_to_five_minutes() -> None:
    """And a clock that went back a day does not make it a day."""
    backoff = Backoff()
    waits = []
    for _ in range(12):
        backoff = backoff.failed(NOW, "away")
        assert backoff.until is not None
        waits.append(backoff.until - NOW)
    assert waits[:3] == [timedelta(seconds=n) for n in (1, 2, 4)]
    assert waits[-1] == LONGEST
    assert backoff.holds(NOW + timedelta(minutes=4))
    assert not backoff.holds(NOW + timedelta(minutes=5))
    assert not backoff.holds(NOW - timedelta(days=1))
