"""One request as it goes out, and its answer as it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sfprm.errors import BadRequest, OrgUnreachable
from sfprm.ids import RecordId

__all__ = ["Answer", "Request", "told_id", "understood"]


def told_id(text: Any) -> RecordId:
    """A record id that the org told; OrgUnreachable when it is none: not Salesforce speaking."""
    try:
        return RecordId(str(text))
    except BadRequest as error:
        raise OrgUnreachable("The org's answer holds an id that is none.") from error


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Take apart an answer inside: one of another shape raises OrgUnreachable, and names it."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise OrgUnreachable(f"The answer {what} is not Salesforce's.") from error


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; the same object is sent again on a repeat, headers included.

    `path` is relative to `/services/data/vNN.0/`, or absolute from `/services/`.
    """

    method: str
    path: str
    kind: str
    params: Mapping[str, str] | None = None
    json: Any = None
    data: bytes | str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def bare_path(self) -> str:
        """The path without a query string: safe to log."""
        return self.path.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `json` is None when the body is empty or not JSON.

    Header names may be asked for in any case.
    """

    status: int
    json: Any = field(repr=False)
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text; Salesforce always answers in UTF-8."""
        return self.content.decode("utf-8", errors="replace")

    @property
    def is_whole(self) -> bool:
        """Whether the body is what its type says: JSON that parses, and no web page."""
        type_ = self.headers.get("Content-Type", "").lower()
        if self.json is not None or not self.content:
            return True
        return "html" not in type_ and ("json" not in type_ or self.content.strip() == b"null")

    @property
    def body(self) -> Any:
        """Parsed JSON, or the text when it is not JSON."""
        return self.text if self.json is None else self.json
