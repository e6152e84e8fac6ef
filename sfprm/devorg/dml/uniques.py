"""Unique fields: no two living records with one value, case-insensitively unless the field says
otherwise; within a chunk the first row wins."""

from __future__ import annotations

from typing import Any

from sfprm.devorg.dml.context import Batch, Row
from sfprm.devorg.schema import FieldDef

__all__ = ["check_uniques"]


def check_uniques(batch: Batch) -> None:
    """Refuse rows that double a unique value.

    The other row's id is shown in 15 characters, `<unknown>` to a caller who cannot see it, as
    recorded."""
    written = batch.written
    for field in batch.definition.fields:
        if field.unique and field.name in written:
            _check(batch, field)


def _check(batch: Batch, field: FieldDef) -> None:
    rows = [row for row in batch.living if row.changes(field.name) and row.values[field.name]]
    if not rows:
        return
    values = sorted({row.values[field.name] for row in rows})
    taken: dict[Any, str] = {}
    for other in batch.org.storage.find(batch.definition.name, **{field.name: values}):
        if not other.get("IsDeleted"):
            taken[_key(field, other[field.name])] = str(other["Id"])
    for row in rows:
        key = _key(field, row.values[field.name])
        holder = taken.get(key)
        if holder is not None and holder != row.id:
            seen = batch.org.sharing.reach(batch.context.access, batch.definition.name, [holder])
            _refuse(row, field, holder if seen else "<unknown>")
        else:
            taken[key] = row.id or "<unknown>"


def _refuse(row: Row, field: FieldDef, holder: str) -> None:
    row.refuse(
        "DUPLICATE_VALUE",
        f"duplicate value found: {field.name} duplicates value on record with id: "
        f"{holder if holder == '<unknown>' else holder[:15]}",
    )


def _key(field: FieldDef, value: Any) -> Any:
    return value.lower() if isinstance(value, str) and not field.case_sensitive else value
