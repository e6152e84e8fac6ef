"""Rows of what surrounds the estate into facts: the border where Salesforce's JSON ends."""

from __future__ import annotations

from typing import Any

from sfprm.provisioning.checks.facts import (
    Holding,
    Merged,
    PartnerProfile,
    PermissionSetFact,
    RecordTypeFact,
    Undeclared,
)
from sfprm.provisioning.checks.questions import RIGHTS

__all__ = [
    "Answers",
    "Rows",
    "held",
    "merged",
    "profiles",
    "record_types",
    "roles",
    "sets",
    "tracked",
    "undeclared",
]

Rows = list[dict[str, Any]]
Answers = dict[str, Rows | None]


def profiles(answers: Answers) -> tuple[PartnerProfile, ...] | None:
    """Partner profiles with seats, active users and rights."""
    rows = answers["profiles"]
    if rows is None:
        return None
    active = {r["ProfileId"]: int(r["held"]) for r in answers["users"] or []}
    rights: dict[str, dict[str, frozenset[str]]] = {}
    for row in answers["rights"] or []:
        granted = frozenset(right for right in RIGHTS if row[f"Permissions{right}"])
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


def held(object_: str, rows: Rows | None) -> list[Holding]:
    """Who owns much."""
    return [Holding(object_, row["owner"] or "", int(row["held"])) for row in rows or []]


def roles(rows: Rows | None) -> dict[str, int] | None:
    """Partner roles by level."""
    if rows is None:
        return None
    return {row["PortalRole"] or "": int(row["held"]) for row in rows}


def record_types(rows: Rows | None) -> tuple[RecordTypeFact, ...]:
    """Of every object."""
    return tuple(
        RecordTypeFact(r["SobjectType"], r["DeveloperName"], bool(r["IsActive"]))
        for r in rows or []
    )


def sets(rows: Rows | None) -> dict[str, PermissionSetFact] | None:
    """Permission sets by API name in lower case."""
    if rows is None:
        return None
    return {
        str(row["Name"]).lower(): PermissionSetFact(
            row["Id"], (row.get("License") or {}).get("Name") or ""
        )
        for row in rows
    }


def merged(object_: str, key: str, answers: Answers) -> list[Merged]:
    """Records of ours that were merged away."""
    rows = answers.get(f"merged {object_}") or []
    return [Merged(object_, r["Id"], r[key], r["MasterRecordId"]) for r in rows]


def undeclared(rows: Rows | None, key: str) -> tuple[Undeclared, ...]:
    """Partner users whose contact has no key."""
    found = []
    for row in rows or []:
        account = ((row["Contact"] or {}).get("Account") or {}).get(key) or ""
        found.append(Undeclared(row["Username"], account, bool(row["IsPortalSelfRegistered"])))
    return tuple(found)


def tracked(rows: Rows | None) -> dict[str, bool]:
    """Fields, and whether their history is kept."""
    return {r["QualifiedApiName"]: bool(r["IsFieldHistoryTracked"]) for r in rows or []}
