"""Working hours: laws over random calendars, zones and instants, and known days by hand."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sfprm.errors import BadRequest
from sfprm.programme.calendar_model import ALWAYS, Absence, Calendar, Hours, WorkingTime
from sfprm.programme.calendar_text import parse_hours
from sfprm.routing.calendar import (
    absent_because,
    add_working,
    closed_because,
    next_open,
    open_at,
    open_until,
)
from sfprm.routing.values import Code

EXAMPLES = 3_000 if os.environ.get("SFPRM_TEST_LONG") else 80
ZONES = (
    *("UTC", "Europe/Lisbon", "Europe/Berlin", "America/New_York", "America/Havana"),
    *("America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"),
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Some hours on some days; holidays of some country."""
    hours = []
    for day in draw(st.sets(st.integers(0, 6), min_size=1)):
        marks = sorted(draw(st.sets(st.integers(0, 96), min_size=2, max_size=4)))
        pairs = list(zip(marks[::2], marks[1::2], strict=False))
        hours += [Hours(day, 15 * a, 15 * b) for a, b in pairs]
    return Calendar(
        draw(st.sampled_from(ZONES)),
        tuple(hours),
        "drawn",
        draw(st.sampled_from([None, "PT", "US"])),
    )


# around the changes of the clocks in 2025 and 2026, and any time
def between(first: str, last: str) -> st.SearchStrategy[datetime]:
    """Instants from one to the other, to the second."""
    start = datetime.fromisoformat(f"{first}+00:00")
    length = datetime.fromisoformat(f"{last}+00:00") - start
    return st.integers(0, int(length.total_seconds())).map(lambda s: start + timedelta(seconds=s))


moments = st.one_of(
    between("2025-01-01T00:00", "2027-12-31T00:00"),
    between("2026-03-28T20:00", "2026-03-30T00:00"),
    between("2026-10-24T20:00", "2026-10-26T00:00"),
    between("2026-10-31T20:00", "2026-11-02T00:00"),
)
lengths = st.builds(WorkingTime, st.integers(0, 4), st.integers(0, 1_500))


@settings(max_examples=EXAMPLES, deadline=None)
@given(calendars(), moments, lengths)
def test_the_end_lies_in_open_time(
    calendar: Calendar, start: datetime, length: WorkingTime
) -> None:
    """Never before the start, and in working hours or at their very end."""
    end = add_working(calendar, start, length)
    assert end >= start
    assert open_at(calendar, end) or open_at(calendar, end - timedelta(microseconds=1))


@settings(max_examples=EXAMPLES, deadline=None)
@given(calendars(), moments, lengths, st.integers(0, 200_000))
def test_a_later_start_never_ends_earlier(
    calendar: Calendar, start: datetime, length: WorkingTime, seconds: int
) -> None:
    """add_working is monotone in its start, whatever the clocks do."""
    later = start + timedelta(seconds=seconds)
    assert add_working(calendar, start, length) <= add_working(calendar, later, length)


@settings(max_examples=EXAMPLES, deadline=None)
@given(calendars(), moments, lengths, lengths)
def test_a_longer_time_never_ends_earlier(
    calendar: Calendar, start: datetime, one: WorkingTime, two: WorkingTime
) -> None:
    """add_working is monotone in its length."""
    assume(one.days <= two.days and one.minutes <= two.minutes)
    assert add_working(calendar, start, one) <= add_working(calendar, start, two)


@settings(max_examples=EXAMPLES, deadline=None)
@given(calendars(), moments, st.integers(0, 700), st.integers(0, 700))
def test_minutes_add_up(calendar: Calendar, start: datetime, one: int, two: int) -> None:
    """So many minutes, then so many more, are both together."""
    first = add_working(calendar, start, WorkingTime(minutes=one))
    both = add_working(calendar, first, WorkingTime(minutes=two))
    assert both == add_working(calendar, start, WorkingTime(minutes=one + two)) or two == 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(calendars(), moments)
def test_next_open_is_the_first_open_instant(calendar: Calendar, instant: datetime) -> None:
    """It is open then, and closed just before unless it is the instant asked about."""
    found = next_open(calendar, instant)
    assert found is not None
    assert found >= instant
    assert open_at(calendar, found)
    assert found == instant or not open_at(calendar, found - timedelta(microseconds=1))
    assert (found == instant) == open_at(calendar, instant)
    assert (closed_because(calendar, instant) is None) == open_at(calendar, instant)
    until = open_until(calendar, found)
    assert until is not None
    assert until > found


OFFICE = parse_hours("Mon-Fri 09:00-13:00, 14:00-18:00 Europe/Lisbon")
NIGHTS = parse_hours("daily 22:00-06:00 Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("calendar", "start", "length", "end"),
    [
        # Thursday 15:00 + 2 working days = Monday 15:00 (clocks go forward that Sunday)
        (OFFICE, "2026-03-26T15:00+00:00", WorkingTime(days=2), "2026-03-30T15:00+01:00"),
        # Friday 19:00 starts on Monday 09:00; one working day later is Tuesday 09:00
        (OFFICE, "2026-11-20T19:00+00:00", WorkingTime(days=1), "2026-11-24T09:00+00:00"),
        # 12:30 + 60 minutes: half an hour to lunch, the rest after it
        (OFFICE, "2026-11-23T12:30+00:00", WorkingTime(minutes=60), "2026-11-23T14:30+00:00"),
        # 17:00 + 60 minutes ends with the day
        (OFFICE, "2026-11-23T17:00+00:00", WorkingTime(minutes=60), "2026-11-23T18:00+00:00"),
        # the night when clocks go back has nine hours: 22:00 summer to 06:00 winter
        (NIGHTS, "2026-10-24T22:00+02:00", WorkingTime(minutes=540), "2026-10-25T06:00+01:00"),
        # the night when they go forward has seven
        (NIGHTS, "2026-03-28T22:00+01:00", WorkingTime(minutes=420), "2026-03-29T06:00+02:00"),
        (ALWAYS, "2026-11-23T12:00+00:00", WorkingTime(1, 30), "2026-11-24T12:30+00:00"),
    ],
)
def test_known_ends(calendar: Calendar, start: str, length: WorkingTime, end: str) -> None:
    """Ends worked out by hand."""
    assert add_working(calendar, at(start), length) == at(end)


@pytest.mark.parametrize(
    ("country", "subdivision", "instant", "code"),
    [
        ("PT", None, "2026-12-08T10:00+00:00", Code.HOLIDAY),  # Immaculate Conception
        ("DE", "BY", "2026-01-06T10:00+00:00", Code.HOLIDAY),  # Epiphany: in Bavaria,
        ("DE", "BE", "2026-01-06T10:00+00:00", None),  # not in Berlin
        (None, None, "2026-12-08T10:00+00:00", None),
        ("PT", None, "2026-12-08T20:00+00:00", Code.HOLIDAY),  # closed for both reasons
        ("PT", None, "2026-12-09T20:00+00:00", Code.OUT_OF_HOURS),
        ("PT", None, "2026-12-06T10:00+00:00", Code.OUT_OF_HOURS),  # a Sunday
    ],
)
def test_holidays_by_country(
    country: str | None, subdivision: str | None, instant: str, code: Code | None
) -> None:
    """A public holiday is closed, and the reason says which."""
    calendar = Calendar("Europe/Lisbon", OFFICE.hours, OFFICE.text, country, subdivision)
    reason = closed_because(calendar, at(instant))
    assert (reason.code if reason else None) == code


def test_a_country_without_holidays_is_refused() -> None:
    """A slip in a country's code is told, with the way out."""
    calendar = Calendar("UTC", OFFICE.hours, "", "QQ")
    with pytest.raises(BadRequest, match="No holidays are known for QQ"):
        open_at(calendar, at("2026-11-23T10:00+00:00"))


def test_hours_that_never_open_say_so() -> None:
    """Every day off for years: no instant is found, and adding time is refused."""
    days = tuple((date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(4 * 366))
    calendar = Calendar("UTC", OFFICE.hours, "office", days_off=days)
    assert next_open(calendar, at("2026-02-01T00:00+00:00")) is None
    with pytest.raises(BadRequest, match="no open time"):
        add_working(calendar, at("2026-02-01T00:00+00:00"), WorkingTime(days=1))


@pytest.mark.parametrize(
    ("instant", "away"),
    [
        ("2026-12-20T23:59+00:00", False),  # 23:59 in Lisbon, the day before
        ("2026-12-21T00:00+00:00", True),
        ("2026-12-27T23:59+00:00", True),
        ("2026-12-28T00:00+00:00", False),
    ],
)
def test_absences_hold_to_the_day(instant: str, away: bool) -> None:
    """Both days named are included, in the person's own time zone."""
    absences = (Absence("2026-12-21", "2026-12-27", "leave"),)
    reason = absent_because(absences, "Europe/Lisbon", at(instant))
    assert (reason is not None) == away
    if reason is not None:
        assert reason.code is Code.ABSENT
        assert reason.detail == "absent until 2026-12-27, leave"
