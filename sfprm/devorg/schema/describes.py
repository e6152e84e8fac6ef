"""An object as a real org describes it (`GET /sobjects/{object}/describe`), made a definition."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sfprm.devorg.schema.model import INT_TYPES, ChildRelationship, FieldDef, ObjectDef

__all__ = ["features_of", "from_describe"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_FLAGS = {
    "nillable": "nillable",
    "createable": "createable",
    "updateable": "updateable",
    "filterable": "filterable",
    "sortable": "sortable",
    "groupable": "groupable",
    "unique": "unique",
    "external_id": "externalId",
    "id_lookup": "idLookup",
    "case_sensitive": "caseSensitive",
    "restricted_picklist": "restrictedPicklist",
    "defaulted_on_create": "defaultedOnCreate",
    "calculated": "calculated",
}
_OBJECT_FLAGS = (
    "createable",
    "updateable",
    "deletable",
    "queryable",
    "searchable",
    "undeletable",
    "triggerable",
    "mergeable",
    "replicateable",
    "layoutable",
)


def from_describe(described: Mapping[str, Any], base: ObjectDef | None = None) -> ObjectDef:
    """The object with that org's fields, required ones included (not nillable, createable, without
    a default: the rules of writing ask for them).

    `base` is the object as it is known here: its fields that come with a feature are kept though
    the describe has none of them, and keep their feature, so that the switches still work. Raises
    ValueError that says what is not a describe.
    """
    name = _name(described, "the describe")
    if base is not None and base.name.lower() != name.lower():
        raise ValueError(f"the describe is of {name}, not of {base.name}")
    known = base.by_name if base is not None else {}
    fields = []
    for one in _list(described, "fields", name):
        field = _field(one, name)
        before = known.get(field.name.lower())
        feature = before.feature if before is not None else ""
        fields.append(dataclasses.replace(field, feature=feature))
    there = {one.name.lower() for one in fields}
    if "id" not in there:
        raise ValueError(f"{name}: the describe has no field Id")
    if len(there) < len(fields):
        raise ValueError(f"{name}: the describe has a field twice")
    kept = (one for key, one in known.items() if one.feature and key not in there)
    return ObjectDef(
        name=base.name if base is not None else name,
        label=str(described.get("label") or name),
        label_plural=str(described.get("labelPlural") or name),
        key_prefix=_prefix(described, name),
        fields=(*fields, *kept),
        children=tuple(_children(described, name)),
        feature=base.feature if base is not None else "",
        mark="R",
        **{flag: bool(described.get(flag, True)) for flag in _OBJECT_FLAGS},
    )


def features_of(described: Mapping[str, Any], base: ObjectDef | None) -> frozenset[str]:
    """The features that an org must have, since its describe has the fields that come with them."""
    if base is None:
        return frozenset()
    names = {str(one.get("name", "")).lower() for one in described.get("fields", ())}
    return frozenset(
        one.feature for one in base.fields if one.feature and one.name.lower() in names
    )


def _field(one: Any, owner: str) -> FieldDef:
    name = _name(one, f"a field of {owner}")
    kind = one.get("type")
    if not isinstance(kind, str) or _NAME.fullmatch(kind) is None:
        raise ValueError(f"{owner}.{name}: type {kind!r} is no field type")
    refers = tuple(str(target) for target in _list(one, "referenceTo", f"{owner}.{name}"))
    values = _list(one, "picklistValues", f"{owner}.{name}")
    relation = one.get("relationshipName")
    flags: dict[str, Any] = {ours: bool(one.get(theirs)) for ours, theirs in _FLAGS.items()}
    return FieldDef(
        name=name,
        type=kind,
        label=str(one.get("label") or name),
        length=_count(one, "length", owner),
        precision=0 if kind in INT_TYPES else _count(one, "precision", owner),
        scale=_count(one, "scale", owner),
        polymorphic=bool(one.get("polymorphicForeignKey", len(refers) > 1)),
        reference_to=refers,
        relationship_name=str(relation) if relation else None,
        picklist=tuple(str(v.get("value")) for v in values if v.get("active", True)),
        mark="R",
        **flags,
    )


def _children(described: Mapping[str, Any], owner: str) -> Iterator[ChildRelationship]:
    for one in _list(described, "childRelationships", owner):
        yield ChildRelationship(
            child=str(one.get("childSObject")),
            field=str(one.get("field")),
            name=str(one["relationshipName"]) if one.get("relationshipName") else None,
            cascade_delete=bool(one.get("cascadeDelete")),
            restricted_delete=bool(one.get("restrictedDelete")),
        )


def _name(one: Any, what: str) -> str:
    name = one.get("name") if isinstance(one, Mapping) else None
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ValueError(f"{what} has no API name: {name!r}")
    return name


def _prefix(described: Mapping[str, Any], owner: str) -> str:
    prefix = described.get("keyPrefix") or ""
    if not isinstance(prefix, str) or re.fullmatch(r"([A-Za-z0-9]{3})?", prefix) is None:
        raise ValueError(f"{owner}: keyPrefix {prefix!r} is no key prefix")
    return prefix


def _list(one: Mapping[str, Any], key: str, owner: str) -> Sequence[Any]:
    found = one.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{owner}: {key} is no list")
    if key != "referenceTo" and not all(isinstance(entry, Mapping) for entry in found):
        raise ValueError(f"{owner}: {key} holds something else than objects")
    return found


def _count(one: Mapping[str, Any], key: str, owner: str) -> int:
    value = one.get(key, 0)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{owner}.{one['name']}: {key} {value!r} is no number")
    return value
