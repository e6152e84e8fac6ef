"""Creating, updating, upserting, one record and many."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.errors import OrgRefused
from sfprm.recording.plugin import Scenario
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.changes import Change, write_changes
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, create, delete, update
from sfprm.salesforce.session import Session
from sfprm.salesforce.write import write

LEAD = {"LastName": "Sfprm Contract", "Company": "Sfprm Contract Company"}
FICTIONAL = tuple(LEAD.values())


@pytest.mark.salesforce_recording("create-update-delete", fictional=FICTIONAL)
def test_create_update_delete(call: Any) -> None:
    """201 with the id, 204 without a body twice, then 404 ENTITY_IS_DELETED."""
    made = call("POST", "sobjects/Lead", LEAD, headers={"Sforce-Auto-Assign": "FALSE"})
    assert made.status_code == 201
    assert made.json()["success"] is True
    path = f"sobjects/Lead/{made.json()['id']}"
    changed = call("PATCH", path, {"Rating": "Hot"}, headers={"Sforce-Auto-Assign": "FALSE"})
    assert (changed.status_code, changed.content) == (204, b"")
    gone = call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    again = call("DELETE", path)
    assert (again.status_code, again.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


@pytest.mark.salesforce_recording(
    "upsert", story="partners-ready", fictional=("sfprm-contract", "Sfprm Contract Account")
)
def test_upsert_creates_then_updates(call: Any) -> None:
    """By external id: 201 with created true, then 200 with created false and the same id."""
    path = "sobjects/Account/Partner_Key__c/sfprm-contract"
    first = call("PATCH", path, {"Name": "Sfprm Contract Account"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = call("PATCH", path, {"Type": "Prospect"})
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert second.json()["id"] == first.json()["id"]
    assert call("DELETE", f"sobjects/Account/{first.json()['id']}").status_code == 204


@pytest.mark.salesforce_recording("collections-mixed", fictional=FICTIONAL)
def test_one_bad_row_does_not_hold_back_the_others(session: Session) -> None:
    """Outcomes in order; the refused row names its code and field; the good ones are written."""
    rows = [LEAD, {"LastName": LEAD["LastName"]}, LEAD]
    made = create(session, "Lead", rows, headers=AUTO_ASSIGN_OFF)
    assert [one.success for one in made] == [True, False, True]
    assert made[1].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert made[1].errors[0].fields == ("Company",)
    ids = [one.id for one in made if one.id is not None]
    changed = update(session, "Lead", [{"Id": one, "Rating": "Cold"} for one in ids])
    assert all(one.success for one in changed)
    assert all(one.success for one in delete(session, ids))


MAIL = ("ops@example.com", "Sfprm contract", "A line of the contract suite.")


@pytest.mark.salesforce_recording("mail-action", fictional=MAIL)
def test_a_mail_is_handed_over(session: Session) -> None:
    """emailSimple answers success; more cannot be known."""
    send_email(session, [MAIL[0]], MAIL[1], MAIL[2])
    assert session.calls.by_kind["login"] == 1


@pytest.mark.salesforce_recording("queue-members")
def test_queue_members(call: Any, scenario: Scenario) -> None:
    """A person joins a queue, is found there, cannot be there twice, and leaves."""
    queue = scenario.fact(
        "queue",
        lambda: call.first(
            "SELECT Id FROM Group WHERE Type = 'Queue' AND Id IN "
            "(SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Lead') ORDER BY Id LIMIT 1"
        ),
    )
    person = scenario.fact(
        "person",
        lambda: call.first(
            "SELECT Id FROM User WHERE IsActive = true AND UserType = 'Standard' AND Id NOT IN "
            "(SELECT UserOrGroupId FROM GroupMember) ORDER BY Id LIMIT 1"
        ),
    )
    made = call("POST", "sobjects/GroupMember", {"GroupId": queue, "UserOrGroupId": person})
    assert made.status_code == 201, made.text
    found = call.rows(f"SELECT Id, UserOrGroupId FROM GroupMember WHERE GroupId = '{queue}'")
    assert person in {row["UserOrGroupId"] for row in found}
    gone = call("DELETE", f"sobjects/GroupMember/{made.json()['id']}")
    assert gone.status_code == 204


@pytest.mark.salesforce_recording("mail-refused", fictional=(*MAIL, "nobody"))
def test_a_mail_is_refused(session: Session) -> None:
    """An address that is none, no body."""
    for to, body in (("nobody", MAIL[2]), (MAIL[0], "")):
        with pytest.raises(OrgRefused) as raised:
            send_email(session, [to], MAIL[1], body)
        assert raised.value.code


@pytest.mark.salesforce_recording("composite-collections", fictional=FICTIONAL)
def test_a_composite_call_of_collections(session: Session) -> None:
    """Updates and deletions of the same leads, in their order, in one call."""
    made = write(session, "Lead", [LEAD] * 3, operation="insert")
    ids = [str(one.id) for one in made if one.success]
    assert len(ids) == 3
    changes = [
        *(Change("Lead", "update", {"Id": one, "Rating": "Hot"}) for one in ids),
        *(Change("Lead", "delete", {"Id": one}) for one in ids),
    ]
    mark = session.calls.snapshot()
    assert [one.success for one in write_changes(session, changes)] == [True] * 6
    assert session.calls.since(mark).by_kind == {"composite": 1}
