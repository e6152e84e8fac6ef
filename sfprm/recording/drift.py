"""What differs between two recordings of one scenario: status, headers, and the shape of bodies.

Values are not compared, but for error codes: an org's data is its own, its shape is Salesforce's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sfprm.recording.bodies import parse_xml
from sfprm.recording.exchange import Body, Exchange, Recording
from sfprm.recording.failures import BadRecording
from sfprm.recording.file import load

__all__ = ["Difference", "drift", "drift_of_places"]

Where = Literal["missing", "requests", "status", "headers", "code", "shape"]

_CODES = ("errorCode", "statusCode", "error", "faultcode")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `number` is the exchange's, from 1; 0 for the scenario as a whole."""

    scenario: str
    number: int
    where: Where
    field: str
    one: str
    two: str

    def __str__(self) -> str:
        place = f"{self.scenario} #{self.number}" if self.number else self.scenario
        return f"{place}: {self.where} {self.field}: {self.one} | {self.two}".replace("  ", " ")


def drift_of_places(one: Path, two: Path) -> list[Difference]:
    """Two files, or two folders of recordings compared by name. Raises BadRecording."""
    if one.is_file() and two.is_file():
        return drift(load(one), load(two))
    if not one.is_dir() or not two.is_dir():
        raise BadRecording(f"{one}, {two}: two recordings, or two folders of them, are compared.")
    left = {path.name: path for path in one.glob("*.yaml")}
    right = {path.name: path for path in two.glob("*.yaml")}
    found: list[Difference] = []
    for name in sorted({*left, *right}):
        if name in left and name in right:
            found += drift(load(left[name]), load(right[name]))
        else:
            here = ("recorded", "not recorded")
            first, second = here if name in left else here[::-1]
            found.append(Difference(name.removesuffix(".yaml"), 0, "missing", "", first, second))
    return found


def drift(one: Recording, two: Recording) -> list[Difference]:
    """Exchange by exchange, in order."""
    name = one.scenario
    found = [
        difference
        for number, (left, right) in enumerate(zip(one.exchanges, two.exchanges, strict=False), 1)
        for difference in _exchange(name, number, left, right)
    ]
    if len(one.exchanges) != len(two.exchanges):
        counts = (str(len(one.exchanges)), str(len(two.exchanges)))
        found.append(Difference(name, 0, "requests", "number", *counts))
    return found


def _exchange(name: str, number: int, one: Exchange, two: Exchange) -> Iterator[Difference]:
    asked, other = (f"{e.sent.method} {_resource(e.sent.path)}" for e in (one, two))
    if asked != other:
        yield Difference(name, number, "requests", "", asked, other)
        return
    if one.given.status != two.given.status:
        said = (str(one.given.status), str(two.given.status))
        yield Difference(name, number, "status", "", *said)
    for header in sorted({*one.given.headers, *two.given.headers}):
        first, second = one.given.headers.get(header), two.given.headers.get(header)
        present = ("present" if first else "absent", "present" if second else "absent")
        if present[0] != present[1]:
            yield Difference(name, number, "headers", header, *present)
        elif header == "content-type" and first != second:
            yield Difference(name, number, "headers", header, str(first), str(second))
    left, right = _shape(one.given.body), _shape(two.given.body)
    for field in sorted({*left, *right}):
        if left.get(field) != right.get(field):
            where: Where = "code" if field.rpartition(".")[2] in _CODES else "shape"
            kinds = (left.get(field, "absent"), right.get(field, "absent"))
            if "null" in kinds and "absent" not in kinds:
                continue  # a field without a value says nothing of its type
            yield Difference(name, number, where, field, *kinds)


def _resource(path: str) -> str:
    """The path with version and ids as blanks."""
    return "/".join(
        "*" if part[:1].isdigit() or (part[:1] == "v" and part[1:2].isdigit()) else part
        for part in path.split("/")
    )


def _shape(body: Body) -> Mapping[str, str]:
    """Path of each field → its type; error codes → their value."""
    shape: dict[str, str] = {}
    match body.kind:
        case "json":
            _json("", body.content, shape)
        case "xml":
            root = parse_xml(body.content)
            if root is not None:
                _json("", _tree(root), shape)
        case "csv":
            _json("", [dict.fromkeys(body.content[0], "")] if body.content else [], shape)
        case _:
            shape[""] = body.kind
    return shape


def _json(path: str, value: Any, shape: dict[str, str]) -> None:
    if isinstance(value, dict):
        shape[path] = "object"
        for name, inner in value.items():
            _json(f"{path}.{name}", inner, shape)
    elif isinstance(value, list):
        shape[path] = "list"
        for inner in value:
            _json(f"{path}[]", inner, shape)
    elif path.rpartition(".")[2] in _CODES and isinstance(value, str):
        was = shape.get(path, "")
        shape[path] = ", ".join(sorted({*filter(None, was.split(", ")), value}))
    elif value is not None or path not in shape:
        shape[path] = _TYPES.get(type(value), type(value).__name__)


_TYPES: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    type(None): "null",
}


def _tree(element: Any) -> Any:
    if not len(element):
        return element.text or ""
    out: dict[str, Any] = {}
    for inner in element:
        out.setdefault(str(inner.tag).rpartition("}")[2], []).append(_tree(inner))
    return out
