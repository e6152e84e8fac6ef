"""Working hours as values: local hours of the week, a time zone, holidays and other days off."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALWAYS", "DAY", "Absence", "Calendar", "Hours", "WorkingTime"]

DAY = 24 * 60
"""Minutes of a day, whatever the clocks do."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open on one weekday (Monday 0) from `start` up to but without `end`, in minutes of the local
    day; `end` may be 1,440, the midnight that ends it."""

    weekday: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """When somebody works. `zone` is an IANA name.

    `hours` are sorted, without overlap, never empty. `country` (ISO 3166, with `subdivision` where
    given) has its public holidays off; `days_off` are further dates, ISO 8601, sorted. `text` is
    for people.
    """

    zone: str
    hours: tuple[Hours, ...]
    text: str
    country: str | None = None
    subdivision: str | None = None
    days_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Absence:
    """A person is away from `first` to `last`, both included: ISO dates in the person's own time
    zone."""

    first: str
    last: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """A length of open time: working days first, then minutes."""

    days: int = 0
    minutes: int = 0


ALWAYS = Calendar("UTC", tuple(Hours(day, 0, DAY) for day in range(7)), "always")
"""Round the clock, every day."""
