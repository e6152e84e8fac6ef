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
from collections.abc import Mapping, Sequence
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
        """Make the accounts' roles when they are not there, and give each user one."""
        given = [row for row in batch.living if _is_given(batch, row)]
        roles_by_account = _roles_for(batch.context, given)
        for row in batch.living:
            if row.get("UserType") == "PowerPartner":
                if _is_given(batch, row):
                    self._give(roles_by_account.get(str(row.get("AccountId"))), row)
                elif row.changes("UserRoleId"):
                    self._check_kind(batch, row)
            elif row.changes("UserRoleId") and row.values["UserRoleId"] is not None:
                self._check_kind(batch, row)

    def _give(self, roles: Mapping[str, str] | None, row: Row) -> None:
        if roles is None:
            return
        wanted = row.get("PortalRole") or "Worker"
        role = roles.get(str(wanted))
        given = row.values.get("UserRoleId")
        if role is None or (given is not None and given not in roles.values()):
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                "role type must match user type",
                "UserRoleId" if role is not None else "PortalRole",
            )
            return
        row.values["PortalRole"] = wanted
        row.values["UserRoleId"] = given or role

    def _check_kind(self, batch: Batch, row: Row) -> None:
        role = batch.org.storage.get("UserRole", str(row.values["UserRoleId"])) or {}
        account = role.get("PortalAccountId")
        own = row.get("AccountId") if row.get("UserType") == "PowerPartner" else None
        if account != own:
            row.refuse("FIELD_INTEGRITY_EXCEPTION", "role type must match user type", "UserRoleId")


def _is_given(batch: Batch, row: Row) -> bool:
    """The row's user gets a role from the portal role."""
    return row.get("UserType") == "PowerPartner" and (
        batch.operation == "insert" or row.changes("PortalRole")
    )


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


def _roles_for(context: Context, rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Role ids by PortalRole, by account: of the accounts that the rows name and that are there.
    Those of accounts that have none are made, in the order of the rows."""
    storage = context.org.storage
    named = dict.fromkeys(str(row.get("AccountId")) for row in rows if row.get("AccountId"))
    if not named:
        return {}
    found = storage.columns("Account", ("Id", "Name", "OwnerId"), Id=list(named))
    accounts = {str(one[0]): one for one in found}
    roles: dict[str, dict[str, str]] = {one: {} for one in accounts}
    there = storage.columns(
        "UserRole", ("PortalAccountId", "PortalRole", "Id"), PortalAccountId=list(roles)
    )
    for account, portal_role, role in there:
        roles[account][str(portal_role)] = str(role)
    lacking = [accounts[one] for one in named if one in roles and not roles[one]]
    return roles | _make(context, lacking) if lacking else roles


def _make(context: Context, accounts: Sequence[tuple[Any, ...]]) -> dict[str, dict[str, str]]:
    """Make the roles of accounts, given as (id, name, owner), with their groups; ids by account."""
    org = context.org
    owners = {owner for _, _, owner in accounts}
    tops = dict(org.storage.columns("User", ("Id", "UserRoleId"), Id=owners))
    number = min(max(int(org.setting("partner_roles", 1)), 1), len(_LEVELS))
    levels = tuple(reversed(_LEVELS[:number]))
    stems = [str(name)[: 80 - _LONGEST_SUFFIX].strip() for _, name, _ in accounts]
    names = _FreeNames(
        context, [f"{_plain(stem)}Partner{word}" for stem in stems for _, word in levels]
    )
    definition = org.schema.object("UserRole")
    assert definition is not None
    ids = iter(org.storage.next_ids(definition.key_prefix, len(accounts) * number))
    made: dict[str, dict[str, str]] = {}
    roles: list[dict[str, Any]] = []
    for (account, _, owner), stem in zip(accounts, stems, strict=True):
        made[account] = {}
        parent = tops.get(owner)
        for portal_role, word in levels:
            name = f"{stem} Partner {word}"
            role = {
                "Id": next(ids),
                "Name": name,
                "DeveloperName": names.take(f"{_plain(stem)}Partner{word}"),
                "RollupDescription": name,
                "ParentRoleId": parent,
                "PortalType": "Partner",
                "PortalRole": portal_role,
                "PortalAccountId": account,
                "OpportunityAccessForAccountOwner": "None",
                "CaseAccessForAccountOwner": "None",
                "ContactAccessForAccountOwner": "None",
                "LastModifiedById": context.user_id,
            }
            made[account][portal_role] = parent = role["Id"]
            roles.append(role)
    org.plant("UserRole", roles)
    wanted = [(role, type_) for role in roles for type_ in ("Role", "RoleAndSubordinates")]
    # The internal roles get theirs when the first account has got its own
    wanted[2 * number : 2 * number] = [
        (role, "RoleAndSubordinates") for role in _without_subordinates(context)
    ]
    shared = {
        "OwnerId": org.organization["Id"],
        "CreatedById": context.user_id,
        "LastModifiedById": context.user_id,
    }
    org.plant(
        "Group",
        [
            {
                "Name": str(role["Name"])[:40],
                "DeveloperName": role["DeveloperName"],
                "Type": type_,
                "RelatedId": role["Id"],
                **shared,
            }
            for role, type_ in wanted
        ],
    )
    return made


def _without_subordinates(context: Context) -> list[dict[str, Any]]:
    """The internal roles that have no group with their subordinates."""
    lacking = context.org.storage.execute(
        'SELECT r."Id", r."Name", r."DeveloperName" FROM "UserRole" r '
        'WHERE r."PortalAccountId" IS NULL AND NOT EXISTS '
        '(SELECT 1 FROM "Group" g WHERE g."RelatedId" = r."Id" AND g."Type" = ?) ORDER BY r."Id"',
        ("RoleAndSubordinates",),
    )
    return [dict(zip(("Id", "Name", "DeveloperName"), one, strict=True)) for one in lacking]


def _plain(text: str) -> str:
    """Without spaces, punctuation and letters outside ASCII [R]."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


class _FreeNames:
    """Developer names of roles, with a number when one is taken [R]."""

    def __init__(self, context: Context, wanted: Sequence[str]) -> None:
        self._storage = context.org.storage
        cut = [one[:80] for one in wanted]
        found = self._storage.columns("UserRole", ("DeveloperName",), DeveloperName=cut)
        self._taken = {str(one).lower() for (one,) in found}

    def take(self, wanted: str) -> str:
        """The name, or the first that is free."""
        name, number = wanted[:80], 0
        while name.lower() in self._taken or (
            number and self._storage.columns("UserRole", ("Id",), DeveloperName=name)
        ):
            number += 1
            name = f"{wanted[:76]}{number}"
        self._taken.add(name.lower())
        return name
