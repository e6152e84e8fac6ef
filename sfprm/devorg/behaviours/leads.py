"""What is a lead's own: conversion, the partner account of its owner, unread by owner.

A converted lead is refused: `CANNOT_UPDATE_CONVERTED_LEAD` `cannot reference converted lead`,
fields [], 400 [R]. PartnerAccountId is the account of an owner who is a partner user, else null,
recomputed when the owner changes [D]. IsUnreadByOwner is true until the owner views or edits [D];
a new owner sets it again (unverified); a member who reads a queue's lead does not clear it, nor do
list views and the API [operations.md 23]. LastTransferDate is the day of the last change of owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["LeadOwners", "Leads", "view_lead"]


class Leads(Behaviour):
    """A converted lead is history."""

    objects = frozenset({"Lead"})

    def before(self, batch: Batch) -> None:
        """Refuse converted ones."""
        if batch.operation == "delete":
            return
        for row in batch.living:
            if row.old is not None and row.old["IsConverted"]:
                row.refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


class LeadOwners(Behaviour):
    """What follows from a lead's owner, whoever set it: the caller, a flow or an assignment rule.
    It runs after them."""

    objects = frozenset({"Lead"})

    def before(self, batch: Batch) -> None:
        """Derive."""
        if batch.operation == "delete":
            return
        with_partners = "partner" in batch.org.features()
        partners = _partner_accounts(batch) if with_partners else {}
        for row in batch.living:
            if row.changes("OwnerId"):
                owner = str(row.values["OwnerId"])
                if with_partners:
                    row.values["PartnerAccountId"] = partners.get(owner)
                if row.old is not None:
                    row.values["LastTransferDate"] = batch.context.now[:10]
                    row.values.setdefault("IsUnreadByOwner", True)
            elif row.old is not None and row.old["OwnerId"] == batch.context.user_id:
                row.values.setdefault("IsUnreadByOwner", False)


def view_lead(org: Org, lead_id: str, username: str) -> bool:
    """A person opens the lead's page; whether it is now read by its owner. Raises LookupError."""
    lead, user = org.storage.get("Lead", lead_id), org.user_by_username(username)
    if lead is None or lead.get("IsDeleted"):
        raise LookupError(f"the org has no lead {lead_id}")
    if user is None:
        raise LookupError(f"the org has no user {username}")
    seen = {"LastViewedDate": stamp_text(org.clock.now())}
    if lead["OwnerId"] != user["Id"]:
        return False
    org.storage.update("Lead", str(lead["Id"]), {**seen, "IsUnreadByOwner": False})
    return True


def _partner_accounts(batch: Batch) -> dict[str, str]:
    """Account by user, for the new owners who are partner users."""
    owners = {str(row.values["OwnerId"]) for row in batch.living if row.changes("OwnerId")}
    users = [one for one in owners if one[:3] == "005"]
    if not users:
        return {}
    return {
        str(user["Id"]): str(user["AccountId"])
        for user in batch.org.storage.find("User", Id=sorted(users))
        if user["UserType"] == "PowerPartner" and user["AccountId"]
    }
