"""Bulk 2.0 at the HTTP line: jobs that are lost, fail half-way or answer oddly; matching rows."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest, OrgRefused, OutcomeUnknown, StillWorking
from sfprm.ids import RecordId
from sfprm.salesforce.bulk import (
    NOT_PROCESSED,
    Operation,
    cell,
    collect,
    ingest,
    row_error,
    watch,
)
from sfprm.salesforce.bulk_query import bulk_select, fits_bulk
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query

JOB = str(RecordId("750000000000001"))


def row_id(number: int) -> str:
    return str(RecordId(f"00Q{number:012d}"))


class PretendedBulk:
    """The ingest resource, as far as a client can tell: jobs, one upload each, result files.

    Rows named in `refused` fail with the text given; the results come in reverse order.
    """

    def __init__(self, org: Any) -> None:
        self.refused: dict[str, str] = {}
        self.lost: set[str] = set()
        self.end = "JobComplete"
        self.looks = 2
        self.created: list[dict[str, Any]] = []
        self.states: list[str] = []
        self.files: list[list[dict[str, str]]] = []
        self.upload_faults: list[Exception] = []
        host, root = org.host, "/services/data/v66.0/jobs/ingest"
        for method, path, answer in (
            ("POST", "", self._create),
            ("PUT", f"/{JOB}/batches", self._upload),
            ("PATCH", f"/{JOB}", self._change),
            ("GET", f"/{JOB}", self._look),
            ("GET", f"/{JOB}/successfulResults", self._successful),
            ("GET", f"/{JOB}/failedResults", self._failed),
            ("GET", f"/{JOB}/unprocessedrecords", self._unprocessed),
        ):
            org.wire.add_callback(method, host + root + path, answer, content_type=None)

    def _told(self, state: str) -> tuple[int, dict[str, str], str]:
        body = {"id": JOB, "state": state, "numberRecordsProcessed": 1, "errorMessage": "because"}
        return 200, {"Content-Type": "application/json"}, json.dumps(body)

    def _create(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.created.append(json.loads(request.body))
        self.state = "Open"
        return self._told("Open")

    def _upload(self, request: Any) -> Any:
        if self.upload_faults:
            raise self.upload_faults.pop(0)
        self.files.append(list(csv.DictReader(io.StringIO(request.body.decode()))))
        return 201, {}, ""

    def _change(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.state = json.loads(request.body)["state"]
        self.states.append(self.state)
        self.left = self.looks
        return self._told(self.state)

    def _look(self, _: Any) -> tuple[int, dict[str, str], str]:
        if self.state in ("Open", "Aborted"):
            return self._told(self.state)
        self.left -= 1
        return self._told("InProgress" if self.left >= 0 else self.end)

    def _csv(self, extra: list[str], rows: list[list[str]]) -> tuple[int, dict[str, str], str]:
        out = io.StringIO()
        csv.writer(out).writerows([[*extra, *self.files[-1][0]], *rows])
        return 200, {"Content-Type": "text/csv"}, out.getvalue()

    def _kept(self) -> list[dict[str, str]]:
        return [
            row for row in reversed(self.files[-1]) if next(iter(row.values())) not in self.lost
        ]

    def _successful(self, _: Any) -> tuple[int, dict[str, str], str]:
        rows = [
            [row_id(number), "true", *row.values()]
            for number, row in enumerate(self._kept())
            if next(iter(row.values())) not in self.refused
        ]
        return self._csv(["sf__Id", "sf__Created"], rows)

    def _failed(self, _: Any) -> tuple[int, dict[str, str], str]:
        rows = [
            ["", self.refused[key], *row.values()]
            for row in self._kept()
            if (key := next(iter(row.values()))) in self.refused
        ]
        return self._csv(["sf__Id", "sf__Error"], rows)

    def _unprocessed(self, _: Any) -> tuple[int, dict[str, str], str]:
        rows = [list(r.values()) for r in self.files[-1] if next(iter(r.values())) in self.lost]
        return self._csv([], rows)


@pytest.fixture
def bulk(org: Any) -> PretendedBulk:
    """The ingest resource of the pretended org."""
    return PretendedBulk(org)


ROWS = [{"Partner_Key__c": f"key-{number}", "Name": f"Name {number}"} for number in range(5)]


def upsert(session: Session, rows: Any = ROWS, **more: Any) -> Any:
    return ingest(session, "Account", "upsert", rows, key="Partner_Key__c", **more)


def test_rows_are_found_again_by_their_key(bulk: PretendedBulk, session: Session) -> None:
    """Results in another order; a refused row keeps code, words and fields."""
    bulk.refused["key-3"] = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    outcomes = upsert(session)
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [outcome.success for outcome in outcomes] == [True, True, True, False, True]
    error = outcomes[3].errors[0]
    assert (error.code, error.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))
    assert error.message == "Required fields are missing: [Name]"
    assert bulk.created[0]["externalIdFieldName"] == "Partner_Key__c"


def test_the_org_is_asked_more_and_more_seldom(
    bulk: PretendedBulk, session: Session, clock: FakeClock
) -> None:
    """1 s, then half as long again each time, through the clock; the job's id is told first."""
    bulk.looks = 4
    told: list[Any] = []
    upsert(session, on_job=lambda *job: told.append((*job, list(bulk.states))))
    assert clock.slept == [1.0, 1.5, 2.25, 3.375]
    assert told == [(RecordId(JOB), 0, 5, [])]


def test_a_job_without_end_is_given_up(bulk: PretendedBulk, session: Session) -> None:
    """At the time-out; the org goes on."""
    bulk.looks = 10**6
    with pytest.raises(StillWorking):
        upsert(session, timeout=100.0)


def test_rows_that_a_failed_job_left_out_are_named(bulk: PretendedBulk, session: Session) -> None:
    """Nothing was done to them; the others keep their outcome."""
    bulk.end, bulk.lost = "Failed", {"key-1", "key-4"}
    outcomes = upsert(session)
    assert [o.errors[0].code if o.errors else "" for o in outcomes] == [
        *("", NOT_PROCESSED, "", "", NOT_PROCESSED)
    ]
    assert outcomes[1].errors[0].message == "because"


def test_results_that_tell_not_of_all_rows_are_unknown(
    bulk: PretendedBulk, session: Session
) -> None:
    """Never counted as written, never as failed."""
    bulk.lost = {"key-2"}
    with pytest.raises(OutcomeUnknown, match="4 of 5"):
        upsert(session)


def test_an_upload_without_an_answer_gets_a_new_job(bulk: PretendedBulk, session: Session) -> None:
    """The first was never closed: it has done nothing, and is aborted."""
    bulk.upload_faults = [requests.exceptions.ReadTimeout("x")]
    assert all(outcome.success for outcome in upsert(session))
    assert len(bulk.created) == 2
    assert bulk.states == ["Aborted", "UploadComplete"]


def test_a_close_whose_answer_was_lost_is_no_failure(
    org: Any, bulk: PretendedBulk, session: Session
) -> None:
    """The repeat is refused, as the job is closed already: a look tells."""
    place = f"{org.host}/services/data/v66.0/jobs/ingest/{JOB}"
    org.wire.remove("PATCH", place)
    refusal = [{"errorCode": "INVALIDJOBSTATE", "message": "x"}]

    def close(_: Any) -> tuple[int, dict[str, str], str]:
        bulk.state, bulk.left = "UploadComplete", 0
        return 400, {}, json.dumps(refusal)

    org.wire.add_callback("PATCH", place, close, content_type="application/json")
    assert len(upsert(session)) == 5


def test_a_job_begun_before_a_crash_is_collected(bulk: PretendedBulk, session: Session) -> None:
    """By its id and the rows it was given."""
    first = upsert(session)
    assert collect(session, RecordId(JOB), ROWS, "upsert", key="Partner_Key__c") == first


def test_a_job_that_never_began_is_aborted(bulk: PretendedBulk, session: Session) -> None:
    """A crash between upload and close: nothing was done."""
    upsert(session)
    bulk.state = "Open"
    outcomes = collect(session, RecordId(JOB), ROWS, "upsert", key="Partner_Key__c")
    assert {outcome.errors[0].code for outcome in outcomes} == {NOT_PROCESSED}
    assert bulk.states[-1] == "Aborted"


def test_large_loads_are_split_into_jobs(bulk: PretendedBulk, session: Session) -> None:
    """Each under the bound, all rows once, in order."""
    parts: list[tuple[int, int]] = []
    outcomes = upsert(session, max_bytes=50, on_job=lambda _, *part: parts.append(part))
    assert parts == [(0, 2), (2, 4), (4, 5)]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"Name": "x"}], "Row 1 has no Partner_Key__c"),
        ([{"Partner_Key__c": "a"}, {"Partner_Key__c": "a"}], "more than one row"),
        ([{"Partner_Key__c": "a", "Owner": {"Username": "x"}}], "plain values"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(
    session: Session, rows: list[dict[str, Any]], said: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match=said):
        upsert(session, rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "#N/A"),
        ("", "#N/A"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.5, "1.5"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, tzinfo=UTC).date(), "2026-01-02"),
        ('a,"b"\n', 'a,"b"\n'),
    ],
)
def test_a_value_as_a_cell(value: Any, text: str) -> None:
    """Null is said outright; an empty cell would leave the field alone."""
    assert cell(value) == text


def test_a_field_that_a_row_has_not_is_left_alone(bulk: PretendedBulk, session: Session) -> None:
    """An empty cell, not a null."""
    upsert(session, [{"Partner_Key__c": "a", "Name": None}, {"Partner_Key__c": "b", "Fax": "1"}])
    assert [(row["Name"], row["Fax"]) for row in bulk.files[0]] == [("#N/A", ""), ("", "1")]


@pytest.mark.parametrize(
    ("text", "code", "words", "fields"),
    [
        ("DUPLICATE_VALUE:duplicate value found: K:K__c --", "DUPLICATE_VALUE",
         "duplicate value found: K", ("K__c",)),
        ("UNABLE_TO_LOCK_ROW:unable to obtain: 001:--", "UNABLE_TO_LOCK_ROW",
         "unable to obtain: 001", ()),
        ("REQUIRED_FIELD_MISSING:Missing: [A, B]:A B --", "REQUIRED_FIELD_MISSING",
         "Missing: [A, B]", ("A", "B")),
        ("something else", "", "something else", ()),
    ],
)  # fmt: skip
def test_the_text_of_a_failed_row(
    text: str, code: str, words: str, fields: tuple[str, ...]
) -> None:
    """Code, words that may hold colons, fields."""
    error = row_error(text)
    assert (error.code, error.message, error.fields) == (code, words, fields)


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=60)
@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=8), st.integers(1, 400))
def test_what_is_written_as_csv_is_read_as_it_was(
    texts: list[tuple[str, str]], max_bytes: int
) -> None:
    """Commas, quotes, line ends, any script; whatever the size of a file."""
    from sfprm.salesforce.bulk import _files

    rows = [{"Key": f"k{n}", "A": a, "B": b} for n, (a, b) in enumerate(texts)]
    read: list[dict[str, str]] = []
    for start, end, body in _files(rows, "Key", max_bytes):
        part = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
        assert len(part) == end - start
        read += part
    assert read == [{k: cell(v) for k, v in row.items()} for row in rows]


QUERY = Query(("Id", "Amount__c", "IsConverted", "Account__r.IsPartner"), "Lead")


def described(name: str, **types: str) -> dict[str, Any]:
    fields = [
        {"name": field, "type": type_, "referenceTo": ["Account"] if type_ == "reference" else []}
        for field, type_ in types.items()
    ]
    return {"name": name, "fields": fields}


def test_bulk_rows_have_the_types_of_rest_rows(org: Any, session: Session) -> None:
    """By describe; two pages; a parent that is not there is None."""
    org.on("GET", "sobjects/Lead/describe", json=described(
        "Lead", Id="id", Amount__c="currency", IsConverted="boolean", Account__c="reference"
    ))  # fmt: skip
    org.on("GET", "sobjects/Account/describe", json=described("Account", IsPartner="boolean"))
    org.on("POST", "jobs/query", json={"id": JOB, "state": "UploadComplete"})
    org.on("GET", f"jobs/query/{JOB}", json={"id": JOB, "state": "JobComplete"})
    head = '"Id","Amount__c","IsConverted","Account__r.IsPartner"\n'
    for body, locator in ((f'"{row_id(1)}","1.5","true","false"\n', "MQ"), (
        f'"{row_id(2)}","","false",""\n', "null")):  # fmt: skip
        org.on(
            "GET",
            f"jobs/query/{JOB}/results",
            body=head + body,
            content_type="text/csv",
            headers={"Sforce-Locator": locator},
        )
    assert list(bulk_select(session, QUERY)) == [
        {
            "Id": row_id(1),
            "Amount__c": 1.5,
            "IsConverted": True,
            "Account__r": {"IsPartner": False},
        },
        {"Id": row_id(2), "Amount__c": None, "IsConverted": False, "Account__r": None},
    ]
    assert [r.params.get("locator") for r in org.asked("/results")] == [None, "MQ"]


def test_a_bulk_query_that_the_org_fails_is_refused(org: Any, session: Session) -> None:
    """With the org's words."""
    org.on("GET", "sobjects/Lead/describe", json=described("Lead", Id="id"))
    org.on("POST", "jobs/query", json={"id": JOB, "state": "UploadComplete"})
    failed = {"id": JOB, "state": "Failed", "errorMessage": "too complicated"}
    org.on("GET", f"jobs/query/{JOB}", json=failed)
    with pytest.raises(OrgRefused, match="too complicated"):
        list(bulk_select(session, Query(("Id",), "Lead")))
    assert watch(session, RecordId(JOB), family="query").error == "too complicated"


@pytest.mark.parametrize(
    ("select", "fits"),
    [
        (("Id", "Account.Name"), True),
        (("COUNT()",), False),
        (("Id", "(SELECT Id FROM Tasks)"), False),
        (("Id", "Owner.Name"), False),
        (("Id", "A.B.C"), False),
        (("toLabel(Status)",), False),
    ],
)
def test_which_queries_a_bulk_job_can_answer(select: tuple[str, ...], fits: bool) -> None:
    """Plain fields, and fields of one parent of one kind."""
    assert fits_bulk(Query(select, "Lead")) == fits


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_ids_match_in_both_forms(
    bulk: PretendedBulk, session: Session, operation: Operation
) -> None:
    """15 characters given, 18 answered, or the other way."""
    rows = [{"Id": row_id(7)[:15]}, {"Id": row_id(8)}]
    outcomes = ingest(session, "Lead", operation, rows, key="Id")
    assert [outcome.success for outcome in outcomes] == [True, True]
