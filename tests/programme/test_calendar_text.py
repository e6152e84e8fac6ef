"""The text of working hours: what it may be, and what is said of what it may not be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.programme.calendar_model import ALWAYS, Hours
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.text_error import TextError


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("Mon-Tue 09:00-18:00 Europe/Lisbon", "Europe/Lisbon", [(0, 540, 1080), (1, 540, 1080)]),
        ("Mon 9:00-12:00, 13:00-17:00 UTC", "UTC", [(0, 540, 720), (0, 780, 1020)]),
        ("Mon 09:00-12:00; Sat 10:00-11:00 UTC", "UTC", [(0, 540, 720), (5, 600, 660)]),
        ("Sat,Sun 10:00-11:00 UTC", "UTC", [(5, 600, 660), (6, 600, 660)]),
        ("Sat-Mon 10:00-11:00 UTC", "UTC", [(0, 600, 660), (5, 600, 660), (6, 600, 660)]),
        ("sunday 00:00-24:00 UTC", "UTC", [(6, 0, 1440)]),
        # over midnight, also over the end of the week
        ("Sun 22:00-06:00 UTC", "UTC", [(0, 0, 360), (6, 1320, 1440)]),
        # what overlaps or touches is one
        ("Mon 09:00-12:00, 11:00-13:00, 13:00-14:00 UTC", "UTC", [(0, 540, 840)]),
    ],
)
def test_hours_are_read(text: str, zone: str, hours: list[tuple[int, int, int]]) -> None:
    """Days, spans and zone, sorted and without overlap."""
    calendar = parse_hours(text)
    assert calendar.zone == zone
    assert calendar.hours == tuple(Hours(*each) for each in hours)


def test_always_and_daily() -> None:
    """Two words for the whole week."""
    assert parse_hours("always") is ALWAYS
    assert parse_hours("daily 00:00-24:00 UTC").hours == ALWAYS.hours


def test_a_default_zone_is_taken_where_none_is_written() -> None:
    """A person's hours are in the person's time zone."""
    assert parse_hours("Mon 09:00-10:00", "Asia/Tokyo").zone == "Asia/Tokyo"
    assert parse_hours("Mon 09:00-10:00 UTC", "Asia/Tokyo").zone == "UTC"


@pytest.mark.parametrize(
    ("text", "words", "offset"),
    [
        ("Mon-Fri 09:00-18:00", "no time zone", 19),
        ("Mon-Fri 09:00-18:00 Europe/Lisboa", "not a time zone", 20),
        ("Mon-Fry 09:00-18:00 UTC", "a day", 4),
        ("09:00-18:00 UTC", "a day", 0),
        ("Mon 09:00 UTC", "where - is wanted", 9),
        ("Mon 09:00-25:00 UTC", "no time of day", 10),
        ("Mon 09:00-09:00 UTC", "empty", 10),
        ("Mon 09:00-10:00 Tue UTC", "where ; or a time zone", 16),
        ("Mon 9-17 UTC", "does not belong", 4),
    ],
)
def test_slips_are_told_with_their_place(text: str, words: str, offset: int) -> None:
    """What is wrong, and at which character."""
    with pytest.raises(TextError) as error:
        parse_hours(text)
    assert words in error.value.message
    assert error.value.offset == offset


@settings(max_examples=150)
@given(st.text(alphabet="MonTueSat0123456789:-,; UTCalwys/", max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Hours or a TextError; never anything else."""
    try:
        offset = 0 if parse_hours(text).hours else -1
    except TextError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)
