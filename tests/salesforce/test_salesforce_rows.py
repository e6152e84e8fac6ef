"""Reading and writing rows at the HTTP line: pages, chunks, outcomes, locks, descriptions, mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfprm.clock import FakeClock
from sfprm.errors import (
    BadRequest,
    Bug,
    OrgRefused,
    OrgUnreachable,
    OutcomeUnknown,
    PermissionMissing,
)
from sfprm.ids import RecordId
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, create, delete, update, upsert
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import Row, count, select, select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query

if TYPE_CHECKING:
    from collections.abc import Generator

LOCK = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain", "fields": []}
GROUP_LOCK = {
    "statusCode": "UNKNOWN_EXCEPTION",
    "message": "group membership operation already in progress",
    "fields": [],
}
MISSING = {
    "statusCode": "REQUIRED_FIELD_MISSING",
    "message": "Required fields are missing: [Company]",
    "fields": ["Company"],
}


def ok(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"00Q{number:012d}", "success": True, "errors": [], **more}


def refused(error: dict[str, Any]) -> dict[str, Any]:
    return {"success": False, "errors": [error]}


def records_of(request: Any) -> list[dict[str, Any]]:
    """The records that a Collections request carried."""
    body: dict[str, Any] = json.loads(request.body)
    records: list[dict[str, Any]] = body["records"]
    return records


def answering_all(org: Any, method: str, path: str) -> None:
    """Every record of every chunk succeeds, with an id of its own number `N`."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps([ok(record["N"]) for record in records_of(request)])

    org.wire.add_callback(
        method,
        f"{org.host}/services/data/v66.0/{path}",
        answer,
        content_type="application/json",
    )


# reading


def page(names: list[str], done: bool = True, after: str = "") -> dict[str, Any]:
    found = {
        "totalSize": 9,
        "done": done,
        "records": [
            {"attributes": {"type": "Lead", "url": "/x"}, "Name": name, "Owner": None}
            for name in names
        ],
    }
    return found if done else {**found, "nextRecordsUrl": f"/services/data/v66.0/query/{after}"}


def test_pages_are_fetched_as_they_are_asked_for(org: Any, session: Session) -> None:
    """The second page is not asked for before its first row is."""
    org.on("GET", "query", json=page(["a", "b"], False, "01g-2000"))
    org.on("GET", "query/01g-2000", json=page(["c"]))
    rows = select(session, Query(("Name",), "Lead"))
    assert not org.asked("query")
    assert [next(rows)["Name"], next(rows)["Name"]] == ["a", "b"]
    assert len(org.asked("query")) == 1
    assert [row["Name"] for row in rows] == ["c"]


@pytest.mark.parametrize(("ahead", "asked"), [(9, 1), (3, 1), (2, 0), (0, 0)])
def test_the_next_page_is_asked_for_ahead(
    org: Any, session: Session, ahead: int, asked: int
) -> None:
    """Once the first row of a page is taken, unless as many as are wanted have come."""
    org.on("GET", "query", json=page(["a", "b"], False, "01g-2000"))
    org.on("GET", "query/01g-2000", json=page(["c"]))
    rows = cast("Generator[Row]", select(session, Query(("Name",), "Lead"), ahead=ahead))
    assert next(rows)["Name"] == "a"
    rows.close()  # waits for what is under way
    assert len(org.asked("query/01g-2000")) == asked


def test_pages_asked_for_ahead_come_in_order_and_fail_in_turn(org: Any, session: Session) -> None:
    """What went wrong with a page is told when its rows are wanted, not before."""
    org.on("GET", "query", json=page(["a", "b"], False, "01g-2"))
    org.on("GET", "query/01g-2", json=page(["c", "d"], False, "01g-4"))
    refusal = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    org.on("GET", "query/01g-4", status=400, json=refusal)
    rows = select(session, Query(("Name",), "Lead"), ahead=9)
    assert [next(rows)["Name"] for _ in range(4)] == ["a", "b", "c", "d"]
    with pytest.raises(OrgRefused, match="invalid query locator"):
        next(rows)


def test_the_question_is_sent_whole(org: Any, session: Session) -> None:
    """Plus signs, quotes and ampersands of a value reach the org as they are."""
    org.on("GET", "query", json=page([]))
    select_all(session, "SELECT Id FROM Lead WHERE Name = 'a+b & c%'")
    asked = org.asked("query")[0]
    assert parse_qs(urlsplit(asked.url).query)["q"] == [
        "SELECT Id FROM Lead WHERE Name = 'a+b & c%'"
    ]
    assert asked.headers["Sforce-Query-Options"] == "batchSize=2000"


def test_deleted_rows_are_read_by_query_all(org: Any, session: Session) -> None:
    """The recycle bin has an address of its own."""
    org.on("GET", "queryAll", json=page(["gone"]))
    assert select_all(session, "SELECT Id FROM Lead", include_deleted=True)[0]["Name"] == "gone"


def test_rows_lose_their_attributes_and_keep_their_nests(org: Any, session: Session) -> None:
    """A parent is a row or None, a child query a list (its further pages read), an address a
    mapping."""
    record = {
        "attributes": {"type": "Account"},
        "Name": "Acme",
        "Parent": None,
        "Owner": {"attributes": {"type": "User"}, "Name": "Marta"},
        "BillingAddress": {"city": "Porto", "country": "PT"},
        "Contacts": {
            "totalSize": 2,
            "done": False,
            "nextRecordsUrl": "/services/data/v66.0/query/01g-1",
            "records": [{"attributes": {"type": "Contact"}, "LastName": "Reis"}],
        },
    }
    org.on("GET", "query", json={"totalSize": 1, "done": True, "records": [record]})
    org.on("GET", "query/01g-1", json={"done": True, "records": [{"LastName": "Moura"}]})
    assert select_all(session, "SELECT …") == [
        {
            "Name": "Acme",
            "Parent": None,
            "Owner": {"Name": "Marta"},
            "BillingAddress": {"city": "Porto", "country": "PT"},
            "Contacts": [{"LastName": "Reis"}, {"LastName": "Moura"}],
        }
    ]


def test_a_count_reads_no_rows(org: Any, session: Session) -> None:
    """COUNT() replaces the selection; order does not matter to it."""
    org.on("GET", "query", json={"totalSize": 41, "done": True, "records": []})
    assert count(session, Query(("Id",), "Lead", ("Rating = 'Hot'",), ("Id",))) == 41
    sent = parse_qs(urlsplit(org.asked("query")[0].url).query)["q"]
    assert sent == ["SELECT COUNT() FROM Lead WHERE Rating = 'Hot'"]


def test_a_count_of_something_else_is_ours(session: Session) -> None:
    """A text that reads rows is not a count."""
    with pytest.raises(Bug):
        count(session, "SELECT Id FROM Lead")


def test_an_answer_without_rows_is_not_salesforces(org: Any, session: Session) -> None:
    """An empty object is no page."""
    org.on("GET", "query", json={"hello": "world"})
    with pytest.raises(OrgUnreachable):
        select_all(session, "SELECT Id FROM Lead")


# writing


def test_each_row_has_its_own_outcome(org: Any, session: Session) -> None:
    """One refused, the others in; order and index as given; the refusal has a hint."""
    org.on("POST", "composite/sobjects", json=[ok(1), refused(MISSING), ok(3)])
    first, second, third = create(session, "Lead", [{"N": 1}, {"N": 2}, {"N": 3}])
    assert (first.success, first.created, first.id) == (True, True, RecordId("00Q000000000001"))
    assert (second.success, second.id, second.index) == (False, None, 1)
    assert second.error is not None
    assert second.error.code == "REQUIRED_FIELD_MISSING"
    assert second.error.hint
    assert "Company" in second.error.message
    assert third.error is None


def test_rows_are_sent_as_collections_want_them(org: Any, session: Session) -> None:
    """Type first, `Id` in lower case, never all-or-none, the caller's headers."""
    org.on("PATCH", "composite/sobjects", json=[ok(1)])
    update(session, "Lead", [{"Id": "00Q000000000001AAA", "Rating": None}], headers=AUTO_ASSIGN_OFF)
    sent = org.asked("composite")[0]
    assert json.loads(sent.body) == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Lead"}, "id": "00Q000000000001AAA", "Rating": None},
        ],
    }
    assert sent.headers["Sforce-Auto-Assign"] == "FALSE"


def test_an_upsert_tells_created_from_updated(org: Any, session: Session) -> None:
    """By the org's own flag."""
    org.on(
        "PATCH",
        "composite/sobjects/Account/Partner_Key__c",
        json=[ok(1, created=True), ok(2, created=False)],
    )
    outcomes = upsert(session, "Account", "Partner_Key__c", [{"N": 1}, {"N": 2}])
    assert [outcome.created for outcome in outcomes] == [True, False]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.integers(0, 650), chunk=st.integers(1, 200))
def test_chunks_lose_and_double_nothing(org: Any, session: Session, rows: int, chunk: int) -> None:
    """Each row once, in order, in the least number of calls."""
    org.wire.calls.reset()
    answering_all(org, "POST", "composite/sobjects")
    outcomes = create(session, "Lead", [{"N": n} for n in range(rows)], chunk=chunk)
    calls = org.asked("composite")
    assert [r["N"] for call in calls for r in records_of(call)] == list(range(rows))
    assert [outcome.index for outcome in outcomes] == list(range(rows))
    assert len(calls) == -(-rows // chunk)


@pytest.mark.parametrize("chunk", [0, 201])
def test_a_chunk_has_limits(session: Session, chunk: int) -> None:
    """More than 200 would be refused whole."""
    with pytest.raises(BadRequest, match="1 to 200"):
        create(session, "Lead", [{}], chunk=chunk)


@pytest.mark.parametrize("lock", [LOCK, GROUP_LOCK])
def test_only_locked_rows_are_sent_again(
    org: Any, session: Session, clock: FakeClock, lock: dict[str, Any]
) -> None:
    """Two repeats with growing waits; the row that was refused for good is not sent again."""
    org.on("POST", "composite/sobjects", json=[ok(0), refused(lock), refused(MISSING)])
    org.on("POST", "composite/sobjects", json=[refused(lock)])
    org.on("POST", "composite/sobjects", json=[ok(1)])
    outcomes = create(session, "User", [{"N": 0}, {"N": 1}, {"N": 2}])
    assert [outcome.success for outcome in outcomes] == [True, True, False]
    assert [[r["N"] for r in records_of(call)] for call in org.asked("composite")] == [
        [0, 1, 2],
        [1],
        [1],
    ]
    assert clock.slept == [1.0, 2.0]


def test_a_lock_that_stays_is_told(org: Any, session: Session, clock: FakeClock) -> None:
    """After five repeats the row fails with the lock's own words."""
    org.on("POST", "composite/sobjects", json=[refused(LOCK)])
    (outcome,) = create(session, "Lead", [{}])
    assert outcome.errors[0].code == "UNABLE_TO_LOCK_ROW"
    assert len(clock.slept) == 5


def test_an_update_is_repeated_after_a_503(org: Any, session: Session) -> None:
    """Values are absolute: twice leaves the org as once."""
    org.on("PATCH", "composite/sobjects", status=503, json=[])
    org.on("PATCH", "composite/sobjects", json=[ok(1)])
    assert update(session, "Lead", [{"Id": "00Q000000000001AAA"}])[0].success


def test_a_create_is_not_repeated_after_a_503(org: Any, session: Session) -> None:
    """It may have happened."""
    org.on("POST", "composite/sobjects", status=503, json=[])
    with pytest.raises(OutcomeUnknown):
        create(session, "Lead", [{}])
    assert len(org.asked("composite")) == 1


def test_an_answer_for_other_rows_is_unknown(org: Any, session: Session) -> None:
    """Two were sent, one is told of: never guessed which."""
    org.on("POST", "composite/sobjects", json=[ok(1)])
    with pytest.raises(OutcomeUnknown):
        create(session, "Lead", [{}, {}])


def test_no_rows_cost_no_call(org: Any, session: Session) -> None:
    """An empty list is nothing to do."""
    assert create(session, "Lead", []) == []
    assert not org.asked()


def test_deletes_name_their_ids(org: Any, session: Session) -> None:
    """One call, one outcome an id."""
    org.on("DELETE", "composite/sobjects", json=[ok(1), ok(2)])
    assert [o.success for o in delete(session, ["a", "b"])] == [True, True]
    assert "ids=a%2Cb" in org.asked("composite")[0].url


# describe, mail

LEAD = {
    "name": "Lead",
    "label": "Lead",
    "keyPrefix": "00Q",
    "fields": [
        {
            "name": "Product__c",
            "type": "picklist",
            "length": 40,
            "label": "Product",
            "nillable": True,
            "createable": True,
            "updateable": True,
            "unique": False,
            "externalId": False,
            "defaultedOnCreate": False,
            "referenceTo": [],
            "filterable": True,
            "picklistValues": [
                {"active": True, "value": "Pumps"},
                {"active": False, "value": "Old"},
            ],
        }
    ],
}


def test_a_description_is_read_once(org: Any, session: Session) -> None:
    """Names in any case; inactive picklist values left out; one call."""
    org.on("GET", "sobjects/Lead/describe", json=LEAD)
    told = describe(session, "Lead")
    assert told is not None
    field = told.field("product__C")
    assert field is not None
    assert (told.key_prefix, field.picklist, told.field("Nope")) == ("00Q", ("Pumps",), None)
    assert describe(session, "lead") is told
    assert len(org.asked("describe")) == 1


def test_an_object_that_is_not_there_is_none(org: Any, session: Session) -> None:
    """As Network before digital experiences are on."""
    body = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    org.on("GET", "sobjects/Network/describe", status=404, json=body)
    assert describe(session, "Network") is None
    assert describe(session, "Network") is None
    assert len(org.asked("describe")) == 1


def test_a_description_may_be_forbidden(org: Any, session: Session) -> None:
    """Other refusals are not taken for absence."""
    body = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}]
    org.on("GET", "sobjects/Lead/describe", status=403, json=body)
    with pytest.raises(PermissionMissing):
        describe(session, "Lead")


SENT: dict[str, Any] = {
    "actionName": "emailSimple",
    "errors": None,
    "isSuccess": True,
    "outputValues": {},
}


@pytest.mark.parametrize("answer", [[SENT], SENT])
def test_a_mail_is_handed_over(org: Any, session: Session, answer: Any) -> None:
    """Whether the org answers with an array or an object."""
    org.on("POST", "actions/standard/emailSimple", json=answer)
    send_email(session, ["a@example.com", "b@example.com"], "Subject", "Body")
    sent = json.loads(org.asked("emailSimple")[0].body)
    assert sent["inputs"][0]["emailAddresses"] == "a@example.com,b@example.com"


def test_a_refused_mail_is_told(org: Any, session: Session) -> None:
    """The action answers 200 and says no inside."""
    error = {"statusCode": "INVALID_EMAIL_ADDRESS", "message": "not an address"}
    org.on(
        "POST",
        "actions/standard/emailSimple",
        json=[{"isSuccess": False, "errors": [error]}],
    )
    with pytest.raises(OrgRefused, match="not an address"):
        send_email(session, ["nobody"], "Subject", "Body")


def test_a_mail_needs_an_address(session: Session) -> None:
    """Nothing is sent to nobody."""
    with pytest.raises(BadRequest):
        send_email(session, [], "Subject", "Body")
