"""Do the records that a row refers to exist, and are they of the right kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.dml.context import Batch, Row
from sfprm.devorg.problems import RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import FieldDef

__all__ = ["check_references", "resolve_parents"]


def resolve_parents(batch: Batch) -> None:
    """Turn parents named by external id into ids."""
    access = batch.context.access
    for row in batch.living:
        for name, (key, value) in row.parents.items():
            field = batch.definition.field(name)
            assert field is not None
            found = None
            for target in field.reference_to:
                parent = batch.org.schema.object(target)
                key_field = parent.field(key) if parent is not None else None
                if parent is None or key_field is None:
                    continue
                if not (key_field.external_id or key_field.id_lookup):
                    continue
                if not access.visible(parent.name, key_field.name):
                    continue
                found = _living(batch.org.storage.find(parent.name, **{key_field.name: value}))
                if not found:
                    row.problem = RowProblem(
                        "INVALID_FIELD",
                        f"Foreign key external ID: {value} not found for field {key_field.name} "
                        f"in entity {parent.name}",
                    )
                else:
                    row.values[name] = found[0]["Id"]
                break
            if found is None:
                row.refuse(
                    "INVALID_FIELD",
                    f"No such column '{key}' on sobject of type {'/'.join(field.reference_to)}",
                )


def check_references(batch: Batch) -> None:
    """Refuse rows whose changed references point to nothing or to the wrong kind."""
    written = batch.written
    for field in batch.definition.fields:
        if field.type != "reference" or not field.reference_to or field.name not in written:
            continue
        referring: dict[str, list[Row]] = {}
        for row in batch.living:
            value = row.values.get(field.name)
            if value is not None and row.changes(field.name):
                referring.setdefault(str(value), []).append(row)
        if referring:
            _check(batch, field, referring)


def _check(batch: Batch, field: FieldDef, referring: Mapping[str, Sequence[Row]]) -> None:
    """Look at each value once; `referring` has the rows that name it."""
    wanted: dict[str, set[str]] = {}
    for value, rows in referring.items():
        target = _target(batch.org, field, value)
        if target is not None:
            wanted.setdefault(target, set()).add(value)
            continue
        for row in rows:
            row.refuse(
                "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", field.name
            )
    for value in set().union(*wanted.values()) - _existing(batch.org, wanted):
        for row in referring[value]:
            row.refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def _target(org: Org, field: FieldDef, value: str) -> str | None:
    """The object that an id belongs to, when the field may refer to it."""
    for name in field.reference_to:
        target = org.schema.object(name)
        if target is not None and target.key_prefix == value[:3]:
            return target.name
    return None


def _existing(org: Org, wanted: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for object_, ids in wanted.items():
        found |= org.storage.living(object_, ids)
    return found


def _living(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row.get("IsDeleted")]
