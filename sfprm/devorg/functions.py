"""Pure functions over stored values that the SQL of a query calls by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sfprm.devorg.values import fold

__all__ = ["DATE_PARTS", "SQL_FUNCTIONS"]

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
    "sf_local": (2, _local),
}
"""Name in SQL → number of arguments and function."""
