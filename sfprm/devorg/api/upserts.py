"""Upserts of many records by one key: which are there, which are new, which are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sfprm.devorg.api.exchange import Request
from sfprm.devorg.api.records import seen
from sfprm.devorg.api.sobjects import supports
from sfprm.devorg.api.writing import transaction
from sfprm.devorg.dml import Context, Row, insert_rows, parse_rows, update_rows
from sfprm.devorg.dml.coerce import coerce
from sfprm.devorg.problems import RowProblem
from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["upsert_rows"]

Record = Mapping[str, Any]


@dataclass(slots=True)
class _Sorted:
    """Records by what is to be done, each with its place in the request."""

    inserts: list[tuple[int, Record]] = field(default_factory=list)
    updates: list[tuple[int, Record]] = field(default_factory=list)
    refused: dict[int, Row] = field(default_factory=dict)

    def refuse(self, place: int, code: str, message: str, *fields: str) -> None:
        self.refused[place] = Row(place, problem=RowProblem(code, message, *fields))


def upsert_rows(
    request: Request,
    context: Context,
    definition: ObjectDef,
    key: FieldDef,
    records: Sequence[Record],
) -> list[Row]:
    """Insert or update each record by its key; rows in the order of the records."""
    refused = (
        supports(definition, "create")
        or supports(definition, "update")
        or context.mixed_with(definition.name)
    )
    if refused is not None:
        return [Row(place, problem=refused) for place in range(len(records))]
    chosen = _sort(request, definition, key, records)
    rows = dict(chosen.refused)
    with transaction(request.org):
        rows |= _write(context, definition, "insert", chosen.inserts)
        rows |= _write(context, definition, "update", chosen.updates)
    return [rows[place] for place in range(len(records))]


def _sort(
    request: Request, definition: ObjectDef, key: FieldDef, records: Sequence[Record]
) -> _Sorted:
    values = [_key(key, record) for record in records]
    holders = _holders(request, definition, key, values)
    chosen = _Sorted()
    seen: set[Any] = set()
    for place, (record, value) in enumerate(zip(records, values, strict=True)):
        bare = _without(_without(record, key.name), "Id")
        if isinstance(value, RowProblem):
            chosen.refused[place] = Row(place, problem=value)
            continue
        if value is None:
            chosen.inserts.append((place, bare))
            continue
        folded = _folded(key, value)
        found = holders.get(folded, [])
        if folded in seen:
            chosen.refuse(
                place, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", key.name
            )
        elif len(found) > 1:
            chosen.refuse(
                place,
                "DUPLICATE_EXTERNAL_ID",
                f"{key.name}: more than one record found for external id field: "
                f"[{', '.join(found)}]",
                key.name,
            )
        elif found:
            chosen.updates.append((place, {**bare, "Id": found[0]}))
        elif key.name == "Id":
            chosen.refuse(place, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        else:
            chosen.inserts.append((place, {**bare, key.name: value}))
        seen.add(folded)
    return chosen


def _holders(
    request: Request,
    definition: ObjectDef,
    key: FieldDef,
    values: Sequence[str | RowProblem | None],
) -> dict[Any, list[str]]:
    """Ids of the living records by folded key."""
    present = sorted({one for one in values if isinstance(one, str)})
    holders: dict[Any, list[str]] = {}
    found = request.org.storage.find(definition.name, **{key.name: present})
    for held in seen(request, definition, found):
        if not held.get("IsDeleted"):
            holders.setdefault(_folded(key, held[key.name]), []).append(str(held["Id"]))
    return holders


def _write(
    context: Context,
    definition: ObjectDef,
    operation: Literal["insert", "update"],
    chosen: Sequence[tuple[int, Record]],
) -> dict[int, Row]:
    """Write records that stand at other places in the request; each row by its place."""
    if not chosen:
        return {}
    rows = parse_rows(context, definition, operation, [record for _, record in chosen])
    (insert_rows if operation == "insert" else update_rows)(context, definition, rows)
    return {place: row for (place, _), row in zip(chosen, rows, strict=True)}


def _key(key: FieldDef, record: Record) -> str | RowProblem | None:
    """A record's key as stored; None for the creating `"Id": null` [R]; a problem without one."""
    for name, value in record.items():
        if name.lower() != key.name.lower() or value is None:
            continue
        try:
            stored = coerce(key, value)
        except RowProblem as problem:
            return problem
        if stored is not None:
            return stored if isinstance(stored, str) else str(stored)
    if key.name == "Id":
        return None
    return RowProblem("MISSING_ARGUMENT", f"{key.name} not specified", key.name)


def _folded(key: FieldDef, value: Any) -> Any:
    return value if key.case_sensitive or key.is_id else str(value).lower()


def _without(record: Record, name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key.lower() != name.lower()}
