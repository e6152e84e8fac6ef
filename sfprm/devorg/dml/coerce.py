"""One JSON value into what a field stores, or the refusal in the org's words.

Text is trimmed, an empty text is null, e-mail addresses and usernames are lower-cased, line ends
are made `\\n` (operations.md rule 18; unverified in detail)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

from sfprm.devorg.ids import canonical
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.schema import FieldDef

__all__ = ["Coercer", "coerce", "coercer", "column_coercer"]

_ADDRESS = r"[^@\s,;<>()\[\]\"]+@[^@\s,;<>()\[\]\".]+(?:\.[^@\s,;<>()\[\]\".]+)+"
_EMAIL = re.compile(_ADDRESS)
_EMAILS = re.compile(rf"{_ADDRESS}(?:\n{_ADDRESS})*")


Coercer = Callable[[Any], Any]
"""One JSON value into the value as stored."""


def coerce(field: FieldDef, value: Any) -> Any:
    """The value as stored. Raises RowProblem, or Refusal (400 JSON_PARSER_ERROR) for a JSON type
    that the field cannot take: Salesforce then refuses the request as a whole [M]."""
    return coercer(field)(value)


def coercer(field: FieldDef) -> Coercer:
    """What makes a field's values, raising as `coerce` does: asked once for many of them."""
    if field.type == "boolean":
        return _boolean
    if field.is_id:
        return partial(_id, field)
    if field.type in INT_TYPES:
        return partial(_integer, field)
    if field.type in REAL_TYPES:
        return partial(_real, field)
    if field.type == "date":
        return _date
    if field.type == "datetime":
        return _datetime
    return _text(field)


def column_coercer(field: FieldDef) -> Callable[[Sequence[Any]], list[Any]]:
    """What makes the values of many records, in order. Raises what the first bad one raises."""
    convert = coercer(field)
    if isinstance(convert, partial) and convert.func in _TOGETHER:
        return partial(_TOGETHER[convert.func], convert)
    return lambda values: list(map(convert, values))


def _limited_all(convert: partial[Any], values: Sequence[Any]) -> list[Any]:
    """Texts most of which need nothing: looked at together, and one by one only if any does."""
    return _plain_texts(values, convert.args[1]) or list(map(convert, values))


def _emails_all(convert: partial[Any], values: Sequence[Any]) -> list[Any]:
    """Addresses, likewise."""
    texts = _plain_texts(values, convert.args[0].length)
    if texts is not None:
        lines = "\n".join(texts).lower()
        if _EMAILS.fullmatch(lines):
            return lines.split("\n")
    return list(map(convert, values))


def _reals_all(convert: partial[Any], values: Sequence[Any]) -> list[Any]:
    """Numbers, likewise."""
    field = convert.args[0]
    if set(map(type, values)) <= {int, float}:
        limit = 10 ** max(field.precision - field.scale, 1)
        if max(values) < limit and min(values) > -limit and not any(map(isnan, values)):
            scale = field.scale
            return [round(float(one), scale) for one in values]
    return list(map(convert, values))


def _plain_texts(values: Sequence[Any], most: int) -> list[str] | None:
    """Texts, trimmed, when all are texts of at most `most` characters (0 is no limit) that need
    nothing more; else None."""
    if set(map(type, values)) != {str}:
        return None
    texts = list(map(str.strip, values))
    sizes = list(map(len, texts))
    if min(sizes) == 0 or (most and max(sizes) > most) or "\r" in "".join(texts):
        return None
    return texts


def _unreadable(kind: str, value: Any) -> Refusal:
    token = {str: "VALUE_STRING", bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER_INT"}.get(
        type(value), "VALUE_NUMBER_FLOAT" if isinstance(value, float) else "START_OBJECT"
    )
    return Refusal(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {token} value {str(value)[:200]} or request "
        "may be missing a required field at [line:1, column:1]",
    )


def _boolean(value: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise _unreadable("boolean", value)


def _id(field: FieldDef, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _unreadable("reference", value)
    text = value.strip()
    if not text:
        return None
    try:
        return canonical(text)
    except ValueError as error:
        raise RowProblem(
            "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name
        ) from error


def _integer(field: FieldDef, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise _unreadable("int", value)
        value = int(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unreadable("int", value)
    if isinstance(value, float):
        if not value.is_integer():
            raise _unreadable("int", value)
        value = int(value)
    if abs(value) > 2**31 - 1:
        raise _outside(field, value)
    return int(value)


def _real(field: FieldDef, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
            raise _unreadable("double", value)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unreadable("double", value)
    try:
        number = float(value)
    except OverflowError as error:
        raise _outside(field, value) from error
    if number != number or abs(number) >= 10 ** max(field.precision - field.scale, 1):
        raise _outside(field, value)
    return round(number, field.scale)


def _outside(field: FieldDef, value: Any) -> RowProblem:
    return RowProblem(
        "NUMBER_OUTSIDE_VALID_RANGE",
        f"{field.label}: value outside of valid range on numeric field: {value}",
        field.name,
    )


def _date(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _unreadable("date", value)
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip()[:10]).isoformat()
    except ValueError as error:
        raise _unreadable("date", value) from error


def _datetime(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _unreadable("datetime", value)
    if not value.strip():
        return None
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is None:
            raise _unreadable("datetime", value)
        return stamp_text(instant)
    except (ValueError, OverflowError) as error:
        raise _unreadable("datetime", value) from error


def _text(field: FieldDef) -> Coercer:
    if field.type in {"picklist", "multipicklist"}:
        if field.restricted_picklist and field.picklist:
            return _choice(field)
        length = 0 if field.type == "multipicklist" else field.length or 255
        return partial(_limited, field, length)
    if field.type == "email":
        return partial(_email, field)
    if field.name == "Username":
        return partial(_username, field)
    return partial(_limited, field, field.length)


def _trimmed(value: Any) -> str | None:
    if not isinstance(value, str):
        if value is None:
            return None
        raise _unreadable("string", value)
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.strip() or None


def _limited(field: FieldDef, length: int, value: Any) -> str | None:
    """Text of at most `length` characters; 0 is no limit."""
    text = _trimmed(value)
    if text is not None and 0 < length < len(text):
        shown = text if field.type == "picklist" else value
        raise _too_long(field, shown, length)
    return text


def _too_long(field: FieldDef, value: Any, length: int) -> RowProblem:
    return RowProblem(
        "STRING_TOO_LONG",
        f"{field.label}: data value too large: {value} (max length={length})",
        field.name,
    )


def _username(field: FieldDef, value: Any) -> str | None:
    text = _trimmed(value)
    if text is None:
        return None
    text = text.lower()
    if 0 < field.length < len(text):
        raise _too_long(field, value, field.length)
    return text


def _email(field: FieldDef, value: Any) -> str | None:
    text = _username(field, value)
    if text is not None and not _EMAIL.fullmatch(text):
        raise RowProblem(
            "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", field.name
        )
    return text


def _choice(field: FieldDef) -> Coercer:
    """One of a restricted picklist's values, in any case; several of a multi-select one's."""
    known = {one.lower(): one for one in field.picklist}
    several = field.type == "multipicklist"

    def chosen(value: Any) -> str | None:
        text = _trimmed(value)
        if text is None:
            return None
        found = []
        for one in text.split(";") if several else [text]:
            active = known.get(one.strip().lower())
            if active is None:
                raise RowProblem(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"{field.label}: bad value for restricted picklist field: {one}",
                    field.name,
                )
            found.append(active)
        return ";".join(found)

    return chosen


_TOGETHER: Mapping[Callable[..., Any], Callable[[partial[Any], Sequence[Any]], list[Any]]] = {
    _limited: _limited_all,
    _email: _emails_all,
    _real: _reals_all,
}
"""What takes the values of many records at once, by what takes one."""
