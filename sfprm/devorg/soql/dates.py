"""The words for ranges of time (TODAY, LAST_N_DAYS:7), and date and instant literals.

Ranges are half-open and cut at midnight of the user's zone (SOQL sheet, section 3; the zone is
unverified there: some documents print UTC).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sfprm.devorg.values import datetime_text

__all__ = ["COUNTED_WORDS", "PLAIN_WORDS", "Calendar", "instant", "is_date"]

_UNITS = ("WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")
PLAIN_WORDS = frozenset(
    {"TODAY", "YESTERDAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {f"{when}_{unit}" for when in ("THIS", "LAST", "NEXT") for unit in _UNITS}
)
COUNTED_WORDS = frozenset(
    {"LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO"}
    | {f"{when}_N_{unit}S" for when in ("LAST", "NEXT") for unit in _UNITS}
    | {f"N_{unit}S_AGO" for unit in _UNITS}
)

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))"
)


class Calendar:
    """Today, where the user is.

    `week_starts` is the first weekday (0 Monday … 6 Sunday), `fiscal_month` the month (1 to 12)
    in which the fiscal year begins; `fiscal_named_by_start`: FISCAL_YEAR is the calendar year of
    that month, not of the fiscal year's end. Raises OverflowError where a range leaves the years
    1 to 9999.
    """

    def __init__(
        self,
        now: datetime,
        zone: str,
        *,
        week_starts: int = 6,
        fiscal_month: int = 1,
        fiscal_named_by_start: bool = False,
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.today = now.astimezone(self.zone).date()
        self._week_starts = week_starts
        self.fiscal_month = fiscal_month
        self.fiscal_named_by_start = fiscal_named_by_start

    def days(self, word: str, count: int | None = None) -> tuple[date, date]:
        """The first day of the range, and the day after its last."""
        n = count or 0
        today = self.today
        one = timedelta(days=1)
        fixed = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
        if word in fixed:
            start = today + fixed[word] * one
            return start, start + one
        if word in ("LAST_90_DAYS", "LAST_N_DAYS"):
            return today - (90 if count is None else n) * one, today + one
        if word in ("NEXT_90_DAYS", "NEXT_N_DAYS"):
            return today + one, today + ((90 if count is None else n) + 1) * one
        if word == "N_DAYS_AGO":
            return today - n * one, today - (n - 1) * one
        when, _, unit = word.partition("_")
        if when == "N":
            unit = unit.removesuffix("S_AGO")
            return self._period(unit, -n), self._period(unit, 1 - n)
        if unit.startswith("N_"):
            unit = unit.removeprefix("N_").removesuffix("S")
            if when == "LAST":
                return self._period(unit, -n), self._period(unit, 0)
            return self._period(unit, 1), self._period(unit, n + 1)
        shift = {"LAST": -1, "THIS": 0, "NEXT": 1}[when]
        return self._period(unit, shift), self._period(unit, shift + 1)

    def instants(self, word: str, count: int | None = None) -> tuple[str, str]:
        """The same range as stored instants."""
        start, end = self.days(word, count)
        return self._midnight(start), self._midnight(end)

    def _midnight(self, day: date) -> str:
        return datetime_text(datetime.combine(day, time(), self.zone))

    def _period(self, unit: str, shift: int) -> date:
        """The first day of the week, month, … that is `shift` periods from today's."""
        today = self.today
        if unit == "WEEK":
            back = (today.weekday() - self._week_starts) % 7
            return today + timedelta(days=7 * shift - back)
        if unit == "MONTH":
            return _month(today.year, today.month + shift)
        first = self.fiscal_month if unit.startswith("FISCAL") else 1
        passed = (today.month - first) % 12
        if unit.endswith("QUARTER"):
            return _month(today.year, today.month - passed % 3 + 3 * shift)
        return _month(today.year, today.month - passed + 12 * shift)


def _month(year: int, month: int) -> date:
    years, index = divmod(month - 1, 12)
    if not 1 <= year + years <= 9999:
        raise OverflowError("date out of range")
    return date(year + years, index + 1, 1)


def instant(text: str) -> str | None:
    """An instant literal as it is stored, in UTC; None when its parts are out of range."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    micro = int((found.group(7) or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
        if found.group(9):
            hours, minutes = int(found.group(10)), int(found.group(11))
            if hours > 23 or minutes > 59:
                return None
            offset = timedelta(hours=hours, minutes=minutes)
            moment = moment - offset if found.group(9) == "+" else moment + offset
        return datetime_text(moment)
    except (ValueError, OverflowError):
        return None


def is_date(text: str) -> bool:
    """Whether this is a day of the calendar, `YYYY-MM-DD`."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
