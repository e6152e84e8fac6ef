"""Rows of flows, triggers and rules into `Automation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from defusedxml import ElementTree

from sfprm.provisioning.checks.facts import Automation
from sfprm.provisioning.checks.questions import WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["duplicates", "flows", "triggers", "validation"]

Rows = list[dict[str, Any]]


def flows(rows: Rows) -> list[Automation]:
    """Active record-triggered flows on what we write."""
    found = []
    for row in rows:
        object_ = (row["TriggerObjectOrEvent"] or {}).get("QualifiedApiName") or ""
        if object_ in WRITTEN:
            before = row["TriggerType"] == "RecordBeforeSave"
            when = f"runs {'before' if before else 'after'} the save"
            found.append(Automation("flow", object_, row["Label"] or row["ApiName"], when))
    return found


def triggers(rows: Rows) -> list[Automation]:
    """Active Apex triggers that run when we write."""
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


def validation(rows: Rows) -> list[Automation]:
    """Active validation rules with their own words."""
    return [
        Automation(
            "validation rule",
            (row["EntityDefinition"] or {}).get("QualifiedApiName") or "",
            row["ValidationName"],
            message=row["ErrorMessage"] or "",
        )
        for row in rows
    ]


def duplicates(
    rows: Rows, files_of: Callable[[Sequence[str]], Mapping[str, bytes] | None]
) -> list[Automation]:
    """Active duplicate rules; what they do is in their metadata alone."""
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
