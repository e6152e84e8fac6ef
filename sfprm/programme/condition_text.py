"""The text of `eligible_when` to a `Condition`, and of a criterion on partners to a `Comparison`;
the language is described in `conditions`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast

from sfprm.programme.conditions import (
    Comparison,
    ComparisonOp,
    Condition,
    Constant,
    LeadField,
    Operand,
    PartnerAttribute,
)
from sfprm.programme.paths import path_of
from sfprm.programme.text_error import TextError

__all__ = ["is_of_partner", "parse_condition", "parse_partner_criterion"]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"[^\"]*\"|'[^']*')|(?P<op>==|!=|>=|<=|>|<|=)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<word>[^\W\d][\w.-]*))"
)
_OF_PARTNER = re.compile(r"(?<![\w.\"'])partner\.\w", re.IGNORECASE)
_WORDS: dict[str, ComparisonOp] = {
    "equals": "==",
    "includes": "==",
    "notequal": "!=",
    "excludes": "!=",
    "greaterorequal": ">=",
    "lessorequal": "<=",
    "greaterthan": ">",
    "lessthan": "<",
}
"""The operators of rules, as far as they say the same."""

_FORM = "Write it as: partner.tier >= Silver and Lead.Country in partner.territories"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def parse_condition(text: str) -> Condition:
    """The condition. Raises TextError with the column of what is wrong."""
    tokens = _tokens(text)
    comparisons: list[Comparison] = []
    at = 0
    while True:
        comparison, at = _comparison(text, tokens, at)
        comparisons.append(comparison)
        token = tokens[at]
        if token.kind == "end":
            return Condition(tuple(comparisons), text.strip())
        if token.text.lower() != "and":
            hint = "Only `and` joins comparisons; for `or`, make two pools or two rules."
            raise TextError(
                f"{token.text!r} stands where 'and' is wanted", token.start, len(token.text), hint
            )
        at += 1


def is_of_partner(text: str) -> bool:
    """Whether a criterion reads an attribute of partners."""
    return _OF_PARTNER.search(text) is not None


def parse_partner_criterion(text: str) -> Comparison:
    """A criterion on partners: `partner.tier >= Gold`, `Product__c in partner.certified_for`. A
    word on the left without a dot is a field of the lead, as in other criteria. Raises TextError.
    """
    tokens = _tokens(text)
    comparison, at = _comparison(text, tokens, 0)
    rest = tokens[at]
    if rest.kind != "end":
        raise TextError(
            f"{rest.text!r} stands after the comparison",
            rest.start,
            len(rest.text),
            "Write one comparison a criterion, and join them by `logic:`.",
        )
    first = tokens[0]
    if first.kind == "word" and isinstance(comparison.left, Constant):
        path = path_of(first.text)
        if path is not None:
            comparison = replace(comparison, left=LeadField(path.text))
    return comparison


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = len(text) - len(text[at:].lstrip())
            quote = text[start] in "\"'"
            what = "a quote is not closed" if quote else f"{text[start]!r} does not belong here"
            raise TextError(what, start, hint=_FORM)
        kind = match.lastgroup
        tokens.append(_Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _comparison(text: str, tokens: list[_Token], at: int) -> tuple[Comparison, int]:
    first = tokens[at]
    left = _operand(first)
    op, at = _operator(tokens, at + 1)
    last = tokens[at]
    right = _operand(last)
    if isinstance(left, Constant) and isinstance(right, Constant):
        raise TextError("compares two constants", first.start, last.end - first.start, hint=_FORM)
    return Comparison(left, op, right, text[first.start : last.end]), at + 1


def _operator(tokens: list[_Token], at: int) -> tuple[ComparisonOp, int]:
    token = tokens[at]
    word = token.text.lower()
    if token.kind == "op" and word != "=":
        return cast("ComparisonOp", word), at + 1
    if word == "in":
        return "in", at + 1
    if word in _WORDS:
        return _WORDS[word], at + 1
    if word == "not" and tokens[at + 1].text.lower() == "in":
        return "not in", at + 2
    what = f"{token.text!r} stands" if token.text else "the condition ends"
    hint = "Did you mean '=='?" if word == "=" else "Known: == != >= <= > < in, not in."
    raise TextError(
        f"{what} where an operator is wanted", token.start, max(1, len(token.text)), hint
    )


def _operand(token: _Token) -> Operand:
    if token.kind == "text":
        return Constant(token.text[1:-1])
    if token.kind == "number":
        return Constant(float(token.text) if "." in token.text else _whole(token))
    if token.kind != "word" or token.text.lower() in ("and", "or", "in", "not"):
        what = f"{token.text!r} stands" if token.text else "the condition ends"
        raise TextError(
            f"{what} where a field, attribute or value is wanted",
            token.start,
            max(1, len(token.text)),
            hint=_FORM,
        )
    head, dot, name = token.text.partition(".")
    if not dot:
        return Constant(token.text)
    if head == "partner" and re.fullmatch(r"\w+", name):
        return PartnerAttribute(name)
    path = path_of(token.text)
    if path is not None:
        return LeadField(path.text)
    raise TextError(
        f"{token.text!r} is neither partner.<attribute> nor Lead.<Field>",
        token.start,
        len(token.text),
        hint="Text that holds a dot must be quoted.",
    )


def _whole(token: _Token) -> int:
    if len(token.text) > 18:
        raise TextError("the number is too large", token.start, len(token.text))
    return int(token.text)
