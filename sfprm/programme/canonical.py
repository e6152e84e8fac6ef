"""The programme as canonical JSON: stored once per digest, so that a replay has what was loaded.

Keys are sorted and origins left out: moving lines about or reordering rows changes nothing.
Where a field may hold one of several classes, the object says which as `kind`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from sfprm import ids
from sfprm.errors import BadRequest
from sfprm.programme import (
    calendar_model,
    conditions,
    intake_model,
    logic,
    lookup_model,
    model,
    offer_terms,
    origin,
    routing_model,
)
from sfprm.programme.model import Origin, Programme

__all__ = ["digest", "from_json", "to_json"]

FORMAT = 1
"""Raised when the form changes so that old texts cannot be read by new code."""

_SKIPPED = {("Programme", "root"), ("Programme", "digest"), ("Lookup", "rows")}
_STORED = Origin("(stored)", 0)
_NAMESPACE: dict[str, Any] = {
    **vars(logic),
    **vars(calendar_model),
    **vars(conditions),
    **vars(intake_model),
    **vars(lookup_model),
    **vars(ids),
    **vars(origin),
    **vars(offer_terms),
    **vars(routing_model),
    **vars(model),
    "Mapping": Mapping,
}


def to_json(programme: Programme) -> str:
    """Sorted, without white space, origins, `root` and `digest`."""
    write = _writer(Programme)
    assert write is not None
    body = write(programme)
    return json.dumps(
        {"format": FORMAT, "programme": body},
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def digest(programme: Programme) -> str:
    """sha256 of `to_json`, hex."""
    return hashlib.sha256(to_json(programme).encode()).hexdigest()


def from_json(text: str) -> Programme:
    """The programme again; every origin is `(stored):0`. Raises BadRequest when it is none."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise BadRequest(
                f"The stored programme has format {document['format']}, not {FORMAT}.",
                hint="Read it with the version of sfprm that wrote it.",
            )
        programme = _decode(document["programme"], Programme)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"Not a stored programme: {error}.", hint="Restore the state from a backup."
        ) from error
    assert isinstance(programme, Programme)
    return dataclasses.replace(programme, digest=hashlib.sha256(text.encode()).hexdigest(), root="")


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The class's fields that are stored, with their types."""
    hints = get_type_hints(cls, _NAMESPACE)
    return {
        field.name: hints[field.name]
        for field in dataclasses.fields(cls)
        if (cls.__name__, field.name) not in _SKIPPED and not _is_origin(hints[field.name])
    }


def _is_origin(hint: Any) -> bool:
    return hint is Origin or Origin in get_args(hint)


Writer = Callable[[Any], Any]


@cache
def _writer(hint: Any) -> Writer | None:
    """How values of a type become what JSON has; None when they go as they are (JSON's own types,
    enums that are text, tuples of such). Made once a type, as nine values of ten in a programme of
    many people are plain."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _union_writer(tuple(part for part in get_args(hint) if part is not NoneType))
    if origin is tuple:
        item = _writer(get_args(hint)[0])
        return None if item is None else lambda value: [item(each) for each in value]
    if origin is Mapping:
        inner = _writer(get_args(hint)[1])
        if inner is None:
            return lambda value: {str(key): each for key, each in value.items()}
        return lambda value: {str(key): inner(each) for key, each in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _fields_of(hint)
    return None


def _union_writer(parts: tuple[Any, ...]) -> Writer | None:
    """Of one of several types. Where there is more than one, an object says which class it is."""
    classes = {
        part: _fields_of(part, part.__name__ if len(parts) > 1 else "")
        for part in parts
        if dataclasses.is_dataclass(part) and isinstance(part, type)
    }
    others = [put for part in parts if part not in classes and (put := _writer(part))]
    if not (classes or others):
        return None

    def write(value: Any) -> Any:
        if value is None:
            return None
        known = classes.get(type(value))
        if known is not None:
            return known(value)
        return others[0](value) if others and isinstance(value, tuple | Mapping) else value

    return write


def _fields_of(cls: type, kind: str = "") -> Writer:
    """An object of the class, with its name as `kind` where it needs one."""

    def write(value: Any) -> dict[str, Any]:
        body = {
            name: get(value) if put is None else put(get(value))
            for name, get, put in _written_parts(cls)
        }
        if kind:
            body["kind"] = kind
        return body

    return write


@cache
def _written_parts(cls: type) -> tuple[tuple[str, attrgetter[Any], Writer | None], ...]:
    """Asked for when an object comes by, as classes may hold their own kind."""
    return tuple((name, attrgetter(name), _writer(hint)) for name, hint in _hints(cls).items())


Reader = Callable[[Any], Any]


def _decode(value: Any, hint: Any) -> Any:
    read = _reader(hint)
    return value if read is None else read(value)


@cache
def _reader(hint: Any) -> Reader | None:
    """How values of a type are read; None when JSON has them as they are.

    Made once a type: programmes of thousands of partners are read for a single question.
    """
    origin = get_origin(hint)
    if isinstance(hint, NewType) or origin is Literal:
        return None
    if origin in (Union, UnionType):
        return _union_reader(get_args(hint))
    if origin is tuple:
        item = _reader(get_args(hint)[0])
        return tuple if item is None else lambda value: tuple([item(each) for each in value])
    if origin is Mapping:
        inner = _reader(get_args(hint)[1])
        if inner is None:
            return MappingProxyType
        return lambda value: MappingProxyType({k: inner(each) for k, each in value.items()})
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return partial(_build, hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return None


def _union_reader(parts: tuple[Any, ...]) -> Reader | None:
    classes: list[Any] = [part for part in parts if dataclasses.is_dataclass(part)]
    named = {getattr(part, "__name__", ""): _reader(part) for part in classes}
    tuples = [_reader(part) for part in parts if get_origin(part) is tuple]
    enums = [part for part in parts if isinstance(part, type) and issubclass(part, StrEnum)]
    if not (classes or tuples or enums):
        return None

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            found = named.get(value.get("kind", ""), _reader(classes[0]))
            return value if found is None else found(value)
        if isinstance(value, list):
            return value if tuples[0] is None else tuples[0](value)
        return enums[0](value) if enums and value is not None else value

    return read


@cache
def _parts(cls: type) -> tuple[tuple[str, Reader | None], ...]:
    return tuple((name, _reader(hint)) for name, hint in _hints(cls).items())


@cache
def _has_origin(cls: type) -> bool:
    return any(field.name == "origin" for field in dataclasses.fields(cls))


def _build(cls: type, value: dict[str, Any]) -> Any:
    stored = {
        name: value[name] if read is None else read(value[name])
        for name, read in _parts(cls)
        if name in value
    }
    if _has_origin(cls):
        stored["origin"] = _STORED
    return cls(**stored)
