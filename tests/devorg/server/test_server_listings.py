"""What an org lists of its own making, over HTTP: flows, triggers, rules, rights."""

from __future__ import annotations

from typing import Any

import pytest

FLOW = {"object": "Lead", "name": "Round robin", "message": "no", "save": "after", "on": ["insert"]}
TRIGGER = {"object": "Contact", "name": "Touch", "message": "no", "event": "after"}
RULE = {"object": "Account", "name": "Needs a phone", "message": "Enter a phone", "field": "Phone"}
DOUBLE = {"object": "Account", "name": "Same", "fields": ["Name"], "action": "block"}


def test_what_is_set_is_listed(call: Any) -> None:
    """Each in its own object, and gone when it is cleared."""
    set_ = {"flows": [FLOW], "triggers": [TRIGGER], "validation_rules": [RULE]}
    call.org.control("POST", "behaviours", set_)
    call.org.control("POST", "duplicate-rules", [DOUBLE])
    flow = call.one(
        "SELECT ApiName, TriggerType, RecordTriggerType, TriggerObjectOrEvent.QualifiedApiName "
        "FROM FlowDefinitionView WHERE IsActive = true"
    )
    assert flow["ApiName"] == "Round_robin"
    assert (flow["TriggerType"], flow["RecordTriggerType"]) == ("RecordAfterSave", "Create")
    assert flow["TriggerObjectOrEvent"]["QualifiedApiName"] == "Lead"
    trigger = call.one("SELECT Name, TableEnumOrId, UsageAfterInsert, Status FROM ApexTrigger")
    assert trigger["UsageAfterInsert"] is True
    assert trigger["TableEnumOrId"] == "Contact"
    double = call.one("SELECT DeveloperName, SobjectType FROM DuplicateRule WHERE IsActive = true")
    assert double["SobjectType"] == "Account"
    call.org.control("DELETE", "behaviours")
    assert call.rows("SELECT Id FROM FlowDefinitionView") == []
    assert call.rows("SELECT Id FROM ApexTrigger") == []


def test_validation_rules_are_an_object_of_tooling_only(call: Any) -> None:
    """By the data API there is no such object."""
    call.org.control("POST", "behaviours", {"validation_rules": [RULE]})
    query = (
        "SELECT ValidationName, ErrorMessage, EntityDefinition.QualifiedApiName "
        "FROM ValidationRule WHERE Active = true"
    )
    [rule] = call("GET", "tooling/query", params={"q": query}).json()["records"]
    assert rule["ValidationName"] == "Needs_a_phone"
    assert rule["EntityDefinition"]["QualifiedApiName"] == "Account"
    refused = call("GET", "query", params={"q": query})
    assert refused.status_code == 400
    assert refused.json()[0]["errorCode"] == "INVALID_TYPE"
    call.org.control("DELETE", "behaviours")


@pytest.mark.parametrize(
    ("profile", "object_", "edit"),
    [("Alder Partner User", "Lead", True), ("Standard User", "Account", True)],
)
def test_rights_stand_on_the_profile_s_own_permission_set(
    call: Any, profile: str, object_: str, edit: bool
) -> None:
    """As in a real org: a permission set owned by the profile."""
    row = call.one(
        "SELECT PermissionsRead, PermissionsEdit, Parent.IsOwnedByProfile FROM ObjectPermissions "
        f"WHERE Parent.Profile.Name = '{profile}' AND SobjectType = '{object_}'"
    )
    assert row["PermissionsRead"] is True
    assert row["PermissionsEdit"] is edit
    assert row["Parent"]["IsOwnedByProfile"] is True


def test_tracked_fields_are_told(call: Any) -> None:
    """As the org's setting has them, at once."""
    query = (
        "SELECT QualifiedApiName FROM FieldDefinition WHERE IsFieldHistoryTracked = true "
        "AND EntityDefinition.QualifiedApiName = 'Lead'"
    )
    assert {r["QualifiedApiName"] for r in call.rows(query)} == {"OwnerId", "Status"}
    call.org.control("POST", "settings", {"tracked": {"Lead": ["Status"]}})
    assert {r["QualifiedApiName"] for r in call.rows(query)} == {"Status"}
