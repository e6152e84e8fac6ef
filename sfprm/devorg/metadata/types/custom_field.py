"""CustomField: a new column that nobody sees until it is granted.

A deployed field is visible to no profile, System Administrator included, until a permission set or
profile grants it [P, operations rule 1]; a required one to everybody, as it takes no grants [D].
Default values other than of check boxes are not imitated, nor are formulas, roll-up summaries,
auto-numbers, master-detail, geolocations, times, encrypted texts, dependent and global picklists.
Deleting the parent of a lookup leaves the id in it. A deleted field is gone for good.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.component import Change, Component, Context, Refused, refuse_unknown
from sfprm.devorg.metadata.markup import Node
from sfprm.devorg.permissions import EVERYONE
from sfprm.devorg.schema import FieldDef
from sfprm.devorg.schema.model import ChildRelationship

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["delete_field", "deploy_field"]

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,39}__c")
_KNOWN = (
    "caseSensitive",
    "defaultValue",
    "deleteConstraint",
    "description",
    "externalId",
    "fullName",
    "inlineHelpText",
    "label",
    "length",
    "precision",
    "referenceTo",
    "relationshipLabel",
    "relationshipName",
    "required",
    "scale",
    "trackFeedHistory",
    "trackHistory",
    "trackTrending",
    "type",
    "unique",
    "valueSet",
    "visibleLines",
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a metadata field type looks in a describe, and what its definition must give."""

    describe: str
    needs: tuple[str, ...] = ()
    length: int = 0
    indexable: bool = False


_KINDS: Mapping[str, _Kind] = {
    "Text": _Kind("string", ("length",), indexable=True),
    "Picklist": _Kind("picklist", ("valueSet",), length=255),
    "MultiselectPicklist": _Kind("multipicklist", ("valueSet", "visibleLines"), length=4099),
    "Checkbox": _Kind("boolean", ("defaultValue",)),
    "Number": _Kind("double", ("precision", "scale"), indexable=True),
    "Currency": _Kind("currency", ("precision", "scale")),
    "Percent": _Kind("percent", ("precision", "scale")),
    "Date": _Kind("date"),
    "DateTime": _Kind("datetime"),
    "Email": _Kind("email", length=80, indexable=True),
    "Phone": _Kind("phone", length=40),
    "Url": _Kind("url", length=255),
    "TextArea": _Kind("textarea", length=255),
    "LongTextArea": _Kind("textarea", ("length", "visibleLines")),
    "Html": _Kind("textarea", ("length", "visibleLines")),
    "Lookup": _Kind("reference", ("referenceTo", "relationshipName"), length=18),
}


def deploy_field(context: Context, component: Component) -> Change:
    """Make or change the field: schema, column, history tracking. Raises Refused."""
    org, node = context.org, component.node
    object_, _, name = component.full_name.partition(".")
    definition = org.schema.object(object_)
    if definition is None:
        raise Refused(f"In field: fullName - no CustomObject named {object_} found", node)
    field = _definition(org, node, name)
    before = definition.field(name)
    if before is not None and before.type != field.type:
        raise Refused(
            f"Cannot update a field from a {before.type} to something else", node.find("type")
        )
    if before is not None and field.is_text and before.length > field.length:
        raise Refused("Cannot reduce the length of a field that may hold data", node)
    if field.unique and not (before and before.unique):
        _refuse_doubles(org, definition, name, node)
    relationship = _relationship(org, definition.name, field, node)
    default = _default(field, node)
    if node.flag("trackHistory") and definition.custom:
        raise Refused(f"History of {object_} is not imitated by this org", node)
    org.schema.add_field(definition.name, field)
    org.storage.add_column(definition.name, field)
    if relationship is not None:
        org.storage.add_child(org.schema, field.reference_to[0], relationship)
    _keep_default(org, definition.name, field.name, default)
    if not field.nillable and field.type != "boolean":
        org.permissions.grant_field(EVERYONE, object_, name, readable=True, editable=True)
    org.permissions.forget()
    if node.flag("trackHistory"):
        tracked = dict(org.setting("tracked", {}))
        tracked[object_] = sorted({*tracked.get(object_, ()), name})
        org.set_setting("tracked", tracked)
    return stored.put(
        org,
        "CustomField",
        component.full_name,
        node,
        id_=org.storage.next_id("00N"),
        user_id=context.user_id,
        at=context.at,
    )


def delete_field(context: Context, full_name: str) -> bool:
    """Remove a custom field with its values, unless a rule refers to it (text unverified)."""
    org = context.org
    object_, _, name = full_name.partition(".")
    definition = org.schema.object(object_)
    field = definition.field(name) if definition is not None else None
    if definition is None or field is None or not field.custom:
        return False
    for type_ in ("AssignmentRule", "SharingCriteriaRule"):
        for rule, node in stored.all_of(org, type_).items():
            if _mentions(node, f"{object_}.{name}".lower(), name.lower()):
                raise Refused(f"This custom field is referenced elsewhere: {type_} {rule}")
    if field.reference_to:
        raise Refused(f"Deleting the lookup {full_name} is not imitated by this org")
    org.storage.drop_column(definition.name, field.name)
    org.schema.remove_field(definition.name, field.name)
    org.permissions.drop_field(definition.name, field.name)
    _keep_default(org, definition.name, field.name, None)
    tracked = dict(org.setting("tracked", {}))
    tracked[object_] = [one for one in tracked.get(object_, ()) if one != field.name]
    org.set_setting("tracked", tracked)
    stored.remove(org, "CustomField", full_name)
    return True


def _mentions(node: Node, full_name: str, name: str) -> bool:
    words = (full_name, name)
    if node.tag in ("field", "valueField") and node.text.lower() in words:
        return True
    return any(_mentions(child, full_name, name) for child in node.children)


def _relationship(org: Org, object_: str, field: FieldDef, node: Node) -> ChildRelationship | None:
    """The way back from a lookup's parent."""
    if not field.reference_to:
        return None
    name = f"{node.value('relationshipName')}__r"
    parent = org.schema.object(field.reference_to[0])
    other = parent.child(name) if parent is not None else None
    if other is not None and (other.child, other.field) != (object_, field.name):
        raise Refused(
            f"{field.reference_to[0]} has a child relationship of that name already",
            node.find("relationshipName"),
        )
    return ChildRelationship(object_, field.name, name)


def _default(field: FieldDef, node: Node) -> str | bool | None:
    """The value that a new record gets: of a check box, or the picklist's default value."""
    given = node.find("defaultValue")
    if field.type == "boolean":
        return node.flag("defaultValue")
    if given is not None:
        raise Refused("Default values that are formulas are not imitated by this org", given)
    values = node.below("valueSet", "valueSetDefinition")
    for value in values.all("value") if values is not None else []:
        if value.flag("default"):
            return value.value("fullName")
    return None


def _keep_default(org: Org, object_: str, name: str, default: str | bool | None) -> None:
    defaults = dict(org.setting("defaults", {}))
    own = dict(defaults.get(object_, {}))
    if own.pop(name, None) == (default or None):
        return
    if default:
        own[name] = default
    defaults[object_] = own
    org.set_setting("defaults", defaults)


def _definition(org: Org, node: Node, name: str) -> FieldDef:
    """The field that the XML defines. Raises Refused."""
    refuse_unknown(node, _KNOWN, "CustomField")
    if not _NAME.fullmatch(name):
        raise Refused(
            "Field name: The name can only contain underscores and alphanumeric characters, must "
            "begin with a letter, not end with an underscore nor have two in a row, and end in __c",
            node.find("fullName"),
        )
    label = node.value("label")
    if not label:
        raise Refused("Must specify a non-empty label for the CustomField", node)
    type_ = node.value("type") or ""
    kind = _KINDS.get(type_)
    if kind is None:
        raise Refused(f"CustomField of type {type_!r} is not imitated by this org", node)
    for tag in kind.needs:
        if node.find(tag) is None:
            raise Refused(f"Must specify '{tag}' for a CustomField of type {type_}", node)
    unique, external = node.flag("unique"), node.flag("externalId")
    if (unique or external) and not kind.indexable:
        flag = "unique" if unique else "externalId"
        raise Refused(f"Can not specify '{flag}' for a CustomField of type {type_}", node)
    length = kind.length
    if "length" in kind.needs:
        low, high = (1, 255) if type_ == "Text" else (256, 131_072)
        length = _number(node, "length", low, high)
    precision = scale = 0
    if "precision" in kind.needs:
        precision = _number(node, "precision", 1, 18)
        scale = _number(node, "scale", 0, precision)
    reference = _parent(org, node) if type_ == "Lookup" else ()
    checkbox = kind.describe == "boolean"
    long = length > 255
    return FieldDef(
        name=name,
        type=kind.describe,
        label=label,
        length=length,
        precision=precision,
        scale=scale,
        nillable=not (checkbox or node.flag("required")),
        filterable=not long,
        sortable=not long,
        groupable=not long and kind.describe not in ("double", "currency", "percent", "datetime"),
        unique=unique,
        external_id=external,
        id_lookup=external,
        case_sensitive=unique and node.flag("caseSensitive"),
        restricted_picklist=_restricted(node),
        defaulted_on_create=checkbox,
        picklist=_values(node),
        reference_to=reference,
        relationship_name=f"{name.removesuffix('__c')}__r" if reference else None,
    )


def _parent(org: Org, node: Node) -> tuple[str, ...]:
    """The object that a lookup refers to."""
    named, constraint = node.find("referenceTo"), node.find("deleteConstraint")
    if constraint is not None and constraint.text != "SetNull":
        raise Refused(
            f"The deleteConstraint {constraint.text} is not imitated by this org", constraint
        )
    definition = org.schema.object(named.text if named else "")
    if definition is None:
        raise Refused(
            f"In field: referenceTo - no CustomObject named {named.text if named else ''} found",
            named,
        )
    if not re.fullmatch(r"[A-Za-z](?:_?[A-Za-z0-9]){0,39}", node.value("relationshipName") or ""):
        raise Refused("Relationship Name: not a name", node.find("relationshipName"))
    return (definition.name,)


def _number(node: Node, tag: str, low: int, high: int) -> int:
    child = node.find(tag)
    text = child.text if child else ""
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise Refused(f"{tag} must be between {low} and {high}", child)
    return int(text)


def _values(node: Node) -> tuple[str, ...]:
    value_set = node.find("valueSet")
    if value_set is None:
        return ()
    refuse_unknown(value_set, ("restricted", "valueSetDefinition"), "a value set of this org")
    definition = value_set.find("valueSetDefinition")
    if definition is None:
        return ()
    active = [one for one in definition.all("value") if one.flag("isActive", True)]
    names = [value.value("fullName") or "" for value in active]
    if not all(names) or len({name.lower() for name in names}) != len(names):
        raise Refused("Picklist values must have a fullName, each only once", definition)
    return tuple(names)


def _restricted(node: Node) -> bool:
    value_set = node.find("valueSet")
    return value_set is not None and value_set.flag("restricted")


def _refuse_doubles(org: Org, definition: ObjectDef, name: str, node: Node) -> None:
    """A field cannot become unique while records share a value."""
    if definition.field(name) is None:
        return
    rows = org.storage.find(definition.name)
    values = [row[name] for row in rows if row.get(name) is not None]
    folded = [value.lower() if isinstance(value, str) else value for value in values]
    if len(set(folded)) != len(folded):
        raise Refused(f"Duplicate values exist in {definition.name}.{name}", node.find("unique"))
