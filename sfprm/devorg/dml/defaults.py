"""What a new record gets when the caller does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sfprm.devorg.dml.context import Batch

__all__ = ["developer_name", "fill_defaults", "require"]

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Lead": {"Status": "Open - Not Contacted", "IsUnreadByOwner": True},
    "Case": {"Status": "New", "Origin": None, "Priority": "Medium"},
    "Task": {"Status": "Not Started", "Priority": "Normal"},
    "User": {
        "IsActive": True,
        "DigestFrequency": "D",
        "DefaultGroupNotificationFrequency": "N",
        "ReceivesInfoEmails": True,
    },
    "UserRole": {
        "OpportunityAccessForAccountOwner": "Edit",
        "CaseAccessForAccountOwner": "Edit",
        "ContactAccessForAccountOwner": "Edit",
        "PortalType": "None",
    },
    "Group": {"Type": "Regular", "DoesIncludeBosses": True},
    "NetworkMemberGroup": {"AssignmentStatus": "WaitingForAdd"},
    "Campaign": {"IsActive": False, "Status": "Planned"},
    "CampaignMember": {"Status": "Sent"},
}
_NAMED = frozenset({"Group", "UserRole"})


def fill_defaults(batch: Batch) -> None:
    """Fill what was left out of an insert."""
    deployed = batch.org.setting("defaults", {}).get(batch.definition.name, {})
    defaults = {**_DEFAULTS.get(batch.definition.name, {}), **deployed}
    names = {field.name for field in batch.definition.fields if batch.org.has_field(field)}
    where_empty = [(name, value) for name, value in defaults.items() if name in names]
    absent = {"OwnerId": batch.context.user_id, "CurrencyIsoCode": "USD"}
    where_absent = [(name, value) for name, value in absent.items() if name in names]
    named = batch.definition.name in _NAMED
    for row in batch.living:
        for name, value in where_empty:
            if row.values.get(name) is None:
                row.values[name] = value
        for name, value in where_absent:
            row.values.setdefault(name, value)
        if named and not row.values.get("DeveloperName"):
            row.values["DeveloperName"] = developer_name(str(row.values.get("Name") or ""))


def developer_name(label: str) -> str:
    """A name for code out of a label: letters, digits and single underscores."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]+", "_", label)).strip("_")


def require(batch: Batch) -> None:
    """Refuse rows without a required field; all missing ones are named at once [R]."""
    required = [
        field.name
        for field in batch.definition.fields
        if not field.nillable
        and field.type != "boolean"
        and (field.createable if batch.operation == "insert" else field.updateable)
        and batch.org.has_field(field)
        and not (field.defaulted_on_create and batch.operation == "insert")
    ]
    inserted = batch.operation == "insert"
    for row in batch.living:
        values = row.values
        missing = [
            name for name in required if values.get(name) is None and (inserted or name in values)
        ]
        if missing == ["OwnerId"]:
            # The one field with words of its own [R]
            row.refuse("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", "OwnerId")
        elif missing:
            row.refuse(
                "REQUIRED_FIELD_MISSING",
                f"Required fields are missing: [{', '.join(missing)}]",
                *missing,
            )
