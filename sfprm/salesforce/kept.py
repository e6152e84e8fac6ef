"""A place where describes are kept between runs; handed to the session from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Kept", "KeptDescribes"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as the org gave it, and its `Last-Modified` (RFC 1123)."""

    modified: str
    body: Any


class KeptDescribes(Protocol):
    """Keeps answers by a key that names org, user, API version and object."""

    def get(self, key: str) -> Kept | None:
        """What was kept under the key."""

    def put(self, key: str, kept: Kept) -> None:
        """Keep it under the key, in place of what was there."""
