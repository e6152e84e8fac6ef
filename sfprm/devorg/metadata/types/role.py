"""Role: a row of UserRole with the groups that the system keeps for it.

Groups Role and RoleAndSubordinatesInternal come with every role, RoleAndSubordinates only where
external users with roles exist [D]. Roles of partner accounts are given out as files too [R], but
are changed by what happens to their accounts, not by a deployment (unverified: refused here).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from sfprm.devorg.metadata.markup import Node, element, render
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Roles"]

_ACCESS = {
    "caseAccessLevel": "CaseAccessForAccountOwner",
    "contactAccessLevel": "ContactAccessForAccountOwner",
    "opportunityAccessLevel": "OpportunityAccessForAccountOwner",
}
_LEVELS = ("None", "Read", "Edit")
_FIELDS = (*_ACCESS, "description", "fullName", "mayForecastManagerShare", "name", "parentRole")
_PATH = "roles/{}.role"


class Roles:
    """`roles/<DeveloperName>.role`."""

    names: tuple[str, ...] = ("Role",)
    directory = "roles"
    suffix = ".role"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one role that the file is; its parent comes first."""
        name = base_name(file.path, self.suffix)
        parent = file.root.value("parentRole")
        after = (("Role", parent),) if parent else ()
        yield Component("Role", name, file.path, file.root, (("Role", name),), after)

    def deploy(self, context: Context, component: Component) -> Change:
        """Make or change the role."""
        org, node, name = context.org, component.node, component.full_name
        refuse_unknown(node, _FIELDS, "Role")
        label = node.value("name")
        if not label:
            raise Refused("Required field is missing: name", node)
        values: dict[str, Any] = {
            "Name": label,
            "RollupDescription": node.value("description"),
            "MayForecastManagerShare": node.flag("mayForecastManagerShare"),
            "ParentRoleId": _parent(org, node, name),
        }
        for tag, column in _ACCESS.items():
            level = node.find(tag)
            if level is not None and level.text not in _LEVELS:
                raise Refused(f"'{level.text}' is not a valid value for the enum '{tag}'", level)
            if level is not None:
                values[column] = level.text
        row = _row(org, name)
        if row is None:
            [role_id] = org.plant("UserRole", [_new(context, name, values)])
            _make_groups(context, role_id, label, name)
            return Change(created=True, changed=True, id=role_id)
        if row["PortalType"] not in (None, "None"):
            raise Refused(
                f"Changing the partner role {name} by metadata is not imitated by this org", node
            )
        changed = {column: value for column, value in values.items() if row[column] != value}
        role_id = str(row["Id"])
        if changed:
            org.storage.update("UserRole", role_id, {**changed, **context.stamps()})
            org.changed()
        return Change(created=False, changed=bool(changed), id=role_id)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove a role without users and without roles below it (texts unverified)."""
        storage = context.org.storage
        row = _row(context.org, full_name)
        if row is None:
            return False
        if row["PortalType"] not in (None, "None"):
            raise Refused(f"Deleting the partner role {full_name} is not imitated by this org")
        if storage.find("User", UserRoleId=row["Id"]):
            raise Refused(f"The role {full_name} is assigned to users")
        if storage.find("UserRole", ParentRoleId=row["Id"]):
            raise Refused(f"The role {full_name} has roles below it")
        for group in storage.find("Group", RelatedId=row["Id"]):
            for member in storage.find("GroupMember", UserOrGroupId=group["Id"]):
                storage.delete("GroupMember", str(member["Id"]))
            storage.delete("Group", str(group["Id"]))
        storage.delete("UserRole", str(row["Id"]))
        context.org.changed()
        return True

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All roles, partner roles among them. UserRole keeps no creation, so its last change
        stands for both."""
        return [
            Listed(
                "Role",
                str(row["DeveloperName"]),
                _PATH.format(row["DeveloperName"]),
                str(row["Id"]),
                read_stamp(str(row["LastModifiedDate"])),
                read_stamp(str(row["LastModifiedDate"])),
                str(row["LastModifiedById"] or ""),
            )
            for row in sorted(org.storage.find("UserRole"), key=lambda row: row["DeveloperName"])
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each."""
        rows = org.storage.find("UserRole")
        names = {row["Id"]: str(row["DeveloperName"]) for row in rows}
        return {
            _PATH.format(row["DeveloperName"]): render(
                element(
                    "Role",
                    *((tag, row[column]) for tag, column in sorted(_ACCESS.items())[:2]),
                    ("description", row["RollupDescription"]),
                    ("mayForecastManagerShare", bool(row["MayForecastManagerShare"])),
                    ("name", row["Name"]),
                    ("opportunityAccessLevel", row["OpportunityAccessForAccountOwner"]),
                    ("parentRole", names.get(row["ParentRoleId"])),
                )
            )
            for row in rows
            if "*" in members or row["DeveloperName"] in members
        }


def _row(org: Org, name: str) -> dict[str, Any] | None:
    rows = org.storage.find("UserRole", DeveloperName=name)
    return rows[0] if rows else None


def _parent(org: Org, node: Node, name: str) -> str | None:
    """The parent's id; a role is never above itself."""
    named = node.find("parentRole")
    if named is None or not named.text:
        return None
    parent = _row(org, named.text)
    if parent is None:
        raise Refused(f"In field: parentRole - no Role named {named.text} found", named)
    above: dict[str, Any] | None = parent
    while above is not None:
        if str(above["DeveloperName"]).lower() == name.lower():
            raise Refused(f"The role {name} would be above itself", named)
        above = org.storage.get("UserRole", str(above["ParentRoleId"]))
    return str(parent["Id"])


def _new(context: Context, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    levels = dict.fromkeys(_ACCESS.values(), "Edit")
    return {
        "DeveloperName": name,
        "PortalType": "None",
        **levels,
        **values,
        **context.stamps(),
    }


def _make_groups(context: Context, role_id: str, label: str, name: str) -> None:
    org = context.org
    types = ["Role", "RoleAndSubordinatesInternal"]
    if org.storage.find("Group", Type="RoleAndSubordinates"):
        types.append("RoleAndSubordinates")
    rows = [
        {
            "Name": label[:40],
            "DeveloperName": name,
            "Type": type_,
            "RelatedId": role_id,
            "OwnerId": org.organization["Id"],
            **context.birth(),
        }
        for type_ in types
    ]
    org.plant("Group", rows)
