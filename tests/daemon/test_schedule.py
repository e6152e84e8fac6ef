"""From a job file to the instants at which it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.daemon.jobfile_model import CalendarModel, in_words, pace
from sfprm.daemon.jobfiles import JobFile
from sfprm.daemon.planner import next_times
from sfprm.daemon.trigger import MOST_SLOTS, Every, jittered, newest
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
    calendar: CalendarModel | None = None,
) -> JobFile:
    """A job file as loaded."""
    return JobFile(
        name="night",
        path=Path("night.yaml"),
        job=job_named("route"),
        options=RouteOptions(),
        every=every,
        cron=cron,
        calendar=calendar,
        time_zone=zone,
    )


@given(now=instants, seconds=st.integers(1, 10**6), count=st.integers(1, 10))
def test_intervals_are_even(now: datetime, seconds: int, count: int) -> None:
    """Each is one pace after the one before, the first within a pace from now; whoever asks, and
    whenever, they are the same instants."""
    pace_ = timedelta(seconds=seconds)
    times = next_times(job_file(every=pace_), now, count)
    assert now < times[0] <= now + pace_
    assert times == [times[0] + pace_ * n for n in range(count)]
    assert next_times(job_file(every=pace_), times[0] - pace_ / 2, count) == times


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


def test_an_hourly_pace_knows_no_daylight_saving() -> None:
    """25 October 2026, 01:30 in Lisbon, summer and winter: an interval never skips or doubles."""
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    times = next_times(job_file(every=timedelta(hours=1), zone="Europe/Lisbon"), start, 3)
    assert [t.hour for t in times] == [1, 2, 3]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        # 25 October 2026: 01:30 is there twice in Lisbon; a fixed hour runs once, in the first
        ("30 1 * * *", ["2026-10-25T00:30+00:00", "2026-10-26T01:30+00:00"]),
        # by real time where the hour is any
        ("30 * * * *", ["2026-10-25T00:30+00:00", "2026-10-25T01:30+00:00"]),
        ("*/30 */1 * * *", ["2026-10-25T00:30+00:00", "2026-10-25T01:00+00:00"]),
    ],
)
def test_an_hour_that_is_there_twice(cron: str, expected: list[str]) -> None:
    """Daily things happen once."""
    now = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    times = next_times(job_file(cron=cron, zone="Europe/Lisbon"), now, 2)
    assert times == [datetime.fromisoformat(at) for at in expected]


def test_an_hour_that_is_missing_is_made_up_for_an_hour_later() -> None:
    """29 March 2026 has no 01:30 in Lisbon: it runs at 02:30 by the wall clock, once."""
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    times = next_times(job_file(cron="30 1 * * *", zone="Europe/Lisbon"), now, 2)
    assert [t.isoformat() for t in times] == [
        "2026-03-29T01:30:00+00:00",
        "2026-03-30T00:30:00+00:00",
    ]


def test_a_calendar_leaves_holidays_out() -> None:
    """Portugal, Christmas 2026 on a Friday, and a day off of the team's own."""
    calendar = CalendarModel(
        at=["17:30", "09:00"], days="MON-FRI", holidays="PT", dates_off=["2026-12-28"]
    )
    file = job_file(calendar=calendar, zone="Europe/Lisbon")
    times = next_times(file, datetime(2026, 12, 24, 12, tzinfo=UTC), 3)
    assert [t.isoformat()[:16] for t in times] == [
        "2026-12-24T17:30",
        "2026-12-29T09:00",
        "2026-12-29T17:30",
    ]


@given(after=instants, gap=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_the_newest_slots_are_those_of_going_through_all(after: datetime, gap: timedelta) -> None:
    """However it looks back."""
    every = Every(timedelta(hours=7))
    found = []
    at = after
    while (at := every.after(at)) <= after + gap:
        found.append(at)
    assert list(newest(every, after, after + gap)) == found[-MOST_SLOTS:]


@given(slot=instants, seconds=st.integers(1, 10**5))
def test_jitter_is_the_same_for_every_daemon(slot: datetime, seconds: int) -> None:
    """And never before the slot, nor later than asked."""
    jitter = timedelta(seconds=seconds)
    at = jittered("night", slot, jitter)
    assert slot <= at <= slot + jitter
    assert at == jittered("night", slot, jitter)
