"""From a job file to the instants at which it is due."""

from __future__ import annotations

import queue
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.daemon.jobfiles import IfLate, JobFile, in_words, pace
from sfprm.daemon.schedule import Due, Wake, is_late, missed, next_times, start_scheduler
from sfprm.jobs.registry import job_named
from sfprm.jobs.route import RouteOptions

instants = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def job_file(
    *,
    every: timedelta | None = None,
    cron: str | None = None,
    zone: str = "UTC",
    if_late: IfLate = IfLate.RUN_ONCE,
) -> JobFile:
    """A job file as loaded."""
    return JobFile(
        name="night",
        path=Path("night.yaml"),
        job=job_named("route"),
        options=RouteOptions(),
        description="",
        every=every,
        cron=cron,
        time_zone=zone,
        if_late=if_late,
    )


@given(now=instants, seconds=st.integers(1, 10**6), count=st.integers(1, 10))
def test_intervals_are_even(now: datetime, seconds: int, count: int) -> None:
    """Each is one pace after the one before, the first a pace from now."""
    times = next_times(job_file(every=timedelta(seconds=seconds)), now, count)
    assert times == [now + timedelta(seconds=seconds * (n + 1)) for n in range(count)]


@given(now=instants, zone=st.sampled_from(["UTC", "Europe/Lisbon", "America/Sao_Paulo"]))
def test_crons_ascend_and_lie_ahead(now: datetime, zone: str) -> None:
    """Strictly later than now, strictly ascending, aware UTC."""
    times = next_times(job_file(cron="*/20 8-20 * * *", zone=zone), now, 6)
    assert now < times[0]
    assert times == sorted(set(times))
    assert all(t.tzinfo is UTC for t in times)
    assert all(8 <= t.astimezone(ZoneInfo(zone)).hour <= 20 for t in times)


@given(seconds=st.integers(1, 10**7))
def test_a_pace_survives_being_said(seconds: int) -> None:
    """Words and back."""
    duration = timedelta(seconds=seconds)
    assert pace(in_words(duration)) == duration


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        # clocks go forward on 29 March 2026 at 01:00 UTC: 09:00 Lisbon is 09:00Z, then 08:00Z
        (
            "0 9 * * *",
            "2026-03-28T12:00+00:00",
            ["2026-03-29T08:00+00:00", "2026-03-30T08:00+00:00"],
        ),
        (
            "0 9 * * *",
            "2026-03-27T12:00+00:00",
            ["2026-03-28T09:00+00:00", "2026-03-29T08:00+00:00"],
        ),
        # clocks go back on 25 October 2026 at 01:00 UTC
        (
            "0 9 * * *",
            "2026-10-24T07:00+00:00",
            ["2026-10-24T08:00+00:00", "2026-10-25T09:00+00:00"],
        ),
        # Monday to Friday, in crontab's own names
        ("0 0 * * MON-FRI", "2026-11-20T12:00+00:00", ["2026-11-23T00:00+00:00"]),
        # a crontab counts Sunday as 0
        ("0 0 * * 0", "2026-11-20T12:00+00:00", ["2026-11-22T00:00+00:00"]),
        ("0 0 * * 7", "2026-11-20T12:00+00:00", ["2026-11-22T00:00+00:00"]),
        ("0 0 * * 1-5", "2026-11-20T12:00+00:00", ["2026-11-23T00:00+00:00"]),
        ("0 0 * * 6-7", "2026-11-21T12:00+00:00", ["2026-11-22T00:00+00:00"]),
        ("0 0 * * sat-mon", "2026-11-23T12:00+00:00", ["2026-11-28T00:00+00:00"]),
        ("0 0 * * */2", "2026-11-20T12:00+00:00", ["2026-11-21T00:00+00:00"]),  # 0 2 4 6
        ("0 0 * * 5/1", "2026-11-20T12:00+00:00", ["2026-11-21T00:00+00:00"]),
    ],
)
def test_crons_keep_the_wall_clock(cron: str, now: str, expected: list[str]) -> None:
    """09:00 in Lisbon is 09:00 in Lisbon, in summer and winter."""
    file = job_file(cron=cron, zone="Europe/Lisbon")
    times = next_times(file, datetime.fromisoformat(now), len(expected))
    assert times == [datetime.fromisoformat(at) for at in expected]


def test_an_hour_that_is_there_twice_runs_an_hourly_job_twice() -> None:
    """25 October 2026, 01:30 in Lisbon, summer and winter: an interval never skips or doubles."""
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    times = next_times(job_file(every=timedelta(hours=1), zone="Europe/Lisbon"), start, 3)
    assert [t.hour for t in times] == [1, 2, 3]


AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "if_late", "slot"),
    [
        (None, IfLate.RUN_ONCE, None),  # never ran: nothing was missed
        ("2026-11-23T09:00+00:00", IfLate.RUN_ONCE, None),  # today's slot was run
        ("2026-11-22T09:00+00:00", IfLate.RUN_ONCE, "2026-11-23T09:00+00:00"),
        ("2026-11-20T09:00+00:00", IfLate.RUN_ONCE, "2026-11-21T09:00+00:00"),  # once for three
        ("2026-11-20T09:00+00:00", IfLate.SKIP, None),
    ],
)
def test_what_was_missed_is_made_up_once(
    last: str | None, if_late: IfLate, slot: str | None
) -> None:
    """A cron's slot that passed while no daemon ran."""
    file = job_file(cron="0 9 * * *", if_late=if_late)
    due = missed(file, datetime.fromisoformat(last) if last else None, AT)
    assert due == (Due("night", datetime.fromisoformat(slot)) if slot else None)


def test_an_interval_misses_nothing() -> None:
    """It fires at the start anyway."""
    assert missed(job_file(every=timedelta(hours=1)), AT - timedelta(days=3), AT) is None


@pytest.mark.parametrize(("seconds", "late"), [(0, False), (60, False), (61, True)])
def test_late_is_more_than_a_minute(seconds: int, late: bool) -> None:
    """After its slot."""
    assert is_late(Due("night", AT), AT + timedelta(seconds=seconds)) is late


def test_an_interval_is_due_at_once() -> None:
    """The scheduler hands the slot over; it runs nothing."""
    due: queue.SimpleQueue[Due | Wake] = queue.SimpleQueue()
    now = datetime.now(UTC)
    scheduler = start_scheduler([job_file(every=timedelta(hours=1))], due, now)
    try:
        assert due.get(timeout=10) == Due("night", now)
    finally:
        scheduler.shutdown()
