"""The criteria of a sharing rule as an SQL condition over the object's table.

Items: field, operation, value; a value with commas means any of them [D]; `booleanFilter` joins
them, else all must hold. An item that names a field or operation unknown here matches nothing, so
that no record is shared by mistake. Values are compared as text without regard to case, numbers as
numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfprm.devorg.criteria.values import split_values
from sfprm.devorg.metadata.filter_logic import (
    BadLogic,
    Both,
    Either,
    Logic,
    Not,
    all_of,
    read_logic,
)
from sfprm.devorg.metadata.markup import Node
from sfprm.devorg.sharing.condition import NOBODY, Condition, both, either
from sfprm.devorg.storage import quoted

if TYPE_CHECKING:
    from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["criteria"]

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_ORDERS = {
    "lessThan": "<",
    "greaterThan": ">",
    "lessOrEqual": "<=",
    "greaterOrEqual": ">=",
}


def criteria(rule: Node, definition: ObjectDef) -> Condition:
    """The condition that the records shared by a criteria-based rule fulfil."""
    items = [_item(node, definition) for node in rule.all("criteriaItems")]
    if not items:
        return NOBODY
    text = rule.value("booleanFilter")
    try:
        logic = read_logic(text, len(items)) if text else all_of(len(items))
    except BadLogic:
        return NOBODY
    return _joined(logic, items)


def _joined(logic: Logic, items: list[Condition]) -> Condition:
    match logic:
        case int():
            return items[logic - 1]
        case Both(parts):
            return both([_joined(part, items) for part in parts])
        case Either(parts):
            return either([_joined(part, items) for part in parts])
        case Not(part):
            inner = _joined(part, items)
            return Condition(f"({inner.sql}) IS NOT TRUE", inner.values)


def _item(node: Node, definition: ObjectDef) -> Condition:
    field = definition.field((node.value("field") or "").rpartition(".")[2])
    if field is None or field.is_compound:
        return NOBODY
    text = node.value("value") or ""
    operation = node.value("operation") or "equals"
    column = "{t}." + quoted(field.name)
    values = list(split_values(text)) or [""]
    if operation in {"equals", "notEqual"}:
        found = _equals(column, field, values)
        if operation == "notEqual":
            return Condition(f"({found.sql}) IS NOT TRUE", found.values)
        return found
    if operation in _ORDERS:
        sign = _ORDERS[operation]
        if field.type in _NUMBERS:
            return _any(values, lambda one: Condition(f"{column} {sign} CAST(? AS REAL)", (one,)))
        return _any(values, lambda one: Condition(f"{column} {sign} ?", (one,)))
    if operation in {"contains", "notContain"}:
        found = _any(values, lambda one: _like(column, f"%{_escaped(one)}%"))
        if operation == "notContain":
            return Condition(f"({found.sql}) IS NOT TRUE", found.values)
        return found
    if operation == "startsWith":
        return _any(values, lambda one: _like(column, f"{_escaped(one)}%"))
    if operation in {"includes", "excludes"}:
        among = _any(values, lambda one: _like(f"';' || {column} || ';'", f"%;{_escaped(one)};%"))
        if operation == "excludes":
            return Condition(f"({among.sql}) IS NOT TRUE", among.values)
        return among
    return NOBODY


def _equals(column: str, field: FieldDef, values: list[str]) -> Condition:
    if values == [""]:
        return Condition(f"{column} IS NULL", ())
    if field.type == "boolean":
        flags = [int(one.lower() in {"true", "1"}) for one in values]
        return Condition(
            f"{column} IN (SELECT value FROM json_each(?))",  # noqa: S608 (a schema name)
            (json.dumps(flags),),
        )
    if field.type in _NUMBERS:
        return _any(values, lambda one: Condition(f"{column} = CAST(? AS REAL)", (one,)))
    return _any(values, lambda one: Condition(f"{column} = ? COLLATE NOCASE", (one,)))


def _any(values: list[str], make: Callable[[str], Condition]) -> Condition:
    return either([make(one) for one in values])


def _like(column: str, pattern: str) -> Condition:
    return Condition(f"{column} LIKE ? ESCAPE '\\'", (pattern,))


def _escaped(text: str) -> str:
    for character in ("\\", "%", "_"):
        text = text.replace(character, "\\" + character)
    return text
