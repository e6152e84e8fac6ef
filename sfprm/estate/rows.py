"""Query rows into the estate's types: the border where Salesforce's JSON ends."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from sfprm.estate.model import (
    AccountState,
    ContactState,
    Licence,
    OrgUser,
    PartnerUser,
    Profile,
    QueueState,
    Site,
)
from sfprm.ids import RecordId
from sfprm.programme.policies import KEY_FIELD
from sfprm.salesforce.identity import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.salesforce.query import Row

__all__ = [
    "account_state",
    "contact_state",
    "licence_of",
    "org_user",
    "partner_user",
    "profile_of",
    "queue_state",
    "site_of",
]


_SHORT = 18


def _id(value: Any) -> RecordId | None:
    return RecordId(value) if value else None


def _plain(row: Row) -> dict[str, Any]:
    """The row's own fields. Short texts recur from row to row (time zones, profiles, names): one
    copy of each is held."""
    return {
        k: intern(v) if type(v) is str and len(v) <= _SHORT else v
        for k, v in row.items()
        if type(v) is not dict and type(v) is not list
    }


def licence_of(row: Mapping[str, Any]) -> Licence:
    """A UserLicense row."""
    return Licence(row["Name"], int(row["TotalLicenses"] or 0), int(row["UsedLicenses"] or 0))


def profile_of(row: Row) -> Profile:
    """A Profile row with its UserLicense."""
    return Profile(
        RecordId(row["Id"]), row["Name"], row["UserType"] or "", row["UserLicense"]["Name"]
    )


def org_user(row: Row) -> OrgUser:
    """A User row with its UserRole."""
    role = row.get("UserRole") or {}
    return OrgUser(
        id=RecordId(row["Id"]),
        username=row["Username"],
        name=row["Name"],
        active=bool(row["IsActive"]),
        role_id=_id(row.get("UserRoleId")),
        role_name=role.get("Name") or "",
        contact_id=_id(row.get("ContactId")),
    )


def partner_user(row: Row, frozen: bool) -> PartnerUser:
    """A User row that has a ContactId."""
    login = row.get("LastLoginDate")
    return PartnerUser(
        id=RecordId(row["Id"]),
        contact_id=RecordId(row["ContactId"]),
        username=row["Username"],
        active=bool(row["IsActive"]),
        frozen=frozen,
        last_login=parse_datetime(login) if login else None,
        profile_id=RecordId(row["ProfileId"]),
        portal_role=row.get("PortalRole"),
        fields=_plain(row),
    )


def account_state(row: Row, key_field: str = KEY_FIELD) -> AccountState:
    """An Account row with its Owner. `key_field`: where the programme's key stands."""
    owner = row.get("Owner") or {}
    return AccountState(
        id=RecordId(row["Id"]),
        name=row["Name"] or "",
        key=row.get(key_field) or None,
        owner_id=RecordId(row["OwnerId"]),
        owner_username=owner.get("Username") or "",
        owner_has_role=bool(owner.get("UserRoleId")),
        is_partner=bool(row.get("IsPartner")),
        fields=_plain(row),
    )


def contact_state(row: Row, key_field: str = KEY_FIELD) -> ContactState:
    """A Contact row."""
    return ContactState(
        id=RecordId(row["Id"]),
        key=row.get(key_field) or None,
        account_id=_id(row.get("AccountId")),
        email=row.get("Email") or "",
        fields=_plain(row),
    )


def site_of(row: Row, groups: Iterable[Row]) -> Site:
    """A Network row and the NetworkMemberGroup rows of all networks."""
    created = row.get("CreatedDate")
    return Site(
        id=RecordId(row["Id"]),
        name=row["Name"],
        status=row["Status"],
        sends_welcome=bool(row.get("OptionsSendWelcomeEmail")),
        created=parse_datetime(created) if created else None,
        memberships={
            RecordId(g["ParentId"]): g["AssignmentStatus"] or ""
            for g in groups
            if g["NetworkId"] == row["Id"]
        },
    )


def queue_state(row: Row, members: Mapping[RecordId, str], stamp: str) -> QueueState:
    """A Group row with its QueueSobjects (None when there are none), and its members."""
    return QueueState(
        id=RecordId(row["Id"]),
        developer_name=row["DeveloperName"],
        label=row["Name"],
        objects=frozenset(s["SobjectType"] for s in row.get("QueueSobjects") or ()),
        email=row.get("Email") or None,
        members=members,
        notifies_members=bool(row.get("DoesSendEmailToMembers")),
        stamp=stamp,
    )
