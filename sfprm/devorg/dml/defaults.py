"""What a new record gets when the caller does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sfprm.devorg.dml.context import Batch, Row

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
    names = {field.name: field for field in batch.definition.fields if batch.org.has_field(field)}
    owned = "OwnerId" in names
    for row in batch.living:
        for name, value in defaults.items():
            if name in names and row.values.get(name) is None:
                row.values[name] = value
        if owned and "OwnerId" not in row.values:
            row.values["OwnerId"] = batch.context.user_id
        if "CurrencyIsoCode" in names:
            row.values.setdefault("CurrencyIsoCode", "USD")
        if batch.definition.name in _NAMED and not row.values.get("DeveloperName"):
            row.values["DeveloperName"] = developer_name(str(row.values.get("Name") or ""))


def developer_name(label: str) -> str:
    """A name for code out of a label: letters, digits and single underscores."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]+", "_", label)).strip("_")


def require(batch: Batch) -> None:
    """Refuse rows without a required field; all missing ones are named at once [R]."""
    required = [
        field
        for field in batch.definition.fields
        if not field.nillable
        and field.type != "boolean"
        and (field.createable if batch.operation == "insert" else field.updateable)
        and batch.org.has_field(field)
        and not (field.defaulted_on_create and batch.operation == "insert")
    ]
    for row in batch.living:
        missing = [field.name for field in required if _missing(batch, row, field.name)]
        if missing == ["OwnerId"]:
            # The one field with words of its own [R]
            row.refuse("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", "OwnerId")
        elif missing:
            row.refuse(
                "REQUIRED_FIELD_MISSING",
                f"Required fields are missing: [{', '.join(missing)}]",
                *missing,
            )


def _missing(batch: Batch, row: Row, name: str) -> bool:
    if batch.operation == "insert":
        return row.values.get(name) is None
    return name in row.values and row.values[name] is None
