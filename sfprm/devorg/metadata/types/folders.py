"""Folders of reports, dashboards, documents and e-mail templates.

Listed as ReportFolder, DashboardFolder, DocumentFolder and EmailFolder; deployed and retrieved
under the type of what they hold, with the folder's name as member [D]. `accessType` Public includes
portal users, PublicInternal does not [D]. Each has a row in the object Folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import Node, render

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["FOLDER_TYPES", "FolderType"]

_ACCESS = ("Shared", "Public", "PublicInternal", "Hidden")
_SHARE_LEVELS = ("View", "EditAllContents", "Manage")
_SHARED_TO = (
    "Group",
    "Role",
    "RoleAndSubordinates",
    "RoleAndSubordinatesInternal",
    "Manager",
    "ManagerAndSubordinatesInternal",
    "Organization",
    "AllPrmUsers",
    "PartnerUser",
    "AllCspUsers",
    "CustomerPortalUser",
    "PortalRole",
    "PortalRoleAndSubordinates",
    "User",
    "Territory",
    "TerritoryAndSubordinates",
    "ChannelProgramGroup",
)
_FIELDS = ("accessType", "folderShares", "name", "publicFolderAccess", "sharedTo")
_SHARE_FIELDS = ("accessLevel", "sharedTo", "sharedToType")


@dataclass(frozen=True)
class FolderType:
    """One of the four: the type of its content, its own type, and `Folder.Type` in queries."""

    content: str
    folder: str
    directory: str
    row_type: str
    suffix: str = "-meta.xml"

    @property
    def names(self) -> tuple[str, ...]:
        """The content's type, under which folders are deployed and retrieved, and the listing's."""
        return (self.content, self.folder)

    def _path(self, name: str) -> str:
        return f"{self.directory}/{name}{self.suffix}"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The folder that a `-meta.xml` file describes."""
        if file.root.tag != self.folder:
            raise Refused(f"{file.root.tag} in {self.directory} is not imitated by this org")
        name = file.path.removeprefix(self.directory + "/").removesuffix(self.suffix)
        yield Component(self.folder, name, file.path, file.root, ((self.content, name),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Check the folder, keep it, and keep its row in step."""
        org, node = context.org, component.node
        refuse_unknown(node, _FIELDS, self.folder)
        label = node.value("name")
        if not label:
            raise Refused("Required field is missing: name", node)
        access = node.value("accessType") or "Shared"
        if access not in _ACCESS:
            raise Refused(
                f"'{access}' is not a valid value for the enum 'FolderAccessTypes'",
                node.find("accessType"),
            )
        for share in node.all("folderShares"):
            refuse_unknown(share, _SHARE_FIELDS, "FolderShare")
            if share.value("accessLevel") not in _SHARE_LEVELS:
                raise Refused("Required field is missing: accessLevel", share)
            if share.value("sharedToType") not in _SHARED_TO:
                raise Refused("Required field is missing: sharedToType", share)
        developer_name = component.full_name.rpartition("/")[2]
        values = {
            "Name": label,
            "AccessType": access,
            "IsReadonly": node.value("publicFolderAccess") == "ReadOnly",
            **context.stamps(),
        }
        key = {"DeveloperName": developer_name, "Type": self.row_type}
        rows = org.storage.find("Folder", **key)
        if rows:
            folder_id = str(rows[0]["Id"])
            org.storage.update("Folder", folder_id, values)
        else:
            row = {**key, **values, **context.birth()}
            [folder_id] = org.plant("Folder", [row])
        return stored.put(
            org,
            self.folder,
            component.full_name,
            node,
            id_=folder_id,
            user_id=context.user_id,
            at=context.at,
        )

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove a folder with its row; False when there is none."""
        org = context.org
        if not stored.remove(org, self.folder, full_name):
            return False
        developer_name = full_name.rpartition("/")[2]
        key = {"DeveloperName": developer_name, "Type": self.row_type}
        for row in org.storage.find("Folder", key):
            org.storage.delete("Folder", str(row["Id"]))
        return True

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The folders. Their content is not imitated, so there is none."""
        if type_ != self.folder:
            return []
        return stored.listed(org, self.folder, self._path("{name}"))

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file for each folder named. `*` gives none: content types do not take it [D]."""
        if type_ == self.folder:
            return {}
        files: dict[str, bytes] = {}
        for name in members:
            node: Node | None = stored.get(org, self.folder, name)
            if node is not None:
                files[self._path(name)] = render(node)
        return files


FOLDER_TYPES = (
    FolderType("Report", "ReportFolder", "reports", "Report"),
    FolderType("Dashboard", "DashboardFolder", "dashboards", "Dashboard"),
    FolderType("Document", "DocumentFolder", "documents", "Document"),
)
