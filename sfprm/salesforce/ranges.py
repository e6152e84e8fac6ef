"""Ranges of record ids: to read one object by several queries at the same time. Pure.

An id is, after its three letters of type, a number of twelve digits in base 62 (0-9, A-Z, a-z),
of which the first three name where it was made. SOQL compares ids in that order [documented for
the key ranges of Bulk API 1.0].
"""

from __future__ import annotations

from sfprm.ids import RecordId

__all__ = ["key_ranges"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def key_ranges(
    first: RecordId, last: RecordId, parts: int
) -> list[tuple[RecordId, RecordId | None]]:
    """At most `parts` ranges from `first` on, each (start, the next one's start); the end is open.

    Together they hold every id from `first` on once. Equal in width, not in rows: ids deleted, or
    made elsewhere, leave holes.
    """
    low, high = _number(first), _number(last)
    width = max(1, -(-(high - low + 1) // parts))
    starts = [first, *(_id(first[:3], n) for n in range(low + width, high + 1, width))]
    return list(zip(starts, [*starts[1:], None], strict=True))


def _number(id_: RecordId) -> int:
    number = 0
    for digit in id_[3:15]:
        number = number * 62 + _DIGITS.index(digit)
    return number


def _id(prefix: str, number: int) -> RecordId:
    digits = ""
    for _ in range(12):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return RecordId(prefix + digits)
