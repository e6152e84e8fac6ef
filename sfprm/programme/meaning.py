"""What a criterion means: Salesforce's assignment-rule operators, on one value.

A list of values means any of them; for `notEqual`, `notContain` and `excludes` none may match.
`equals` without a value means blank, `notEqual` without a value not blank. Text is compared
without regard to case (documented for contains; for equals unverified). Numbers are compared as
numbers; a blank field is never less or greater than anything (unverified).
Source: the help pages on assignment rules and production rule files.

A field of any campaign, and what look-ups and known companies say, may hold several values, one a
line: a positive operator holds when it holds for one of them, a negative one when it does for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.programme.routing_model import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfprm.programme.origin import FieldValue
    from sfprm.programme.routing_model import Criterion

__all__ = [
    "NEGATIVE",
    "SEVERAL",
    "Test",
    "criterion_holds",
    "is_blank",
    "may_hold_several",
    "number_of",
    "text_of",
]

SEVERAL = "\n"
"""Between several values of one path."""

NEGATIVE = frozenset({Operator.NOT_EQUAL, Operator.NOT_CONTAIN, Operator.EXCLUDES})


def may_hold_several(path: str) -> bool:
    """Whether the path may hold several values; a Lead's own text may hold line breaks."""
    return path.startswith(("AnyCampaign.", "lookup.", "company."))


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


class Test:
    """One criterion with its values made ready."""

    def __init__(self, criterion: Criterion) -> None:
        self._make(criterion.field, criterion.operator, criterion.values)

    def _make(self, field: str, operator: Operator, values: tuple[str, ...]) -> None:
        self.field = field
        self.several = may_hold_several(field)
        self.texts = tuple(text_of(v) for v in values if v.strip())
        self.numbers = tuple(number_of(v) for v in values if v.strip())
        self.of = _TESTS[operator]
        self.negative = operator in NEGATIVE

    @classmethod
    def of_values(cls, field: str, operator: Operator, values: tuple[str, ...]) -> Test:
        """The same without a criterion of a file."""
        test = cls.__new__(cls)
        test._make(field, operator, values)
        return test

    def holds(self, value: FieldValue) -> bool:
        """Whether the criterion holds for the value."""
        if self.several and isinstance(value, str) and SEVERAL in value:
            each = (self.of(self, one) for one in value.split(SEVERAL))
            return all(each) if self.negative else any(each)
        return self.of(self, value)


def _equals_any(test: Test, value: FieldValue) -> bool:
    if not test.texts:
        return is_blank(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(number == value for number in test.numbers)
    if isinstance(value, bool):
        return text_of(value) in test.texts or ("1" if value else "0") in test.texts
    return not is_blank(value) and text_of(value) in test.texts


def _not_equal(test: Test, value: FieldValue) -> bool:
    return not _equals_any(test, value)


def _contains(test: Test, value: FieldValue) -> bool:
    text = text_of(value)
    return any(part in text for part in test.texts)


def _not_contain(test: Test, value: FieldValue) -> bool:
    return not _contains(test, value)


def _starts_with(test: Test, value: FieldValue) -> bool:
    return text_of(value).startswith(test.texts) if test.texts else False


def _includes(test: Test, value: FieldValue) -> bool:
    chosen = {part.strip() for part in text_of(value).split(";")} - {""}
    if not test.texts:
        return not chosen
    return any({p.strip() for p in text.split(";")} <= chosen for text in test.texts)


def _excludes(test: Test, value: FieldValue) -> bool:
    return not _includes(test, value)


def _ordered(
    numbers: Callable[[float, float], bool], texts: Callable[[str, str], bool]
) -> Callable[[Test, FieldValue], bool]:
    def holds(test: Test, value: FieldValue) -> bool:
        if is_blank(value) or isinstance(value, bool):
            return False
        if isinstance(value, int | float):
            return any(n is not None and numbers(value, n) for n in test.numbers)
        mine = text_of(value)
        return any(texts(mine, text) for text in test.texts)

    return holds


def _within(test: Test, value: FieldValue) -> bool:
    raise Bug(f"the operator `within` on {test.field} reached the matcher; loading refuses it.")


_TESTS: Mapping[Operator, Callable[[Test, FieldValue], bool]] = {
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
    return Test(criterion).holds(value)
