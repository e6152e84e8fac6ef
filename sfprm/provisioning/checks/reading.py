"""Reading the surroundings of the estate: about ten calls, most of them five queries each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from defusedxml import ElementTree

from sfprm.errors import OrgRefused
from sfprm.estate.model import PARTNER_USER_TYPE
from sfprm.provisioning.checks.asking import Ask, ask
from sfprm.provisioning.checks.facts import (
    Automation,
    Exposed,
    Holding,
    Merged,
    PartnerProfile,
    PermissionSetFact,
    RecordTypeFact,
    Surroundings,
    Undeclared,
)
from sfprm.salesforce.describe import describe
from sfprm.salesforce.limits import limits
from sfprm.salesforce.permissions import lacking
from sfprm.salesforce.soql import Query, eq, in_, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.estate.model import Estate
    from sfprm.programme.model import KeyFields, Programme
    from sfprm.provisioning.checks.facts import Thresholds
    from sfprm.salesforce.limits import Limit
    from sfprm.salesforce.permissions import Need
    from sfprm.salesforce.session import Session

__all__ = ["WRITTEN", "read_surroundings"]

WRITTEN = ("Account", "Contact", "Lead", "User")
"""The objects that sfprm writes: their automation is looked at."""
_DESCRIBED = ("Account", "Contact", "User")
_MOST = 200
_RIGHTS = ("Read", "Create", "Edit")
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

Rows = list[dict[str, Any]]
Answers = dict[str, Rows | None]


def read_surroundings(
    session: Session,
    programme: Programme,
    estate: Estate,
    *,
    needs: Sequence[Need] = (),
    duplicate_files: Callable[[Sequence[str]], Mapping[str, bytes] | None],
    thresholds: Thresholds,
) -> Surroundings:
    """What the checks want to know beside the estate. `needs`: the permissions to look for.
    `duplicate_files` retrieves the duplicate rules named (None when that is not allowed).

    What the org refuses to tell is left out and named in `unread`. Raises what is no refusal.
    """
    keys = programme.key_fields
    answers = ask(session, _asks(programme, estate, thresholds))
    entity = "EntityDefinition.QualifiedApiName"
    rules = Query(
        ("ValidationName", "ErrorMessage", entity),
        "ValidationRule",
        (eq("Active", True), in_(entity, WRITTEN)),
    )
    validation = _tooling(session, rules.text())
    told = _limits(session)
    unread = [
        name
        for name, rows in {
            "flows": answers["flows"],
            "triggers": answers["triggers"],
            "duplicate rules": answers["duplicates"],
            "validation rules": validation,
        }.items()
        if rows is None
    ]
    unread += ["limits"] if told is None else []
    automation = [
        *_flows(answers["flows"] or []),
        *_triggers(answers["triggers"] or []),
        *_validation(validation or []),
        *_duplicates(answers["duplicates"] or [], duplicate_files),
        *(
            Automation("assignment rule", row["SobjectType"], row["Name"])
            for row in answers["assignment"] or []
        ),
    ]
    described = {name.lower(): describe(session, name) for name in _DESCRIBED}
    return Surroundings(
        describes={name: found for name, found in described.items() if found is not None},
        profiles=_profiles(answers),
        automation=tuple(automation),
        holdings=(*_held("Lead", answers["leads"]), *_held("Account", answers["accounts"])),
        roles=_roles(answers["roles"]),
        merged=(
            *_merged("Account", keys.account, answers),
            *_merged("Contact", keys.contact, answers),
        ),
        undeclared=_undeclared(answers.get("undeclared"), keys.account),
        record_types=tuple(
            RecordTypeFact(r["SobjectType"], r["DeveloperName"], bool(r["IsActive"]))
            for r in answers["types"] or []
        ),
        permission_sets=_sets(answers.get("sets", [])),
        tracked=_tracked(answers["tracked"]),
        nicknames=_nicknames(session, programme, estate),
        strangers=_strangers(session, programme, estate),
        lacks=lacking(session, needs) if needs else (),
        limits=told or {},
        sites=tuple(
            Exposed(r["Name"], bool(r["SelfRegProfileId"]), r["EmailSenderAddress"] or "")
            for r in answers.get("sites") or []
        ),
        unread=tuple(unread),
    )


def _asks(programme: Programme, estate: Estate, thresholds: Thresholds) -> list[Ask]:
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
                ("Parent.ProfileId", "SobjectType", *(f"Permissions{r}" for r in _RIGHTS)),
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


def _tooling(session: Session, query: str) -> Rows | None:
    try:
        told: Any = session.request("GET", f"tooling/query?q={quote(query)}", kind="query").json
    except OrgRefused:
        return None
    return list((told or {}).get("records") or ())


def _limits(session: Session) -> Mapping[str, Limit] | None:
    try:
        return limits(session)
    except OrgRefused:
        return None


def _profiles(answers: Answers) -> tuple[PartnerProfile, ...] | None:
    rows = answers["profiles"]
    if rows is None:
        return None
    active = {r["ProfileId"]: int(r["held"]) for r in answers["users"] or []}
    rights: dict[str, dict[str, frozenset[str]]] = {}
    for row in answers["rights"] or []:
        granted = frozenset(right for right in _RIGHTS if row[f"Permissions{right}"])
        rights.setdefault(row["Parent"]["ProfileId"], {})[row["SobjectType"]] = granted
    found = []
    for row in rows:
        licence = row["UserLicense"] or {}
        entitled = licence.get("MonthlyLoginsEntitlement")
        found.append(
            PartnerProfile(
                id=row["Id"],
                name=row["Name"],
                licence=licence.get("Name") or "",
                licence_active=licence.get("Status") != "Disabled",
                total=int(licence.get("TotalLicenses") or 0),
                used=int(licence.get("UsedLicenses") or 0),
                monthly_logins=(int(licence.get("MonthlyLoginsUsed") or 0), int(entitled))
                if entitled
                else None,
                api_enabled=row["PermissionsApiEnabled"],
                active_users=active.get(row["Id"], 0),
                rights=None if answers["rights"] is None else rights.get(row["Id"], {}),
            )
        )
    return tuple(found)


def _flows(rows: Rows) -> list[Automation]:
    found = []
    for row in rows:
        object_ = (row["TriggerObjectOrEvent"] or {}).get("QualifiedApiName") or ""
        if object_ in WRITTEN:
            before = row["TriggerType"] == "RecordBeforeSave"
            when = f"runs {'before' if before else 'after'} the save"
            found.append(Automation("flow", object_, row["Label"] or row["ApiName"], when))
    return found


def _triggers(rows: Rows) -> list[Automation]:
    found = []
    for row in rows:
        when = [
            words
            for name, words in (
                ("UsageBeforeInsert", "before insert"),
                ("UsageAfterInsert", "after insert"),
                ("UsageBeforeUpdate", "before update"),
                ("UsageAfterUpdate", "after update"),
            )
            if row[name]
        ]
        if when:
            named = row["TableEnumOrId"]
            found.append(Automation("trigger", named, row["Name"], "runs " + ", ".join(when)))
    return found


def _validation(rows: Rows) -> list[Automation]:
    return [
        Automation(
            "validation rule",
            (row["EntityDefinition"] or {}).get("QualifiedApiName") or "",
            row["ValidationName"],
            message=row["ErrorMessage"] or "",
        )
        for row in rows
    ]


def _duplicates(
    rows: Rows, files_of: Callable[[Sequence[str]], Mapping[str, bytes] | None]
) -> list[Automation]:
    names = [f"{row['SobjectType']}.{row['DeveloperName']}" for row in rows]
    files = files_of(names) if names else {}
    found = []
    for row, name in zip(rows, names, strict=True):
        content = (files or {}).get(f"duplicateRules/{name}.duplicateRule")
        found.append(
            Automation("duplicate rule", row["SobjectType"], row["MasterLabel"], _action(content))
        )
    return found


def _action(content: bytes | None) -> str:
    """What the rule does on insert. Block refuses always; Allow with the operation Alert refuses
    API creates without allowSave; Allow with Report alone lets them pass [documented]."""
    if content is None:
        return "alerts or blocks: not told which"
    told: dict[str, list[str]] = {}
    for child in ElementTree.fromstring(content):
        told.setdefault(child.tag.rpartition("}")[2], []).append((child.text or "").strip())
    if "Block" in told.get("actionOnInsert", []):
        return "blocks"
    return "alerts" if "Alert" in told.get("operationsOnInsert", []) else "reports"


def _held(object_: str, rows: Rows | None) -> list[Holding]:
    return [Holding(object_, row["owner"] or "", int(row["held"])) for row in rows or []]


def _roles(rows: Rows | None) -> dict[str, int] | None:
    if rows is None:
        return None
    return {row["PortalRole"] or "": int(row["held"]) for row in rows}


def _sets(rows: Rows | None) -> dict[str, PermissionSetFact] | None:
    if rows is None:
        return None
    return {
        str(row["Name"]).lower(): PermissionSetFact(
            row["Id"], (row.get("License") or {}).get("Name") or ""
        )
        for row in rows
    }


def _merged(object_: str, key: str, answers: Answers) -> list[Merged]:
    rows = answers.get(f"merged {object_}") or []
    return [Merged(object_, r["Id"], r[key], r["MasterRecordId"]) for r in rows]


def _undeclared(rows: Rows | None, key: str) -> tuple[Undeclared, ...]:
    found = []
    for row in rows or []:
        account = ((row["Contact"] or {}).get("Account") or {}).get(key) or ""
        found.append(Undeclared(row["Username"], account, bool(row["IsPortalSelfRegistered"])))
    return tuple(found)


def _tracked(rows: Rows | None) -> frozenset[str] | None:
    if not rows:
        return None
    return frozenset(r["QualifiedApiName"] for r in rows if r["IsFieldHistoryTracked"])


def _nicknames(session: Session, programme: Programme, estate: Estate) -> dict[str, str]:
    """Holders of the nicknames that are still to be given."""
    contacts = {c.key.lower(): c.id for c in estate.contacts.values() if c.key}
    wanted = [
        p.nickname
        for p in programme.people.values()
        if contacts.get(p.key_value.lower()) not in estate.partner_users
    ]
    rows = _listed(session, ("CommunityNickname", "Username"), "User", "CommunityNickname", wanted)
    return {str(row["CommunityNickname"]).lower(): row["Username"] for row in rows}


def _strangers(
    session: Session, programme: Programme, estate: Estate
) -> tuple[tuple[str, str, str], ...]:
    """Contacts of an address that somebody is about to get a contact with."""
    there = {c.key.lower() for c in estate.contacts.values() if c.key}
    wanted = [p.email for p in programme.people.values() if p.key_value.lower() not in there]
    key = programme.key_fields.contact
    fields = ("Id", "Email", "AccountId", *((key,) if estate.keys_visible else ()))
    return tuple(
        (str(row["Id"]), str(row["Email"]), str(row["AccountId"]))
        for row in _listed(session, fields, "Contact", "Email", wanted)
        if row["AccountId"] and not row.get(key)
    )


def _listed(
    session: Session, fields: tuple[str, ...], object_: str, name: str, values: Sequence[str]
) -> Rows:
    """Rows whose field is one of many values: some hundred a query, five queries a call."""
    asks = [
        Ask(str(number), Query(fields, object_, (condition,)).text())
        for number, condition in enumerate(split_in(name, values))
    ]
    return [row for rows in ask(session, asks).values() for row in rows or ()]
