"""Pure functions over stored values that the SQL of a query calls by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sfprm.devorg.formats import Place, formatted
from sfprm.devorg.values import fold

__all__ = ["DATE_PARTS", "FISCAL_PARTS", "RADIUS", "SQL_FUNCTIONS"]

FISCAL_PARTS = ("FISCAL_MONTH", "FISCAL_QUARTER", "FISCAL_YEAR")
RADIUS = {"km": 6371.0088, "mi": 3958.7613}
"""The mean radius of the earth, by unit of DISTANCE."""

DATE_PARTS: dict[str, Callable[[date], int]] = {
    "CALENDAR_MONTH": lambda day: day.month,
    "CALENDAR_QUARTER": lambda day: (day.month + 2) // 3,
    "CALENDAR_YEAR": lambda day: day.year,
    "DAY_IN_MONTH": lambda day: day.day,
    "DAY_IN_WEEK": lambda day: day.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda day: day.timetuple().tm_yday,
    "WEEK_IN_MONTH": lambda day: (day.day + 6) // 7,
    "WEEK_IN_YEAR": lambda day: (day.timetuple().tm_yday + 6) // 7,
}
"""What each date function takes from a day (SOQL sheet, section 4)."""


def _fold(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def _part(name: str, text: str | None) -> int | None:
    return None if text is None else DATE_PARTS[name](date.fromisoformat(text[:10]))


@lru_cache(maxsize=4096)
def _fiscal(name: str, first: int, by_start: int, text: str | None) -> int | None:
    """A part of the fiscal year that begins in month `first`; the year is named by the calendar
    year in which it begins, or else by the one in which it ends.
    """
    if text is None:
        return None
    year, month = int(text[:4]), int(text[5:7])
    passed = (month - first) % 12
    if name == "FISCAL_MONTH":
        return passed + 1
    if name == "FISCAL_QUARTER":
        return passed // 3 + 1
    begun = year if month >= first else year - 1
    return begun if by_start or first == 1 else begun + 1


def _format(
    kind: str, scale: int, zone: str, locale: str, currency: str, value: str | float | None
) -> str | None:
    return formatted(kind, scale, value, Place(zone, locale, currency))


def _distance(
    latitude: float | None, longitude: float | None, to_latitude: float, to_longitude: float,
    radius: float,
) -> float | None:  # fmt: skip
    """The way over the ground between two points given in degrees (haversine)."""
    if latitude is None or longitude is None:
        return None
    one, other = math.radians(latitude), math.radians(to_latitude)
    half = (
        math.sin((other - one) / 2) ** 2
        + math.cos(one)
        * math.cos(other)
        * math.sin(math.radians(to_longitude - longitude) / 2) ** 2
    )
    return 2 * radius * math.asin(math.sqrt(min(1.0, half)))


def _hour(text: str | None) -> int | None:
    return None if text is None else int(text[11:13])


@lru_cache(maxsize=4096)
def _local(text: str | None, zone: str) -> str | None:
    """A stored instant, as the clock on the wall of this zone shows it."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


SQL_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "sf_fold": (1, _fold),
    "sf_part": (2, _part),
    "sf_hour": (1, _hour),
    "sf_fiscal": (4, _fiscal),
    "sf_format": (6, _format),
    "sf_distance": (5, _distance),
    "sf_local": (2, _local),
}
"""Name in SQL → number of arguments and function."""
