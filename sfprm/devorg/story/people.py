"""The organization, its licences, profiles, roles and internal users."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg.org import AGENT_USERNAME, INSTANCE_NAME
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["FOUNDED", "People", "count_seats", "plant_people", "user_row"]

FOUNDED = "2019-03-04T08:00:00.000+0000"
_LICENCES = (
    # name, definition key, seats
    ("Salesforce", "SFDC", 25),
    ("Partner Community", "PID_Partner_Community", 40),
    ("Customer Community", "PID_Customer_Community", 10),
)
_PROFILES = (
    # name, licence, user type
    ("System Administrator", "Salesforce", "Standard"),
    ("Standard User", "Salesforce", "Standard"),
    ("Alder Partner User", "Partner Community", "PowerPartner"),
    ("Partner Community User", "Partner Community", "PowerPartner"),
    ("Alder Customer User", "Customer Community", "CspLitePortal"),
)
_ROLES = (
    # name, developer name, parent
    ("CEO", "CEO", None),
    ("VP Channels", "VP_Channels", "CEO"),
    ("Channel Manager Iberia", "Channel_Manager_Iberia", "VP Channels"),
    ("Channel Manager Central", "Channel_Manager_Central", "VP Channels"),
    ("Inside Sales", "Inside_Sales", "CEO"),
)
_USERS = (
    # first, last, profile, role, title
    ("Sfprm", "Agent", "System Administrator", "CEO", "Integration"),
    ("Lena", "Berg", "Standard User", "VP Channels", "VP Channels"),
    ("Marta", "Lopes", "Standard User", "Channel Manager Iberia", "Channel Manager"),
    ("Jonas", "Weber", "Standard User", "Channel Manager Central", "Channel Manager"),
    ("Pedro", "Reis", "Standard User", None, "Channel Manager"),
    ("Sam", "Carter", "Standard User", "Inside Sales", "Inside Sales"),
    ("Ana", "Costa", "Standard User", "Inside Sales", "Inside Sales"),
)
_STANDARD_USER = frozenset(
    {"ApiEnabled", "RunReports", "EmailSingle", "EditEvent", "EditTask", "ViewRoles", "ViewSetup"}
)
_NOT_FOR_ADMINS = frozenset(
    {"ApiUserOnly", "BulkApiHardDelete", "IsSsoEnabled", "UpdateWithInactiveOwner"}
)
"""Permissions that an administrator has only when they are given on purpose."""
_ALL = frozenset({"read", "create", "edit", "delete"})
_OBJECT_RIGHTS: dict[str, dict[str, frozenset[str]]] = {
    "Standard User": {
        "Account": _ALL,
        "Contact": _ALL,
        "Lead": _ALL,
        "Opportunity": _ALL,
        "Case": frozenset({"read", "create", "edit"}),
        "Campaign": frozenset({"read"}),
    },
    "Alder Partner User": {
        "Lead": frozenset({"read", "edit"}),
        "Account": frozenset({"read"}),
        "Contact": frozenset({"read"}),
    },
    "Partner Community User": {"Account": frozenset({"read"}), "Contact": frozenset({"read"})},
    "Alder Customer User": {"Case": frozenset({"read", "create"}), "Account": frozenset({"read"})},
}


@dataclass(frozen=True, slots=True)
class People:
    """Ids (18 characters) by name: profiles, roles, users by username."""

    agent: str
    profiles: dict[str, str]
    roles: dict[str, str]
    users: dict[str, str]


def user_row(first: str, last: str, username: str, profile_id: str) -> dict[str, Any]:
    """What every user has: names, address, locale. The alias has at most 8 characters."""
    return {
        "FirstName": first,
        "LastName": last,
        "Username": username,
        "Email": username,
        "Alias": (first[:1] + last)[:8].lower(),
        "CommunityNickname": username.partition("@")[0],
        "IsActive": True,
        "TimeZoneSidKey": "Europe/Lisbon",
        "LocaleSidKey": "en_IE_EURO",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "ProfileId": profile_id,
    }


def plant_people(org: Org) -> People:
    """Plant all of it; the users' last logins are of the last days."""
    agent = org.storage.next_id("005")
    audit = {"CreatedDate": FOUNDED}
    by = {**audit, "CreatedById": agent, "LastModifiedById": agent}
    organization = {
        "Name": "Alder Systems",
        "InstanceName": INSTANCE_NAME,
        "OrganizationType": "Developer Edition",
        "IsSandbox": False,
        "DefaultLocaleSidKey": "en_IE_EURO",
        "LanguageLocaleKey": "en_US",
        "TimeZoneSidKey": "Europe/Lisbon",
        "DefaultLeadAccess": "None",
        "DefaultAccountAccess": "None",
        "DefaultContactAccess": "ControlledByParent",
        "DefaultOpportunityAccess": "Read",
        "DefaultCaseAccess": "None",
    }
    org.plant("Organization", [{**by, **organization}])
    licences = dict(
        zip(
            (name for name, *_ in _LICENCES),
            org.plant(
                "UserLicense",
                [
                    {
                        **audit,
                        "Name": name,
                        "MasterLabel": name,
                        "LicenseDefinitionKey": key,
                        "Status": "Active",
                        "TotalLicenses": seats,
                        "UsedLicenses": 0,
                    }
                    for name, key, seats in _LICENCES
                ],
            ),
            strict=True,
        )
    )
    profiles = _profiles(org, licences, by)
    roles: dict[str, str] = {}
    for name, developer_name, parent in _ROLES:
        row = {
            "Name": name,
            "DeveloperName": developer_name,
            "ParentRoleId": roles.get(parent or ""),
            "RollupDescription": name,
            "PortalType": "None",
            "OpportunityAccessForAccountOwner": "Edit",
            "CaseAccessForAccountOwner": "Edit",
            "LastModifiedById": agent,
        }
        [roles[name]] = org.plant("UserRole", [row])
    users = _users(org, agent, profiles, roles, by)
    _role_groups(org, roles, by)
    return People(agent, profiles, roles, users)


def count_seats(org: Org) -> None:
    """Set each licence's used seats from the active users."""
    licence_of = {row["Id"]: row["UserLicenseId"] for row in org.storage.find("Profile")}
    used = Counter(
        licence_of[user["ProfileId"]] for user in org.storage.find("User", IsActive=True)
    )
    for licence in org.storage.find("UserLicense"):
        org.storage.update("UserLicense", licence["Id"], {"UsedLicenses": used[licence["Id"]]})


def _profiles(org: Org, licences: dict[str, str], by: dict[str, str]) -> dict[str, str]:
    definition = org.schema.object("Profile")
    names = [] if definition is None else [f.name for f in definition.fields]
    permissions = [name.removeprefix("Permissions") for name in names if name.startswith("Perm")]
    granted = {
        "System Administrator": frozenset(permissions) - _NOT_FOR_ADMINS,
        "Standard User": _STANDARD_USER,
    }
    rows = [
        {
            **by,
            "Name": name,
            "UserLicenseId": licences[licence],
            "UserType": user_type,
            **{
                f"Permissions{permission}": permission in granted.get(name, ())
                for permission in permissions
            },
        }
        for name, licence, user_type in _PROFILES
    ]
    planted = org.plant("Profile", rows)
    found = {str(row["Name"]): id_ for row, id_ in zip(rows, planted, strict=True)}
    for name, objects in _OBJECT_RIGHTS.items():
        for object_, rights in objects.items():
            org.permissions.grant_object(found[name], object_, rights)
    return found


def _users(
    org: Org, agent: str, profiles: dict[str, str], roles: dict[str, str], by: dict[str, str]
) -> dict[str, str]:
    now = org.clock.now()
    rows: list[dict[str, Any]] = []
    for place, (first, last, profile, role, title) in enumerate(_USERS):
        username = f"{first}.{last}@alder.example.com".lower()
        row = {
            **user_row(first, last, username, profiles[profile]),
            **by,
            "UserType": "Standard",
            "UserRoleId": roles.get(role or ""),
            "Title": title,
            "CompanyName": "Alder Systems",
            "LastLoginDate": stamp_text(now - timedelta(hours=5 + 7 * place)),
        }
        if username == AGENT_USERNAME:
            row["Id"] = agent
        rows.append(row)
    planted = org.plant("User", rows)
    org.plant("UserLogin", [{"UserId": id_, "LastModifiedById": agent} for id_ in planted])
    return {str(row["Username"]): id_ for row, id_ in zip(rows, planted, strict=True)}


def _role_groups(org: Org, roles: dict[str, str], by: dict[str, str]) -> None:
    """The system's groups. RoleAndSubordinates comes only with the first partner roles [D]."""
    rows: list[dict[str, Any]] = [
        {**by, "Name": "All Internal Users", "DeveloperName": None, "Type": "Organization"}
    ]
    for name, developer_name, _ in _ROLES:
        for kind in ("Role", "RoleAndSubordinatesInternal"):
            rows.append(
                {
                    **by,
                    "Name": name,
                    "DeveloperName": developer_name,
                    "Type": kind,
                    "RelatedId": roles[name],
                }
            )
    org.plant("Group", rows)
