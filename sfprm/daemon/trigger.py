"""Schedules as instants. APScheduler's triggers do the arithmetic; everything here is pure.

A slot is the instant at which a schedule wants a run. It depends on the schedule alone and on no
daemon's memory: paces are counted from 1 January 1970, UTC, so that two daemons, or one before and
after a restart, name the same slots, and a run is unique by (name, slot).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from sfprm.daemon.crontab import crontab_trigger
from sfprm.daemon.jobfile_model import CalendarModel

__all__ = ["Calendar", "Cron", "Every", "Schedule", "jittered", "newest", "public_holidays"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_SLOTS = 100
"""Missed slots that `if_late: catch up` makes up for, the newest of them."""


class Schedule(Protocol):
    """Gives slots: aware UTC, ascending."""

    def after(self, instant: datetime) -> datetime | None:
        """The first slot later than the instant; None when there is none any more."""


class Every:
    """At a pace, counted from 1970."""

    def __init__(self, pace: timedelta) -> None:
        self._pace = pace

    def after(self, instant: datetime) -> datetime:
        return EPOCH + ((instant - EPOCH) // self._pace + 1) * self._pace


class Cron:
    """A crontab line in a time zone.

    When the clocks go back, a line with fixed hours fires once, in the first of the two hours of
    one name, and a line whose hour is `*` goes on by real time. When they go forward, what fell
    into the missing hour fires an hour later by the wall clock.
    """

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        self._zone = zone
        self._trigger: BaseTrigger = crontab_trigger(text, zone)
        self._by_real_time = text.split()[1].startswith("*")

    def after(self, instant: datetime) -> datetime | None:
        for found in _fires(self._trigger, instant, self._zone):
            if self._by_real_time or not found.fold:
                return found.astimezone(UTC)
        return None


class Calendar:
    """Times of day on weekdays, without holidays and single days off."""

    def __init__(self, model: CalendarModel, zone: ZoneInfo) -> None:
        self._model, self._zone = model, zone
        days = crontab_trigger(f"0 0 * * {model.days}", zone)
        weekdays = str(days.fields[4])
        self._trigger: BaseTrigger = OrTrigger(
            [
                CronTrigger(hour=t.hour, minute=t.minute, day_of_week=weekdays, timezone=zone)
                for t in model.times
            ]
        )

    def after(self, instant: datetime) -> datetime | None:
        for found in _fires(self._trigger, instant, self._zone):
            if not found.fold and not self._off(found.date()):
                return found.astimezone(UTC)
        return None

    def _off(self, day: date) -> bool:
        if day in self._model.dates_off:
            return True
        place = self._model.holidays
        return place is not None and day in public_holidays(place, (day.year,))


MOST_PASSED_OVER = 2000
"""Fires that are looked at for one that is no holiday; more than a year of daily ones."""


def _fires(trigger: BaseTrigger, instant: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Fires later than the instant, as local time."""
    previous: datetime | None = None
    at = instant
    for _ in range(MOST_PASSED_OVER):
        found = trigger.get_next_fire_time(previous, at)
        if found is None:
            return
        previous = at = found
        if found > instant:
            yield found.astimezone(zone)


@lru_cache(maxsize=64)
def public_holidays(place: str, years: tuple[int, ...]) -> frozenset[date]:
    """The public holidays of a country (`PT`) or a part of one (`DE-BY`).

    Raises ValueError for one that is not known.
    """
    import holidays

    country, _, part = place.upper().partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=years)
    except NotImplementedError:
        raise ValueError(f"no holidays are known for {place!r}; write PT, or DE-BY") from None
    return frozenset(found)


def newest(schedule: Schedule, after: datetime, upto: datetime) -> Sequence[datetime]:
    """The slots later than `after` and not later than `upto`, ascending; the newest MOST_SLOTS of
    them where there are more. Looks no further back than it must, however long the gap."""
    if after >= upto:
        return ()
    window = timedelta(minutes=1)
    while True:
        start = max(after, upto - window)
        found: list[datetime] = []
        at = start
        while (slot := schedule.after(at)) is not None and slot <= upto:
            found.append(slot)
            at = slot
        if start == after or len(found) >= MOST_SLOTS:
            return found[-MOST_SLOTS:]
        # with a slot in sight the rest is not far; without one, look back further at a time
        window *= 4


def jittered(name: str, slot: datetime, jitter: timedelta) -> datetime:
    """The start of a slot's run: up to `jitter` later, by name and slot, so that every daemon
    reckons the same."""
    digest = hashlib.sha256(f"{name} {slot.isoformat()}".encode()).digest()
    part = int.from_bytes(digest[:8], "big") / 2**64
    return slot + timedelta(microseconds=int(jitter / timedelta(microseconds=1) * part))
