"""What an org lists of its own making, over HTTP: flows, triggers, rules, rights."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
import requests

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


def test_deployments_are_listed_while_they_run_and_after(call: Any) -> None:
    """By the Tooling API, with who started them; nobody polls this one."""
    call.org.control("POST", "delays", {"deployment_seconds": 60})
    files = {
        "package.xml": '<Package xmlns="http://soap.sforce.com/2006/04/metadata">'
        "<types><members>Communities</members><name>Settings</name></types>"
        "<version>60.0</version></Package>",
        "settings/Communities.settings": "<CommunitiesSettings "
        'xmlns="http://soap.sforce.com/2006/04/metadata"/>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    parts: Any = {
        "json": (None, json.dumps({"deployOptions": {"checkOnly": True}}), "application/json"),
        "file": ("deploy.zip", packed.getvalue(), "application/zip"),
    }
    url = f"{call.org.http}/services/data/v60.0/metadata/deployRequest"
    head = {"Authorization": call.session.headers["Authorization"]}
    started = requests.post(url, files=parts, headers=head, timeout=30)
    assert started.status_code == 201, started.text
    query = "SELECT Id, Status, CheckOnly, CreatedBy.Username, CompletedDate FROM DeployRequest"
    running = {"q": f"{query} WHERE Status IN ('Pending', 'InProgress')"}
    [row] = call("GET", "tooling/query", params=running).json()["records"]
    assert (row["Id"], row["Status"]) == (started.json()["id"], "Pending")
    assert (row["CheckOnly"], row["CompletedDate"]) == (True, None)
    assert row["CreatedBy"]["Username"] == call.org.username
    call.org.control("POST", "clock", {"advance": 61})
    assert call("GET", "tooling/query", params=running).json()["records"] == []
    [row] = call("GET", "tooling/query", params={"q": query}).json()["records"]
    assert row["Status"] == "Succeeded"
    assert row["CompletedDate"] is not None
    call.org.control("POST", "delays", {"deployment_seconds": 3})


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
