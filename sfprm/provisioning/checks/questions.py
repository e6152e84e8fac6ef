"""The queries that tell of an org's surroundings, five of which make one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.model import PARTNER_USER_TYPE
from sfprm.provisioning.checks.asking import Ask
from sfprm.salesforce.soql import Query, eq, in_, ne

if TYPE_CHECKING:
    from sfprm.estate.model import Estate
    from sfprm.programme.model import KeyFields, Programme
    from sfprm.provisioning.checks.facts import Thresholds

__all__ = ["RIGHTS", "WRITTEN", "questions", "validation_rules"]

WRITTEN = ("Account", "Contact", "Lead", "User")
"""The objects that sfprm writes: their automation is looked at."""
RIGHTS = ("Read", "Create", "Edit")
_MOST = 200
_TRIGGERED = ("RecordBeforeSave", "RecordAfterSave")
_NOBODY = "000000000000000AAA"
_WORKED_WITH = ("Account", "Contact", "Lead")
_USAGES = ("UsageBeforeInsert", "UsageAfterInsert", "UsageBeforeUpdate", "UsageAfterUpdate")
_SITE = ("Name", "SelfRegProfileId", "EmailSenderAddress")
_COUNT = "COUNT(Id) held"
_OWNED = ("Owner.Name owner", _COUNT)
_PROFILE = (
    *("Id", "Name", "PermissionsApiEnabled", "UserLicense.Name", "UserLicense.Status"),
    *("UserLicense.TotalLicenses", "UserLicense.UsedLicenses"),
    *("UserLicense.MonthlyLoginsEntitlement", "UserLicense.MonthlyLoginsUsed"),
)


def questions(programme: Programme, estate: Estate, thresholds: Thresholds) -> list[Ask]:
    """All of them, each with the name by which its answer is known."""
    near = max(1, int(thresholds.owned * thresholds.near))
    fewest = max(1, near - len(programme.partners))
    partner = eq("UserType", PARTNER_USER_TYPE)
    active = (eq("IsActive", True), partner)
    profiles: list[str] = sorted(p.id for p in estate.profiles.values())
    asks = [
        Ask("profiles", Query(_PROFILE, "Profile", (partner,)).text()),
        Ask("users", _by("ProfileId", Query(("ProfileId", _COUNT), "User", active))),
        Ask(
            "rights",
            Query(
                ("Parent.ProfileId", "SobjectType", *(f"Permissions{r}" for r in RIGHTS)),
                "ObjectPermissions",
                (in_("Parent.ProfileId", profiles or [_NOBODY]), in_("SobjectType", _WORKED_WITH)),
            ).text(),
        ),
        Ask("leads", _by("OwnerId, Owner.Name", Query(_OWNED, "Lead"), near)),
        Ask(
            "accounts",
            _by("OwnerId, Owner.Name", Query(_OWNED, "Account", (eq("IsPartner", True),)), fewest),
        ),
        Ask(
            "roles",
            _by(
                "PortalRole",
                Query(("PortalRole", _COUNT), "UserRole", (eq("PortalType", "Partner"),)),
            ),
        ),
        Ask(
            "flows",
            Query(
                (
                    *("ApiName", "Label", "TriggerType", "RecordTriggerType"),
                    "TriggerObjectOrEvent.QualifiedApiName",
                ),
                "FlowDefinitionView",
                (eq("IsActive", True), in_("TriggerType", _TRIGGERED)),
            ).text(),
        ),
        Ask(
            "triggers",
            Query(
                ("Name", "TableEnumOrId", *_USAGES),
                "ApexTrigger",
                (eq("Status", "Active"), in_("TableEnumOrId", WRITTEN)),
            ).text(),
        ),
        Ask(
            "duplicates",
            Query(
                ("DeveloperName", "MasterLabel", "SobjectType"),
                "DuplicateRule",
                (eq("IsActive", True), in_("SobjectType", ("Account", "Contact"))),
            ).text(),
        ),
        Ask(
            "assignment",
            Query(
                ("Name", "SobjectType"),
                "AssignmentRule",
                (eq("Active", True), eq("SobjectType", "Lead")),
            ).text(),
        ),
        Ask(
            "tracked",
            Query(
                ("QualifiedApiName", "IsFieldHistoryTracked"),
                "FieldDefinition",
                (
                    eq("EntityDefinition.QualifiedApiName", "Lead"),
                    in_("QualifiedApiName", ("OwnerId", "Status")),
                ),
            ).text(),
        ),
        Ask("types", Query(("SobjectType", "DeveloperName", "IsActive"), "RecordType").text()),
    ]
    sets = {name for p in programme.people.values() for name in p.permission_sets}
    sets |= {name for site in programme.sites.values() for name in site.permission_sets}
    if sets:
        where = (in_("Name", sorted(sets)), eq("IsOwnedByProfile", False))
        query = Query(("Id", "Name", "License.Name"), "PermissionSet", where)
        asks.append(Ask("sets", query.text()))
    if estate.keys_visible:
        asks += _by_key(programme.key_fields)
    if estate.has_sites:
        asks.append(Ask("sites", Query(_SITE, "Network").text()))
    return asks


def _by(grouping: str, query: Query, fewest: int = 0) -> str:
    having = f" HAVING COUNT(Id) >= {fewest}" if fewest else ""
    return f"{query.text()} GROUP BY {grouping}{having} LIMIT {_MOST}"


def _by_key(keys: KeyFields) -> list[Ask]:
    asks = []
    for name, key in (("Account", keys.account), ("Contact", keys.contact)):
        lost = (eq("IsDeleted", True), ne("MasterRecordId", None), ne(key, None))
        query = Query(("Id", "MasterRecordId", key), name, lost, limit=_MOST)
        asks.append(Ask(f"merged {name}", query.text(), deleted=True))
    account = f"Contact.Account.{keys.account}"
    under_ours = (
        eq("UserType", PARTNER_USER_TYPE),
        eq("IsActive", True),
        ne(account, None),
        eq(f"Contact.{keys.contact}", None),
    )
    fields = ("Username", "IsPortalSelfRegistered", account)
    asks.append(Ask("undeclared", Query(fields, "User", under_ours, limit=_MOST).text()))
    return asks


def validation_rules() -> Query:
    """Active ones on what we write: an object of the Tooling API."""
    entity = "EntityDefinition.QualifiedApiName"
    where = (eq("Active", True), in_(entity, WRITTEN))
    return Query(("ValidationName", "ErrorMessage", entity), "ValidationRule", where)
