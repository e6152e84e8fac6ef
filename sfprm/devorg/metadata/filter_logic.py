"""Filter logic, as in `1 AND (2 OR NOT 3)`: read into a tree, and asked whether it holds.

Numbers are those of the conditions, from 1. Without parentheses AND and OR may not be mixed (the
filter editor refuses that too [M]); words in any case. Every condition must be used [M].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["BadLogic", "Both", "Either", "Logic", "Not", "all_of", "holds", "read_logic"]

_WORD = re.compile(r"\s*(\d+|[A-Za-z]+|\(|\)|\S)")
_DEPTH = 50


class BadLogic(Exception):
    """The text is no filter logic over so many conditions."""


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple[Logic, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Logic, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Logic


Logic: TypeAlias = "int | Both | Either | Not"


def all_of(count: int) -> Both:
    """Conditions 1 to `count`, all of them: what no filter logic means [M]."""
    return Both(tuple(range(1, count + 1)))


def holds(logic: Logic, condition: Callable[[int], bool]) -> bool:
    """Whether the logic holds, given each condition's answer by its number."""
    match logic:
        case int():
            return condition(logic)
        case Both(parts):
            return all(holds(part, condition) for part in parts)
        case Either(parts):
            return any(holds(part, condition) for part in parts)
        case Not(part):
            return not holds(part, condition)


def read_logic(text: str, count: int) -> Logic:
    """The tree of a filter logic over `count` conditions. Raises BadLogic."""
    reader = _Reader(_WORD.findall(text), count)
    found = reader.expression(0)
    if reader.next is not None:
        raise BadLogic(f"The filter logic has an unexpected {reader.next!r}")
    unused = sorted(set(range(1, count + 1)) - reader.used)
    if unused:
        raise BadLogic(
            "Some filter conditions are defined but not referenced in your filter logic: "
            + ", ".join(map(str, unused))
        )
    return found


class _Reader:
    def __init__(self, tokens: list[str], count: int) -> None:
        self._tokens = tokens
        self._place = 0
        self._count = count
        self.used: set[int] = set()

    @property
    def next(self) -> str | None:
        """The next word in upper case; None at the end."""
        if self._place < len(self._tokens):
            return self._tokens[self._place].upper()
        return None

    def expression(self, depth: int) -> Logic:
        """One or more terms, joined by one word only."""
        if depth > _DEPTH:
            raise BadLogic("The filter logic is nested too deeply")
        parts = [self._term(depth)]
        word = self.next
        while self.next in ("AND", "OR"):
            if self.next != word:
                raise BadLogic("The filter logic mixes AND and OR without parentheses")
            self._place += 1
            parts.append(self._term(depth))
        if len(parts) == 1:
            return parts[0]
        return Both(tuple(parts)) if word == "AND" else Either(tuple(parts))

    def _term(self, depth: int) -> Logic:
        word = self.next
        self._place += 1
        if word == "NOT":
            if depth > _DEPTH:
                raise BadLogic("The filter logic is nested too deeply")
            return Not(self._term(depth + 1))
        if word == "(":
            inside = self.expression(depth + 1)
            if self.next != ")":
                raise BadLogic("The filter logic lacks a closing parenthesis")
            self._place += 1
            return inside
        if word is None:
            raise BadLogic("The filter logic ends too early")
        if not (word.isascii() and word.isdigit()):
            raise BadLogic(f"The filter logic has an unexpected {word!r}")
        number = int(word[:9])
        if not 1 <= number <= self._count:
            raise BadLogic(f"The filter logic references an undefined filter: {number}")
        self.used.add(number)
        return number
