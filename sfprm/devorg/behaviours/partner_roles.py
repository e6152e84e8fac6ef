"""Roles of a partner account: made when its FIRST partner user is made, not when IsPartner is set;
they stay afterwards [D]. Their number is the org's setting at that moment, 1 to 3 [D].

Names `<Account> Partner User|Manager|Executive`, the account's part cut so that the longest suffix
fits 80 characters [R]; User below Manager below Executive below the account owner's role [D]. With
each role come Group rows Role and RoleAndSubordinates [D/M]; the internal roles get their
RoleAndSubordinates group then too, as those exist only when external users with roles do [D].
UserRoleId of a partner user is derived from PortalRole; null means the lowest, `Worker` [R].
A PortalRole that the account does not have: code and text unverified. The lock that making roles
takes in a real org is had here by faults only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Context, Row

__all__ = ["PartnerRoles", "remove_partner_roles", "roles_of"]

_LEVELS = (("Worker", "User"), ("Manager", "Manager"), ("Executive", "Executive"))
_LONGEST_SUFFIX = len(" Partner Executive")


class PartnerRoles(Behaviour):
    """Every partner user has a role of the account."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Make the account's roles when they are not there, and give the user one."""
        first = True
        for row in batch.living:
            if row.get("UserType") == "PowerPartner":
                if batch.operation == "insert" or row.changes("PortalRole"):
                    if self._give(batch.context, row) and first:
                        _internal_groups(batch.context)
                        first = False
                elif row.changes("UserRoleId"):
                    self._check_kind(batch, row)
            elif row.changes("UserRoleId") and row.values["UserRoleId"] is not None:
                self._check_kind(batch, row)

    def _give(self, context: Context, row: Row) -> bool:
        """Whether the account's roles had to be made."""
        account_id = row.get("AccountId")
        account = context.org.storage.get("Account", str(account_id)) if account_id else None
        if account is None:
            return False
        roles = roles_of(context, account)
        made = not roles
        roles = roles or _make(context, account)
        wanted = row.get("PortalRole") or "Worker"
        role = roles.get(str(wanted))
        given = row.values.get("UserRoleId")
        if role is None or (given is not None and given not in roles.values()):
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                "role type must match user type",
                "UserRoleId" if role is not None else "PortalRole",
            )
            return made
        row.values["PortalRole"] = wanted
        row.values["UserRoleId"] = given or role
        return made

    def _check_kind(self, batch: Batch, row: Row) -> None:
        role = batch.org.storage.get("UserRole", str(row.values["UserRoleId"])) or {}
        account = role.get("PortalAccountId")
        own = row.get("AccountId") if row.get("UserType") == "PowerPartner" else None
        if account != own:
            row.refuse("FIELD_INTEGRITY_EXCEPTION", "role type must match user type", "UserRoleId")


def roles_of(context: Context, account: dict[str, Any]) -> dict[str, str]:
    """The account's role ids by PortalRole; empty before its first partner user."""
    found = context.org.storage.find("UserRole", PortalAccountId=account["Id"])
    return {str(one["PortalRole"]): str(one["Id"]) for one in found}


def remove_partner_roles(context: Context, account_id: str) -> None:
    """Delete the account's roles with their groups, for good (IsPartner set to false) [D]."""
    storage = context.org.storage
    for role in storage.find("UserRole", PortalAccountId=account_id):
        for group in storage.find("Group", RelatedId=role["Id"]):
            for member in storage.find("GroupMember", UserOrGroupId=group["Id"]):
                storage.delete("GroupMember", str(member["Id"]))
            storage.delete("Group", str(group["Id"]))
        for user in storage.find("User", UserRoleId=role["Id"]):
            storage.update("User", str(user["Id"]), {"UserRoleId": None})
        storage.delete("UserRole", str(role["Id"]))


def _make(context: Context, account: dict[str, Any]) -> dict[str, str]:
    org = context.org
    owner = org.storage.get("User", str(account["OwnerId"])) or {}
    number = min(max(int(org.setting("partner_roles", 1)), 1), len(_LEVELS))
    stem = str(account["Name"])[: 80 - _LONGEST_SUFFIX].strip()
    parent = owner.get("UserRoleId")
    roles: dict[str, str] = {}
    for portal_role, word in reversed(_LEVELS[:number]):
        name = f"{stem} Partner {word}"
        [role_id] = org.plant(
            "UserRole",
            [
                {
                    "Name": name,
                    "DeveloperName": _free_name(context, f"{_plain(stem)}Partner{word}"),
                    "RollupDescription": name,
                    "ParentRoleId": parent,
                    "PortalType": "Partner",
                    "PortalRole": portal_role,
                    "PortalAccountId": account["Id"],
                    "OpportunityAccessForAccountOwner": "None",
                    "CaseAccessForAccountOwner": "None",
                    "ContactAccessForAccountOwner": "None",
                    "LastModifiedById": context.user_id,
                }
            ],
        )
        roles[portal_role] = parent = role_id
        _groups(context, role_id, name, ("Role", "RoleAndSubordinates"))
    return roles


def _groups(context: Context, role_id: str, name: str, types: tuple[str, ...]) -> None:
    role = context.org.storage.get("UserRole", role_id) or {}
    context.org.plant(
        "Group",
        [
            {
                "Name": name[:40],
                "DeveloperName": role.get("DeveloperName"),
                "Type": type_,
                "RelatedId": role_id,
                "OwnerId": context.org.organization["Id"],
                "CreatedById": context.user_id,
                "LastModifiedById": context.user_id,
            }
            for type_ in types
        ],
    )


def _internal_groups(context: Context) -> None:
    lacking = context.org.storage.execute(
        'SELECT r."Id", r."Name" FROM "UserRole" r '
        'WHERE r."PortalAccountId" IS NULL AND NOT EXISTS '
        '(SELECT 1 FROM "Group" g WHERE g."RelatedId" = r."Id" AND g."Type" = ?) ORDER BY r."Id"',
        ("RoleAndSubordinates",),
    )
    for role_id, name in lacking:
        _groups(context, str(role_id), str(name), ("RoleAndSubordinates",))


def _plain(text: str) -> str:
    """Without spaces, punctuation and letters outside ASCII [R]."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _free_name(context: Context, wanted: str) -> str:
    """The developer name, with a number when it is taken [R]."""
    name, number = wanted[:80], 0
    while context.org.storage.find("UserRole", DeveloperName=name):
        number += 1
        name = f"{wanted[:76]}{number}"
    return name
