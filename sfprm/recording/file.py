"""Recordings as files: YAML for people, with bodies as blocks of text below each request.

Bodies are JSON, CSV or XML in the text itself, so that reviews show lines and the types of values
survive. A file says what it was recorded from, and when.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import LiteralScalarString

from sfprm.recording.bodies import body_from, bytes_of
from sfprm.recording.exchange import EMPTY, Body, Exchange, Given, Part, Recording, Sent, Source
from sfprm.recording.failures import BadRecording

__all__ = ["FORM", "as_text", "from_text", "load", "save"]

FORM = 1
"""Number of the file's form; raised when old files can no longer be read."""

_WIDTH = 150


def save(recording: Recording, path: Path, *, overwrite: bool = False) -> None:
    """Write a scrubbed recording, whole or not at all. Raises BadRecording when one is there."""
    if path.exists() and not overwrite:
        raise BadRecording(
            f"{path}: this scenario is recorded already.",
            hint="Add `--sfprm-overwrite` to replace it.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(as_text(recording), encoding="utf-8", newline="\n")
    draft.replace(path)


def load(path: Path) -> Recording:
    """The recording in a file. Raises BadRecording, naming the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadRecording(f"{path}: no such recording.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecording(f"{path}: cannot be read ({type(error).__name__}).") from None
    try:
        return from_text(text)
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecording(f"{path}: not a recording ({error!r:.120}).") from None


def as_text(recording: Recording) -> str:
    """The file's text; the same recording gives the same text."""
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.allow_unicode = True
    source = recording.source
    yaml.dump(
        {
            "recording": FORM,
            "scenario": recording.scenario,
            "from": str(source),
            "source": {
                "kind": source.kind,
                "edition": source.edition,
                "api_version": source.api_version,
            },
            "recorded": recording.recorded.astimezone(UTC).isoformat(timespec="milliseconds"),
            "facts": dict(recording.facts),
            "exchanges": [_exchange(exchange) for exchange in recording.exchanges],
        },
        out,
    )
    return out.getvalue()


def from_text(text: str) -> Recording:
    """The recording that a file's text holds; raises ValueError, KeyError or YAMLError."""
    read = YAML(typ="safe", pure=True).load(text)
    if not isinstance(read, dict) or read.get("recording") != FORM:
        raise ValueError(f"it is not of form {FORM}")
    source = read["source"]
    return Recording(
        scenario=str(read["scenario"]),
        source=Source(source["kind"], source["edition"], str(source["api_version"])),
        recorded=_instant(read["recorded"]),
        facts={str(name): str(value) for name, value in (read.get("facts") or {}).items()},
        exchanges=tuple(_read_exchange(item) for item in read["exchanges"]),
    )


def _instant(told: Any) -> datetime:
    instant = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _exchange(exchange: Exchange) -> dict[str, Any]:
    sent, given = exchange.sent, exchange.given
    request: dict[str, Any] = {"method": sent.method, "url": sent.host + sent.path}
    if sent.query:
        request["query"] = [{name: value} for name, value in sent.query]
    request |= {"headers": dict(sent.headers), **_body(sent.body)}
    answer: dict[str, Any] = {"failure": given.failure} if given.failure else {}
    if not given.failure:
        answer = {"status": given.status, "headers": dict(given.headers), **_body(given.body)}
    return {"at": exchange.at, "request": request, "answer": answer}


def _body(body: Body) -> dict[str, Any]:
    match body.kind:
        case "empty":
            return {}
        case "json":
            return {"json": _block(_lines(body.content))}
        case "form":
            return {"form": [{name: value} for name, value in body.content]}
        case "csv":
            return {"csv": _block(bytes_of(body).decode())}
        case "multipart":
            return {
                "multipart": [
                    {"name": p.name, "filename": p.filename, "type": p.type, **_body(p.body)}
                    for p in body.content
                ]
            }
        case "zip":
            return {"zip": {path: _body(inner) for path, inner in sorted(body.content.items())}}
        case "bytes":
            return {"bytes": body.content}
        case _:
            return {body.kind: _block(str(body.content))}


def _lines(value: Any, indent: int = 0) -> str:
    """JSON with what fits on a line on one line, so that a record is a line in a review."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent <= _WIDTH or not isinstance(value, dict | list) or not value:
        return short
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        inner = [
            f"{json.dumps(name, ensure_ascii=False)}: {_lines(item, indent + 1)}"
            for name, item in value.items()
        ]
        return "{\n" + ",\n".join(pad + item for item in inner) + f"\n{' ' * indent}}}"
    items = [pad + _lines(item, indent + 1) for item in value]
    return "[\n" + ",\n".join(items) + f"\n{' ' * indent}]"


def _block(text: str) -> str:
    """A block of lines where YAML can hold it as one, else a quoted text."""
    return LiteralScalarString(text) if "\r" not in text and text.strip() else text


def _read_exchange(item: Mapping[str, Any]) -> Exchange:
    request, answer = item["request"], item["answer"]
    scheme, _, rest = str(request["url"]).partition("://")
    host, slash, path = rest.partition("/")
    sent = Sent(
        method=request["method"],
        host=f"{scheme}://{host}",
        path=slash + path,
        query=_pairs(request.get("query")),
        headers=dict(request.get("headers") or {}),
        body=_read_body(request),
    )
    given = Given(
        status=int(answer.get("status", 0)),
        headers=dict(answer.get("headers") or {}),
        body=_read_body(answer),
        failure=str(answer.get("failure", "")),
    )
    return Exchange(float(item["at"]), sent, given)


def _pairs(listed: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(n), str(v)) for pair in listed or () for n, v in pair.items())


def _read_body(holder: Mapping[str, Any]) -> Body:
    if "json" in holder:
        return Body("json", json.loads(holder["json"]))
    if "form" in holder:
        return Body("form", _pairs(holder["form"]))
    if "csv" in holder:
        return body_from(str(holder["csv"]).encode(), "text/csv")
    if "multipart" in holder:
        return Body(
            "multipart",
            tuple(
                Part(part["name"], part["filename"], part["type"], _read_body(part))
                for part in holder["multipart"]
            ),
        )
    if "zip" in holder:
        return Body("zip", {path: _read_body(inner) for path, inner in holder["zip"].items()})
    if "bytes" in holder:
        return Body("bytes", int(holder["bytes"]))
    for kind in ("xml", "text"):
        if kind in holder:
            return Body("xml" if kind == "xml" else "text", str(holder[kind]))
    return EMPTY
