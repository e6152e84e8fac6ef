"""How values look in storage and in answers: instants, dates, folded text."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["datetime_text", "fold", "parse_datetime"]


def datetime_text(moment: datetime) -> str:
    """An aware instant as Salesforce writes it: UTC, milliseconds, `+0000` without a colon."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "+0000"


def parse_datetime(text: str) -> datetime:
    """The instant that a stored text stands for (`2026-01-31T10:00:00.000+0000`), in UTC.

    Raises ValueError for other text.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


def fold(text: str) -> str:
    """Text made upper case letter by letter, so that its length stays.

    English locales compare upper-cased text (SOQL sheet, section 2, ORDER BY); letters whose upper
    case is longer (a German sharp s) are left as they are.
    """
    if text.isascii():
        return text.upper()
    return "".join(up if len(up := letter.upper()) == 1 else letter for letter in text)
