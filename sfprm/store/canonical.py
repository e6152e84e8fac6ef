"""Canonical JSON and the journal's hashes.

    facts_digest = sha256(salt ‖ facts)
    hash         = sha256(previous ‖ decision ‖ facts_digest)

All as UTF-8 text, digests in lower-case hex; `facts` and `decision` are canonical JSON: keys
sorted, no white space, no escapes but those that JSON demands.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Callable
from datetime import UTC
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)

GENESIS = "0" * 64
"""What the first entry of a chain calls its previous hash."""


def _made_once() -> Callable[[Any, int], tuple[str, ...]] | None:
    """What `_ENCODER` makes for itself at each call, made once, which is half the cost of short
    texts. None in a Python whose json has no C part."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return None
    found: Callable[[Any, int], tuple[str, ...]] = make(
        None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", True, False, False
    )
    return found


_CHUNKS = _made_once()

escaped: Callable[[str], str] = json.encoder.encode_basestring
"""A text as JSON has it, in its quotes: the encoder's own escapes."""


def plain(value: Any) -> str:
    """The same of a value that is mostly a text or a number; several times as fast for those."""
    kind = type(value)
    if kind is str:
        return escaped(value)
    if value is None:
        return "null"
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    return canonical(value)


def text_or_null(value: str | None) -> str:
    """The same of a text, or of none."""
    return "null" if value is None else escaped(value)


def number_or_null(value: int | None) -> str:
    """The same of a whole number, or of none."""
    return "null" if value is None else str(value)


def canonical(value: Any) -> str:
    """The one text of a JSON value. Raises ValueError for NaN and infinities."""
    return _ENCODER.encode(value) if _CHUNKS is None else "".join(_CHUNKS(value, 0))


def instant_text(value: datetime | None) -> str | None:
    """ISO 8601 in UTC, always with microseconds; the form that is hashed."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")


def facts_digest(salt: str, facts: str) -> str:
    """Covers the lead's facts. Without the salt, short facts could be guessed from it."""
    return hashlib.sha256((salt + facts).encode()).hexdigest()


def entry_hash(previous: str, decision: str, digest: str) -> str:
    """Joins an entry to the one before it in its chain."""
    return hashlib.sha256((previous + decision + digest).encode()).hexdigest()
