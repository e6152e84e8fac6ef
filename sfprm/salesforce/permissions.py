"""What the logged-in user may not do that a permission set of ours would let them do.

The effective user permissions stand on UserPermissionAccess, one row about the caller
[documented object]. Where an org has no such object: the user's profile and the permission sets
assigned to them, put together. A permission that the org does not know at all (partner relations
are off, say) has no field; it is told apart from one that is not granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sfprm.errors import OrgRefused
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, eq, in_, in_query

__all__ = ["LABELS", "Lack", "Need", "lacking", "needs_in", "user_permissions"]

_CHUNK = 20
"""Fields a query: well under the length of an address."""

LABELS: Mapping[str, str] = {
    "ApiEnabled": "API Enabled",
    "AssignPermissionSets": "Assign Permission Sets",
    "CustomizeApplication": "Customize Application",
    "DelegatedTwoFactor": "Manage Multi-Factor Authentication in User Interface",
    "EmailSingle": "Send Email",
    "FreezeUsers": "Freeze Users",
    "ManageInternalUsers": "Manage Internal Users",
    "ManageIpAddresses": "Manage IP Addresses",
    "ManageLoginAccessPolicies": "Manage Login Access Policies",
    "ManageNetworks": "Create and Set Up Experiences",
    "ManagePartners": "Manage External Users",
    "ManagePasswordPolicies": "Manage Password Policies",
    "ManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "ManageRoles": "Manage Roles",
    "ManageSharing": "Manage Sharing",
    "ManageUsers": "Manage Users",
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "MonitorLoginHistory": "Monitor Login History",
    "ResetPasswords": "Reset User Passwords and Unlock Users",
    "TransferAnyEntity": "Transfer Record",
    "TransferAnyLead": "Transfer Leads",
    "UpdateWithInactiveOwner": "Update Records with Inactive Owners",
    "ViewAllUsers": "View All Users",
    "ViewRoles": "View Roles and Role Hierarchy",
    "ViewSetup": "View Setup and Configuration",
}
"""The names that Setup shows (from memory, in part)."""

_BLOCK = re.compile(
    r"(?:<!--(?P<step>(?:(?!-->).)*)-->\s*)?"
    r"<(?P<kind>user|object)Permissions>(?P<inner>.*?)</(?P=kind)Permissions>",
    re.S,
)
_NAME = re.compile(r"<(?:name|object)>(\w+)</")
_ON_OBJECTS = {"ViewAllRecords": "View All", "ModifyAllRecords": "Modify All"}
_STANDS_FOR = {
    "ViewAllRecords": ("ViewAllData", "ModifyAllData"),
    "ModifyAllRecords": ("ModifyAllData",),
}
"""User permissions that give a right over every object."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission by its API name, the step that needs it, the set that grants it.

    A user permission, or, with `object_`, ViewAllRecords or ModifyAllRecords on that object.
    """

    name: str
    step: str
    permission_set: str
    object_: str = ""

    @property
    def label(self) -> str:
        """The name that Setup shows, else the API name."""
        if self.object_:
            return f"{_ON_OBJECTS[self.name]} on {self.object_}"
        return LABELS.get(self.name, self.name)

    @property
    def key(self) -> str:
        """`ManageUsers`, `Lead.ViewAllRecords`."""
        return f"{self.object_}.{self.name}" if self.object_ else self.name


@dataclass(frozen=True, slots=True)
class Lack:
    """A need that is not met. `unknown`: the org has no such permission (yet). `unreadable`: the
    org does not tell; a person must look."""

    need: Need
    why: Literal["not granted", "unknown", "unreadable"]


def needs_in(text: str, permission_set: str) -> tuple[Need, ...]:
    """What a permission set's metadata file grants of it all: user permissions, View All and
    Modify All on objects; each with the comment above its block."""
    found = []
    for block in _BLOCK.finditer(text):
        name, inner = _NAME.search(block["inner"]), block["inner"]
        step = " ".join((block["step"] or "").split())
        if name is None:
            continue
        if block["kind"] == "user":
            if "<enabled>true" in inner:
                found.append(Need(name[1], step, permission_set))
            continue
        for right in _ON_OBJECTS:
            if f"<{right[0].lower()}{right[1:]}>true" in inner:
                found.append(Need(right, step, permission_set, name[1]))
    return tuple(found)


def lacking(session: Session, needs: Sequence[Need]) -> tuple[Lack, ...]:
    """The needs that the session's user does not meet, in the order given."""
    names = {need.name for need in needs if not need.object_}
    over_all = {name for need in needs if need.object_ for name in _STANDS_FOR[need.name]}
    held = user_permissions(session, names | over_all)
    open_ = [
        need
        for need in needs
        if need.object_ and not any(held.get(name, False) for name in _STANDS_FOR[need.name])
    ]
    rights = _object_rights(session, {need.object_ for need in open_}) if open_ else frozenset()
    lacks = []
    for need in needs:
        if not need.object_:
            if not held.get(need.name, False):
                lacks.append(Lack(need, "not granted" if need.name in held else "unknown"))
        elif need in open_:
            if rights is None:
                lacks.append(Lack(need, "unreadable"))
            elif need.key not in rights:
                lacks.append(Lack(need, "not granted"))
    return tuple(lacks)


def _object_rights(session: Session, objects: Iterable[str]) -> frozenset[str] | None:
    """`Lead.ViewAllRecords` and the like, as granted to the user by whatever is assigned to them;
    None where the org does not tell. One call and a describe."""
    try:
        if describe(session, "ObjectPermissions") is None:
            return None
    except OrgRefused as error:
        if error.status != 403:
            raise
        return None
    fields = tuple(f"Permissions{right}" for right in _ON_OBJECTS)
    assigned = Query(
        ("PermissionSetId",),
        "PermissionSetAssignment",
        (eq("AssigneeId", session.identity.user_id),),
    )
    where = (in_("SobjectType", sorted(objects)), in_query("ParentId", assigned))
    rows = select_all(session, Query(("SobjectType", *fields), "ObjectPermissions", where))
    return frozenset(
        f"{row['SobjectType']}.{right}"
        for row in rows
        for right in _ON_OBJECTS
        if row[f"Permissions{right}"]
    )


def user_permissions(session: Session, names: Iterable[str]) -> dict[str, bool]:
    """Which of these user permissions the session's user has; those unknown here are left out.

    Two calls and a query for each 20 names; without UserPermissionAccess a few more.
    """
    wanted = sorted(names)
    user = session.identity.user_id
    profile = Query(("ProfileId",), "User", (eq("Id", user),))
    assigned = Query(("PermissionSetId",), "PermissionSetAssignment", (eq("AssigneeId", user),))
    sources: tuple[tuple[str, tuple[str, ...]], ...] = (("UserPermissionAccess", ()),)
    if describe(session, "UserPermissionAccess") is None:
        sources = (
            ("Profile", (in_query("Id", profile),)),
            ("PermissionSet", (in_query("Id", assigned),)),
        )
    held: dict[str, bool] = {}
    for object_, where in sources:
        for name, granted in _granted(session, object_, where, wanted).items():
            held[name] = held.get(name, False) or granted
    return held


def _granted(
    session: Session, object_: str, where: tuple[str, ...], names: Sequence[str]
) -> dict[str, bool]:
    """By name, whether any row of the object grants it."""
    try:
        told = describe(session, object_)
    except OrgRefused as error:
        if error.status != 403:
            raise
        return {}
    if told is None:
        return {}
    known = [name for name in names if told.field(f"Permissions{name}") is not None]
    held = dict.fromkeys(known, False)
    for start in range(0, len(known), _CHUNK):
        part = known[start : start + _CHUNK]
        for row in select_all(
            session, Query(tuple(f"Permissions{name}" for name in part), object_, where)
        ):
            for name in part:
                held[name] = held[name] or bool(row[f"Permissions{name}"])
    return held
