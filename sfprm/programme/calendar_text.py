"""The text of working hours to a `Calendar`: `Mon-Fri 09:00-13:00, 14:00-18:00 Europe/Lisbon`.

    hours = "always" | part {";" part} [zone]
    part  = days span {"," span}
    days  = day ["-" day] {"," day ["-" day]} | "daily"
    span  = time "-" time          24:00 ends a day; an end before its start is the next day's

The zone stands once, at the end; without one the default is taken.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from sfprm.programme.calendar_model import ALWAYS, DAY, Calendar, Hours
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.text_error import TextError

__all__ = ["parse_hours", "time_zones"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = "Write it as: Mon-Fri 09:00-13:00, 14:00-18:00; Sat 09:00-12:00 Europe/Lisbon"
_ZONE = re.compile(r"(?:^|\s)([A-Za-z][A-Za-z_+-]*(?:/[A-Za-z0-9_+-]+)+|UTC|GMT)\s*\Z")
_TOKEN = re.compile(r"\s*(?:(?P<day>[A-Za-z]+)|(?P<time>\d{1,2}:\d\d)|(?P<sign>[-,;\u2013]))")


@cache
def time_zones() -> frozenset[str]:
    """IANA names; asking for them walks through the disk."""
    return frozenset(available_timezones())


def parse_hours(text: str, zone: str | None = None) -> Calendar:
    """The calendar, without holidays. Raises TextError with the column of what is wrong."""
    body = text
    found = _ZONE.search(text)
    if found is not None:
        body, zone = text[: found.start()], found.group(1)
        if zone not in time_zones():
            raise TextError(
                f"{zone!r} is not a time zone",
                found.start(1),
                len(zone),
                did_you_mean(zone, time_zones()) or "Such as Europe/Lisbon.",
            )
    if body.strip().lower() == "always":
        return ALWAYS
    if zone is None:
        raise TextError(
            "no time zone is given", len(text.rstrip()), hint="Add one: Europe/Lisbon, say."
        )
    hours = _merged(_Parser(body).whole())
    return Calendar(zone, hours, " ".join(body.split()) + f" {zone}")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                start = len(text) - len(text[at:].lstrip())
                raise TextError(f"{text[start]!r} does not belong in hours", start, hint=_FORM)
            kind = match.lastgroup
            word = match.group(kind).replace("\u2013", "-")
            self.tokens.append((kind, word, match.start(kind)))
            at = match.end()
        self.tokens.append(("end", "", len(text)))
        self.at = 0

    @property
    def now(self) -> tuple[str, str, int]:
        return self.tokens[self.at]

    def takes(self, word: str) -> bool:
        if self.now[1] == word:
            self.at += 1
            return True
        return False

    def wrong(self, wanted: str) -> TextError:
        kind, word, at = self.now
        what = "the hours end" if kind == "end" else f"{word!r} stands"
        return TextError(f"{what} where {wanted} is wanted", at, max(1, len(word)), _FORM)

    def whole(self) -> list[Hours]:
        found = self.part()
        while self.takes(";"):
            if self.now[0] == "end":
                break
            found += self.part()
        if self.now[0] != "end":
            raise self.wrong("; or a time zone")
        return found

    def part(self) -> list[Hours]:
        days = self.days()
        found = self.span(days)
        while self.takes(","):
            found += self.span(days)
        return found

    def days(self) -> list[int]:
        if self.takes("daily"):
            return list(range(7))
        days: list[int] = []
        while True:
            first = self.day()
            last = self.day() if self.takes("-") else first
            days += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
            if not self.takes(","):
                return days

    def day(self) -> int:
        kind, word, _ = self.now
        short = word.lower()[:3]
        if kind != "day" or short not in _DAYS:
            raise self.wrong("a day (Mon, Tue, …, Sun)")
        self.at += 1
        return _DAYS.index(short)

    def span(self, days: list[int]) -> list[Hours]:
        start = self.time()
        if not self.takes("-"):
            raise self.wrong("-")
        at = self.now[2]
        end = self.time()
        if start in (DAY, end):
            raise TextError("these hours are empty", at, 5, _FORM)
        if end > start:
            return [Hours(day, start, end) for day in days]
        late = [Hours(day, start, DAY) for day in days]
        return late + [Hours((day + 1) % 7, 0, end) for day in days if end]

    def time(self) -> int:
        kind, word, at = self.now
        if kind != "time":
            raise self.wrong("a time such as 09:00")
        hour, minute = (int(part) for part in word.split(":"))
        if minute > 59 or hour * 60 + minute > DAY:
            raise TextError(f"{word} is no time of day", at, len(word), _FORM)
        self.at += 1
        return hour * 60 + minute


def _merged(hours: list[Hours]) -> tuple[Hours, ...]:
    """Sorted; what overlaps or touches on one day is made one."""
    found: list[Hours] = []
    for each in sorted(hours, key=lambda h: (h.weekday, h.start, h.end)):
        last = found[-1] if found else None
        if last is not None and last.weekday == each.weekday and each.start <= last.end:
            found[-1] = Hours(last.weekday, last.start, max(last.end, each.end))
        else:
            found.append(each)
    return tuple(found)
