"""One criterion of a rule: `Country equals PT, ES`.

    criterion = path operator [value {"," value}]
    path      = ["Lead."] field | one of `sfprm.programme.paths`
    value     = text without comma and quote | '"' text with "" for a quote '"'

No value means blank: `Email notEqual` holds for leads that have an e-mail address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Operator
from sfprm.programme.text_error import TextError

__all__ = ["CriterionText", "parse_criterion", "parse_values"]

_WORD = re.compile(r"\s*(\S+)")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*\Z")
_SIGNS = {
    "=": "equals",
    "==": "equals",
    "is": "equals",
    "in": "equals",
    "!=": "notEqual",
    "<>": "notEqual",
    "<": "lessThan",
    ">": "greaterThan",
    "<=": "lessOrEqual",
    ">=": "greaterOrEqual",
}
_BLANK_ALLOWED = (Operator.EQUALS, Operator.NOT_EQUAL)


@dataclass(frozen=True, slots=True)
class CriterionText:
    """What was written, and where the field stands in it (from 0)."""

    field: str
    operator: Operator
    values: tuple[str, ...]
    field_offset: int


def parse_criterion(text: str) -> CriterionText:
    """The parts. Raises TextError with the column of what is wrong."""
    match = _WORD.match(text)
    if match is None:
        raise TextError("a criterion is empty", 0, hint="Write it as: Country equals PT, ES")
    written, start = match.group(1), match.start(1)
    field = written.removeprefix("Lead.")
    if not _FIELD.match(field):
        raise TextError(f"{written!r} is not a field name", start, len(written))
    found = _WORD.match(text, match.end())
    if found is None:
        raise TextError(
            f"no operator after {field!r}",
            match.end(),
            hint='Write it as: Country equals PT, ES. Between [ and ] in quotes: ["Country equals '
            'PT, ES"], as a comma begins the next item there.',
        )
    operator = _operator(found.group(1), found.start(1))
    if operator is Operator.WITHIN:
        raise TextError("within (a distance) is not supported", found.start(1), len("within"))
    values = _values(text, found.end())
    if not values and operator not in _BLANK_ALLOWED:
        raise TextError(f"{operator.value} needs a value", len(text.rstrip()))
    if len(values) > 1 and "" in values:
        raise TextError(
            "blank stands beside other values",
            text.index('""'),
            2,
            "Make two criteria and join them: logic: 1 OR 2",
        )
    return CriterionText(field, operator, values, start + len(written) - len(field))


def parse_values(text: str) -> tuple[str, ...]:
    """A list of values as criteria hold it. Raises TextError."""
    return _values(text, 0)


def _operator(word: str, offset: int) -> Operator:
    try:
        return Operator(word)
    except ValueError:
        known = [operator.value for operator in Operator]
        sign = _SIGNS.get(word.lower())
        hint = f"Did you mean {sign!r}?" if sign else did_you_mean(word, known)
        hint = hint or f"Known: {', '.join(known)}."
        raise TextError(f"unknown operator {word!r}", offset, len(word), hint) from None


def _values(text: str, at: int) -> tuple[str, ...]:
    """The comma-separated values from `at` on."""
    values: list[str] = []
    if not text[at:].strip():
        return ()
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at < len(text) and text[at] == '"':
            value, at = _quoted(text, at)
        else:
            begin, end = at, text.find(",", at)
            end = len(text) if end < 0 else end
            value, at = text[at:end].strip(), end
            if '"' in value:
                where = text.index(chr(34), begin)
                raise TextError(
                    "a quote inside a value", where, hint='Quote the whole value: "say ""yes"""'
                )
            if not value:
                raise TextError("a value is missing beside a comma", min(at, len(text) - 1))
        values.append(value)
        if at >= len(text):
            return tuple(values)
        at += 1


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The value in quotes that starts at `start`, and the offset of the comma or end after it."""
    at, value = start + 1, ""
    while at < len(text):
        if text[at] == '"':
            if text[at + 1 : at + 2] != '"':
                break
            at += 1
        value += text[at]
        at += 1
    else:
        raise TextError("a quote is not closed", start)
    at += 1
    while at < len(text) and text[at].isspace():
        at += 1
    if at < len(text) and text[at] != ",":
        raise TextError("text after a closing quote", at, hint="Put a comma between values.")
    return value, at
