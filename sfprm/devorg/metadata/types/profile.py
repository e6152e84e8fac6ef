"""Profile: its licence, and its user, field and object permissions, applied as deployed.

What a file does not name stays as it is [M]; a profile that is not there is made, with the licence
that it names. The user permissions of standard profiles do not change (text unverified). Everything
else that a profile holds (layouts, tabs, apps, record types, login hours) is not imitated.
Retrieved files hold all grants, not only those on what is retrieved with them as in a real org [D].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

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
from sfprm.devorg.metadata.markup import element, render
from sfprm.devorg.metadata.types.grants import (
    field_grant,
    grant_nodes,
    object_grant,
    user_permissions,
)
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.metadata.markup import Node
    from sfprm.devorg.org import Org

__all__ = ["Profiles"]

_API_NAMES = {"System Administrator": "Admin", "Standard User": "Standard"}
"""Standard profiles go by another name in metadata [R]; those not named here keep theirs."""
_STANDARD = ("Admin", "Standard", "Partner Community User")
_APPLIED = (
    "custom",
    "description",
    "fieldPermissions",
    "fullName",
    "objectPermissions",
    "userLicense",
    "userPermissions",
)
_OTHERS = frozenset(
    {
        "applicationVisibilities",
        "categoryGroupVisibilities",
        "classAccesses",
        "customMetadataTypeAccesses",
        "customPermissions",
        "customSettingAccesses",
        "externalDataSourceAccesses",
        "flowAccesses",
        "layoutAssignments",
        "loginFlows",
        "loginHours",
        "loginIpRanges",
        "pageAccesses",
        "profileActionOverrides",
        "recordTypeVisibilities",
        "tabVisibilities",
    }
)
_USER_TYPES = (
    # a word of the licence's name, the user type of its profiles (provisioning sheet, section 4)
    ("Customer Community Plus", "PowerCustomerSuccess"),
    ("Customer Community", "CspLitePortal"),
    ("High Volume", "CspLitePortal"),
    ("Partner", "PowerPartner"),
)


def _api_name(row: Mapping[str, Any]) -> str:
    return _API_NAMES.get(str(row["Name"]), str(row["Name"]))


class Profiles:
    """`profiles/<Name>.profile`."""

    names: tuple[str, ...] = ("Profile",)
    directory = "profiles"
    suffix = ".profile"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one profile that the file is; its name is percent-encoded in the path [R]."""
        name = unquote(base_name(file.path, self.suffix))
        yield Component("Profile", name, file.path, file.root, (("Profile", name),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Check all of it, then apply what it names."""
        org, node, name = context.org, component.node, component.full_name
        for child in node.children:
            if child.tag in _OTHERS:
                raise Refused(f"{child.tag} of a profile are not imitated by this org", child)
        refuse_unknown(node, _APPLIED, "Profile")
        values = user_permissions(org, "Profile", node)
        fields = [
            field_grant(org, one, "ProfileFieldLevelSecurity")
            for one in node.all("fieldPermissions")
        ]
        objects = [
            object_grant(org, one, "ProfileObjectPermissions")
            for one in node.all("objectPermissions")
        ]
        row = _row(org, name)
        before = None if row is None else (row, org.permissions.granted(str(row["Id"])))
        if row is None:
            row = _make(context, node, name)
        profile_id = str(row["Id"])
        changed = {column: value for column, value in values.items() if row[column] != value}
        if changed and name in _STANDARD:
            raise Refused(
                f"The user permissions of the standard profile {name} cannot be changed", node
            )
        if changed:
            org.storage.update("Profile", profile_id, {**changed, **context.stamps()})
        for object_, field, readable, editable in fields:
            org.permissions.grant_field(
                profile_id, object_, field, readable=readable, editable=editable
            )
        for object_, rights in objects:
            org.permissions.grant_object(profile_id, object_, rights)
        org.changed()
        after = (_row(org, name), org.permissions.granted(profile_id))
        return Change(created=before is None, changed=before != after, id=profile_id)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove a custom profile that no user has (texts unverified)."""
        org = context.org
        row = _row(org, full_name)
        if row is None:
            return False
        if full_name in _STANDARD:
            raise Refused(f"The standard profile {full_name} cannot be deleted")
        if org.storage.find("User", ProfileId=row["Id"]):
            raise Refused(f"The profile {full_name} is assigned to users")
        if org.storage.find("NetworkMemberGroup", ParentId=row["Id"]):
            raise Refused(f"The profile {full_name} is a member of a site")
        org.storage.delete("Profile", str(row["Id"]))
        org.changed()
        return True

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All profiles, by their metadata names."""
        return [
            Listed(
                "Profile",
                _api_name(row),
                f"profiles/{_api_name(row)}.profile",
                str(row["Id"]),
                read_stamp(str(row["CreatedDate"])),
                read_stamp(str(row["LastModifiedDate"])),
                str(row["LastModifiedById"] or ""),
            )
            for row in sorted(org.storage.find("Profile"), key=_api_name)
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each, user permissions that are on and grants."""
        licences = {row["Id"]: row["Name"] for row in org.storage.find("UserLicense")}
        files: dict[str, bytes] = {}
        for row in org.storage.find("Profile"):
            name = _api_name(row)
            if "*" not in members and name not in members:
                continue
            granted = sorted(
                column.removeprefix("Permissions")
                for column, value in row.items()
                if column.startswith("Permissions") and value is True
            )
            files[f"profiles/{name}.profile"] = render(
                element(
                    "Profile",
                    ("custom", name not in _STANDARD),
                    *grant_nodes(org, str(row["Id"])),
                    ("userLicense", licences.get(row["UserLicenseId"])),
                    *(
                        element("userPermissions", ("enabled", True), ("name", permission))
                        for permission in granted
                    ),
                )
            )
        return files


def _row(org: Org, name: str) -> dict[str, Any] | None:
    rows = [row for row in org.storage.find("Profile") if _api_name(row).lower() == name.lower()]
    return rows[0] if rows else None


def _make(context: Context, node: Node, name: str) -> dict[str, Any]:
    """A new profile, of the licence that the file names."""
    org = context.org
    licence = node.find("userLicense")
    if licence is None or not licence.text:
        raise Refused("Required field is missing: userLicense", node)
    rows = org.storage.find("UserLicense", Name=licence.text)
    if not rows:
        raise Refused(f"In field: userLicense - no UserLicense named {licence.text} found", licence)
    user_type = next((type_ for word, type_ in _USER_TYPES if word in licence.text), "Standard")
    row = {
        "Name": name,
        "UserLicenseId": rows[0]["Id"],
        "UserType": user_type,
        "Description": node.value("description"),
        **context.birth(),
    }
    org.plant("Profile", [row])
    made = _row(org, name)
    assert made is not None
    return made
