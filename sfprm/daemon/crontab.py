"""Five crontab fields as a trigger, with the weekdays of crontab(5).

APScheduler counts weekdays from Monday as 0 and ends its week on Sunday; crontab(5) counts from
Sunday as 0, or 7. And where both days are named, cron takes either, APScheduler both: that is
refused, as it would run at other times than the reader expects.
"""

from __future__ import annotations

import re
from datetime import tzinfo

from apscheduler.triggers.cron import CronTrigger

__all__ = ["crontab_trigger"]

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[1-9]\d*))?")


def crontab_trigger(text: str, zone: tzinfo | str = "UTC") -> CronTrigger:
    """The trigger. Raises ValueError saying what is wrong."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"it has {len(fields)} fields, not 5")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError("name days of the month or weekdays, not both; two job files can")
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=weekday if weekday == "*" else _weekdays(weekday),
        timezone=zone,
    )


def _weekdays(field: str) -> str:
    """`1-5`, `MON,WED`, `*/2` or `5-7` as names."""
    chosen: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no weekday; write MON-FRI, or 1-5 (Sunday is 0)")
        step = int(found["step"] or 1)
        if found["first"] == "*":
            chosen |= set(range(0, 7, step))
            continue
        first = _day(found["first"])
        last = _day(found["last"]) if found["last"] else 6 if found["step"] else first
        chosen |= {n % 7 for n in range(first, last + 1 if first <= last else last + 8, step)}
    return ",".join(DAYS[n] for n in sorted(chosen))


def _day(text: str) -> int:
    """0 to 7; both ends are Sunday."""
    if text.lower() in DAYS:
        return DAYS.index(text.lower())
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text!r} is no weekday; write MON-FRI, or 1-5 (Sunday is 0)")
