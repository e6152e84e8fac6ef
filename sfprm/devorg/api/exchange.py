"""One request and one answer, as plain values; no web framework in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from sfprm.devorg.numbers import as_java_prints
from sfprm.devorg.problems import Refusal, RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.dml import Context
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access

__all__ = ["Answer", "Request", "read_json", "refused"]

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body (None: empty) or raw bytes with their content type, and headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = JSON

    def content(self, pretty: bool) -> bytes:
        """The body as bytes."""
        if self.raw is not None:
            return self.raw
        if self.body is None:
            return b""
        text = orjson.dumps(self.body, option=orjson.OPT_INDENT_2 if pretty else 0)
        return as_java_prints(text)


@dataclass(slots=True)
class Request:
    """One request. `path` starts with a slash and is still quoted, as sent; `headers` have
    lower-case names; `version` is `66.0` in `/services/data/v66.0/...`, else ''. `caller` is None
    before login. `transaction` is shared by the parts of a composite request; `lock` is a fault for
    every other row of a Collections write; `ip` is the caller's address."""

    org: Org
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    version: str = ""
    caller: Access | None = None
    token: str = ""
    transaction: Context | None = None
    lock: RowProblem | None = None
    ip: str | None = None

    @property
    def access(self) -> Access:
        """The caller's access; only resources behind the login ask."""
        if self.caller is None:
            raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return self.caller

    @property
    def number(self) -> float:
        """The API version as a number."""
        return float(self.version or "0")

    @property
    def data(self) -> str:
        """The versioned root, `/services/data/v66.0`."""
        return f"/services/data/v{self.version}"

    def json(self) -> Any:
        """The body as JSON. Raises Refusal: 415 for another content type, 400 when malformed."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in {"", "application/json", "text/plain", "application/octet-stream"}:
            raise Refusal(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content type {kind} is not supported: send application/json",
            )
        return read_json(self.body)

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise Refusal(
                400,
                "JSON_PARSER_ERROR",
                "Cannot deserialize the request: a JSON object is expected [line:1, column:1]",
            )
        return value


def read_json(text: bytes) -> Any:
    """A JSON text. Raises Refusal 400."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", f"{error} [line:1, column:1]") from error


def refused(refusal: Refusal) -> Answer:
    """The answer to a request that is refused."""
    if refusal.body is not None:
        return Answer(refusal.status, refusal.body)
    item: dict[str, Any] = {"message": refusal.message, "errorCode": refusal.code}
    if refusal.fields is not None:
        item["fields"] = list(refusal.fields)
    return Answer(refusal.status, [item])
