"""How values of the code are kept in the two databases.

Instants are UTC. JSON is canonical text (see `sfprm.store.canonical`), the same bytes on both
databases, because some of it is hashed. What a journal of millions holds is packed: an id of 18
characters into 12 bytes, a digest of 64 into 32, an instant into an integer.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, SmallInteger, Text, TypeDecorator

from sfprm.ids import RecordId
from sfprm.store.canonical import canonical
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from sqlalchemy import Dialect

BIG_KEY = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key. SQLite's INTEGER is that already, and as a key it is the row's own number."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = {a + b: 62 * n + m for n, a in enumerate(_DIGITS) for m, b in enumerate(_DIGITS)}
_PAIR = 62 * 62
_PLACES = tuple(slice(at, at + 2) for at in range(1, 15, 2))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant. SQLite has no time zones: UTC without saying so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        moved = value.astimezone(UTC)
        return moved.replace(tzinfo=None) if dialect.name == "sqlite" else moved

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Micros(TypeDecorator[datetime]):
    """An aware instant as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text. Python's None is SQL's NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class PackedId(TypeDecorator[RecordId]):
    """A record id as its 15 base-62 characters in 12 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        number = _PAIRS[f"0{value[0]}"]
        for at in _PLACES:
            number = number * _PAIR + _PAIRS[value[at]]
        return number.to_bytes(12, "big")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> RecordId | None:
        if value is None:
            return None
        number = int.from_bytes(value, "big")
        digits = []
        for _ in range(15):
            number, digit = divmod(number, 62)
            digits.append(_DIGITS[digit])
        return RecordId("".join(reversed(digits)))


class Digest(TypeDecorator[str]):
    """Lower-case hex as raw bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else value.hex()


STATE_CODES = {
    WriteState.DECIDED: 0,
    WriteState.CONFIRMED: 10,
    WriteState.REFUSED: 11,
    WriteState.OVERTAKEN: 12,
    WriteState.NOTHING_TO_WRITE: 13,
}
OPEN_BELOW = 10
"""Codes below are of entries that something must still become of; those are indexed."""

_CODES = {state.value: code for state, code in STATE_CODES.items()}
_STATES = {code: state for state, code in STATE_CODES.items()}


class StateCode(TypeDecorator[str]):
    """A `WriteState`'s value as a small number."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else _CODES[value]

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else _STATES[value].value
