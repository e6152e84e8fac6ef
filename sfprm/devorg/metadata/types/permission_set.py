"""PermissionSet: its row, its user permissions, and the grants on fields and objects.

From API 40 on a deployed permission set replaces what the org had under its name [M, unverified].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import Node, render
from sfprm.devorg.metadata.types.grants import field_grant, object_grant, user_permissions

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["PermissionSets"]

_PATH = "permissionsets/{name}.permissionset"
_IMITATED = (
    "description",
    "fieldPermissions",
    "hasActivationRequired",
    "label",
    "license",
    "objectPermissions",
    "userPermissions",
)


class PermissionSets:
    """`permissionsets/<Name>.permissionset`."""

    names: tuple[str, ...] = ("PermissionSet",)
    directory = "permissionsets"
    suffix = ".permissionset"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one permission set that the file is."""
        name = base_name(file.path, self.suffix)
        named = (("PermissionSet", name),)
        yield Component("PermissionSet", name, file.path, file.root, named)

    def deploy(self, context: Context, component: Component) -> Change:
        """Check all of it, then make or replace the permission set."""
        org, node, name = context.org, component.node, component.full_name
        refuse_unknown(node, _IMITATED, "PermissionSet")
        label = node.value("label")
        if not label:
            raise Refused("Required field is missing: label", node)
        values: dict[str, Any] = {"Label": label, "LicenseId": _license(org, node)}
        values.update(_all_off(org))
        values.update(user_permissions(org, "PermissionSet", node))
        fields = [
            field_grant(org, child, "PermissionSetFieldPermissions")
            for child in node.all("fieldPermissions")
        ]
        objects = [
            object_grant(org, child, "PermissionSetObjectPermissions")
            for child in node.all("objectPermissions")
        ]
        rows = org.storage.find("PermissionSet", Name=name, IsOwnedByProfile=False)
        if rows:
            set_id = str(rows[0]["Id"])
            org.storage.update("PermissionSet", set_id, {**values, **context.stamps()})
        else:
            row = {
                "Name": name,
                "IsOwnedByProfile": False,
                "IsCustom": True,
                **values,
                **context.birth(),
            }
            [set_id] = org.plant("PermissionSet", [row])
        self._grant(org, set_id, fields, objects)
        return stored.put(
            org,
            "PermissionSet",
            name,
            node,
            id_=set_id,
            user_id=context.user_id,
            at=context.at,
        )

    def _grant(
        self,
        org: Org,
        set_id: str,
        fields: list[tuple[str, str, bool, bool]],
        objects: list[tuple[str, frozenset[str]]],
    ) -> None:
        named = {f"{object_}.{field}".lower() for object_, field, _, _ in fields}
        for key in set(org.permissions.granted(set_id).get("fields", {})) - named:
            object_, _, field = key.partition(".")
            org.permissions.grant_field(set_id, object_, field, readable=False, editable=False)
        for object_, field, readable, editable in fields:
            org.permissions.grant_field(
                set_id, object_, field, readable=readable, editable=editable
            )
        listed = {object_.lower() for object_, _ in objects}
        for object_ in set(org.permissions.granted(set_id).get("objects", {})) - listed:
            org.permissions.grant_object(set_id, object_, frozenset())
        for object_, rights in objects:
            org.permissions.grant_object(set_id, object_, rights)
        org.permissions.forget()

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove it with its grants, unless somebody has it (text unverified)."""
        org = context.org
        for row in org.storage.find("PermissionSet", Name=full_name, IsOwnedByProfile=False):
            set_id = str(row["Id"])
            if org.storage.find("PermissionSetAssignment", PermissionSetId=set_id):
                raise Refused(f"The permission set {full_name} is assigned to users")
            self._grant(org, set_id, [], [])
            org.storage.delete("PermissionSet", set_id)
            stored.remove(org, "PermissionSet", full_name)
            return True
        return False

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The permission sets that were deployed."""
        return stored.listed(org, "PermissionSet", _PATH)

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each, as deployed."""
        return {
            _PATH.format(name=name): render(node)
            for name, node in stored.all_of(org, "PermissionSet").items()
            if "*" in members or name in members
        }


def _license(org: Org, node: Node) -> str | None:
    wanted = node.find("license")
    if wanted is None or not wanted.text:
        return None
    rows = org.storage.find("UserLicense", Name=wanted.text)
    if not rows:
        raise Refused(f"In field: license - no UserLicense named {wanted.text} found", wanted)
    return str(rows[0]["Id"])


def _all_off(org: Org) -> dict[str, bool]:
    """Every Permissions* column, so that what the file does not name is switched off."""
    definition = org.schema.object("PermissionSet")
    columns = () if definition is None else definition.fields
    return {one.name: False for one in columns if one.name.startswith("Permissions")}
