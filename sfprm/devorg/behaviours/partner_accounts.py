"""Partner accounts. IsPartner is update-only (the schema's flags say so) [D] and only when PRM is
on; what the org answers with PRM off is unverified: here as for a field that may not be written.

Set to false: up to 15 partner users are disabled and the account's partner roles and groups are
deleted for good [D]; more than 15: refused here (unverified). A partner user cannot own a partner
account: `UNKNOWN_EXCEPTION` `portal users cannot own partner accounts` [P, R]. A new owner in
another role re-parents the account's roles [D]; one without a role is refused in the words of the
setup pages (unverified by API). An account with partner enabled cannot be deleted [P]; code and
text unverified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.behaviours.licences import recount
from sfprm.devorg.behaviours.partner_roles import remove_partner_roles, roles_of

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row

__all__ = ["PartnerAccounts"]

MAX_DISABLED = 15


class PartnerAccounts(Behaviour):
    """The rules about Account.IsPartner and the owner of such an account."""

    objects = frozenset({"Account"})

    def before(self, batch: Batch) -> None:
        """Refuse what may not be."""
        storage = batch.org.storage
        named = {str(row.get("OwnerId")) for row in batch.living}
        found = storage.columns("User", ("Id", "UserType", "UserRoleId"), Id=named)
        owners = {str(id_): (type_, role) for id_, type_, role in found}
        prm_on = batch.org.prm_on
        for row in batch.living:
            if batch.operation == "delete":
                if row.get("IsPartner"):
                    row.refuse(
                        "DELETE_FAILED", "An account that is enabled as a partner cannot be deleted"
                    )
                continue
            if row.changes("IsPartner") and not prm_on:
                row.refuse(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    "Unable to create/update fields: IsPartner. Please check the security settings "
                    "of this field and verify that it is read/write for your profile or permission "
                    "set.",
                    "IsPartner",
                )
            elif row.get("IsPartner") and (row.changes("IsPartner") or row.changes("OwnerId")):
                self._owner(batch, row, *owners.get(str(row.get("OwnerId")), (None, None)))
            elif row.changes("IsPartner"):
                self._disable(batch, row)

    def after(self, batch: Batch) -> None:
        """Re-parent the roles under a new owner's role."""
        if batch.operation != "update":
            return
        for row in batch.living:
            if not row.changes("OwnerId") or row.old is None:
                continue
            roles = roles_of(batch.context, {"Id": row.id})
            owner = batch.org.storage.get("User", str(row.values["OwnerId"])) or {}
            top = next(
                (roles[one] for one in ("Executive", "Manager", "Worker") if one in roles), None
            )
            if top is not None:
                batch.org.storage.update("UserRole", top, {"ParentRoleId": owner.get("UserRoleId")})

    def _owner(self, batch: Batch, row: Row, type_: str | None, role: str | None) -> None:
        """The owner has this user type and this role."""
        if type_ == "PowerPartner":
            row.refuse("UNKNOWN_EXCEPTION", "portal users cannot own partner accounts")
        elif row.changes("OwnerId") and role is None and roles_of(batch.context, {"Id": row.id}):
            row.refuse(
                "UNKNOWN_EXCEPTION",
                "An account owner must be associated with a role to enable portal users.",
            )

    def _disable(self, batch: Batch, row: Row) -> None:
        storage = batch.org.storage
        users = [
            one
            for one in storage.find("User", AccountId=row.id, IsActive=True)
            if one["UserType"] == "PowerPartner"
        ]
        if len(users) > MAX_DISABLED:
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                f"The account has more than {MAX_DISABLED} active partner users",
                "IsPartner",
            )
            return
        for user in users:
            storage.update("User", str(user["Id"]), {"IsActive": False})
        remove_partner_roles(batch.context, str(row.id))
        recount(batch.context)
        batch.org.changed()
