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
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
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
    escaped = json.encoder.encode_basestring
    found: Callable[[Any, int], tuple[str, ...]] = make(
        None, _ENCODER.default, escaped, None, ":", ",", True, False, False
    )
    return found


_CHUNKS = _made_once()


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
