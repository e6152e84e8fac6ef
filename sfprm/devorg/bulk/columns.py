"""The columns of an ingest job's data: which field each header names, and a row as a record.

An empty cell leaves the field alone, `#N/A` makes it null [D]. A parent may be named by one of its
external ids, as `Account.Partner_Key__c` or, for a polymorphic one, `User:Owner.Username` [D]. An
unknown or invisible field fails the job: `InvalidBatch : Field name not found : X` [P]; so does a
missing Id or key column [P]. Booleans may be written 1 and 0 (unverified)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.bulk.dialect import CsvProblem

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["Columns", "read_columns"]

_FLAGS = {"1": "true", "0": "false"}


@dataclass(frozen=True, slots=True)
class _Column:
    """`parent` is a relationship's name for a value that names a parent, else None."""

    name: str
    field: FieldDef
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a job, in order."""

    columns: tuple[_Column, ...]

    def record(self, cells: Sequence[str]) -> dict[str, Any]:
        """A row as a record for the chain of writing."""
        made: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell == "":
                continue
            value = None if cell == "#N/A" else cell
            if column.field.type == "boolean" and value is not None:
                value = _FLAGS.get(value, value)
            if column.parent is None:
                made[column.name] = value
            else:
                made[column.parent] = None if value is None else {column.name: value}
        return made

    def fields(self) -> list[FieldDef]:
        """The object's own fields among the columns."""
        return [column.field for column in self.columns if column.parent is None]


def read_columns(
    org: Org,
    access: Access,
    definition: ObjectDef,
    operation: str,
    key: str | None,
    header: Sequence[str],
) -> Columns:
    """The columns of a header. Raises CsvProblem."""
    if operation in {"delete", "hardDelete"} and [name.lower() for name in header] != ["id"]:
        raise CsvProblem("InvalidBatch : Delete batch must only contain ids")
    columns = tuple(_column(org, access, definition, name) for name in header)
    names = [column.name.lower() for column in columns if column.parent is None]
    for name in names:
        if names.count(name) > 1:
            raise CsvProblem(f"InvalidBatch : Duplicate field name : {name}")
    needed = {"update": "Id", "upsert": key}.get(operation)
    if needed is not None and needed.lower() not in names:
        raise CsvProblem(f"InvalidBatch : Field name not found : {needed}")
    return Columns(columns)


def _column(org: Org, access: Access, definition: ObjectDef, name: str) -> _Column:
    relationship, dot, inner = name.rpartition(".")
    if dot:
        wanted, _, relation = relationship.rpartition(":")
        reference = definition.parent(relation)
        targets = reference.reference_to if reference is not None else ()
        for target in targets:
            if wanted and target.lower() != wanted.lower():
                continue
            parent = org.schema.object(target)
            field = parent.field(inner) if parent is not None else None
            if parent is not None and field is not None and org.visible(access, parent, field):
                return _Column(field.name, field, relation)
        raise CsvProblem(f"InvalidBatch : Field name not found : {name}")
    field = definition.field(name)
    if field is None or not org.visible(access, definition, field):
        raise CsvProblem(f"InvalidBatch : Field name not found : {name}")
    return _Column(field.name, field)
