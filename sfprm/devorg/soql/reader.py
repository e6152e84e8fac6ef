"""Reading tokens one after the other, and the errors for those that do not fit."""

from __future__ import annotations

from sfprm.devorg.soql.dates import COUNTED_WORDS, PLAIN_WORDS, instant, is_date
from sfprm.devorg.soql.errors import SoqlError
from sfprm.devorg.soql.lexer import Token, tokenize, unescape
from sfprm.devorg.soql.tree import DateWord, Literal

__all__ = ["MAX_DEPTH", "TokenReader"]

# fmt: off
_RESERVED = frozenset({
    "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "LIMIT", "WITH", "HAVING", "BY",
    "ASC", "DESC", "NULLS", "FIRST", "LAST", "NULL", "TRUE", "FALSE", "USING", "UPDATE", "FOR",
    "ELSE", "INCLUDES", "EXCLUDES", "CUBE", "ROLLUP", "BIND", "AS", "LOOKUP", "HIERARCHICAL",
})
# fmt: on
_CLOSING = frozenset(
    {"LIMIT", "ORDER", "GROUP", "HAVING", "OFFSET", "WITH", "USING", "FOR", "UPDATE", "FROM"}
)
MAX_DEPTH = 60
"""Brackets and sub-queries within one another; a bound of this imitation, not of Salesforce."""


class TokenReader:
    """A place among the tokens of a statement; what the grammar's rules are written with."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._place = 0
        self._depth = 0

    # Looking and taking

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _ahead(self, steps: int) -> Token:
        return self._tokens[min(self._place + steps, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._now
        if token.kind != "end":
            self._place += 1
        return token

    def _is(self, *words: str) -> bool:
        return self._now.kind == "word" and self._now.upper in words

    def _is_mark(self, mark: str) -> bool:
        return self._now.kind == "mark" and self._now.text == mark

    def _accept(self, word: str) -> bool:
        if self._is(word):
            self._place += 1
            return True
        return False

    def _accept_mark(self, mark: str) -> bool:
        if self._is_mark(mark):
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unexpected()

    def _expect_mark(self, mark: str) -> None:
        if self._accept_mark(mark):
            return
        token = self._now
        closing = token.kind == "end" or (token.kind == "word" and token.upper in _CLOSING)
        if (mark == ")" and closing) or (mark == "(" and token.kind == "string"):
            raise SoqlError("MALFORMED_QUERY", f"missing value at '{token.shown}'")
        raise self._unexpected()

    def _unexpected(self, token: Token | None = None) -> SoqlError:
        shown = (token or self._now).shown
        return SoqlError("MALFORMED_QUERY", f"unexpected token: '{shown}'")

    def _no_way_on(self, start: int) -> SoqlError:
        """The error that quotes everything since the rule began."""
        token = self._now
        end = token.at + 1 if token.kind == "string" else token.end
        shown = self._text[start:end].rstrip()
        return SoqlError("MALFORMED_QUERY", f"unexpected token: '{shown}'")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SoqlError("QUERY_TOO_COMPLICATED", "Query is too complex")

    def _is_name(self) -> bool:
        return self._now.kind == "word" and self._now.upper not in _RESERVED

    # Values

    def _literal(self) -> Literal:
        self._bind_check()
        token = self._now
        if token.kind == "string":
            return Literal("string", unescape(self._take().text), token.at)
        if token.kind == "datetime":
            value = instant(self._take().text)
            if value is None:
                raise SoqlError("MALFORMED_QUERY", f"Invalid datetime: {token.text}")
            return Literal("datetime", value, token.at)
        if token.kind == "date":
            if not is_date(self._take().text):
                raise SoqlError("MALFORMED_QUERY", f"Invalid date: {token.text}")
            return Literal("date", token.text, token.at)
        if token.kind == "time":
            return Literal("time", self._take().text.upper(), token.at)
        if token.kind == "number" or (token.kind == "mark" and token.text in "+-"):
            return Literal("number", self._number(), token.at)
        if token.kind == "word":
            return self._word()
        raise self._unexpected()

    def _word(self) -> Literal:
        token = self._now
        word = token.upper
        if word == "NULL":
            self._take()
            return Literal("null", None, token.at)
        if word in ("TRUE", "FALSE"):
            self._take()
            return Literal("boolean", word == "TRUE", token.at)
        if word in PLAIN_WORDS:
            self._take()
            return Literal("dateword", DateWord(word), token.at)
        if word in COUNTED_WORDS:
            self._take()
            self._expect_mark(":")
            if not self._now.text.isdigit():
                raise self._unexpected()
            digits = self._take().text
            count = int(digits) if len(digits) < 10 else 10**9
            return Literal("dateword", DateWord(word, count), token.at)
        raise self._unexpected()

    def _number(self) -> int | float:
        sign = -1 if self._is_mark("-") else 1
        if self._is_mark("-") or self._is_mark("+"):
            self._take()
        if self._now.kind != "number":
            raise self._unexpected()
        text = self._take().text
        return sign * (int(text) if text.isdigit() and len(text) < 30 else float(text))

    def _integer(self) -> int:
        self._bind_check()
        token = self._now
        value = self._number() if token.kind == "number" or token.text in ("-", "+") else None
        if not isinstance(value, int):
            raise self._unexpected(token)
        return value

    def _bind_check(self) -> None:
        if self._is_mark(":"):
            raise SoqlError("MALFORMED_QUERY", "Bind variables only allowed in Apex code")
