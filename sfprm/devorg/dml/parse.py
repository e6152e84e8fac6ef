"""JSON records into rows: do the fields exist for this caller, may they be written, do the values
fit. A field that the caller may not see does not exist for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sfprm.devorg.dml.coerce import coerce, column_coercer
from sfprm.devorg.dml.context import Context, Operation, Row
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["parse_rows", "unwritable"]


def parse_rows(
    context: Context,
    definition: ObjectDef,
    operation: Operation,
    records: Sequence[Mapping[str, Any]],
    *,
    first: int = 0,
) -> list[Row]:
    """One row a record; a refused one carries its problem. `Id` is set apart (`Row.id`), as given;
    `attributes` is left out."""
    columns = _Columns(context, definition, operation)
    rows: list[Row] = []
    for keys, group in groupby(records, key=tuple):
        alike = list(group)
        rows += _together(columns, keys, first + len(rows), alike) or [
            _row(columns, first + place, record, operation)
            for place, record in enumerate(alike, len(rows))
        ]
    if context.lock is not None:
        for row in rows[::2]:
            row.problem = row.problem or context.lock
    return rows


class _Columns:
    """What each key of a record means, asked once a chunk and not once a row."""

    def __init__(self, context: Context, definition: ObjectDef, operation: Operation) -> None:
        self._context = context
        self._definition = definition
        self.operation = operation
        self._known: dict[str, tuple[FieldDef | None, bool]] = {}

    def find(self, key: str) -> tuple[FieldDef | None, bool]:
        """(the field or None, whether it may be written)."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ask(key)
        return known

    def _ask(self, key: str) -> tuple[FieldDef | None, bool]:
        access, org = self._context.access, self._context.org
        field = self._definition.field(key)
        if (
            field is None
            or not org.has_field(field)
            or not access.visible(self._definition.name, field.name)
        ):
            return None, False
        flag = field.createable if self.operation == "insert" else field.updateable
        return field, flag and access.editable(self._definition.name, field.name)

    def parent(self, key: str) -> FieldDef | None:
        """The reference field whose relationship is named so, when it may be written."""
        field = self._definition.parent(key)
        if field is None:
            return None
        found, writable = self.find(field.name)
        return found if writable else None

    @property
    def object_name(self) -> str:
        return self._definition.name


def _together(
    columns: _Columns, keys: Sequence[str], first: int, records: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """Rows of records that have the same keys, numbered from `first` on: made field by field, which
    is quick. None at all when anything is the matter: they are then to be looked at one by one."""
    names: list[str] = []
    values: list[Sequence[Any]] = []
    ids: Sequence[Any] = [None] * len(records)
    for key, given in zip(keys, zip(*(one.values() for one in records), strict=True), strict=True):
        lowered = key.lower()
        if lowered == "attributes":
            continue
        if lowered == "id":
            ids = [one or None for one in given]
            continue
        field, writable = columns.find(key)
        if field is None or not writable:
            return []
        try:
            values.append(column_coercer(field)(given))
        except (RowProblem, Refusal):
            return []
        names.append(field.name)
    if columns.operation == "insert" and any(one is not None for one in ids):
        return []
    lines = zip(*values, strict=True) if values else [()] * len(records)
    return [
        Row(index, dict(zip(names, line, strict=True)), id_)
        for index, (line, id_) in enumerate(zip(lines, ids, strict=True), first)
    ]


def unwritable(names: Sequence[str]) -> RowProblem:
    """The refusal of fields that exist but may not be written [R]."""
    return RowProblem(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings "
        "of this field and verify that it is read/write for your profile or permission set.",
        *names,
    )


def _row(columns: _Columns, index: int, record: Mapping[str, Any], operation: Operation) -> Row:
    row = Row(index)
    refused: list[str] = []
    for key, value in record.items():
        lowered = key.lower()
        if lowered == "attributes":
            continue
        if lowered == "id":
            row.id = value if value else None
            continue
        field, writable = columns.find(key)
        if field is None:
            parent = columns.parent(key) if isinstance(value, dict) else None
            if parent is not None and isinstance(value, dict):
                _by_parent(row, parent, value)
                continue
            row.refuse(
                "INVALID_FIELD", f"No such column '{key}' on sobject of type {columns.object_name}"
            )
            return row
        if not writable:
            refused.append(field.name)
            continue
        try:
            row.values[field.name] = coerce(field, value)
        except RowProblem as problem:
            row.problem = row.problem or problem
    if refused:
        row.problem = unwritable(refused)
    elif operation == "insert" and row.id is not None:
        row.refuse("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
    return row


def _by_parent(row: Row, field: FieldDef, value: Mapping[str, Any]) -> None:
    """A parent named by one of its external ids: `"Account": {"Partner_Key__c": "x"}`."""
    keys = [key for key in value if key.lower() not in {"attributes", "type"}]
    if len(keys) == 1:
        row.parents[field.name] = (keys[0], value[keys[0]])
        return
    row.refuse(
        "INVALID_FIELD",
        f"The relationship {field.relationship_name} needs exactly one external id field",
    )
