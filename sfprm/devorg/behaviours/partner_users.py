"""Partner users and other external users: which profile goes with which contact, what is derived.

Sources: provisioning sheet, section 4. One user per contact, ever, inactive ones included [R];
`Cannot create a portal user without contact` [R]; `only portal users can be associated to a
contact` [R]; contact without account: text unverified; owner without role: `UNKNOWN_EXCEPTION`
`portal account owner must have a role`, checked when the USER is inserted [P, R]. A user can be
made under an account whose IsPartner is false [D]; whether that flips the flag is unverified and
not done here. AccountId, UserType and IsPortalEnabled are derived [D]. ContactId cannot be changed
later [M]. `IsPortalEnabled: false` detaches the contact and deactivates [P]. With PRM off no
partner user can be made: code and text unverified. The order of these checks is unverified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["PartnerUsers", "has_user", "is_external"]


def is_external(user_type: object) -> bool:
    """A user type of people outside the company."""
    return user_type in {"PowerPartner", "PowerCustomerSuccess", "CspLitePortal", "CustomerSuccess"}


def has_user(org: Org, contact_id: str) -> bool:
    """Some user, active or not, belongs to the contact."""
    return bool(org.storage.find("User", ContactId=contact_id))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of an insert refer to, read for all of them at once: each contact's account,
    each account's owner and whether it is a customer's, the roles of these owners; and the contacts
    that have a user, those of rows before included."""

    prm_on: bool
    account_of: Mapping[str, str | None]
    accounts: dict[str, tuple[str, bool]]
    role_of: Mapping[str, str | None]
    taken: set[str]

    @classmethod
    def of(cls, batch: Batch) -> _Known:
        """Read it."""
        storage = batch.org.storage
        contacts = {row.values.get("ContactId") for row in batch.living} - {None}
        account_of = dict(storage.columns("Contact", ("Id", "AccountId"), Id=contacts))
        found = storage.columns(
            "Account", ("Id", "OwnerId", "IsCustomerPortal"), Id=set(account_of.values()) - {None}
        )
        accounts = {id_: (str(owner), bool(customer)) for id_, owner, customer in found}
        owners = {owner for owner, _ in accounts.values()}
        return cls(
            batch.org.prm_on,
            account_of,
            accounts,
            dict(storage.columns("User", ("Id", "UserRoleId"), Id=owners)),
            {one for (one,) in storage.columns("User", ("ContactId",), ContactId=contacts)},
        )


class PartnerUsers(Behaviour):
    """Profile, contact, account and account owner must fit together."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Check and derive."""
        profiles = {one["Id"]: one for one in batch.org.storage.find("Profile")}
        known = _Known.of(batch) if batch.operation == "insert" else None
        for row in batch.living:
            if batch.operation == "update":
                self._update(row)
                if row.problem is not None:
                    continue
            profile = profiles.get(row.get("ProfileId"), {})
            if row.changes("ProfileId"):
                row.values["UserType"] = profile.get("UserType")
            if known is not None:
                self._insert(batch.org, row, profile, known)

    def _update(self, row: Row) -> None:
        if row.changes("ContactId"):
            row.refuse(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: ContactId. Please check the security settings of "
                "this field and verify that it is read/write for your profile or permission set.",
                "ContactId",
            )
        if row.changes("IsPortalEnabled"):
            if row.values["IsPortalEnabled"]:
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "a user cannot be enabled for a portal again",
                    "IsPortalEnabled",
                )
            else:
                row.values |= {"ContactId": None, "AccountId": None, "IsActive": False}

    def _insert(self, org: Org, row: Row, profile: dict[str, Any], known: _Known) -> None:
        contact_id = row.values.get("ContactId")
        if not is_external(profile.get("UserType")):
            if contact_id is not None:
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "only portal users can be associated to a contact",
                    "ContactId",
                )
            return
        if contact_id is None:
            row.refuse(
                "INVALID_CROSS_REFERENCE_KEY",
                "Cannot create a portal user without contact",
                "ContactId",
            )
            return
        if profile.get("UserType") == "PowerPartner" and not known.prm_on:
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                "partner users are not enabled for this organization",
                "ProfileId",
            )
            return
        if contact_id in known.taken:
            row.refuse(
                "PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT", "portal user already exists for contact"
            )
            return
        self._account(org, row, contact_id, known)
        if row.problem is None:
            known.taken.add(contact_id)

    def _account(self, org: Org, row: Row, contact_id: str, known: _Known) -> None:
        account_id = known.account_of.get(contact_id)
        if account_id is None or account_id not in known.accounts:
            row.refuse(
                "FIELD_INTEGRITY_EXCEPTION",
                "accountId must be specified if contactId is not null",
                "ContactId",
            )
            return
        owner, customer = known.accounts[account_id]
        if known.role_of.get(owner) is None:
            row.refuse("UNKNOWN_EXCEPTION", "portal account owner must have a role")
            return
        row.values["AccountId"] = account_id
        row.values["IsPortalEnabled"] = True
        if row.values.get("UserType") == "CspLitePortal" and not customer:
            org.storage.update("Account", account_id, {"IsCustomerPortal": True})
            known.accounts[account_id] = (owner, True)
