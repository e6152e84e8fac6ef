"""What `&columns=true` answers: the columns of a query, without its records.

The keys are those that the `sf` CLI reads (REST sheet, section 5) and those of the documented
example; values of the less used ones are from memory, unverified.
"""

from __future__ import annotations

from typing import Any

from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES
from sfprm.devorg.soql.bound import (
    Aggregate,
    BoundQuery,
    ChildOutput,
    Column,
    FieldOutput,
    Output,
    ParentOutput,
    TypeBranches,
)

__all__ = ["column_metadata"]

_APEX = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "long": "Long",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "address": "Address",
    "location": "Location",
    "base64": "Blob",
}
_NUMBERS = INT_TYPES | REAL_TYPES


def column_metadata(query: BoundQuery) -> dict[str, Any]:
    """The body of the answer."""
    columns = [_column(one) for one in query.outputs]
    return {
        "columnMetadata": columns,
        "entityName": query.object.name,
        "groupBy": bool(query.group),
        "idSelected": any(one["columnName"] == "Id" for one in columns),
        "keyPrefix": query.object.key_prefix or None,
    }


def _column(output: Output) -> dict[str, Any]:
    if isinstance(output, ParentOutput):
        inner = [_column(one) for one in output.outputs]
        return {**_entry(output.key, "anyType"), "joinColumns": inner}
    if isinstance(output, ChildOutput):
        inner = [_column(one) for one in output.query.outputs]
        return {**_entry(output.key, "anyType"), "aggregate": True, "joinColumns": inner}
    if isinstance(output, TypeBranches):
        parts = [one for _, outputs in output.branches for one in outputs]
        named = {one.key: _column(one) for one in (*parts, *output.otherwise)}
        return {**_entry(output.key, "anyType"), "joinColumns": list(named.values())}
    if not isinstance(output, FieldOutput):
        return _entry(output.key, "address")
    expr = output.expr
    if isinstance(expr, Column):
        one = expr.field
        return {
            **_entry(output.key, expr.type),
            "custom": one.custom,
            "displayName": one.name,
            "foreignKeyName": one.relationship_name,
            "insertable": one.createable,
            "updatable": one.updateable,
        }
    return {**_entry(output.key, expr.type), "aggregate": isinstance(expr, Aggregate)}


def _entry(name: str, kind: str) -> dict[str, Any]:
    number = kind in _NUMBERS
    return {
        "aggregate": False,
        "apexType": _APEX.get(kind, "Decimal" if number else "String"),
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": number,
        "textType": not number and kind not in _APEX and kind != "anyType",
        "updatable": False,
    }
