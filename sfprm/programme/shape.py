"""A YAML tree against a pydantic model: each complaint at its line, and the good part kept.

What is complained about is cut out of the tree, so that the checks that follow see the rest of
the file and all its mistakes are named in one run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.yaml_text import Tree, Value

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from sfprm.programme.yaml_text import Path

__all__ = ["shape"]

Model = TypeVar("Model", bound=BaseModel)
MOST_ROUNDS = 500
"""Each round cuts something, so this ends; a file with more layers of errors is cut short."""

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
}


def shape(tree: Tree, model: type[Model], complaints: Complaints) -> tuple[Model, Tree] | None:
    """The file as `model`, and the tree it was made of: the given one without the wrong parts.

    None (after complaints) when too little is left of it.
    """
    cut: set[tuple[Place, str]] = set()
    for _ in range(MOST_ROUNDS):
        try:
            return model.model_validate(tree.root.data()), tree
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        root = tree.root
        paths = [_handle(tree, model, detail, cut, complaints) for detail in found]
        # from the last to the first, so that list indexes still hold while cutting
        for path in sorted({p for p in paths if p}, key=_order, reverse=True):
            root = _without(root, path)
        if any(not path for path in paths):
            root = _filled(root, model)
            if root == tree.root:
                return None
        tree = Tree(tree.source, root)
    return None


def _order(path: Path) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (0, step) for step in path]


def _handle(
    tree: Tree,
    model: type[BaseModel],
    detail: ErrorDetails,
    cut: set[tuple[Place, str]],
    complaints: Complaints,
) -> Path:
    """Complain about one error of pydantic's; the path to cut, () when a top key is missing."""
    loc, kind = detail["loc"], detail["type"]
    last = str(loc[-1]) if loc else ""
    if kind == "missing":
        parent, place, path = tree.find(loc[:-1])
        if (parent.place, last) not in cut:
            where = place if path else tree.source.place()
            complaints.error(where, f"key {last!r} is missing{_of(path)}.")
        if path:
            cut.add((tree.at(*path[:-1]).place, str(path[-1])))
        return path
    value, key_place, path = tree.find(loc)
    holder = tree.at(*path[:-1])
    if path and not value.place.line:  # a stand-in of `_filled`: complained about already
        return path
    if kind == "extra_forbidden":
        hint = did_you_mean(last, _fields_at(model, loc[:-1]))
        complaints.error(key_place, f"unknown key {last!r}{_of(path[:-1])}.", hint)
    elif kind == "one_of":
        if not any(place == value.place for place, _ in cut):
            complaints.error(value.place, f"{detail['msg']}.")
    elif last == "[key]":
        complaints.error(key_place, f"{str(path[-1])[:60]!r}: {_words(detail, value)}")
    else:
        name = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        hint = _hint(detail, value, name)
        # an empty value has no place of its own
        place = value.place if value.text or value.items or value.entries else key_place
        complaints.error(place, f"{name!r}: {_words(detail, value)}", hint)
    if path:
        cut.add((holder.place, str(path[-1])))
    return path


def _of(path: Path) -> str:
    """` in pools.south`, for a message; nothing at the top."""
    names = [step for step in path if isinstance(step, str)]
    return f" in {'.'.join(names)}" if names else ""


def _words(detail: ErrorDetails, value: Value) -> str:
    """What is wrong with a value, in the file's terms."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_kind(value)}."
    match kind:
        case "string_too_short":
            return "is empty."
        case "string_too_long":
            return f"is longer than {context['max_length']} characters."
        case "greater_than_equal":
            return f"must be at least {context['ge']}."
        case "less_than_equal":
            return f"must be at most {context['le']}."
        case "string_pattern_mismatch":
            return "must start with a letter and hold only letters, digits and single _."
        case "literal_error":
            return f"must be {_quoted_off(str(context['expected']))}, not {_kind(value)}."
        case _:
            return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}."


def _hint(detail: ErrorDetails, value: Value, key: str) -> str:
    if value.plain is None and value.items is None and value.entries is None:
        return "Write a value after the colon, or leave the key out."
    if key == "when" and detail["type"] == "string_type":
        return 'A criterion that holds a comma must be quoted: ["Country equals PT, ES"]'
    if detail["type"] == "string_type" and isinstance(value.plain, (int, float)):
        return f'Put it in quotes: "{value.text}"'
    if detail["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        return did_you_mean(value.text, choices) if value.text else ""
    return ""


def _quoted_off(expected: str) -> str:
    return expected.replace("'", "").replace("True", "true")


def _kind(value: Value) -> str:
    if value.items is not None:
        return "a list"
    if value.entries is not None:
        return "a mapping"
    match value.plain:
        case None:
            return "nothing"
        case bool():
            return f"{value.text} (a truth value)"
        case int() | float():
            return f"the number {value.text[:40]}"
        case _:
            return f"{value.text[:60]!r}"


def _without(value: Value, path: Path) -> Value:
    """The value with the thing at the path cut out."""
    step, rest = path[0], path[1:]
    if value.entries is not None and step in value.entries:
        entries = dict(value.entries)
        place, child = entries.pop(str(step))
        if rest:
            entries = {
                key: (place, _without(child, rest)) if key == step else entry
                for key, entry in value.entries.items()
            }
        return replace(value, entries=entries)
    if value.items is not None and isinstance(step, int) and step < len(value.items):
        kept = (_without(value.items[step], rest),) if rest else ()
        return replace(value, items=(*value.items[:step], *kept, *value.items[step + 1 :]))
    return value


def _filled(root: Value, model: type[BaseModel]) -> Value:
    """The top with a stand-in for each required key that is missing; complained about already."""
    entries = dict(root.entries or {})
    nowhere = Place(root.place.file)
    for name, field in model.model_fields.items():
        if field.is_required() and name not in entries:
            empty = Value(nowhere, "?", text="?")
            if get_origin(field.annotation) is dict:
                empty = Value(nowhere, None, entries={})
            entries[name] = (nowhere, empty)
    return replace(root, entries=entries)


def _fields_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Keys that may be written at a location; steps that lead nowhere are skipped."""
    here: list[Any] = [model]
    for step in loc:
        further = [inner for kind in _models(here) for inner in _step(kind, step)]
        here = further or here
    return [
        name
        for kind in _models(here)
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name in kind.model_fields
    ]


def _models(kinds: list[Any]) -> list[Any]:
    """The kinds with unions and annotations taken apart."""
    flat: list[Any] = []
    for kind in kinds:
        origin = get_origin(kind)
        if origin is Annotated:
            flat += _models([get_args(kind)[0]])
        elif origin in (Union, UnionType):
            flat += _models([part for part in get_args(kind) if part is not NoneType])
        else:
            flat.append(kind)
    return flat


def _step(kind: Any, step: str | int) -> list[Any]:
    origin = get_origin(kind)
    if origin is list and isinstance(step, int):
        return [get_args(kind)[0]]
    if origin is dict and isinstance(step, str) and not step.startswith("<"):
        return [get_args(kind)[1]]
    if isinstance(kind, type) and issubclass(kind, BaseModel) and step in kind.model_fields:
        return [kind.model_fields[str(step)].annotation]
    return []
