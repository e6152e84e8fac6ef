"""Rules that can never decide anything: contradictory ones, and those that earlier rules shadow.

A rule is taken apart into terms: sets of criteria that must hold together, any of the sets being
enough. A term is contradictory when no value of some field meets it; it is shadowed when an earlier
rule has a term all of whose criteria follow from it. Only what is certain is told: where a field
may hold several values, or logic takes too many terms apart, nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.meaning import Test, may_hold_several, number_of, text_of
from sfprm.programme.model import Operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sfprm.programme.model import Criterion, PartnerCriterion, Rule

__all__ = ["exclusive", "useless_rules"]

MOST_TERMS = 64
"""Rules that fall apart into more are not looked at."""

_OPPOSITE = {
    Operator.EQUALS: Operator.NOT_EQUAL,
    Operator.NOT_EQUAL: Operator.EQUALS,
    Operator.CONTAINS: Operator.NOT_CONTAIN,
    Operator.NOT_CONTAIN: Operator.CONTAINS,
    Operator.INCLUDES: Operator.EXCLUDES,
    Operator.EXCLUDES: Operator.INCLUDES,
}
_RANGES = {
    Operator.LESS_THAN: (False, True),
    Operator.LESS_OR_EQUAL: (False, False),
    Operator.GREATER_THAN: (True, True),
    Operator.GREATER_OR_EQUAL: (True, False),
}
"""Whether the operator bounds from below, and whether the bound itself is out."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """One criterion in folded values; `reversed` where it must not hold and no operator says so."""

    field: str
    operator: Operator
    values: frozenset[str]
    reversed: bool = False

    def holds(self, value: str) -> bool | None:
        """Whether it holds for a text; None when that hangs on the field's type."""
        test = Test.of_values(self.field, self.operator, tuple(self.values))
        number = number_of(value)
        found = {test.holds(value)}
        if number is not None:
            found.add(test.holds(number))
        if len(found) > 1:
            return None
        return found.pop() is not self.reversed


_Term = frozenset[_Literal]


def useless_rules(rules: Sequence[Rule]) -> list[tuple[int, str]]:
    """Index and words (`is never reached: …`) of each rule that can never decide anything."""
    found: list[tuple[int, str]] = []
    earlier: list[tuple[Rule, list[_Term]]] = []
    for index, rule in enumerate(rules):
        terms = _terms(rule.criteria, rule.logic, rule.partner_criteria)
        if terms is None:
            continue
        alive = [term for term in terms if not _contradictory(term)]
        if not alive:
            found.append((index, "can never match: its criteria contradict each other"))
            continue
        by = _shadows(alive, earlier)
        if by is not None:
            found.append((index, _words(by)))
        elif _certain(rule):
            earlier.append((rule, alive))
    return found


def _certain(rule: Rule) -> bool:
    """Whether the rule takes every lead that meets its criteria."""
    return not rule.may_pass_over


def _words(by: list[Rule]) -> str:
    if len(by) == 1 and not by[0].criteria:
        return f"is never reached: the rule on line {by[0].origin.line} takes every lead"
    names = " and ".join(f"{rule.name!r} (line {rule.origin.line})" for rule in by)
    verb = "takes" if len(by) == 1 else "take"
    return f"is never reached: {names} {verb} all of its leads"


def _shadows(terms: list[_Term], earlier: list[tuple[Rule, list[_Term]]]) -> list[Rule] | None:
    """The earlier rules that together take all that these terms take; None when some is left."""
    by: list[Rule] = []
    for term in terms:
        rule = next(
            (
                rule
                for rule, wider in earlier
                if any(all(_implied(term, literal) for literal in each) for each in wider)
            ),
            None,
        )
        if rule is None:
            return None
        if rule not in by:
            by.append(rule)
    return by


def exclusive(
    one: tuple[Sequence[Criterion], Logic | None], other: tuple[Sequence[Criterion], Logic | None]
) -> bool:
    """Whether no lead meets both for certain: each is criteria with their logic."""
    ours, theirs = _terms(*one), _terms(*other)
    if ours is None or theirs is None:
        return False
    return all(_contradictory(a | b) for a in ours for b in theirs)


def _terms(
    criteria: Sequence[Criterion],
    logic: Logic | None,
    of_partner: Sequence[PartnerCriterion] = (),
) -> list[_Term] | None:
    """Criteria as any of sets of literals; None when there are too many of them. What is asked of
    partners is a literal that follows from itself alone."""
    literals = [_literal(criterion) for criterion in criteria]
    literals += [
        _Literal(c.comparison.text, Operator.EQUALS, frozenset({"holds"})) for c in of_partner
    ]
    if logic is None:
        return [frozenset(literals)]
    terms = _expanded(logic, literals, negative=False)
    return None if terms is None else list(dict.fromkeys(terms))


def _literal(criterion: Criterion) -> _Literal:
    values = (text_of(v) for v in criterion.values if v.strip())
    return _Literal(criterion.field, criterion.operator, frozenset(values))


def _reverse(literal: _Literal) -> _Literal:
    opposite = _OPPOSITE.get(literal.operator)
    if opposite is None or may_hold_several(literal.field):
        return _Literal(literal.field, literal.operator, literal.values, not literal.reversed)
    return _Literal(literal.field, opposite, literal.values)


def _expanded(logic: Logic, literals: Sequence[_Literal], *, negative: bool) -> list[_Term] | None:
    match logic:
        case Ref(number):
            literal = literals[number - 1]
            return [frozenset({_reverse(literal) if negative else literal})]
        case Not(part):
            return _expanded(part, literals, negative=not negative)
        case And(parts) | Or(parts):
            inner = [_expanded(part, literals, negative=negative) for part in parts]
            each = [terms for terms in inner if terms is not None]
            if len(each) < len(inner):
                return None
            if isinstance(logic, Or) is not negative:
                joined = [term for terms in each for term in terms]
            else:
                size = 1
                for terms in each:
                    size *= len(terms)
                if size > MOST_TERMS:
                    return None
                joined = [_Term().union(*chosen) for chosen in product(*each)]
            return joined if len(joined) <= MOST_TERMS else None


def _only(literals: Iterable[_Literal]) -> frozenset[str] | None:
    """The values that the literals of one field leave, '' for blank; None when they are endless."""
    only: frozenset[str] | None = None
    rest = []
    for literal in literals:
        if literal.operator is Operator.EQUALS and not literal.reversed:
            values = literal.values or frozenset({""})
            only = values if only is None else _common(only, values)
        else:
            rest.append(literal)
    if only is None:
        return None
    return frozenset(v for v in only if all(literal.holds(v) is not False for literal in rest))


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """What is in both; as the field may be a number, `10` and `10.0` are the same."""
    numbers = {number_of(value) for value in other} - {None}
    return frozenset(v for v in one if v in other or number_of(v) in numbers)


def _contradictory(term: _Term) -> bool:
    fields: dict[str, list[_Literal]] = {}
    for literal in term:
        if not may_hold_several(literal.field):
            fields.setdefault(literal.field.lower(), []).append(literal)
    return any(_none_left(literals) for literals in fields.values())


def _none_left(literals: list[_Literal]) -> bool:
    only = _only(literals)
    if only is not None:
        return not only
    if any(literal.operator in _RANGES for literal in literals) and all(
        _empty(literals, as_text=as_text) for as_text in _orders(literals[0].field)
    ):
        return True
    return any(
        one.operator is Operator.CONTAINS
        and other.operator is Operator.NOT_CONTAIN
        and not (one.reversed or other.reversed)
        and bool(one.values)
        and all(any(part in value for part in other.values) for value in one.values)
        for one in literals
        for other in literals
    )


_NUMBERS = frozenset({"annualrevenue", "numberofemployees", "latitude", "longitude"})
"""Standard fields of a Lead that are numbers for certain."""


def _orders(field: str) -> tuple[bool, ...]:
    """The orders that a field's values may have, as text or not: `9` is more than `10` as text."""
    return (False,) if field.lower() in _NUMBERS else (False, True)


def _empty(literals: list[_Literal], *, as_text: bool) -> bool:
    """Whether the ranges leave no value in one order."""
    ranges = [r for literal in literals if (r := _range(literal, as_text=as_text)) is not None]
    low = max(((bound, strict) for below, bound, strict in ranges if below), default=None)
    high = min(((bound, not strict) for below, bound, strict in ranges if not below), default=None)
    if low is None or high is None:
        return False
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or not high[1]))


def _range(literal: _Literal, *, as_text: bool) -> tuple[bool, Any, bool] | None:
    """(bounds from below, bound, bound itself out) in one order; None when it has none there."""
    kind = _RANGES.get(literal.operator)
    if kind is None or literal.reversed or not literal.values:
        return None
    below, strict = kind
    if as_text:
        return below, (min(literal.values) if below else max(literal.values)), strict
    found = [number for value in literal.values if (number := number_of(value)) is not None]
    if len(found) < len(literal.values):
        return None
    return below, (min(found) if below else max(found)), strict


def _implied(term: _Term, wanted: _Literal) -> bool:
    """Whether a literal follows from a term."""
    if wanted in term:
        return True
    same = [each for each in term if each.field.lower() == wanted.field.lower()]
    if not same or may_hold_several(wanted.field):
        return False
    only = _only(same)
    if only is not None:
        return all(wanted.holds(value) is True for value in only)
    return any(_follows(each, wanted) for each in same)


def _within(given: _Literal, wanted: _Literal, *, as_text: bool) -> bool:
    mine, other = _range(given, as_text=as_text), _range(wanted, as_text=as_text)
    if mine is None or other is None or mine[0] is not other[0]:
        return False
    if mine[1] == other[1]:
        return mine[2] or not other[2]
    return bool(mine[1] > other[1] if mine[0] else mine[1] < other[1])


def _follows(given: _Literal, wanted: _Literal) -> bool:
    if given.reversed or wanted.reversed:
        return False
    if given.operator in _RANGES and wanted.operator in _RANGES:
        return all(_within(given, wanted, as_text=as_text) for as_text in _orders(wanted.field))
    if wanted.operator is Operator.NOT_EQUAL and not wanted.values:
        # what is compared, contained or started with is not blank
        return given.operator in _RANGES or (
            given.operator in (Operator.CONTAINS, Operator.STARTS_WITH, Operator.INCLUDES)
            and bool(given.values)
        )
    if given.operator is not wanted.operator:
        return False
    match wanted.operator:
        case Operator.NOT_EQUAL:
            return bool(given.values) and wanted.values <= given.values
        case Operator.CONTAINS:
            return bool(given.values) and all(
                any(part in value for part in wanted.values) for value in given.values
            )
        case Operator.NOT_CONTAIN:
            return all(any(part in value for part in given.values) for value in wanted.values)
        case Operator.STARTS_WITH:
            return bool(given.values) and all(
                value.startswith(tuple(wanted.values)) for value in given.values
            )
        case _:
            return False
