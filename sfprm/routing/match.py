"""Which rule a lead meets: Salesforce's assignment-rule criteria, in its own terms.

A list of values means any of them; for `notEqual`, `notContain` and `excludes` none may match.
`equals` without a value means blank, `notEqual` without a value not blank. Text is compared
without regard to case (documented for contains; for equals unverified). Numbers are compared as
numbers; a blank field is never less or greater than anything (unverified).
Source: the help pages on assignment rules and production rule files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.model import Operator
from sfprm.routing.values import RuleTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.programme.model import Criterion, FieldValue, Rule
    from sfprm.routing.values import LeadFacts

__all__ = ["Matcher", "criterion_holds", "is_blank", "match", "number_of", "text_of"]


def is_blank(value: object) -> bool:
    """Salesforce keeps empty text as null."""
    return value is None or (isinstance(value, str) and not value.strip())


def text_of(value: FieldValue) -> str:
    """A field's value as criteria see it: trimmed, without case; booleans as true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().casefold()


def number_of(text: str) -> float | None:
    """A number as rules write it: `50000000`, `1.5`, `USD 100`. None when it is not one."""
    words = text.split()
    if len(words) == 2 and len(words[0]) == 3 and words[0].isalpha():
        words = words[1:]
    if len(words) != 1:
        return None
    try:
        number = float(words[0])
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None


class _Test:
    """One criterion with its values made ready."""

    def __init__(self, criterion: Criterion) -> None:
        self.field = criterion.field
        self.texts = tuple(text_of(v) for v in criterion.values if v.strip())
        self.numbers = tuple(number_of(v) for v in criterion.values if v.strip())
        self.holds = _TESTS[criterion.operator]


def _equals_any(test: _Test, value: FieldValue) -> bool:
    if not test.texts:
        return is_blank(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(number == value for number in test.numbers)
    if isinstance(value, bool):
        return text_of(value) in test.texts or ("1" if value else "0") in test.texts
    return not is_blank(value) and text_of(value) in test.texts


def _not_equal(test: _Test, value: FieldValue) -> bool:
    return not _equals_any(test, value)


def _contains(test: _Test, value: FieldValue) -> bool:
    text = text_of(value)
    return any(part in text for part in test.texts)


def _not_contain(test: _Test, value: FieldValue) -> bool:
    return not _contains(test, value)


def _starts_with(test: _Test, value: FieldValue) -> bool:
    return text_of(value).startswith(test.texts) if test.texts else False


def _includes(test: _Test, value: FieldValue) -> bool:
    chosen = {part.strip() for part in text_of(value).split(";")} - {""}
    if not test.texts:
        return not chosen
    return any({p.strip() for p in text.split(";")} <= chosen for text in test.texts)


def _excludes(test: _Test, value: FieldValue) -> bool:
    return not _includes(test, value)


def _ordered(
    numbers: Callable[[float, float], bool], texts: Callable[[str, str], bool]
) -> Callable[[_Test, FieldValue], bool]:
    def holds(test: _Test, value: FieldValue) -> bool:
        if is_blank(value) or isinstance(value, bool):
            return False
        if isinstance(value, int | float):
            return any(n is not None and numbers(value, n) for n in test.numbers)
        mine = text_of(value)
        return any(texts(mine, text) for text in test.texts)

    return holds


def _within(test: _Test, value: FieldValue) -> bool:
    raise Bug(f"the operator `within` on {test.field} reached the matcher; loading refuses it.")


_TESTS: Mapping[Operator, Callable[[_Test, FieldValue], bool]] = {
    Operator.EQUALS: _equals_any,
    Operator.NOT_EQUAL: _not_equal,
    Operator.LESS_THAN: _ordered(lambda a, b: a < b, lambda a, b: a < b),
    Operator.GREATER_THAN: _ordered(lambda a, b: a > b, lambda a, b: a > b),
    Operator.LESS_OR_EQUAL: _ordered(lambda a, b: a <= b, lambda a, b: a <= b),
    Operator.GREATER_OR_EQUAL: _ordered(lambda a, b: a >= b, lambda a, b: a >= b),
    Operator.CONTAINS: _contains,
    Operator.NOT_CONTAIN: _not_contain,
    Operator.STARTS_WITH: _starts_with,
    Operator.INCLUDES: _includes,
    Operator.EXCLUDES: _excludes,
    Operator.WITHIN: _within,
}


def criterion_holds(criterion: Criterion, value: FieldValue) -> bool:
    """Whether a field's value meets one criterion."""
    test = _Test(criterion)
    return test.holds(test, value)


def _logic_holds(logic: Logic, verdicts: Sequence[bool]) -> bool:
    match logic:
        case Ref(number):
            return verdicts[number - 1]
        case Not(part):
            return not _logic_holds(part, verdicts)
        case And(parts):
            return all(_logic_holds(part, verdicts) for part in parts)
        case Or(parts):
            return any(_logic_holds(part, verdicts) for part in parts)


@dataclass(frozen=True, slots=True)
class _Ready:
    rule: Rule
    tests: tuple[_Test, ...]


class Matcher:
    """A rule set made ready to match many leads. Holds no state that a match changes, but for
    equal trials being one object."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(_Ready(r, tuple(_Test(c) for c in r.criteria)) for r in rules)
        self._trials: dict[tuple[int, bool, tuple[int, ...]], RuleTrial] = {}

    def match(self, lead: LeadFacts) -> tuple[Rule | None, tuple[RuleTrial, ...]]:
        """The first rule that the lead meets, and all rules tried up to it, in order."""
        tried = []
        for at, ready in enumerate(self._rules):
            fields = lead.fields
            verdicts = [t.holds(t, fields.get(t.field)) for t in ready.tests]
            logic = ready.rule.logic
            matched = all(verdicts) if logic is None else _logic_holds(logic, verdicts)
            failed = tuple(n for n, holds in enumerate(verdicts, start=1) if not holds)
            key = (at, matched, failed)
            trial = self._trials.get(key)
            if trial is None:
                trial = self._trials[key] = RuleTrial(ready.rule.name, matched, failed)
            tried.append(trial)
            if matched:
                return ready.rule, tuple(tried)
        return None, tuple(tried)


def match(rules: Sequence[Rule], lead: LeadFacts) -> tuple[Rule | None, tuple[RuleTrial, ...]]:
    """The first of the rules that the lead meets, and all rules tried up to it, in order."""
    return Matcher(rules).match(lead)
