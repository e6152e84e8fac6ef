"""One JSON value into what a field stores, or the refusal in the org's words.

Text is trimmed, an empty text is null, e-mail addresses and usernames are lower-cased, line ends
are made `\\n` (operations.md rule 18; unverified in detail)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.schema import FieldDef

__all__ = ["coerce"]

_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[^@\s,;<>()\[\]\".]+(\.[^@\s,;<>()\[\]\".]+)+")


def coerce(field: FieldDef, value: Any) -> Any:
    """The value as stored. Raises RowProblem, or Refusal (400 JSON_PARSER_ERROR) for a JSON type
    that the field cannot take: Salesforce then refuses the request as a whole [M]."""
    if field.type == "boolean":
        return _boolean(value)
    if value is None:
        return None
    if field.is_id:
        return _id(field, value)
    if field.type in {"int", "long"}:
        return _integer(field, value)
    if field.type in {"double", "currency", "percent"}:
        return _real(field, value)
    if field.type == "date":
        return _date(value)
    if field.type == "datetime":
        return _datetime(value)
    return _text(field, value)


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
    if not isinstance(value, str):
        raise _unreadable("reference", value)
    text = value.strip()
    if not text:
        return None
    if not is_id(text):
        raise RowProblem(
            "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name
        )
    return canonical(text)


def _integer(field: FieldDef, value: Any) -> int | None:
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
    if not isinstance(value, str):
        raise _unreadable("date", value)
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip()[:10]).isoformat()
    except ValueError as error:
        raise _unreadable("date", value) from error


def _datetime(value: Any) -> str | None:
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


def _text(field: FieldDef, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str):
        raise _unreadable("string", value)
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    text: str = value.strip()
    if not text:
        return None
    if field.type == "picklist" or field.type == "multipicklist":
        return _choice(field, text)
    if field.type == "email" or field.name == "Username":
        text = text.lower()
    if field.length and len(text) > field.length:
        raise RowProblem(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {value} (max length={field.length})",
            field.name,
        )
    if field.type == "email" and not _EMAIL.fullmatch(text):
        raise RowProblem(
            "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", field.name
        )
    return text


def _choice(field: FieldDef, text: str) -> str:
    if field.restricted_picklist and field.picklist:
        chosen = text.split(";") if field.type == "multipicklist" else [text]
        known = {one.lower(): one for one in field.picklist}
        for one in chosen:
            if one.strip().lower() not in known:
                raise RowProblem(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"{field.label}: bad value for restricted picklist field: {one}",
                    field.name,
                )
        return ";".join(known[one.strip().lower()] for one in chosen)
    if field.type == "picklist" and len(text) > (field.length or 255):
        raise RowProblem(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text} (max length={field.length or 255})",
            field.name,
        )
    return text
