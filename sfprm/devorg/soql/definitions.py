"""EntityDefinition and FieldDefinition: records made from the schema, when they are asked for.

Sharing models are the only values that the org keeps of its own. That both list what exists in the
org, whatever the caller may see, is unverified; so are the words of DataType. Real ids of these
objects are zeros; here they are as others, since a table needs them apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from sfprm.devorg.ddl import is_indexed
from sfprm.devorg.schema import FieldDef, ObjectDef, Schema
from sfprm.devorg.soql.errors import SoqlError
from sfprm.devorg.soql.tree import And, Condition, Not, Or, Query
from sfprm.devorg.storage import Storage

__all__ = ["DEFINITIONS", "Exists", "check_definition_query", "refresh_definitions"]

DEFINITIONS = frozenset({"EntityDefinition", "FieldDefinition"})

Exists = Callable[[ObjectDef, FieldDef | None], bool]
"""Whether an object, or a field of it, exists in the org."""

_NEW_SHARING = {"InternalSharingModel": "ReadWrite", "ExternalSharingModel": "Private"}
_TYPES = {
    "id": "Lookup()",
    "boolean": "Checkbox",
    "int": "Number({digits}, 0)",
    "long": "Number({digits}, 0)",
    "double": "Number({digits}, {scale})",
    "currency": "Currency({digits}, {scale})",
    "percent": "Percent({digits}, {scale})",
    "date": "Date",
    "datetime": "Date/Time",
    "time": "Time",
    "picklist": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "reference": "Lookup({parents})",
    "email": "Email",
    "phone": "Phone",
    "url": "URL({length})",
    "address": "Address",
    "location": "Geolocation",
}


def check_definition_query(query: Query, name: str) -> None:
    """These objects take no COUNT(), GROUP BY, OR, NOT (SOQL sheet, section 6: documented; code
    and words unverified). Raises SoqlError.
    """
    wrong = "COUNT()" if query.counting else "GROUP BY" if query.grouping else None
    wrong = wrong or next(_alternatives(query.where), None)
    if wrong is not None:
        raise SoqlError("MALFORMED_QUERY", f"{name} does not support {wrong} in a query")


def _alternatives(condition: Condition | None) -> Iterator[str]:
    if isinstance(condition, Or):
        yield "OR"
    elif isinstance(condition, Not):
        yield "NOT"
    elif isinstance(condition, And):
        for part in condition.parts:
            yield from _alternatives(part)


def refresh_definitions(schema: Schema, storage: Storage, exists: Exists) -> None:
    """Brings both tables up to the schema; does nothing when they are."""
    objects = [one for one in schema.objects() if exists(one, None)]
    parts = [_told(_Part(one, [f for f in one.fields if exists(one, f)])) for one in objects]
    tracked = storage.meta_get("setting:tracked", {})
    mark = hashlib.sha256(repr([tracked, [digest for digest, _ in parts]]).encode()).hexdigest()
    if storage.meta_get("definitions") == mark:
        return
    with storage.transaction():
        _renew(storage, "EntityDefinition", [_entity(one) for one in objects])
        rows = [
            {**row, "IsFieldHistoryTracked": row["QualifiedApiName"] in tracked.get(one.name, ())}
            for one, (_, its_rows) in zip(objects, parts, strict=True)
            for row in its_rows
        ]
        _renew(storage, "FieldDefinition", rows)
        storage.meta_set("definitions", mark)


class _Part:
    """An object and those of its fields that exist; equal to another of the very same values: a
    schema does not change its objects, it replaces them."""

    def __init__(self, owner: ObjectDef, fields: list[FieldDef]) -> None:
        self.owner = owner
        self.fields = fields
        self._identity = (id(owner), *map(id, fields))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


@lru_cache(maxsize=1024)
def _told(part: _Part) -> tuple[str, list[dict[str, Any]]]:
    """A digest of all that is said of a part, and the rows of its fields (not to be changed). The
    cache keeps what it has seen alive, so that an identity stays that of one value."""
    seen = repr([part.owner.name, part.owner.label, part.fields])
    rows = [_field(part.owner, field) for field in part.fields]
    return hashlib.sha256(seen.encode()).hexdigest(), rows


def _renew(storage: Storage, object_: str, rows: list[dict[str, Any]]) -> None:
    """Makes these the records of an object; records that stay keep their ids and sharing models."""
    before = {row["DurableId"]: row for row in storage.find(object_)}
    new = []
    for row in rows:
        old = before.pop(row["DurableId"], None)
        if old is None:
            new.append(row if object_ == "FieldDefinition" else {**_NEW_SHARING, **row})
        elif any(old[name] != value for name, value in row.items()):
            storage.update(object_, str(old["Id"]), row)
    storage.insert(object_, new)
    for gone in before.values():
        storage.delete(object_, str(gone["Id"]))


def _entity(one: ObjectDef) -> dict[str, Any]:
    return {
        "DurableId": one.name,
        "QualifiedApiName": one.name,
        "DeveloperName": one.name.removesuffix("__c"),
        "MasterLabel": one.label,
        "Label": one.label,
        "PluralLabel": one.label_plural,
        "KeyPrefix": one.key_prefix,
        "IsCustomizable": one.triggerable,
        "IsApexTriggerable": one.triggerable,
        "IsTriggerable": one.triggerable,
        "IsQueryable": one.queryable,
        "IsSearchable": one.searchable,
        "IsReplicateable": one.replicateable,
        "IsRetrieveable": one.queryable,
        "IsLayoutable": one.layoutable,
        "IsEverCreatable": one.createable,
        "IsEverUpdatable": one.updateable,
        "IsEverDeletable": one.deletable,
        "IsIdEnabled": True,
    }


def _field(owner: ObjectDef, one: FieldDef) -> dict[str, Any]:
    return {
        "DurableId": f"{owner.name}.{one.name}",
        "QualifiedApiName": one.name,
        "EntityDefinitionId": owner.name,
        "DeveloperName": one.name.removesuffix("__c"),
        "MasterLabel": one.label,
        "Label": one.label,
        "Length": one.length,
        "Precision": one.precision,
        "Scale": one.scale,
        "DataType": _data_type(one),
        "RelationshipName": one.relationship_name,
        "IsCalculated": one.calculated,
        "IsNameField": one.name == "Name",
        "IsNillable": one.nillable,
        "IsIndexed": one.name == "Id" or is_indexed(one),
        "IsApiFilterable": one.filterable,
        "IsApiSortable": one.sortable,
        "IsApiGroupable": one.groupable,
        "IsListFilterable": one.filterable,
        "IsListSortable": one.sortable,
        "IsCompound": one.is_compound,
        "IsPolymorphicForeignKey": one.polymorphic,
    }


def _data_type(one: FieldDef) -> str:
    if one.calculated:
        return f"Formula ({one.type.capitalize()})"
    if one.type == "textarea":
        return "Text Area(255)" if one.length <= 255 else f"Long Text Area({one.length})"
    pattern = _TYPES.get(one.type, "Text({length})")
    kind = pattern.format(
        digits=max(one.precision - one.scale, 0) or 9,
        scale=one.scale,
        length=one.length,
        parents=",".join(one.reference_to),
    )
    if one.unique:
        return f"{kind} (External ID) (Unique)" if one.external_id else f"{kind} (Unique)"
    return f"{kind} (External ID)" if one.external_id else kind
