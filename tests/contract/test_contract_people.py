"""What sfprm does with partner users who are there: freeze, reset, deactivate, and the refusals."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.collections import update
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, eq

NOBODY = "005000000000999"
CODES = tuple[int, str]


def told(answer: Any) -> CODES:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()[0]["errorCode"]


@pytest.mark.salesforce_recording("user-freeze", story="partners-ready")
def test_a_user_is_frozen_by_their_login_row(session: Session, scenario: Scenario) -> None:
    """Frozen, which User does not show, and free again; a login row that is none is refused."""
    user = scenario.user(1)
    query = Query(("Id", "UserId", "IsFrozen"), "UserLogin", (eq("UserId", user),))
    [row] = select_all(session, query)
    assert (row["UserId"], row["IsFrozen"]) == (user, False)
    for frozen in (True, False):
        changes = [
            {"Id": row["Id"], "IsFrozen": frozen},
            {"Id": "0Yw000000000999", "IsFrozen": frozen},
        ]
        good, bad = update(session, "UserLogin", changes)
        assert good.success
        assert not bad.success
        assert select_all(session, query)[0]["IsFrozen"] is frozen


@pytest.mark.salesforce_recording("password-reset", story="partners-ready")
def test_a_password_is_reset_by_mail(call: Any, scenario: Scenario) -> None:
    """200 with a body that is dropped unread; one who is not there is 404."""
    user = scenario.user(2)
    expired = call("GET", f"sobjects/User/{user}/password")
    assert (expired.status_code, set(expired.json())) == (200, {"isExpired"})
    assert call("DELETE", f"sobjects/User/{user}/password").status_code == 200
    assert told(call("DELETE", f"sobjects/User/{NOBODY}/password"))[0] == 404


@pytest.mark.salesforce_recording("user-deactivate", story="partners-ready")
def test_a_user_is_deactivated_and_comes_back(call: Any, scenario: Scenario) -> None:
    """Never deleted; while inactive, no password is reset; the same user again afterwards."""
    user = scenario.user(3)
    path = f"sobjects/User/{user}"
    assert call("PATCH", path, {"IsActive": False}).status_code == 204
    refused = [call("DELETE", f"{path}/password"), call("DELETE", path)]
    assert [one.status_code >= 400 for one in refused] == [True] * 2
    assert call.rows(f"SELECT IsActive FROM User WHERE Id = '{user}'")[0]["IsActive"] is False
    assert call("PATCH", path, {"IsActive": True}).status_code == 204
    assert call.rows(f"SELECT IsActive FROM User WHERE Id = '{user}'")[0]["IsActive"] is True


@pytest.mark.salesforce_recording(
    "user-refusals", story="partners-ready", fictional=("no address",)
)
def test_what_a_user_may_not_become(call: Any, scenario: Scenario) -> None:
    """A username that is taken, one that is no address, another contact."""
    user, other = scenario.user(1), scenario.user(2)
    people = "SELECT Username FROM User WHERE UserType = 'Standard' ORDER BY Id LIMIT 1"
    taken = scenario.fact("taken", lambda: str(call.rows(people)[0]["Username"]))
    path = f"sobjects/User/{user}"
    contact = call.rows(f"SELECT ContactId FROM User WHERE Id = '{other}'")[0]["ContactId"]
    refused = [
        told(call("PATCH", path, {"Username": taken})),
        told(call("PATCH", path, {"Username": "no address"})),
        told(call("PATCH", path, {"ContactId": contact})),
        told(call("PATCH", f"sobjects/User/{NOBODY}", {"IsActive": False})),
    ]
    assert [status >= 400 for status, _ in refused] == [True] * 4
    assert refused[0] == (400, "DUPLICATE_USERNAME")


@pytest.mark.salesforce_recording("group-member-delete", story="partners-ready")
def test_a_member_leaves_a_queue_once(call: Any, scenario: Scenario) -> None:
    """Gone with the first deletion, refused at the second; who is in already cannot join again."""
    queue = scenario.fact(
        "queue",
        lambda: call.first("SELECT Id FROM Group WHERE Type = 'Queue' ORDER BY Id LIMIT 1"),
    )
    member = {"GroupId": queue, "UserOrGroupId": scenario.user(1)}
    made = call("POST", "sobjects/GroupMember", member)
    assert made.status_code == 201, made.text
    twice = call("POST", "sobjects/GroupMember", member)
    mark = "(already a member)" if twice.status_code == 201 else told(twice)[1]
    assert mark in ("DUPLICATE_VALUE", "(already a member)")
    path = f"sobjects/GroupMember/{made.json()['id']}"
    assert call("DELETE", path).status_code == 204
    assert told(call("DELETE", path))[0] == 404
    missing = {"GroupId": "00G000000000999", "UserOrGroupId": member["UserOrGroupId"]}
    assert call("POST", "sobjects/GroupMember", missing).status_code == 400


@pytest.mark.salesforce_recording(
    "setup-objects-mixed", story="partners-ready", fictional=("Sfprm Contract Account",)
)
def test_setup_objects_share_no_request_with_others(call: Any, scenario: Scenario) -> None:
    """An account and a member in one call: MIXED_DML_OPERATION for what comes second."""
    member = {"GroupId": "00G000000000999", "UserOrGroupId": scenario.user(1)}
    records = [
        {"attributes": {"type": "Account"}, "Name": "Sfprm Contract Account"},
        {"attributes": {"type": "GroupMember"}, **member},
    ]
    answer = call("POST", "composite/sobjects", {"allOrNone": False, "records": records})
    account, refused = answer.json()
    assert refused["errors"][0]["statusCode"] == "MIXED_DML_OPERATION"
    if account["success"]:
        assert call("DELETE", f"sobjects/Account/{account['id']}").status_code == 204
