"""Contacts with a portal user. Clearing or moving the account: the contact must keep one, and its
owner must have a role (`FIELD_INTEGRITY_EXCEPTION` [P, NPSP issue 4001]). Deleting: `DELETE_FAILED`
(code in the WSDL [R], rule and text unverified). A contact on a partner account cannot be owned by
a partner user: `portal users cannot own partner accounts` [P]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.behaviours.partner_users import has_user

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row

__all__ = ["PortalContacts"]


class PortalContacts(Behaviour):
    """A contact with a user is not free."""

    objects = frozenset({"Contact"})

    def before(self, batch: Batch) -> None:
        """Refuse what would leave a user without an account."""
        partners = _partners(batch)
        for row in batch.living:
            if batch.operation == "delete":
                if has_user(batch.org, str(row.id)):
                    row.refuse(
                        "DELETE_FAILED",
                        "Your attempt to delete the contact could not be completed because it is "
                        "associated with a portal user.",
                    )
                continue
            if str(row.get("OwnerId")) in partners and (
                row.changes("OwnerId") or batch.operation == "insert"
            ):
                self._owner(batch, row)
            if (
                batch.operation == "update"
                and row.changes("AccountId")
                and has_user(batch.org, str(row.id))
            ):
                self._account(batch, row)

    def after(self, batch: Batch) -> None:
        """A moved contact takes the user's AccountId along."""
        if batch.operation != "update":
            return
        for row in batch.living:
            if row.changes("AccountId"):
                for user in batch.org.storage.find("User", ContactId=row.id):
                    batch.org.storage.update(
                        "User", str(user["Id"]), {"AccountId": row.values["AccountId"]}
                    )

    def _owner(self, batch: Batch, row: Row) -> None:
        """The owner is a partner user."""
        if row.get("AccountId") is None:
            return
        account = batch.org.storage.get("Account", str(row.get("AccountId"))) or {}
        if account.get("IsPartner"):
            row.refuse("UNKNOWN_EXCEPTION", "portal users cannot own partner accounts")

    def _account(self, batch: Batch, row: Row) -> None:
        account_id = row.values["AccountId"]
        account = batch.org.storage.get("Account", account_id) if account_id else None
        owner = batch.org.storage.get("User", str(account["OwnerId"])) if account else None
        if owner is None or owner.get("UserRoleId") is None:
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                "A portal user's contact record must include an account. Furthermore, the owner of "
                "the account must be associated with a role.",
                "AccountId",
            )


def _partners(batch: Batch) -> set[str]:
    """The partner users among the owners of the rows."""
    owners = {str(row.get("OwnerId")) for row in batch.living}
    found = batch.org.storage.columns("User", ("Id", "UserType"), Id=owners)
    return {str(id_) for id_, type_ in found if type_ == "PowerPartner"}
