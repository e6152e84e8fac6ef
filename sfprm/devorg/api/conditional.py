"""Conditional requests: `ETag` and `Last-Modified` in the answer, 304 without a body to
`If-Modified-Since` [D, R] and `If-None-Match` [M]. The tag is quoted, eight hexadecimal digits [R].
A date that cannot be read is ignored, as HTTP says."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import orjson

from sfprm.devorg.api.exchange import Answer, Request

__all__ = ["conditional"]


def conditional(request: Request, what: str, body: dict[str, Any]) -> Answer:
    """The body with its headers, or 304 when the caller has it already. `what` names the resource
    among those of this user."""
    org = request.org
    content = orjson.dumps(body)
    # The version and the address are part of what was asked for
    asked = f"{request.version} {request.base} {what}"
    seen = org.freshness.look(asked, request.access.user_id, content, org.clock.now())
    tag = f'"{seen.tag}"'
    headers = {"ETag": tag, "Last-Modified": format_datetime(seen.since, usegmt=True)}
    held = request.headers.get("if-none-match")
    if held is not None:
        fresh = held.strip() == "*" or tag in [one.strip() for one in held.split(",")]
    else:
        since = _instant(request.headers.get("if-modified-since", ""))
        fresh = since is not None and seen.since <= since
    return Answer(304, headers=headers) if fresh else Answer(body=body, headers=headers)


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
