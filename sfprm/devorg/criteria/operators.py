"""What each operation says of a field's value, by the kind of the field.

- A list means any of its values; for notEqual, notContain and excludes none may match [D help, R].
- equals without a value means blank [R use], notEqual without one not blank [D help].
- Text is compared without regard to case (contains [D help], the others unverified).
- less and greater leave the value itself out [D help]; null is neither (unverified).
- includes: a comma means any, a semicolon within a value all of them (unverified).
- A reference is compared by the other record's name (record types [R], others unverified), or id.
- within belongs to geolocations and is not imitated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any, TypeAlias

from sfprm.devorg.criteria.surroundings import Surroundings
from sfprm.devorg.criteria.values import BadFilter, as_boolean, as_moment, as_number, as_word
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.schema import FieldDef
from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES

__all__ = ["OPERATIONS", "Test", "make_test"]

Test: TypeAlias = Callable[[Any, Surroundings], bool]
"""Whether a stored value meets an item."""

OPERATIONS = (
    "equals",
    "notEqual",
    "lessThan",
    "greaterThan",
    "lessOrEqual",
    "greaterOrEqual",
    "contains",
    "notContain",
    "startsWith",
    "includes",
    "excludes",
    "within",
)
_OPPOSITES = {"notEqual": "equals", "notContain": "contains", "excludes": "includes"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lessThan": lambda mine, other: mine < other,
    "greaterThan": lambda mine, other: mine > other,
    "lessOrEqual": lambda mine, other: mine <= other,
    "greaterOrEqual": lambda mine, other: mine >= other,
}
_DATES = frozenset({"date", "datetime"})


def make_test(field: FieldDef, operation: str, values: tuple[str, ...]) -> Test:
    """The test of one item. Raises BadFilter for a value that the field cannot have."""
    positive = _OPPOSITES.get(operation)
    if positive is not None:
        holds = make_test(field, positive, values)
        return lambda value, around: not holds(value, around)
    if operation == "equals":
        return _equals(field, values)
    if operation in _ORDER:
        return _ordered(field, operation, values)
    if operation == "contains":
        parts = [folded(one) for one in values]
        return lambda value, around: any(part in folded(value) for part in parts)
    if operation == "startsWith":
        starts = tuple(folded(one) for one in values)
        return lambda value, around: bool(starts) and folded(value).startswith(starts)
    if operation == "includes":
        return _includes(values)
    if operation == "within":
        raise BadFilter("The operation within is not imitated by this org")
    raise BadFilter(f"'{operation}' is not a valid value for the enum 'FilterOperation'")


def blank(value: Any) -> bool:
    """Null, or text without a letter."""
    return value is None or (isinstance(value, str) and not value.strip())


def folded(value: Any) -> str:
    """A value as text: trimmed, without case; whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _equals(field: FieldDef, values: tuple[str, ...]) -> Test:
    if not values:
        return lambda value, around: blank(value)
    if field.type == "boolean":
        wanted = {_boolean(one) for one in values}
        return lambda value, around: bool(value) in wanted
    if field.type in REAL_TYPES | INT_TYPES:
        numbers = {_number(one) for one in values}
        return lambda value, around: value is not None and float(value) in numbers
    if field.type in _DATES:
        spans = [_span(field, one) for one in values]

        def inside(value: Any, around: Surroundings) -> bool:
            if blank(value):
                return False
            found = (span(around) for span in spans)
            return any(start <= value < end for start, end in found)

        return inside
    texts = frozenset(folded(one) for one in values)
    if field.is_id:
        ids = frozenset(canonical(one) for one in values if is_id(one))
        return lambda value, around: (
            not blank(value) and (value in ids or bool(texts & around.names(str(value))))
        )
    return lambda value, around: not blank(value) and folded(value) in texts


def _ordered(field: FieldDef, operation: str, values: tuple[str, ...]) -> Test:
    compare = _ORDER[operation]
    if field.type == "boolean":
        return lambda value, around: False
    if field.type in REAL_TYPES | INT_TYPES:
        numbers = [_number(one) for one in values]
        return lambda value, around: (
            value is not None and any(compare(float(value), one) for one in numbers)
        )
    if field.type in _DATES:
        spans = [_span(field, one) for one in values]
        # A span is a whole day or more: what is greater comes after its end
        behind = operation in {"greaterThan", "lessOrEqual"}
        half_open = _ORDER["greaterOrEqual" if operation.startswith("greater") else "lessThan"]

        def beyond(value: Any, around: Surroundings) -> bool:
            if blank(value):
                return False
            return any(half_open(value, span(around)[1 if behind else 0]) for span in spans)

        return beyond
    texts = [folded(one) for one in values]
    return lambda value, around: (
        not blank(value) and any(compare(folded(value), text) for text in texts)
    )


def _includes(values: tuple[str, ...]) -> Test:
    wanted = [_choices(one) for one in values]

    def holds(value: Any, around: Surroundings) -> bool:
        chosen = _choices(value)
        if not wanted:
            return not chosen
        return any(one <= chosen for one in wanted)

    return holds


def _choices(value: Any) -> frozenset[str]:
    return frozenset(part.strip() for part in folded(value).split(";")) - {""}


def _boolean(text: str) -> bool:
    found = as_boolean(text)
    if found is None:
        raise BadFilter(f"Invalid value for a checkbox: {text}")
    return found


def _number(text: str) -> float:
    found = as_number(text)
    if found is None:
        raise BadFilter(f"Invalid number: {text}")
    return found


def _span(field: FieldDef, text: str) -> Callable[[Surroundings], tuple[str, str]]:
    """From today to the first day of a span and the one after its last, as stored. Raises BadFilter
    when the text is a day in no locale."""
    relative = as_word(text)
    if relative is not None:
        return lambda around: _relative(field, relative, around)
    if as_moment(text, "en_US") is None and as_moment(text, "en_GB") is None:
        raise BadFilter(f"Invalid date: {text}")
    return lambda around: _absolute(field, as_moment(text, around.locale), around)


def _relative(
    field: FieldDef, word: tuple[str, int | None], around: Surroundings
) -> tuple[str, str]:
    try:
        if field.type == "datetime":
            return around.calendar.instants(*word)
        start, end = around.calendar.days(*word)
    except OverflowError:
        return "9", "9"
    return start.isoformat(), end.isoformat()


def _absolute(
    field: FieldDef, found: tuple[date, time | None] | None, around: Surroundings
) -> tuple[str, str]:
    """A span that nothing is in, where the org's locale reads the text as no day."""
    if found is None or found[0] >= date(9999, 12, 30):
        return "9", "9"
    start, end = around.span(*found)
    if field.type == "datetime":
        return start, end
    return found[0].isoformat(), date.fromordinal(found[0].toordinal() + 1).isoformat()
