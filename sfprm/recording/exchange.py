"""What a recording holds: requests and answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

__all__ = ["EMPTY", "Body", "BodyKind", "Exchange", "Given", "Part", "Recording", "Sent", "Source"]

BodyKind = Literal["empty", "json", "form", "csv", "xml", "multipart", "zip", "text", "bytes"]


@dataclass(frozen=True, slots=True)
class Body:
    """A body by its meaning. `content` by kind:

    json: the parsed value · form: tuple of (name, value) · csv: tuple of rows, each a tuple of
    cells · xml, text: str · multipart: tuple of Part · zip: mapping path → Body · bytes: how many
    · empty: None.
    """

    kind: BodyKind
    content: Any


EMPTY = Body("empty", None)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body. `filename` and `type` are empty when it has none."""

    name: str
    filename: str
    type: str
    body: Body


@dataclass(frozen=True, slots=True)
class Sent:
    """A request. `host` with scheme, `path` from the slash on, `query` in the order sent."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class Given:
    """An answer. `failure` names the exception of `requests` when none came; status is then 0."""

    status: int
    headers: Mapping[str, str]
    body: Body
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer; `at`: seconds from the recording's start to the answer."""

    at: float
    sent: Sent
    given: Given


@dataclass(frozen=True, slots=True)
class Source:
    """What a recording was made from. `kind`: `embedded org` or `org`."""

    kind: str
    edition: str
    api_version: str

    def __str__(self) -> str:
        if self.kind == "embedded org":
            return f"recorded from the embedded org, API {self.api_version}"
        return f"recorded from an org ({self.edition}), API {self.api_version}"


@dataclass(frozen=True, slots=True)
class Recording:
    """One scenario. `facts`: values that the scenario was given or found beside its requests."""

    scenario: str
    source: Source
    recorded: datetime
    exchanges: tuple[Exchange, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    def with_exchanges(self, exchanges: tuple[Exchange, ...]) -> Recording:
        """The same recording of other exchanges."""
        return replace(self, exchanges=exchanges)
