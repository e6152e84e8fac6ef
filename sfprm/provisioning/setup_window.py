"""A daily window in which sharing may be recalculated: `22:00-06:00 Europe/Lisbon`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sfprm.errors import BadRequest

__all__ = ["Window", "read_window"]

_FORM = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` each day, local time of the zone; past midnight when end is earlier."""

    start: time
    end: time
    zone: ZoneInfo

    def open_at(self, instant: datetime) -> bool:
        """Whether an aware instant lies in it."""
        local = instant.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def next_open(self, instant: datetime) -> datetime:
        """The next opening after the instant, in the window's zone."""
        local = instant.astimezone(self.zone)
        opening = datetime.combine(local.date(), self.start, self.zone)
        if opening <= local:
            opening = datetime.combine(local.date() + timedelta(days=1), self.start, self.zone)
        return opening


def read_window(text: str) -> Window:
    """The window that a text means. Raises BadRequest."""
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        hours = [int(part) for part in match.groups()[:4]]
        return Window(time(hours[0], hours[1]), time(hours[2], hours[3]), ZoneInfo(match[5]))
    except (ValueError, ZoneInfoNotFoundError):
        raise BadRequest(
            f"--window: {text!r} is not a window.",
            hint='Write it as "22:00-06:00 Europe/Lisbon".',
        ) from None
