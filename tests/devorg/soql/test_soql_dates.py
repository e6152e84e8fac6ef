"""Words for ranges of time, as days and as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sfprm.devorg.soql.dates import COUNTED_WORDS, PLAIN_WORDS, Calendar, instant, is_date

WEDNESDAY = datetime(2026, 3, 18, 12, tzinfo=UTC)

RANGES = [
    ("TODAY", None, "2026-03-18", "2026-03-19"),
    ("YESTERDAY", None, "2026-03-17", "2026-03-18"),
    ("TOMORROW", None, "2026-03-19", "2026-03-20"),
    ("THIS_WEEK", None, "2026-03-15", "2026-03-22"),
    ("LAST_WEEK", None, "2026-03-08", "2026-03-15"),
    ("NEXT_WEEK", None, "2026-03-22", "2026-03-29"),
    ("THIS_MONTH", None, "2026-03-01", "2026-04-01"),
    ("LAST_MONTH", None, "2026-02-01", "2026-03-01"),
    ("NEXT_MONTH", None, "2026-04-01", "2026-05-01"),
    ("LAST_90_DAYS", None, "2025-12-18", "2026-03-19"),  # 90 days before today, and today
    ("NEXT_90_DAYS", None, "2026-03-19", "2026-06-17"),  # 90 days from tomorrow
    ("LAST_N_DAYS", 1, "2026-03-17", "2026-03-19"),
    ("NEXT_N_DAYS", 1, "2026-03-19", "2026-03-20"),
    ("N_DAYS_AGO", 2, "2026-03-16", "2026-03-17"),
    ("LAST_N_WEEKS", 2, "2026-03-01", "2026-03-15"),
    ("NEXT_N_MONTHS", 2, "2026-04-01", "2026-06-01"),
    ("N_MONTHS_AGO", 3, "2025-12-01", "2026-01-01"),
    ("THIS_QUARTER", None, "2026-01-01", "2026-04-01"),
    ("LAST_N_QUARTERS", 2, "2025-07-01", "2026-01-01"),
    ("N_QUARTERS_AGO", 1, "2025-10-01", "2026-01-01"),
    ("THIS_YEAR", None, "2026-01-01", "2027-01-01"),
    ("NEXT_N_YEARS", 1, "2027-01-01", "2028-01-01"),
    ("THIS_FISCAL_YEAR", None, "2025-04-01", "2026-04-01"),  # beginning in April
    ("LAST_FISCAL_QUARTER", None, "2025-10-01", "2026-01-01"),
    ("N_FISCAL_YEARS_AGO", 1, "2024-04-01", "2025-04-01"),
]


@pytest.mark.parametrize(("word", "count", "start", "end"), RANGES)
def test_days(word: str, count: int | None, start: str, end: str) -> None:
    """Each word's first day, and the day after its last."""
    calendar = Calendar(WEDNESDAY, "UTC", fiscal_month=4)
    assert calendar.days(word, count) == (date.fromisoformat(start), date.fromisoformat(end))


def test_weeks_begin_where_the_locale_says() -> None:
    """In most of Europe on Monday."""
    assert Calendar(WEDNESDAY, "UTC", week_starts=0).days("THIS_WEEK")[0] == date(2026, 3, 16)


def test_days_are_the_users() -> None:
    """Days begin at the user's midnight, over the change of clocks too."""
    night = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    calendar = Calendar(night, "Europe/Lisbon")
    assert calendar.instants("TODAY") == (
        "2026-03-28T00:00:00.000+0000",
        "2026-03-29T00:00:00.000+0000",
    )
    assert calendar.instants("TOMORROW")[1] == "2026-03-29T23:00:00.000+0000"


@pytest.mark.parametrize("word", sorted(PLAIN_WORDS | COUNTED_WORDS))
def test_every_word_is_a_range(word: str) -> None:
    """All words of the language give a range that is not empty."""
    start, end = Calendar(WEDNESDAY, "UTC").days(word, 3 if word in COUNTED_WORDS else None)
    assert start < end


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00.000+0000"),
        ("2026-01-31t10:00:00.25z", "2026-01-31T10:00:00.250+0000"),
        ("2026-01-31T10:00:00+05:30", "2026-01-31T04:30:00.000+0000"),
        ("2026-01-31T10:00:00-0100", "2026-01-31T11:00:00.000+0000"),
        ("2026-02-30T10:00:00Z", None),
        ("2026-01-31T10:00:00+25:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000+0000"),
    ],
)
def test_instants(written: str, stored: str | None) -> None:
    """Instants are kept in UTC with milliseconds; impossible ones are none."""
    assert instant(written) == stored


def test_dates() -> None:
    """A date is a day of the calendar."""
    assert is_date("2024-02-29")
    assert not is_date("2026-02-29")
