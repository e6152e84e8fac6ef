"""What is a lead's own: conversion, the partner account of its owner, unread by owner.

A converted lead is refused: `CANNOT_UPDATE_CONVERTED_LEAD` `cannot reference converted lead`,
fields [], 400 [R]. PartnerAccountId is the account of an owner who is a partner user, else null,
recomputed when the owner changes [D]. IsUnreadByOwner is true until the owner views or edits [D];
a new owner sets it again (unverified). LastTransferDate is the day of the last change of owner.

Assignment rules: with no active rule for leads nothing happens, whatever `Sforce-Auto-Assign` says
(API 30 and later) [D]. With an active one and the header not FALSE the rule would run; that is not
imitated yet and is said so, instead of keeping the owner in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.problems import not_imitated

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["Leads"]


class Leads(Behaviour):
    """Derived values and locks of leads."""

    objects = frozenset({"Lead"})

    def before(self, batch: Batch) -> None:
        """Refuse converted ones; derive."""
        if batch.operation == "delete":
            return
        self._no_rules(batch)
        partners = self._partner_accounts(batch)
        with_partners = "partner" in batch.org.features()
        for row in batch.living:
            if row.old is not None and row.old["IsConverted"]:
                row.refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
                continue
            if row.changes("OwnerId"):
                owner = str(row.values["OwnerId"])
                if with_partners:
                    row.values["PartnerAccountId"] = partners.get(owner)
                if row.old is not None:
                    row.values["LastTransferDate"] = batch.context.now[:10]
                    row.values.setdefault("IsUnreadByOwner", True)
            elif row.old is not None and row.old["OwnerId"] == batch.context.user_id:
                row.values.setdefault("IsUnreadByOwner", False)

    def _partner_accounts(self, batch: Batch) -> dict[str, str]:
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

    def _no_rules(self, batch: Batch) -> None:
        wanted = batch.context.auto_assign
        if wanted is False:
            return
        if wanted is True:
            running = batch.org.storage.find("AssignmentRule", SobjectType="Lead", Active=True)
        else:
            running = batch.org.storage.find("AssignmentRule", Id=wanted)
        if running:
            raise not_imitated(
                f"the org's own assignment rules ({running[0]['Name']} would run now; send "
                "Sforce-Auto-Assign: FALSE to write without them)"
            )
