"""The text of a filter's value: lists, numbers, booleans, days and instants.

A comma parts a list; a value that holds a comma stands in double quotes, a double quote within is
doubled (quotes [R, production rule files]; doubling unverified). Currencies are written `USD 0`,
booleans `True` / `False`, days and instants as the locale prints them (`11/22/2018 4:00 AM`) or as
relative words with spaces (`LAST 3 MONTHS`) [R]."""

from __future__ import annotations

import re
from datetime import date, datetime, time

__all__ = ["BadFilter", "as_boolean", "as_moment", "as_number", "as_word", "split_values"]

_NUMBER = re.compile(r"(?:[A-Za-z]{3} +)?([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)")
_DAY = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})\.?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?")
_AGO = re.compile(r"(?:N )?(\d+) (DAY|WEEK|MONTH|QUARTER|YEAR)S? AGO")
_SPAN = re.compile(r"(LAST|NEXT)(?: N)? (\d+) ((?:FISCAL )?(?:DAY|WEEK|MONTH|QUARTER|YEAR))S?")
_PLAIN = re.compile(
    r"TODAY|YESTERDAY|TOMORROW|(?:LAST|THIS|NEXT) (?:FISCAL )?(?:WEEK|MONTH|QUARTER|YEAR)"
)
_MONTH_FIRST = ("en_US", "en_PH")


class BadFilter(Exception):
    """A filter that cannot be: why, and at which item (from 0; None: the logic)."""

    def __init__(self, problem: str, item: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.item = item


def split_values(text: str) -> tuple[str, ...]:
    """The values of a list, trimmed; empty ones are left out."""
    values: list[str] = []
    part: list[str] = []
    quoted = False
    place = 0
    while place < len(text):
        letter = text[place]
        if quoted and letter == '"':
            if text[place + 1 : place + 2] == '"':
                part.append('"')
                place += 1
            else:
                quoted = False
        elif quoted:
            part.append(letter)
        elif letter == '"' and not "".join(part).strip():
            quoted = True
        elif letter == ",":
            values.append("".join(part))
            part = []
        else:
            part.append(letter)
        place += 1
    values.append("".join(part))
    return tuple(value.strip() for value in values if value.strip())


def as_number(text: str) -> float | None:
    """`50000000`, `1.5`, `USD 100`; None for what is no number."""
    found = _NUMBER.fullmatch(text.strip())
    return None if found is None else float(found[1])


def as_boolean(text: str) -> bool | None:
    """`True`, `False`, `1`, `0`, in any case; None for anything else."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())


def as_word(text: str) -> tuple[str, int | None] | None:
    """A relative word in SOQL's spelling with its count (`LAST 3 MONTHS` → LAST_N_MONTHS, 3);
    None for anything else."""
    words = " ".join(text.upper().replace("_", " ").split())
    if _PLAIN.fullmatch(words):
        return words.replace(" ", "_"), None
    ago = _AGO.fullmatch(words)
    if ago is not None:
        unit = "N_DAYS_AGO" if ago[2] == "DAY" else f"N_{ago[2]}S_AGO"
        return unit, int(ago[1])
    span = _SPAN.fullmatch(words)
    if span is not None:
        return f"{span[1]}_N_{span[3].replace(' ', '_')}S", int(span[2])
    return None


def as_moment(text: str, locale: str) -> tuple[date, time | None] | None:
    """A day, perhaps with a time of day, as the locale prints it or in ISO's form. None for what is
    neither. With slashes en_US says the month first; which other locales do is unverified."""
    day, _, clock = text.strip().replace("T", " ").replace(", ", " ").partition(" ")
    found = _DAY.fullmatch(day)
    if found is None:
        return None
    first, mark, second, third = int(found[1]), found[2], int(found[3]), int(found[4])
    if len(found[1]) == 4:
        numbers = (first, second, third)
    elif mark == "/" and locale in _MONTH_FIRST:
        numbers = (third, first, second)
    else:
        numbers = (third, second, first)
    try:
        return date(*numbers), _time(clock.strip()) if clock.strip() else None
    except ValueError:
        return None


def _time(text: str) -> time:
    try:
        moment = datetime.fromisoformat(f"2000-01-01T{text}")
        return moment.timetz()
    except ValueError:
        found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day")
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text!r} is no time of day")
        hour = hour % 12 + (12 if found[4] in "Pp" else 0)
    return time(hour, int(found[2]), int(found[3] or 0))
