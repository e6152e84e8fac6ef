"""When nobody of a pool is at work, said in words and against a plain count of hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import PartnerKey, PersonKey, PoolKey
from sfprm.programme.calendar_model import Absence, Calendar
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.model import InTurn, Origin, Programme, Rule, ToPool, ToQueue, Waiver
from sfprm.routing.calendar import open_at
from sfprm.routing.opening import Shut, shut, shut_pools
from tests.routing.test_decide import Channel

HERE = Origin("routing.yaml", 1)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
P = PoolKey("p")
OFFICE = parse_hours("Mon-Fri 09:00-18:00 UTC")
channel = Channel()


def programme(pool: dict[str, Any] | None = None, **routing: Any) -> Programme:
    made = channel.programme({"a": 1, "b": 1})
    changed = replace(made.routing.pools[P], **(pool or {}))
    return replace(made, routing=replace(made.routing, pools={P: changed}, **routing))


def found(made: Programme) -> Shut | None:
    return shut(made, made.routing.pools[P], NOW)


def test_a_pool_without_hours_is_never_shut() -> None:
    """Nor one with a single member who has none; nor where hours are waived."""
    assert found(programme()) is None
    assert found(programme(partner_hours={PartnerKey("a"): OFFICE})) is None
    waive = (Waiver.OUT_OF_HOURS, Waiver.HOLIDAY)
    assert found(programme({"hours": OFFICE, "waive": waive})) is None


def test_the_hours_of_the_week_are_named() -> None:
    """Alike nights together, in the zone of the hours, with what becomes of leads."""
    shut_then = found(programme({"hours": OFFICE}))
    assert shut_then is not None
    assert shut_then.words() == (
        "nobody is at work Mon, Tue, Wed, Thu 18:00 to 09:00, Fri 18:00 to Mon 09:00 (UTC); "
        "leads wait until somebody is"
    )
    hours = {PartnerKey("a"): OFFICE, PartnerKey("b"): parse_hours("daily 18:00-09:00 UTC")}
    shut_then = found(programme(partner_hours=hours))
    assert shut_then is not None
    assert shut_then.week == "Sat, Sun 09:00 to 18:00"


def test_what_happens_then_hangs_on_the_rules() -> None:
    """The next target of a rule is named; where there is none, leads wait."""
    desk = InTurn((ToPool(P), ToQueue("Desk")))
    rules = (Rule("Both", (), None, desk, HERE), Rule("One", (), None, ToPool(P), HERE))
    shut_then = found(programme({"hours": OFFICE}, rules=rules))
    assert shut_then is not None
    assert shut_then.then == "leads wait until somebody is; rule 'Both' gives them to queue Desk"
    shut_then = found(programme({"hours": OFFICE}, rules=rules[:1]))
    assert shut_then is not None
    assert shut_then.then == "rule 'Both' gives them to queue Desk"


def test_holidays_and_absences_ahead_are_dated() -> None:
    """Only where everybody is off, and somebody would be there on that weekday."""
    off = replace(OFFICE, days_off=("2026-03-10", "2026-03-14"))
    away = {
        PersonKey(f"{p}-{n}"): (Absence("2026-03-19", "2026-03-20"),) for p in "ab" for n in (1, 2)
    }
    shut_then = found(programme({"hours": off}, absences=away))
    assert shut_then is not None
    assert shut_then.days == ("2026-03-10", "2026-03-19", "2026-03-20")
    assert "nor on 2026-03-10, 2026-03-19" in shut_then.words()
    [told] = shut_pools(programme({"hours": off}, absences=away), NOW)
    assert (told.severity, told.line) == ("warning", 1)
    assert told.message.startswith("pool 'p': nobody is at work Mon")
    one = {key: value for key, value in away.items() if key.startswith("a")}
    assert found(programme(absences=one)) is None
    shut_then = found(programme(absences=away))
    assert shut_then is not None
    assert (shut_then.week, shut_then.days) == ("", ("2026-03-19", "2026-03-20"))


HOURS = st.lists(
    st.sampled_from(
        [
            "Mon-Fri 09:00-18:00 UTC",
            "Mon-Thu 08:00-13:00, 14:00-17:30 Europe/Lisbon",
            "daily 22:00-06:00 Europe/Berlin",
            "Sat 10:00-12:00 America/New_York",
            "Sun 00:00-24:00 UTC",
        ]
    ),
    min_size=2,
    max_size=2,
)


@settings(max_examples=20, deadline=None)
@given(HOURS)
def test_the_gaps_are_those_of_a_plain_look_at_each_half_hour(written: list[str]) -> None:
    """As many shut half hours in the week as the text says."""
    calendars: list[Calendar] = [parse_hours(text) for text in written]
    hours = MappingProxyType(dict(zip((PartnerKey("a"), PartnerKey("b")), calendars, strict=True)))
    shut_then = found(programme(partner_hours=hours))
    monday = datetime(2026, 3, 9, tzinfo=UTC)
    halves = [monday + timedelta(minutes=30 * n) for n in range(7 * 48)]
    closed = sum(not any(open_at(c, at) for c in calendars) for at in halves)
    assert (shut_then is None) is (closed == 0)
    if shut_then is not None:
        assert _minutes(shut_then.week) == closed * 30


def _minutes(week: str) -> int:
    """The length that a week's text tells, read back."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    total, starts = 0, []
    for part in week.split(", "):
        words = part.split()
        starts.append(words[0])
        if len(words) == 1:
            continue
        begin, end = (_of_day(words[1]), _of_day(words[-1]))
        span = (days.index(words[3]) - days.index(starts[-1])) % 7 or 7 if len(words) == 5 else None
        for start in starts:
            ahead = span if span is not None else int(end <= begin)
            total += ahead * 1440 + end - begin
            assert start in days
        starts = []
    return total


def _of_day(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
