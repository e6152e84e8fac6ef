"""A filter over the records of one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.criteria.operators import OPERATIONS, Test, make_test
from sfprm.devorg.criteria.surroundings import Surroundings
from sfprm.devorg.criteria.values import BadFilter, split_values
from sfprm.devorg.metadata.filter_logic import BadLogic, Logic, all_of, holds, read_logic

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["Filter", "Item", "read_filter"]


@dataclass(frozen=True, slots=True)
class Item:
    """One item as written: `field` is `Lead.Country`, or `User.Department` for the caller; the
    value is a list in one text, or another field's name (`value_field`)."""

    field: str
    operation: str
    value: str | None = None
    value_field: str | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    field: FieldDef
    of_user: bool
    test: Test | None
    operation: str
    other: tuple[FieldDef, bool] | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Items made ready, and their logic. Without items every record meets it."""

    items: tuple[_Ready, ...]
    logic: Logic

    def holds(self, get: Callable[[str], Any], around: Surroundings) -> bool:
        """Whether the record whose values `get` gives by API name meets the filter."""
        return holds(self.logic, lambda number: _holds(self.items[number - 1], get, around))


def read_filter(
    org: Org, definition: ObjectDef, items: Sequence[Item], logic: str | Logic | None
) -> Filter:
    """The filter over this object. Raises BadFilter, with the item's place: unknown field or
    operation, a value that the field cannot have, malformed logic."""
    ready = []
    for place, item in enumerate(items):
        try:
            ready.append(_read(org, definition, item))
        except BadFilter as bad:
            raise BadFilter(bad.problem, place) from bad
    if logic is None or logic == "":
        return Filter(tuple(ready), all_of(len(ready)))
    if not isinstance(logic, str):
        return Filter(tuple(ready), logic)
    try:
        return Filter(tuple(ready), read_logic(logic, len(ready)))
    except BadLogic as bad:
        raise BadFilter(str(bad)) from bad


def _read(org: Org, definition: ObjectDef, item: Item) -> _Ready:
    field, of_user = _field(org, definition, item.field)
    if item.operation not in OPERATIONS:
        raise BadFilter(f"'{item.operation}' is not a valid value for the enum 'FilterOperation'")
    if item.value_field is None:
        test = make_test(field, item.operation, split_values(item.value or ""))
        return _Ready(field, of_user, test, item.operation, None)
    if item.value:
        raise BadFilter("A filter item has either a value or a valueField, not both")
    other = _field(org, definition, item.value_field)
    make_test(field, item.operation, ())
    return _Ready(field, of_user, None, item.operation, other)


def _field(org: Org, definition: ObjectDef, name: str) -> tuple[FieldDef, bool]:
    """(the field, whether it is one of the caller's)."""
    object_, dot, own = name.rpartition(".")
    owner = definition
    if dot and object_.lower() == "user":
        user = org.schema.object("User")
        assert user is not None
        owner = user
    elif dot and object_.lower() != definition.name.lower():
        raise BadFilter(f"Fields of {object_} in a filter on {definition.name} are not imitated")
    found = owner.field(own)
    if found is None or not org.has_field(found) or found.is_compound:
        raise BadFilter(f"In field: field - no CustomField named {name} found")
    return found, owner is not definition


def _holds(item: _Ready, get: Callable[[str], Any], around: Surroundings) -> bool:
    value = _value(item.field, item.of_user, get, around)
    if item.test is not None:
        return item.test(value, around)
    assert item.other is not None
    other = _value(*item.other, get, around)
    # The other field's value as if it had been written, one value and no list
    try:
        test = make_test(item.field, item.operation, () if other is None else (_text(other),))
    except BadFilter:
        return False
    return test(value, around)


def _value(field: FieldDef, of_user: bool, get: Callable[[str], Any], around: Surroundings) -> Any:
    return around.user.get(field.name) if of_user else get(field.name)


def _text(value: Any) -> str:
    return str(value).replace(".000+0000", "+00:00")
