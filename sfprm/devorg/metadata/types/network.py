"""Network (a site): given as metadata from its row; a deployed one changes a site that exists.

`emailSenderAddress` is ignored on later deploys without an error [R]. Making a site is not
imitated. Only the parts below are; any other is refused by name.
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
from sfprm.devorg.problems import RowProblem
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Networks"]

_COLUMNS = {
    "description": "Description",
    "emailSenderName": "EmailSenderName",
    "sendWelcomeEmail": "OptionsSendWelcomeEmail",
    "status": "Status",
}
_IMITATED = (*_COLUMNS, "emailSenderAddress", "networkMemberGroups", "urlPathPrefix")


class Networks:
    """`networks/<Name>.network`."""

    names: tuple[str, ...] = ("Network",)
    directory = "networks"
    suffix = ".network"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one site that the file is."""
        name = base_name(file.path, self.suffix)
        yield Component("Network", name, file.path, file.root, (("Network", name),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Change the site as an update of its row would, and add the member profiles named."""
        org, node = context.org, component.node
        refuse_unknown(node, _IMITATED, "Network")
        rows = org.storage.find("Network", Name=component.full_name)
        if not rows:
            raise Refused(f"Making the site {component.full_name} is not imitated by this org")
        site = rows[0]
        values: dict[str, Any] = {}
        for tag, column in _COLUMNS.items():
            child = node.find(tag)
            if child is not None:
                wanted = node.flag(tag) if tag == "sendWelcomeEmail" else child.text
                if wanted != site[column]:
                    values[column] = wanted
        members = _new_members(org, node, str(site["Id"]))
        try:
            if values:
                org.change("Network", [{"Id": site["Id"], **values}], user_id=context.user_id)
            if members:
                org.create("NetworkMemberGroup", members, user_id=context.user_id)
        except RowProblem as problem:
            raise Refused(problem.message, node) from problem
        return Change(created=False, changed=bool(values or members), id=str(site["Id"]))

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """A site is never deleted by metadata."""
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All sites; none while digital experiences is off."""
        if not org.networks_on:
            return []
        return [
            Listed(
                "Network",
                str(row["Name"]),
                f"networks/{row['Name']}.network",
                str(row["Id"]),
                read_stamp(str(row["CreatedDate"])),
                read_stamp(str(row["LastModifiedDate"])),
                str(row["LastModifiedById"]),
            )
            for row in sorted(org.storage.find("Network"), key=lambda row: str(row["Name"]))
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each, from the rows."""
        profiles = {row["Id"]: row["Name"] for row in org.storage.find("Profile")}
        sets = {row["Id"]: row["Name"] for row in org.storage.find("PermissionSet")}
        files: dict[str, bytes] = {}
        for listed in self.listed(org, type_):
            if "*" not in members and listed.full_name not in members:
                continue
            row = org.storage.get("Network", listed.id) or {}
            groups = org.storage.find("NetworkMemberGroup", NetworkId=listed.id)
            parents = [group["ParentId"] for group in groups]
            files[listed.path] = render(
                element(
                    "Network",
                    ("description", row["Description"]),
                    ("emailSenderAddress", row["EmailSenderAddress"]),
                    ("emailSenderName", row["EmailSenderName"]),
                    element(
                        "networkMemberGroups",
                        *(("permissionSet", sets[one]) for one in parents if one in sets),
                        *(("profile", profiles[one]) for one in parents if one in profiles),
                    ),
                    ("sendWelcomeEmail", row["OptionsSendWelcomeEmail"]),
                    ("status", row["Status"]),
                    ("urlPathPrefix", row["UrlPathPrefix"]),
                )
            )
        return files


def _new_members(org: Org, node: Node, site_id: str) -> list[dict[str, str]]:
    groups = node.find("networkMemberGroups")
    if groups is None:
        return []
    refuse_unknown(groups, ("permissionSet", "profile"), "NetworkMemberGroup")
    there = {row["ParentId"] for row in org.storage.find("NetworkMemberGroup", NetworkId=site_id)}
    found: list[dict[str, str]] = []
    for child in groups.children:
        table = "Profile" if child.tag == "profile" else "PermissionSet"
        rows = org.storage.find(table, Name=child.text)
        if not rows:
            raise Refused(f"In field: {child.tag} - no {table} named {child.text} found", child)
        if rows[0]["Id"] not in there:
            found.append({"NetworkId": site_id, "ParentId": str(rows[0]["Id"])})
    return found
