"""Canonical JSON and the journal's hashes.

    facts_digest = sha256(salt ‖ facts)
    hash         = sha256(previous ‖ decision ‖ facts_digest)

All as UTF-8 text, digests in lower-case hex; `facts` and `decision` are canonical JSON: keys
sorted, no white space, no escapes but those that JSON demands.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)

GENESIS = "0" * 64
"""What the first entry of a chain calls its previous hash."""


def canonical(value: Any) -> str:
    """The one text of a JSON value. Raises ValueError for NaN and infinities."""
    return _ENCODER.encode(value)


def instant_text(value: datetime | None) -> str | None:
    """ISO 8601 in UTC, always with microseconds; the form that is hashed."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")


def facts_digest(salt: str, facts: str) -> str:
    """Covers the lead's facts. Without the salt, short facts could be guessed from it."""
    return hashlib.sha256((salt + facts).encode()).hexdigest()


def entry_hash(previous: str, decision: str, digest: str) -> str:
    """Joins an entry to the one before it in its chain."""
    return hashlib.sha256((previous + decision + digest).encode()).hexdigest()
