"""Since when an answer has been as it is: for ETag, Last-Modified and conditional requests.

What an answer depends on (schema, grants, features) is not traced; its content is compared with
what it was when last asked for. So `Last-Modified` is the moment when the change was first seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Freshness", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """`tag` stands for the content, `since` is a whole second."""

    tag: str
    since: datetime


class Freshness:
    """The last content of each answer, by what was asked and by whom; in memory."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Seen] = {}

    def look(self, what: str, user_id: str, content: bytes, now: datetime) -> Seen:
        """The content as it is now. Two contents never have the same second."""
        tag = hashlib.sha256(content).hexdigest()[:8]
        old = self._seen.get((what, user_id))
        if old is not None and old.tag == tag:
            return old
        since = now.replace(microsecond=0)
        if old is not None and since <= old.since:
            since = old.since + timedelta(seconds=1)
        seen = self._seen[what, user_id] = Seen(tag, since)
        return seen
