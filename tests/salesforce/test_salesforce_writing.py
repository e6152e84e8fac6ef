"""Writing at any size: the way chosen, composite calls, and rows whose outcome is unknown."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from sfprm.errors import BadRequest, OrgRefused, OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce.bulk import Operation
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF
from sfprm.salesforce.composite import Part, together
from sfprm.salesforce.session import Session
from sfprm.salesforce.write import NOT_SENT, UNKNOWN, Way, plan_write, write

OWNERS = frozenset({"Id", "OwnerId"})
NAMES = frozenset({"Id", "Title"})


@pytest.mark.parametrize(
    ("object_", "count", "fields", "more", "way", "calls"),
    [
        ("Lead", 1, NAMES, {"key": "Id"}, Way.COLLECTIONS, 1),
        ("Lead", 200, NAMES, {"key": "Id"}, Way.COLLECTIONS, 1),
        ("Lead", 201, NAMES, {"key": "Id"}, Way.COMPOSITE, 1),
        ("Lead", 1999, NAMES, {"key": "Id"}, Way.COMPOSITE, 2),
        ("Lead", 9000, NAMES, {"key": "Id"}, Way.COMPOSITE, 9),
        ("Lead", 9001, NAMES, {"key": "Id"}, Way.BULK, 9),
        ("Lead", 1_000_000, NAMES, {"key": "Id"}, Way.BULK, 9),
        ("Lead", 1_000_000, OWNERS, {"key": "Id"}, Way.COMPOSITE, 1000),
        ("Case", 1_000_000, OWNERS, {"key": "Id"}, Way.COMPOSITE, 1000),
        ("Lead", 1_000_000, OWNERS, {"key": "Id", "owners_by_bulk": True}, Way.BULK, 9),
        ("Account", 1_000_000, OWNERS, {"key": "Id"}, Way.BULK, 9),
        ("Lead", 1_000_000, NAMES, {"key": "Id", "headers": AUTO_ASSIGN_OFF}, Way.COLLECTIONS,
         5000),
        ("Lead", 1_000_000, NAMES, {}, Way.COMPOSITE, 1000),
        ("User", 30_000, NAMES, {"key": "Id"}, Way.COLLECTIONS, 150),
        ("GroupMember", 30_000, NAMES, {}, Way.COLLECTIONS, 150),
    ],
)  # fmt: skip
def test_the_way_is_chosen_by_size_and_by_what_must_be_carried(
    object_: str, count: int, fields: frozenset[str], more: dict[str, Any], way: Way, calls: int
) -> None:
    """Owners of leads never by Bulk unless allowed; users in turn; headers by REST alone."""
    plan = plan_write(object_, "update", count, fields, **more)
    assert (plan.way, plan.calls) == (way, calls)
    assert plan.why


def row_id(number: int) -> str:
    return str(RecordId(f"00Q{number:012d}"))


def rows(count: int) -> list[dict[str, Any]]:
    return [{"Id": row_id(number), "Title": "x"} for number in range(count)]


LOCK = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "x", "fields": []}


class PretendedComposite:
    """Answers composite calls of Collections; rows with a number in `locked` fail once."""

    def __init__(self, org: Any) -> None:
        self.locked: set[int] = set()
        self.refused_parts: dict[str, tuple[int, Any]] = {}
        self.sent: list[dict[str, Any]] = []
        place = f"{org.host}/services/data/v66.0/composite"
        org.wire.add_callback("POST", place, self._answer, content_type="application/json")

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        packed = request.headers.get("Content-Encoding") == "gzip"
        asked = json.loads(gzip.decompress(request.body) if packed else request.body)
        self.sent.append(asked)
        told = []
        for part in asked["compositeRequest"]:
            status, body = self.refused_parts.get(part["referenceId"], (200, None))
            if body is None:
                body = [self._row(record) for record in part["body"]["records"]]
            told.append(
                {"referenceId": part["referenceId"], "httpStatusCode": status, "body": body}
            )
        return 200, {}, json.dumps({"compositeResponse": list(reversed(told))})

    def _row(self, record: dict[str, Any]) -> dict[str, Any]:
        if int(record["id"][3:15]) in self.locked:
            return {"id": record["id"], "success": False, "errors": [LOCK]}
        return {"id": record["id"], "success": True, "errors": []}


@pytest.fixture
def composite(org: Any) -> PretendedComposite:
    """The composite resource of the pretended org."""
    return PretendedComposite(org)


def test_a_thousand_rows_are_one_call(composite: PretendedComposite, session: Session) -> None:
    """Five Collections of 200, in order, whatever order the answers come in."""
    parts: list[int] = []
    outcomes = write(
        session, "Lead", rows(1450), operation="update", on_outcomes=lambda o: parts.append(len(o))
    )
    assert [outcome.index for outcome in outcomes] == list(range(1450))
    assert [outcome.id for outcome in outcomes] == [row["Id"] for row in rows(1450)]
    assert [len(call["compositeRequest"]) for call in composite.sent] == [5, 3]
    assert composite.sent[0]["collateSubrequests"] is False
    assert parts == [1000, 450]
    assert session.calls.by_kind["update"] == 2


def test_locked_rows_alone_are_sent_again(
    org: Any, composite: PretendedComposite, session: Session
) -> None:
    """By Collections, which wait for the lock."""
    composite.locked = {3, 250}
    answer = [{"id": row_id(n), "success": True, "errors": []} for n in (3, 250)]
    org.on("PATCH", "composite/sobjects", json=answer)
    outcomes = write(session, "Lead", rows(300), operation="update")
    assert all(outcome.success for outcome in outcomes)
    assert [outcome.index for outcome in outcomes] == list(range(300))
    sent = json.loads(org.asked("composite/sobjects")[0].body)["records"]
    assert [record["id"] for record in sent] == [row_id(3), row_id(250)]
    assert session.gate.room < 8


def test_a_part_that_is_refused_whole_fails_its_rows(
    composite: PretendedComposite, session: Session
) -> None:
    """With the org's code; the other parts stand."""
    refusal = [{"errorCode": "JSON_PARSER_ERROR", "message": "x"}]
    composite.refused_parts["part1"] = (400, refusal)
    outcomes = write(session, "Lead", rows(500), operation="update")
    failed = [outcome.index for outcome in outcomes if not outcome.success]
    assert failed == list(range(200, 400))
    assert outcomes[200].errors[0].code == "JSON_PARSER_ERROR"


@pytest.mark.parametrize("count", [150, 450, 2500])
def test_inserts_without_an_answer_end_the_writing(org: Any, session: Session, count: int) -> None:
    """Each row has an outcome: unknown where it was sent, not sent after that."""
    for path in ("composite", "composite/sobjects"):
        org.on("POST", path, status=502, body="<html>", content_type="text/html")
    given = [{"LastName": f"Reis {number}"} for number in range(count)]
    outcomes = write(session, "Lead", given, operation="insert")
    assert [outcome.index for outcome in outcomes] == list(range(count))
    codes = [outcome.errors[0].code for outcome in outcomes]
    sent = min(count, 1000)
    assert codes == [UNKNOWN] * sent + [NOT_SENT] * (count - sent)
    assert len(org.asked("composite")) == 1


def test_other_errors_are_raised(org: Any, session: Session) -> None:
    """A refusal of the call itself is nobody's row."""
    refusal = [{"errorCode": "INVALID_TYPE", "message": "x"}]
    org.on("PATCH", "composite/sobjects", status=400, json=refusal)
    with pytest.raises(OrgRefused):
        write(session, "Leed", rows(1), operation="update")


@pytest.mark.parametrize("operation", ["insert", "update", "upsert", "delete"])
def test_headers_go_with_collections(org: Any, session: Session, operation: Operation) -> None:
    """The owner's header is on every call that can carry it; delete needs none."""
    answer = [{"id": row_id(0), "success": True, "errors": []}]
    for method in ("POST", "PATCH", "DELETE"):
        for path in ("composite/sobjects", "composite/sobjects/Lead/Key__c"):
            org.on(method, path, json=answer)
    outcomes = write(
        session, "Lead", rows(1), operation=operation, key="Key__c", headers=AUTO_ASSIGN_OFF
    )
    assert outcomes[0].success
    sent = org.asked("composite")[0]
    assert sent.headers.get("Sforce-Auto-Assign") == (None if operation == "delete" else "FALSE")


def test_an_upsert_without_a_key_is_a_wrong_question(session: Session) -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match="external-id"):
        write(session, "Lead", rows(1), operation="upsert")


def test_nothing_to_write_costs_nothing(session: Session) -> None:
    """No call, no login."""
    assert write(session, "Lead", [], operation="update") == []
    assert session.calls.by_kind == {}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [Part("GET", "limits", f"p{n}") for n in range(26)],
        [Part("GET", "query?q=x", f"p{n}") for n in range(6)],
    ],
)
def test_a_composite_call_has_bounds(session: Session, parts: list[Part]) -> None:
    """25 requests, 5 queries or Collections."""
    with pytest.raises(BadRequest, match="1 to 25"):
        together(session, parts)


def test_each_part_answers_for_itself(org: Any, session: Session) -> None:
    """In the order asked, with its own refusal."""
    told = [
        {"referenceId": "b", "httpStatusCode": 404, "body": [{"errorCode": "NOT_FOUND"}]},
        {"referenceId": "a", "httpStatusCode": 200, "body": {"x": 1}},
    ]
    org.on("POST", "composite", json={"compositeResponse": told})
    first, second = together(session, [Part("GET", "limits", "a"), Part("GET", "x", "b")])
    assert (first.error, first.body) == (None, {"x": 1})
    assert isinstance(second.error, OrgRefused)
    sent = json.loads(org.asked("composite")[0].body)
    assert sent["compositeRequest"][0]["url"] == "/services/data/v66.0/limits"


def test_a_composite_answer_with_a_hole_is_unknown(org: Any, session: Session) -> None:
    """A part that is not told of."""
    org.on("POST", "composite", json={"compositeResponse": []})
    with pytest.raises(OutcomeUnknown):
        together(session, [Part("GET", "limits", "a")])


def test_many_rows_go_by_bulk_and_locked_ones_again(org: Any, session: Session) -> None:
    """A second job for the locked rows alone; each row is told of once, when it is settled."""
    job = str(RecordId("750000000000001"))
    root = f"{org.host}/services/data/v66.0/jobs/ingest"
    files: list[list[str]] = []

    def upload(request: Any) -> tuple[int, dict[str, str], str]:
        files.append(request.body.decode().split()[1:])
        return 201, {}, ""

    def results(request: Any) -> tuple[int, dict[str, str], str]:
        locked = row_id(7) if len(files) == 1 else ""
        failed = request.url.endswith("failedResults")
        ids = [line.partition(",")[0] for line in files[-1]]
        head = "sf__Id,sf__Error,Id" if failed else "sf__Id,sf__Created,Id"
        text = "UNABLE_TO_LOCK_ROW:x:--" if failed else "false"
        lines = [f"{id_},{text},{id_}" for id_ in ids if (id_ == locked) == failed]
        return 200, {}, "\n".join([head, *lines]) + "\n"

    org.on("POST", "jobs/ingest", json={"id": job, "state": "Open"})
    org.wire.add_callback("PUT", f"{root}/{job}/batches", upload)
    org.on("PATCH", f"jobs/ingest/{job}", json={"id": job, "state": "UploadComplete"})
    org.on("GET", f"jobs/ingest/{job}", json={"id": job, "state": "JobComplete"})
    for name in ("successfulResults", "failedResults"):
        org.wire.add_callback("GET", f"{root}/{job}/{name}", results, content_type="text/csv")
    told: list[int] = []
    outcomes = write(
        session,
        "Lead",
        rows(9500),
        operation="update",
        on_outcomes=lambda part: told.extend(outcome.index for outcome in part),
    )
    assert all(outcome.success for outcome in outcomes)
    assert [len(file) for file in files] == [9500, 1]
    assert sorted(told) == list(range(9500))
    assert told[-1] == 7
