"""When two field values are the same to the org, and the form in which a value is written.

The org lower-cases usernames and e-mail addresses, trims texts, keeps '' as null and one kind of
line end (operations.md, rule 18; unverified in detail). A comparison that is stricter than the
org's would show a change for ever.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sfprm.ids import RecordId, is_record_id

if TYPE_CHECKING:
    from sfprm.programme.model import FieldValue

__all__ = ["Comparable", "normalise", "to_write"]

Comparable = str | int | bool | Decimal | datetime | frozenset[str] | None

_NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no", ""})


def _text(value: str) -> str | None:
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.strip() or None


def _number(value: FieldValue) -> Decimal | None:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return Decimal(
            str(value).strip().replace(",", "") if isinstance(value, str) else str(value)
        )
    except InvalidOperation:
        return None


def _boolean(value: FieldValue) -> bool | None:
    if value is None:
        return False
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return bool(value)


def _instant(value: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def normalise(field_type: str, value: FieldValue) -> Comparable:
    """The value as the org would compare it. `field_type` is describe's, or '' when not known."""
    if field_type == "boolean":
        answer = _boolean(value)
        return answer if answer is not None else str(value)
    if value is None:
        return None
    if field_type in _NUMBERS:
        number = _number(value)
        return number if number is not None or not isinstance(value, str) else _text(value)
    if not isinstance(value, str):
        return value if isinstance(value, bool) else Decimal(str(value))
    text = _text(value)
    if text is None:
        return None
    if field_type in ("email", "username"):
        return text.lower()
    if field_type in ("reference", "id"):
        if isinstance(value, RecordId) or (len(text) != 15 and len(text) != 18):
            return text
        return str(RecordId(text)) if is_record_id(text) else text
    if field_type == "datetime":
        return _instant(text) or text
    if field_type == "multipicklist":
        return frozenset(part.strip() for part in text.split(";") if part.strip())
    return text


def to_write(field_type: str, value: FieldValue) -> FieldValue:
    """The value in the JSON form that the field takes: numbers and booleans not as text, texts
    without outer blanks, '' as null. A value that does not fit goes as it is: the org's refusal
    says more than ours could."""
    if isinstance(value, str):
        text = _text(value)
        if field_type == "boolean":
            answer = _boolean(text)
            return answer if answer is not None else text
        if field_type in _NUMBERS and text is not None:
            number = _number(text)
            if number is None:
                return text
            return int(number) if number == number.to_integral_value() else float(number)
        return text
    return value
