"""CustomObject: new objects, the fields of all, and who may see the records of each by default.

A new object has a Name of type Text, which is required here (a real org puts the Id in when the
API leaves it out [M]); auto-numbers are not imitated. It is seen by nobody without Modify All Data
until a profile or a permission set grants it. `sharingModel` and `externalSharingModel` are kept
for standard objects too; external access is never wider than internal [D]. Whatever else an object
file holds (validation rules, layouts, list views, record types) is refused by name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
)
from sfprm.devorg.metadata.markup import Node, element, render
from sfprm.devorg.metadata.types.custom_field import delete_field, deploy_field
from sfprm.devorg.schema import FieldDef, ObjectDef

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["CustomObjects"]

_EXTENSIBLE = (
    "Account",
    "Campaign",
    "CampaignMember",
    "Case",
    "Contact",
    "Lead",
    "Opportunity",
    "Task",
    "User",
)
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,39}__c")
_MODELS = ("Private", "Read", "ReadWrite", "ReadWriteTransfer")
"""From the closest to the widest."""
_MODEL_COLUMNS = {
    "externalSharingModel": "ExternalSharingModel",
    "sharingModel": "InternalSharingModel",
}
_SWITCHES = (
    "enableActivities",
    "enableBulkApi",
    "enableEnhancedLookup",
    "enableFeeds",
    "enableHistory",
    "enableLicensing",
    "enableReports",
    "enableSearch",
    "enableSharing",
    "enableStreamingApi",
)
_NO_SWITCHES = ("enableActivities", "enableFeeds", "enableHistory")
"""What brings further objects and fields, which are not imitated."""
_OWN = ("deploymentStatus", "description", "label", "nameField", "pluralLabel", "visibility")
_COPIED = (
    "Id",
    "OwnerId",
    "IsDeleted",
    "Name",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
)


class CustomObjects:
    """`objects/<Object>.object`."""

    names: tuple[str, ...] = ("CustomObject", "CustomField")
    directory = "objects"
    suffix = ".object"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The object itself, where the file says something of it, and the fields in the file."""
        object_ = base_name(file.path, self.suffix)
        custom = object_.endswith("__c")
        if not custom and object_ not in _EXTENSIBLE:
            raise Refused(f"Deploying the object {object_} is not imitated by this org", file.root)
        known = {"fields", *_MODEL_COLUMNS, *((*_OWN, *_SWITCHES) if custom else ())}
        for node in file.root.children:
            if node.tag not in known:
                raise Refused(f"{node.tag} of an object are not imitated by this org", node)
        whole = ("CustomObject", object_)
        if any(node.tag != "fields" for node in file.root.children):
            yield Component("CustomObject", object_, file.path, file.root, (whole,))
        for node in file.root.all("fields"):
            name = node.value("fullName")
            if not name:
                raise Refused("Required field is missing: fullName", node)
            full_name = f"{object_}.{name}"
            parent = node.value("referenceTo")
            after = (whole, ("CustomObject", parent)) if parent else (whole,)
            named = (("CustomField", full_name), whole)
            yield Component("CustomField", full_name, file.path, node, named, after)

    def deploy(self, context: Context, component: Component) -> Change:
        """Make or change the object, or one field."""
        if component.type == "CustomField":
            return deploy_field(context, component)
        org, node, name = context.org, component.node, component.full_name
        models = _models(org, node, name)
        before = org.schema.object(name)
        if name.endswith("__c"):
            definition = _definition(org, node, name, before)
            if definition != before:
                org.storage.add_object(org.schema, definition)
                org.changed()
            own = [child for child in node.children if child.tag != "fields"]
            change = stored.put(
                org,
                "CustomObject",
                name,
                Node("CustomObject", children=own),
                id_=org.storage.next_id("01I"),
                user_id=context.user_id,
                at=context.at,
            )
        else:
            change = Change(created=False, changed=False)
        moved = _share(context, name, models)
        return Change(change.created, change.changed or moved, change.id)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove a field; removing objects is not imitated."""
        if type_ == "CustomField":
            return delete_field(context, full_name)
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The custom fields; for CustomObject the custom objects, and the standard ones that take
        fields."""
        if type_ == "CustomField":
            return stored.listed(org, "CustomField", "objects/{parent}.object")
        at = org.clock.now()
        standard = [
            Listed("CustomObject", object_, f"objects/{object_}.object", "", at, at, "")
            for object_ in _EXTENSIBLE
        ]
        custom = stored.listed(org, "CustomObject", "objects/{name}.object")
        return sorted([*standard, *custom], key=lambda one: one.full_name)

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """An object file with its own parts and the custom fields asked for. `*` for CustomObject
        gives custom objects only [D]."""
        files: dict[str, Node] = {}
        if type_ == "CustomObject":
            own = stored.all_of(org, "CustomObject")
            files = {m: _sharing_node(org, m) for m in members if m in _EXTENSIBLE}
            files |= {name: node for name, node in own.items() if name in members or "*" in members}
        for full_name, node in stored.all_of(org, "CustomField").items():
            object_ = full_name.partition(".")[0]
            if type_ == "CustomObject":
                wanted = object_ in files
            else:
                wanted = "*" in members or full_name in members
            if wanted:
                files.setdefault(object_, Node("CustomObject")).children.append(node)
        for node in files.values():
            node.children.sort(key=lambda child: child.tag)
        return {f"objects/{object_}.object": render(node) for object_, node in files.items()}


def _definition(org: Org, node: Node, name: str, before: ObjectDef | None) -> ObjectDef:
    """The object that the file defines; a known one keeps its key prefix and fields."""
    if not _NAME.fullmatch(name):
        raise Refused(f"The object name {name} is not an API name", node)
    for tag in ("label", "pluralLabel", "nameField", "deploymentStatus", "sharingModel"):
        if node.find(tag) is None:
            raise Refused(f"Must specify a non-empty {tag} for the CustomObject", node)
    for tag in _NO_SWITCHES:
        if node.flag(tag):
            raise Refused(f"{tag} of an object is not imitated by this org", node.find(tag))
    if node.value("deploymentStatus") not in ("Deployed", "InDevelopment"):
        raise Refused(
            "deploymentStatus is Deployed or InDevelopment", node.find("deploymentStatus")
        )
    name_field = node.find("nameField")
    assert name_field is not None
    if name_field.value("type") != "Text":
        kind = name_field.value("type") or ""
        raise Refused(f"A nameField of type {kind!r} is not imitated by this org", name_field)
    label, plural = node.value("label") or "", node.value("pluralLabel") or ""
    if before is not None:
        return dataclasses.replace(before, label=label, label_plural=plural)
    return ObjectDef(
        name=name,
        label=label,
        label_plural=plural,
        key_prefix=org.schema.free_key_prefix(),
        fields=tuple(_standard_fields(org, name_field.value("label") or f"{label} Name", label)),
        mark="M",
    )


def _standard_fields(org: Org, name_label: str, label: str) -> Iterable[FieldDef]:
    lead, campaign = org.schema.object("Lead"), org.schema.object("Campaign")
    assert lead is not None
    assert campaign is not None
    for name in _COPIED:
        field = (campaign if name == "Name" else lead).field(name)
        assert field is not None
        if name == "Id":
            field = dataclasses.replace(field, label=f"{label} ID")
        if name == "Name":
            field = dataclasses.replace(field, label=name_label)
        yield field


def _models(org: Org, node: Node, name: str) -> dict[str, str]:
    """Sharing models by their columns of EntityDefinition."""
    rows = org.storage.find("EntityDefinition", QualifiedApiName=name)
    now = {column: str(rows[0][column]) if rows else None for column in _MODEL_COLUMNS.values()}
    wanted: dict[str, str] = {}
    for tag, column in _MODEL_COLUMNS.items():
        child = node.find(tag)
        if child is None:
            continue
        if child.text not in _MODELS and child.text != now[column]:
            raise Refused(f"'{child.text}' is not a valid value for the enum 'SharingModel'", child)
        wanted[column] = child.text
    inside = wanted.get("InternalSharingModel", now["InternalSharingModel"])
    outside = wanted.get("ExternalSharingModel", now["ExternalSharingModel"] or "Private")
    if inside in _MODELS and outside in _MODELS and _MODELS.index(outside) > _MODELS.index(inside):
        raise Refused(
            f"The external access {outside} is wider than the internal access {inside}", node
        )
    return wanted


def _share(context: Context, name: str, models: Mapping[str, str]) -> bool:
    """Keep the sharing models; whether they changed."""
    org = context.org
    rows = org.storage.find("EntityDefinition", QualifiedApiName=name)
    if not rows:
        definition = org.schema.object(name)
        assert definition is not None
        row = {
            "DurableId": name,
            "QualifiedApiName": name,
            "MasterLabel": definition.label,
            "ExternalSharingModel": "Private",
            **models,
        }
        org.plant("EntityDefinition", [row])
        return True
    changed = {column: value for column, value in models.items() if rows[0][column] != value}
    if changed:
        org.storage.update("EntityDefinition", str(rows[0]["Id"]), changed)
        org.changed()
    return bool(changed)


def _sharing_node(org: Org, name: str) -> Node:
    rows = org.storage.find("EntityDefinition", QualifiedApiName=name)
    if not rows:
        return Node("CustomObject")
    pairs = [(tag, str(rows[0][column])) for tag, column in sorted(_MODEL_COLUMNS.items())]
    return element("CustomObject", *pairs)
