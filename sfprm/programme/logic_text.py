"""Filter logic text to its tree: `1 AND (2 OR NOT 3)`, as Salesforce writes it.

    logic  = term {"OR" term}
    term   = factor {"AND" factor}
    factor = "NOT" factor | number | "(" logic ")"

Salesforce refuses AND beside OR without brackets; so do we, as readers disagree about it.
"""

from __future__ import annotations

import re

from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.text_error import TextError

__all__ = ["numbers", "parse_logic"]

_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z]+)|([()]))")
MOST_DEPTH = 50


def parse_logic(text: str) -> Logic:
    """The tree. Raises TextError with the column of what is wrong."""
    return _Parser(text).whole()


def numbers(logic: Logic) -> frozenset[int]:
    """The criteria that the logic names."""
    match logic:
        case Ref(number):
            return frozenset({number})
        case Not(part):
            return numbers(part)
        case And(parts) | Or(parts):
            return frozenset[int]().union(*(numbers(part) for part in parts))


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                start = len(text) - len(text[at:].lstrip())
                raise TextError(f"{text[start]!r} does not belong in filter logic", start)
            word = match.group().strip()
            self.tokens.append((word.upper(), match.end() - len(word)))
            at = match.end()
        self.tokens.append(("", len(text)))
        self.at = 0

    def whole(self) -> Logic:
        logic = self.either(0)
        word, column = self.tokens[self.at]
        if word:
            raise TextError(f"{word!r} is not expected here", column, len(word))
        return logic

    def take(self) -> tuple[str, int]:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def either(self, depth: int) -> Logic:
        """One level: factors joined by AND alone or by OR alone."""
        parts = [self.factor(depth)]
        joined = ""
        while self.tokens[self.at][0] in ("AND", "OR"):
            word, column = self.take()
            if joined and word != joined:
                raise TextError(
                    "AND and OR stand side by side",
                    column,
                    len(word),
                    "Use brackets: 1 AND (2 OR 3)",
                )
            joined = word
            parts.append(self.factor(depth))
        if len(parts) == 1:
            return parts[0]
        return And(tuple(parts)) if joined == "AND" else Or(tuple(parts))

    def factor(self, depth: int) -> Logic:
        word, column = self.take()
        if depth > MOST_DEPTH:
            raise TextError("too many brackets", column)
        if word == "NOT":
            return Not(self.factor(depth + 1))
        if word == "(":
            logic = self.either(depth + 1)
            closing, where = self.take()
            if closing != ")":
                raise TextError("a closing bracket is missing", where)
            return logic
        if word.isdigit() and len(word) < 6:
            return Ref(int(word))
        what = f"{word!r} stands" if word else "the logic ends"
        raise TextError(f"{what} where a number, NOT or ( is wanted", column, max(1, len(word)))
