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
from sfprm.salesforce.soql import Query, eq, in_query

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
    r"(?:<!--(?P<step>(?:(?!-->).)*)-->\s*)?<userPermissions>(?P<inner>.*?)</userPermissions>", re.S
)
_NAME = re.compile(r"<name>(\w+)</name>")


@dataclass(frozen=True, slots=True)
class Need:
    """A user permission by its API name, the step that needs it, the set that grants it."""

    name: str
    step: str
    permission_set: str

    @property
    def label(self) -> str:
        """The name that Setup shows, else the API name."""
        return LABELS.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Lack:
    """A need that is not met. `unknown`: the org has no such permission (yet)."""

    need: Need
    why: Literal["not granted", "unknown"]


def needs_in(text: str, permission_set: str) -> tuple[Need, ...]:
    """The user permissions of a permission set's metadata file, each with the comment above it."""
    found = []
    for block in _BLOCK.finditer(text):
        name = _NAME.search(block["inner"])
        if name and "<enabled>true" in block["inner"]:
            found.append(Need(name[1], " ".join((block["step"] or "").split()), permission_set))
    return tuple(found)


def lacking(session: Session, needs: Sequence[Need]) -> tuple[Lack, ...]:
    """The needs that the session's user does not meet, in the order given."""
    held = user_permissions(session, {need.name for need in needs})
    return tuple(
        Lack(need, "unknown" if need.name not in held else "not granted")
        for need in needs
        if not held.get(need.name, False)
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
