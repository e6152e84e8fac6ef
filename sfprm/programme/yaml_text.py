"""YAML text to a tree of plain values in which everything knows its line and column.

Only ruamel's scanner, parser and composer run (YAML 1.2, so `NO` is Norway and not false);
nothing is constructed, so no tag can make anything happen. Aliases are followed within limits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from sfprm.programme.complaints import Complaints, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.source import Source

__all__ = ["Path", "Plain", "Tree", "Value", "parse_yaml"]

Path = tuple[str | int, ...]
"""Keys and list indexes from the top of a document."""
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]

MOST_DEPTH = 40
MOST_NODES = 200_000
"""Nodes after aliases are followed; a file written by hand has some thousands."""

_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _CORE + kind
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FAULTS = (YAMLError, RecursionError, ValueError, IndexError, AttributeError, TypeError, KeyError)
"""ruamel raises the ones after YAMLError on some texts that are no YAML."""


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar, list or mapping with its spot. `text` is a scalar as read, quotes left out.

    A scalar stands in the source's text from `start` to `end`.
    """

    place: Place
    plain: str | int | float | bool | None
    items: tuple[Value, ...] | None = None
    entries: dict[str, tuple[Place, Value]] | None = None
    text: str = ""
    source: Source | None = None
    start: int = 0
    end: int = 0

    def data(self) -> Plain:
        """Plain lists, dicts and scalars."""
        if self.items is not None:
            return [item.data() for item in self.items]
        if self.entries is not None:
            return {key: value.data() for key, (_, value) in self.entries.items()}
        return self.plain

    def within(self, offset: int, width: int = 1) -> Place:
        """The spot `offset` characters into this scalar; its start where that cannot be told."""
        if self.source is None:
            return self.place
        raw = self.source.text[self.start : self.end]
        at = raw.find(self.text) if self.text else -1
        if at >= 0:
            return _spot(self.source, self.start + at + offset, width)
        if raw[:1] in ("'", '"'):
            return self.place
        # folded over lines: what is no white space stands in the same order in both
        body = raw.find("\n") + 1 if raw[:1] in (">", "|") else 0
        before = len("".join(self.text[:offset].split()))
        for index in range(body, len(raw)):
            if not raw[index].isspace():
                if before == 0:
                    return _spot(self.source, self.start + index, width)
                before -= 1
        return self.place


@dataclass(frozen=True, slots=True)
class Tree:
    """One document."""

    source: Source
    root: Value

    def find(self, path: Sequence[str | int]) -> tuple[Value, Place, Path]:
        """The deepest value that the path leads to, the place of its key, and the path so far.

        Elements that lead nowhere are skipped (pydantic adds some to its locations).
        """
        value, key_place, seen = self.root, self.root.place, []
        for step in path:
            if value.entries is not None and step in value.entries:
                key_place, value = value.entries[str(step)]
            elif value.items is not None and isinstance(step, int) and step < len(value.items):
                value = value.items[step]
                key_place = value.place
            else:
                continue
            seen.append(step)
        return value, key_place, tuple(seen)

    def at(self, *path: str | int) -> Value:
        """The value at a path that is known to exist."""
        return self.find(path)[0]

    def key(self, *path: str | int) -> Place:
        """Where the key at the end of the path is written."""
        return self.find(path)[1]


def parse_yaml(source: Source, complaints: Complaints) -> Tree | None:
    """The document's tree; None after a complaint about its syntax or when its top is no mapping.

    Duplicate keys, custom tags and control characters are complained about, and the rest read on.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        node = yaml.compose(source.text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = source.place(mark.line + 1, mark.column + 1) if mark else source.place()
        said = " ".join(str(error.problem or error.context or "not YAML").split())
        opened = error.context_mark
        if opened is not None and mark is not None and 0 < opened.line < mark.line:
            said = f"{said} ({error.context} that starts on line {opened.line + 1})"
        complaints.error(place, f"not YAML: {said}.", _syntax_hint(said))
        return None
    except RecursionError:
        complaints.error(source.place(), f"nested more than {MOST_DEPTH} levels deep.")
        return None
    except _FAULTS as error:
        said = " ".join(str(error).split("\n")[0].split())
        complaints.error(source.place(), f"not YAML: {said or type(error).__name__}.")
        return None
    if node is None:
        complaints.error(
            source.place(), "holds only comments.", "`sfprm init DIR` writes a sample to copy from."
        )
        return None
    reader = _Reader(source, complaints)
    try:
        root = reader.value(node, 0)
    except _TooMuch as error:
        complaints.error(source.place(), str(error))
        return None
    if root.entries is None:
        complaints.error(
            root.place,
            f"the file must be a mapping (key: value), not {_kind(root)}.",
            "`sfprm init DIR` writes a sample to copy from.",
        )
        return None
    return Tree(source, root)


def _syntax_hint(said: str) -> str:
    if "\\t" in said or "tab" in said:
        return "Indent with spaces, not with tabs."
    if "alias" in said or "'*'" in said:
        return "Text that starts with * or & must be quoted."
    if "mapping values are not allowed" in said:
        return "Text that holds ': ' must be quoted; or the indentation is off."
    return "Check indentation, quotes and brackets on this line and the one above."


def _kind(value: Value) -> str:
    return "a list" if value.items is not None else f"the text {value.text[:40]!r}"


class _TooMuch(Exception):
    """Too deep or too many; never leaves this module."""


class _Reader:
    """Turns ruamel's nodes into values; counts, so that a bomb of aliases stays small."""

    def __init__(self, source: Source, complaints: Complaints) -> None:
        self._source = source
        self._complaints = complaints
        self._count = 0

    def value(self, node: Any, depth: int) -> Value:
        self._count += 1
        if depth > MOST_DEPTH:
            raise _TooMuch(f"nested more than {MOST_DEPTH} levels deep.")
        if self._count > MOST_NODES:
            raise _TooMuch(f"more than {MOST_NODES:,} values once aliases are followed.")
        place = self._place(node)
        if node.tag not in _PLAIN_TAGS:
            self._complaints.error(
                place, f"the tag {node.tag} is not allowed here.", "Write the plain value."
            )
        if isinstance(node, SequenceNode):
            items = tuple(self.value(item, depth + 1) for item in node.value)
            return Value(place, None, items=items)
        if isinstance(node, MappingNode):
            return Value(place, None, entries=self._entries(node, depth))
        return self._scalar(node, place)

    def _entries(self, node: Any, depth: int) -> dict[str, tuple[Place, Value]]:
        entries: dict[str, tuple[Place, Value]] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            value = self.value(value_node, depth + 1)
            if not isinstance(key_node, ScalarNode):
                self._complaints.error(place, "a key must be a word, not a list or a mapping.")
                continue
            key = self._scalar(key_node, place).text
            if key in entries:
                self._complaints.error(
                    place,
                    f"key {key!r} stands twice; first on line {entries[key][0].line}.",
                    "Keep one of the two.",
                )
                continue
            entries[key] = (place, value)
        return entries

    def _scalar(self, node: Any, place: Place) -> Value:
        text: str = node.value
        if _CONTROL.search(text):
            self._complaints.error(place, "holds a control character or half of a character.")
            text = _CONTROL.sub("", text)
        return Value(
            place,
            _plain(node.tag, text),
            text=text,
            source=self._source,
            start=node.start_mark.index,
            end=node.end_mark.index,
        )

    def _place(self, node: Any) -> Place:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return self._source.place(start.line + 1, start.column + 1, max(1, width))


def _spot(source: Source, index: int, width: int) -> Place:
    """The place of a character of the file's text."""
    line = source.text.count("\n", 0, index) + 1
    column = index - source.text.rfind("\n", 0, index)
    return source.place(line, column, width)


def _plain(tag: str, text: str) -> str | int | float | bool | None:
    """The value that a plain scalar stands for; text when its tag is a lie."""
    match tag.removeprefix(_CORE):
        case "null":
            return None
        case "bool":
            return text.lower() in ("true", "yes", "on")
        case "int":
            try:
                return int(text.replace("_", ""), 0 if len(text) > 1 else 10)
            except ValueError:
                return text
        case "float":
            try:
                number = float(text.replace("_", ""))
            except ValueError:
                return text
            return number if math.isfinite(number) else text
        case _:
            return text
