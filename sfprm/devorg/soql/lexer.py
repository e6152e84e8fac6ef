"""SOQL text to tokens, each with its offset (the error frame needs them)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfprm.devorg.soql.errors import SoqlError

__all__ = ["Token", "tokenize", "unescape"]

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<datetime>\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2}))
  | (?P<date>\d{4}-\d{2}-\d{2})
  | (?P<time>\d{2}:\d{2}:\d{2}(?:\.\d+)?[Zz])
  | (?P<number>\d+(?:\.\d+)?|\.\d+)
  | (?P<word>[A-Za-z][A-Za-z0-9_]*)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<mark><=|>=|!=|<>|[=<>(),.:*+\-'])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `kind` is word, number, string, date, datetime, time, mark or end."""

    kind: str
    text: str
    at: int

    @property
    def end(self) -> int:
        """The offset behind the token."""
        return self.at + len(self.text)

    @property
    def upper(self) -> str:
        """The text as a keyword."""
        return self.text.upper()

    @property
    def shown(self) -> str:
        """The text as the org's messages quote it: of a string, only its first quote."""
        if self.kind == "end":
            return "<EOF>"
        return "'" if self.kind == "string" else self.text


def tokenize(text: str) -> list[Token]:
    """All tokens, the last being the end. Raises SoqlError for a character outside the language."""
    tokens = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            line = text.count("\n", 0, at) + 1
            column = at - (text.rfind("\n", 0, at) + 1)
            raise SoqlError(
                "MALFORMED_QUERY", f"line {line}:{column} unexpected token: '{text[at]}'"
            )
        if found.lastgroup != "blank":
            tokens.append(Token(str(found.lastgroup), found.group(), at))
        at = found.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def unescape(quoted: str, *, pattern: bool = False) -> str:
    r"""What a quoted string stands for.

    With `pattern` (after LIKE) the answer keeps `%` and `_` as wildcards, and a backslash before
    each %, _ or backslash that is meant as itself. Raises SoqlError for an unknown escape; the
    wording is from an emulator, unverified.
    """
    body = quoted[1:-1]
    if "\\" not in body:
        return body
    made = []
    at = 0
    while at < len(body):
        letter = body[at]
        if letter != "\\":
            made.append(letter)
            at += 1
            continue
        escaped = body[at + 1]
        at += 2
        if escaped.lower() == "u":
            digits = body[at : at + 4]
            if re.fullmatch(r"[0-9A-Fa-f]{4}", digits) is None:
                raise _bad_escape("\\" + escaped + digits)
            made.append(chr(int(digits, 16)))
            at += 4
        elif escaped in "%_" and pattern:
            made.append("\\" + escaped)
        elif escaped == "\\" and pattern:
            made.append("\\\\")
        elif escaped.lower() in _ESCAPES:
            made.append(_ESCAPES[escaped.lower()])
        else:
            raise _bad_escape("\\" + escaped)
    text = "".join(made)
    if text.isascii():
        return text
    # Two escapes may stand for one letter beyond the first plane; half of one is no letter.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _bad_escape(sequence: str) -> SoqlError:
    return SoqlError(
        "MALFORMED_QUERY",
        f"Invalid string literal: illegal character sequence '{sequence}' in string literal",
    )
