"""What profiles and permission sets have in common: user, field and object permissions, checked
against the org's schema. Texts as recorded [R]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfprm.devorg.metadata.component import Refused, refuse_unknown
from sfprm.devorg.metadata.markup import Node, element

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["field_grant", "grant_nodes", "object_grant", "user_permissions"]

_RIGHTS = {
    "allowRead": "read",
    "allowCreate": "create",
    "allowEdit": "edit",
    "allowDelete": "delete",
    "viewAllRecords": "viewAllRecords",
    "modifyAllRecords": "modifyAllRecords",
}
_DEPENDS: Mapping[str, tuple[str, ...]] = {
    "create": ("read",),
    "edit": ("read",),
    "delete": ("read", "edit"),
    "viewAllRecords": ("read",),
    "modifyAllRecords": ("read", "edit", "delete", "viewAllRecords"),
}
_WORDS = {
    "read": "Read",
    "create": "Create",
    "edit": "Edit",
    "delete": "Delete",
    "viewAllRecords": "View All",
    "modifyAllRecords": "Modify All",
}


def user_permissions(org: Org, object_: str, node: Node) -> dict[str, bool]:
    """The Permissions* columns of `Profile` or `PermissionSet` that the component names."""
    definition = org.schema.object(object_)
    columns = () if definition is None else definition.fields
    known = {one.name for one in columns if one.name.startswith("Permissions")}
    values: dict[str, bool] = {}
    for child in node.all("userPermissions"):
        refuse_unknown(child, ("enabled", "name"), f"{object_}UserPermission")
        column = f"Permissions{child.value('name') or ''}"
        if column not in known:
            raise Refused(f"Unknown user permission: {child.value('name') or ''}", child)
        values[column] = child.flag("enabled")
    return values


def field_grant(org: Org, node: Node, type_: str) -> tuple[str, str, bool, bool]:
    """(object, field, readable, editable) of one fieldPermissions element."""
    refuse_unknown(node, ("editable", "field", "readable"), type_)
    full_name = node.value("field") or ""
    object_, _, name = full_name.partition(".")
    definition = org.schema.object(object_)
    if definition is None:
        raise Refused(f"In field: field - no CustomObject named {object_} found", node)
    field = definition.field(name)
    if field is None:
        raise Refused(f"In field: field - no CustomField named {full_name} found", node)
    if not field.nillable and field.type != "boolean":
        raise Refused(f"You cannot deploy to a required field: {full_name}", node)
    readable, editable = node.flag("readable"), node.flag("editable")
    if editable and not readable:
        raise Refused(f"Field {full_name} cannot be editable without being readable", node)
    return object_, field.name, readable, editable


def object_grant(org: Org, node: Node, type_: str) -> tuple[str, frozenset[str]]:
    """(object, rights) of one objectPermissions element."""
    refuse_unknown(node, ("object", "viewAllFields", *_RIGHTS), type_)
    name = node.value("object") or ""
    definition = org.schema.object(name)
    if definition is None:
        raise Refused(f"In field: object - no CustomObject named {name} found", node)
    rights = frozenset(right for tag, right in _RIGHTS.items() if node.flag(tag))
    for right in sorted(rights):
        for needed in _DEPENDS.get(right, ()):
            if needed not in rights:
                raise Refused(
                    f"Permission {_WORDS[right]} {definition.name} depends on permission(s): "
                    f"{_WORDS[needed]} {definition.name}",
                    node,
                )
    return definition.name, rights


def grant_nodes(org: Org, parent_id: str) -> list[Node]:
    """A parent's grants as fieldPermissions and objectPermissions; what is gone is left out."""
    granted = org.permissions.granted(parent_id)
    nodes: list[Node] = []
    for key, right in sorted(granted.get("fields", {}).items()):
        object_, _, name = key.partition(".")
        definition = org.schema.object(object_)
        field = definition.field(name) if definition is not None else None
        if definition is not None and field is not None:
            nodes.append(
                element(
                    "fieldPermissions",
                    ("editable", right == "edit"),
                    ("field", f"{definition.name}.{field.name}"),
                    ("readable", True),
                )
            )
    for object_, rights in sorted(granted.get("objects", {}).items()):
        definition = org.schema.object(object_)
        if definition is not None:
            flags = [(tag, right in rights) for tag, right in sorted(_RIGHTS.items())]
            nodes.append(element("objectPermissions", *flags[:4], ("modifyAllRecords",
                "modifyAllRecords" in rights), ("object", definition.name), ("viewAllRecords",
                "viewAllRecords" in rights)))  # fmt: skip
    return nodes
