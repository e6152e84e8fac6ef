"""Working hours in UTC: is it open, when does it open next, when has so much open time passed.

Local hours are turned to UTC day by day, so changes of the clocks count as they are: hours that
the clock skips do not exist, hours that it repeats count twice. All instants are aware, answers
are in UTC. Public holidays are those of the library `holidays`; rules change with its version,
which is why decisions keep their verdicts and are not asked again.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays

from sfprm.errors import BadRequest
from sfprm.programme.calendar_model import ALWAYS, DAY
from sfprm.routing.values import Code, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.programme.calendar_model import Absence, Calendar, WorkingTime

__all__ = [
    "absent_because",
    "add_working",
    "closed_because",
    "holiday_name",
    "next_open",
    "open_at",
    "open_times",
    "open_until",
    "public_holidays",
]

FURTHEST = 3 * 366
"""Days that are looked through for an open one."""

Interval = tuple[datetime, datetime]


@lru_cache(maxsize=4096)
def public_holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    """Names of the public holidays of a country or a part of it, by date.

    Raises BadRequest when the library does not know the country or part.
    """
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False)
    except NotImplementedError as error:
        raise BadRequest(
            f"No holidays are known for {country}{f'-{subdivision}' if subdivision else ''}.",
            hint="Write an ISO 3166 code, such as PT or DE-BY, or list the dates as days_off.",
        ) from error
    return {day: str(name) for day, name in found.items() if day.year == year}


def open_at(calendar: Calendar, instant: datetime) -> bool:
    """Whether the instant is within working hours; the minute of closing is not."""
    if calendar is ALWAYS:
        return True
    return any(start <= instant < end for start, end in _around(calendar, instant))


def open_until(calendar: Calendar, instant: datetime) -> datetime | None:
    """When the hours that the instant is in end; None when it is in none."""
    for start, end in _around(calendar, instant):
        if start <= instant < end:
            return end
    return None


def closed_because(calendar: Calendar, instant: datetime) -> Reason | None:
    """Why it is closed then: a holiday, or out of hours. None when it is open."""
    if open_at(calendar, instant):
        return None
    day = instant.astimezone(_zone(calendar.zone)).date()
    name = holiday_name(calendar, day)
    if name is not None and any(h.weekday == day.weekday() for h in calendar.hours):
        return Reason(Code.HOLIDAY, f"{name} ({day.isoformat()})")
    return Reason(Code.OUT_OF_HOURS, f"outside its hours ({calendar.text})")


def absent_because(absences: tuple[Absence, ...], zone: str, instant: datetime) -> Reason | None:
    """Why a person is away then; dates are of the person's own time zone."""
    if not absences:
        return None
    day = instant.astimezone(_zone(zone)).date().isoformat()
    for absence in absences:
        if absence.first <= day <= absence.last:
            why = f", {absence.why}" if absence.why else ""
            return Reason(Code.ABSENT, f"absent until {absence.last}{why}")
    return None


def holiday_name(calendar: Calendar, day: date) -> str | None:
    """What the day off is called; None on other days."""
    if day.isoformat() in calendar.days_off:
        return "day off"
    if calendar.country is None:
        return None
    return public_holidays(calendar.country, calendar.subdivision, day.year).get(day)


def next_open(calendar: Calendar, instant: datetime) -> datetime | None:
    """The first open instant from then on, itself when it is open; None when there is none within
    three years."""
    for start, end in _from(calendar, instant):
        if instant < end:
            return max(start, instant.astimezone(UTC))
    return None


def open_times(calendar: Calendar, first: date, days: int) -> Iterator[Interval]:
    """The open intervals, in UTC, of so many local days from the first on."""
    for ordinal in range(first.toordinal(), first.toordinal() + days):
        yield from _day(calendar, ordinal)


def add_working(calendar: Calendar, start: datetime, length: WorkingTime) -> datetime:
    """The instant when so much working time has passed: days first, then minutes.

    A working day later is the same local time on the next day with open hours; where that is
    closed, the next opening on that day, or its closing. What starts in closed hours starts at the
    next opening. The answer lies in open time, its closing minute included, and a later start
    never gives an earlier answer. Raises BadRequest when it is never open.
    """
    begun = next_open(calendar, start)
    if begun is None:
        raise BadRequest(f"The hours '{calendar.text}' hold no open time within three years.")
    if length.days:
        begun = _days_later(calendar, begun, length.days)
    if not length.minutes:
        return begun
    left = timedelta(minutes=length.minutes)
    for opens, closes in _from(calendar, begun):
        since = max(opens, begun)
        if closes <= since:
            continue
        if left <= closes - since:
            return since + left
        left -= closes - since
    raise BadRequest(f"{length.minutes} minutes of '{calendar.text}' take more than three years.")


def _days_later(calendar: Calendar, begun: datetime, days: int) -> datetime:
    zone = _zone(calendar.zone)
    day = _day_of(calendar, begun)
    wall = _wall(begun, zone)
    for step in range(1, FURTHEST):
        later = day + timedelta(days=step)
        open_then = _day(calendar, later.toordinal())
        if not open_then:
            continue
        days -= 1
        if days == 0:
            midnight = datetime.combine(later, datetime.min.time())
            wanted = _instants(midnight + wall, zone)[0]
            for opens, closes in open_then:
                if wanted < closes:
                    return max(opens, wanted)
            return open_then[-1][1]
    raise BadRequest(f"So many working days of '{calendar.text}' take more than three years.")


def _day_of(calendar: Calendar, instant: datetime) -> date:
    """The local day whose hours the open instant is in."""
    return instant.astimezone(_zone(calendar.zone)).date()


def _wall(instant: datetime, zone: ZoneInfo) -> timedelta:
    """Local time since midnight. An hour that the clock repeats counts once: while it is told for
    the second time, the time of the change is given, so that time never runs backwards."""
    local = instant.astimezone(zone)
    if local.fold:
        hour_before = instant - timedelta(hours=3)
        change = _transition(hour_before, instant, zone)
        offset = hour_before.astimezone(zone).utcoffset() or timedelta()
        naive = (change + offset).replace(tzinfo=None)
    else:
        naive = local.replace(tzinfo=None)
    return naive - datetime.combine(local.date(), datetime.min.time())


def _around(calendar: Calendar, instant: datetime) -> tuple[Interval, ...]:
    """Open intervals of the local day of the instant."""
    day = instant.astimezone(_zone(calendar.zone)).date()
    return _day(calendar, day.toordinal())


def _from(calendar: Calendar, instant: datetime) -> Iterator[Interval]:
    """Open intervals from the local day of the instant on."""
    first = instant.astimezone(_zone(calendar.zone)).date().toordinal()
    for ordinal in range(first, first + FURTHEST):
        yield from _day(calendar, ordinal)


@lru_cache(maxsize=16384)
def _day(calendar: Calendar, ordinal: int) -> tuple[Interval, ...]:
    """The open intervals of a local day, in UTC."""
    day = date.fromordinal(ordinal)
    hours = [h for h in calendar.hours if h.weekday == day.weekday()]
    if not hours or holiday_name(calendar, day) is not None:
        return ()
    zone = _zone(calendar.zone)
    midnight = datetime.combine(day, datetime.min.time())
    found = []
    for each in hours:
        start = _instants(midnight + timedelta(minutes=each.start), zone)[0]
        ends = _instants(midnight + timedelta(minutes=each.end), zone)
        # the midnight that ends a day is the start of the next: both take it at its first telling
        end = ends[0] if each.end == DAY else ends[1]
        if start < end:
            found.append((start, end))
    return tuple(found)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _instants(local: datetime, zone: ZoneInfo) -> Interval:
    """The first and last instant that clocks show that time; for a time that they skip, both are
    the moment of the change."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first > last:
        change = _transition(last, first, zone)
        return change, change
    return first, last


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two when the offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)
