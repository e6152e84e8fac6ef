"""What the user may not do: read from the org, told with the step that needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfprm.salesforce.permissions import LABELS, Need, lacking, needs_in, user_permissions
from sfprm.salesforce.session import Session

SETS = Path(__file__).parents[2] / "config" / "metadata" / "permissionsets"
WHO = {"user_id": "005000000000001AAA", "preferred_username": "agent@example.com"}
ORG = {
    "Id": "00D000000000001EAA",
    "Name": "Alder Systems",
    "OrganizationType": "Developer Edition",
    "IsSandbox": False,
    "InstanceName": "EU1",
    "CreatedDate": "2019-03-04T08:00:00.000+0000",
}
NEEDS = (
    Need("ApiEnabled", "every command", "sfprm_run"),
    Need("ManageUsers", "apply: queues", "sfprm_run"),
    Need("ManagePartners", "apply: partner users", "sfprm_run"),
)


def described(object_: str, *permissions: str) -> dict[str, Any]:
    fields = [{"name": f"Permissions{p}", "type": "boolean"} for p in permissions]
    return {"name": object_, "fields": fields}


def rows(*found: dict[str, Any]) -> dict[str, Any]:
    return {"totalSize": len(found), "done": True, "records": list(found)}


def answer_queries(org: Any, by_object: dict[str, dict[str, Any]]) -> None:
    """Each query is answered by the object after FROM."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        object_ = request.params["q"].partition(" FROM ")[2].split(" ")[0]
        return 200, {}, json.dumps(by_object[object_])

    place = f"{org.host}/services/data/v66.0/query"
    org.wire.add_callback("GET", place, answer, content_type="application/json")
    org.on("GET", "/services/oauth2/userinfo", json=WHO)


ABSENT = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


def test_effective_permissions_come_from_one_row(org: Any, session: Session) -> None:
    """Not granted, and not known to the org, are told apart."""
    path = "sobjects/UserPermissionAccess/describe"
    org.on("GET", path, json=described("UserPermissionAccess", "ApiEnabled", "ManageUsers"))
    row = {"PermissionsApiEnabled": True, "PermissionsManageUsers": False}
    answer_queries(org, {"Organization": rows(ORG), "UserPermissionAccess": rows(row)})
    assert [(lack.need.name, lack.why) for lack in lacking(session, NEEDS)] == [
        ("ManageUsers", "not granted"),
        ("ManagePartners", "unknown"),
    ]


def test_without_it_profile_and_permission_sets_are_put_together(
    org: Any, session: Session
) -> None:
    """Either of them grants."""
    org.on("GET", "sobjects/UserPermissionAccess/describe", status=404, json=ABSENT)
    for object_ in ("Profile", "PermissionSet"):
        told = described(object_, "ApiEnabled", "ManageUsers", "ManagePartners")
        org.on("GET", f"sobjects/{object_}/describe", json=told)
    none = dict.fromkeys(
        ["PermissionsApiEnabled", "PermissionsManageUsers", "PermissionsManagePartners"], False
    )
    answer_queries(
        org,
        {
            "Organization": rows(ORG),
            "Profile": rows({**none, "PermissionsApiEnabled": True}),
            "PermissionSet": rows(none, {**none, "PermissionsManageUsers": True}),
        },
    )
    assert user_permissions(session, ["ApiEnabled", "ManageUsers", "ManagePartners"]) == {
        "ApiEnabled": True,
        "ManageUsers": True,
        "ManagePartners": False,
    }
    asked = [r.params["q"] for r in org.asked("/query") if "FROM Profile" in r.params["q"]]
    assert "SELECT ProfileId FROM User WHERE Id = '005000000000001AAA'" in asked[0]


@pytest.mark.parametrize("name", ["sfprm_run", "sfprm_setup"])
def test_each_shipped_permission_names_its_step(name: str) -> None:
    """The comment above it, and a label for people."""
    needs = needs_in((SETS / f"{name}.permissionset").read_text(), name)
    assert needs
    assert all(need.step for need in needs)
    assert {need.name for need in needs if not need.object_} <= set(LABELS)


def test_view_all_and_modify_all_are_needs_of_their_own() -> None:
    """On each object that private sharing may hide."""
    needs = needs_in((SETS / "sfprm_run.permissionset").read_text(), "sfprm_run")
    assert [(need.label, need.key) for need in needs if need.object_ == "Lead"] == [
        ("View All on Lead", "Lead.ViewAllRecords"),
        ("Modify All on Lead", "Lead.ModifyAllRecords"),
    ]
    assert {need.object_ for need in needs} == {"", "Account", "Contact", "Lead"}


ON_LEAD = (
    Need("ViewAllRecords", "route", "sfprm_run", "Lead"),
    Need("ModifyAllRecords", "route", "sfprm_run", "Lead"),
)
VIEWS = {
    "SobjectType": "Lead",
    "PermissionsViewAllRecords": True,
    "PermissionsModifyAllRecords": False,
}


@pytest.mark.parametrize(
    ("over_all", "told", "lacks"),
    [
        ((False, False), [VIEWS], [("Lead.ModifyAllRecords", "not granted")]),
        (
            (False, False),
            [],
            [("Lead.ViewAllRecords", "not granted"), ("Lead.ModifyAllRecords", "not granted")],
        ),
        ((True, False), [], [("Lead.ModifyAllRecords", "not granted")]),
        ((False, True), None, []),
        (
            (False, False),
            None,
            [("Lead.ViewAllRecords", "unreadable"), ("Lead.ModifyAllRecords", "unreadable")],
        ),
    ],
)
def test_rights_over_all_records_of_an_object(
    org: Any,
    session: Session,
    over_all: tuple[bool, bool],
    told: list[dict[str, Any]] | None,
    lacks: list[tuple[str, str]],
) -> None:
    """By the rows of what is assigned, or by View All Data and Modify All Data; `told` None: the
    org has no ObjectPermissions."""
    names = ("ViewAllData", "ModifyAllData")
    path = "sobjects/UserPermissionAccess/describe"
    org.on("GET", path, json=described("UserPermissionAccess", *names))
    path = "sobjects/ObjectPermissions/describe"
    if told is None:
        org.on("GET", path, status=404, json=ABSENT)
    else:
        org.on("GET", path, json=described("ObjectPermissions"))
    held = {f"Permissions{name}": has for name, has in zip(names, over_all, strict=True)}
    answers = {"Organization": rows(ORG), "UserPermissionAccess": rows(held)}
    answer_queries(org, answers | {"ObjectPermissions": rows(*(told or ()))})
    assert [(lack.need.key, lack.why) for lack in lacking(session, ON_LEAD)] == lacks


def test_a_permission_taken_away_is_no_need() -> None:
    """Only enabled ones count; a far comment is not taken for a step."""
    text = """<!-- a heading --><label>x</label>
    <userPermissions><enabled>false</enabled><name>ViewSetup</name></userPermissions>
    <!-- check:
         reads -->
    <userPermissions><enabled>true</enabled><name>ViewRoles</name></userPermissions>"""
    assert needs_in(text, "s") == (Need("ViewRoles", "check: reads", "s"),)


def test_the_embedded_orgs_administrator_lacks_one(devorg: Any, tmp_path: Path) -> None:
    """Moving records away from inactive users is no administrator's by default."""
    from sfprm.clock import SystemClock
    from sfprm.salesforce.session import open_session
    from sfprm.settings import load_settings

    needs = needs_in((SETS / "sfprm_run.permissionset").read_text(), "sfprm_run")
    with open_session(load_settings(devorg.env(tmp_path)), SystemClock()) as live:
        lacks = [lack.need.name for lack in lacking(live, needs) if lack.why == "not granted"]
    assert lacks == ["UpdateWithInactiveOwner"]
