"""How values look in storage and in answers: instants, dates, folded text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import product
from math import prod

__all__ = ["case_variants", "datetime_text", "fold", "parse_datetime"]

_MOST_VARIANTS = 64


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


def case_variants(text: str) -> list[str] | None:
    """The texts that fold as this one does, but for the case of ASCII letters; None when they are
    too many. Of ASCII letters only ASCII ones are told, as the database compares them.
    """
    choices = [
        (letter,) if letter.isascii() else _folded_alike().get(fold(letter), (letter,))
        for letter in text
    ]
    if prod(map(len, choices)) > _MOST_VARIANTS:
        return None
    return ["".join(one) for one in product(*choices)]


@cache
def _folded_alike() -> Mapping[str, tuple[str, ...]]:
    """Letters beyond ASCII by what they fold to."""
    found: dict[str, list[str]] = {}
    for number in range(0x80, 0x1F000):
        letter = chr(number)
        found.setdefault(fold(letter), []).append(letter)
    return {folded: tuple(letters) for folded, letters in found.items() if len(letters) > 1}
