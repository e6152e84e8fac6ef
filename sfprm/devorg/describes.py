"""Loading what a real org says of an object, so that the imitation has that org's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sfprm.devorg.ids import is_id
from sfprm.devorg.schema import ChildRelationship, features_of, from_describe

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["SWITCHES", "check_describe", "load_describe"]

_SWITCH_OF = {
    "state-country-picklists": "state_country_picklists",
    "multicurrency": "multicurrency",
}
SWITCHES = frozenset(_SWITCH_OF.values())
"""The settings of an org that switch fields on, which a describe proves."""
_ADMINISTRATOR = "System Administrator"


def load_describe(org: Org, described: Mapping[str, Any]) -> ObjectDef:
    """Give the org an object as a real org's describe tells it: fields, flags, required ones too,
    child relationships, record types, and the switches that its fields prove. The custom fields are
    granted to the System Administrator profile, as they were to whoever asked for the describe.

    Records stay; fields that the describe does not have are hidden, not lost. Raises ValueError
    that says what is not a describe; nothing is changed then.
    """
    base = org.schema.object(str(described.get("name", "")))
    definition = from_describe(described, base)
    if not definition.key_prefix:
        definition = from_describe({**described, "keyPrefix": _free_prefix(org, base)}, base)
    org.happen(lambda: _load(org, definition, described, features_of(described, base)))
    return definition


def check_describe(org: Org, described: Mapping[str, Any]) -> None:
    """Raises ValueError that says why `load_describe` would refuse this."""
    from_describe(described, org.schema.object(str(described.get("name", ""))))


def _free_prefix(org: Org, base: ObjectDef | None) -> str:
    return base.key_prefix if base is not None else org.schema.free_key_prefix()


def _load(
    org: Org, definition: ObjectDef, described: Mapping[str, Any], features: frozenset[str]
) -> None:
    org.storage.add_object(org.schema, definition)
    for field in definition.fields:
        for target in field.reference_to if field.custom and field.relationship_name else ():
            parent = org.schema.object(target)
            taken = parent is None or any(
                (one.child, one.field) == (definition.name, field.name) for one in parent.children
            )
            if not taken:
                link = ChildRelationship(definition.name, field.name, None)
                org.storage.add_child(org.schema, target, link)
    for feature in sorted(features & _SWITCH_OF.keys()):
        org.set_setting(_SWITCH_OF[feature], True)
    for profile in org.storage.find("Profile", Name=_ADMINISTRATOR):
        for field in definition.fields:
            if field.custom:
                org.permissions.grant_field(
                    str(profile["Id"]),
                    definition.name,
                    field.name,
                    readable=True,
                    editable=field.createable or field.updateable,
                )
    _record_types(org, definition.name, described.get("recordTypeInfos") or ())


def _record_types(org: Org, object_: str, infos: Any) -> None:
    """The record types that are not there yet, under the ids that they have in the real org."""
    there = {row["Id"] for row in org.storage.find("RecordType", SobjectType=object_)}
    for info in infos:
        id_ = info.get("recordTypeId")
        if info.get("master") or not is_id(id_) or id_ in there:
            continue
        name = str(info.get("name") or info.get("developerName"))
        row = {
            "Id": id_,
            "Name": name,
            "DeveloperName": str(info.get("developerName") or name),
            "SobjectType": object_,
            "IsActive": bool(info.get("active", True)),
        }
        org.plant("RecordType", [row])
