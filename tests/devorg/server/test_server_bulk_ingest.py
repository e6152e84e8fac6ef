"""Bulk API 2.0 ingest over HTTPS, with raw requests."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

LF = {"Content-Type": "text/csv"}


def start(call: Any, operation: str, object_: str, text: str, **more: Any) -> str:
    """A job created, fed and closed; its id."""
    made = call("POST", "jobs/ingest", {"operation": operation, "object": object_, **more})
    assert made.status_code == 200, made.text
    id_ = str(made.json()["id"])
    fed = call("PUT", f"jobs/ingest/{id_}/batches", data=text.encode(), headers=LF)
    assert (fed.status_code, fed.text) == (201, "")
    closed = call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    assert closed.json()["state"] == "UploadComplete"
    return id_


def finish(call: Any, id_: str) -> dict[str, Any]:
    """Poll until the end; the job."""
    states = []
    for _ in range(20):
        job: dict[str, Any] = call("GET", f"jobs/ingest/{id_}").json()
        states.append(job["state"])
        if job["state"] in {"JobComplete", "Failed", "Aborted"}:
            assert len(states) > 1, "the first poll of a closed job is never its last"
            return job
    raise AssertionError(states)


def results(call: Any, id_: str, kind: str) -> list[dict[str, str]]:
    """One results file as rows."""
    answer = call("GET", f"jobs/ingest/{id_}/{kind}")
    assert answer.headers["content-type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text)))


def count(call: Any, object_: str) -> int:
    """How many records there are."""
    total: int = call("GET", f"query?q=SELECT COUNT() FROM {object_}").json()["totalSize"]
    return total


def test_the_job_as_created(call: Any) -> None:
    """The documented body; the upload's address among it."""
    call.org.control("POST", "clock", {"set": "2026-01-01T00:00:00Z"})
    body = {"operation": "insert", "object": "lead", "lineEnding": "CRLF"}
    job = call("POST", "jobs/ingest", {**body, "columnDelimiter": "PIPE"}).json()
    assert job == {
        "id": job["id"],
        "operation": "insert",
        "object": "Lead",
        "createdById": call.user("sfprm.agent"),
        "createdDate": "2026-01-01T00:00:00.000+0000",
        "systemModstamp": "2026-01-01T00:00:00.000+0000",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
        "contentUrl": f"services/data/v66.0/jobs/ingest/{job['id']}/batches",
        "lineEnding": "CRLF",
        "columnDelimiter": "PIPE",
    }
    assert job["id"].startswith("750")


def test_insert_with_a_bad_row(call: Any) -> None:
    """JobComplete with failed rows; the columns of both files; untouched, null and quoted cells."""
    text = (
        "LastName,Company,Phone,Description\n"
        'Alves,"Fonte, ""Lda""",123,"two\nlines"\n'
        "Costa,,#N/A,\n"
    )
    id_ = start(call, "insert", "Lead", text)
    job = finish(call, id_)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (
        "JobComplete",
        2,
        1,
    )
    assert (job["jobType"], job["retries"]) == ("V2Ingest", 0)
    [good] = results(call, id_, "successfulResults")
    assert list(good)[:2] == ["sf__Id", "sf__Created"]
    assert good["sf__Created"] == "true"
    assert (good["Company"], good["Description"]) == ('Fonte, "Lda"', "two\nlines")
    [bad] = results(call, id_, "failedResults")
    assert bad == {
        "sf__Id": "",
        "sf__Error": "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --",
        "LastName": "Costa",
        "Company": "",
        "Phone": "#N/A",
        "Description": "",
    }
    assert results(call, id_, "unprocessedRecords") == []
    stored = call.one(f"SELECT Company, Phone FROM Lead WHERE Id = '{good['sf__Id']}'")
    assert (stored["Company"], stored["Phone"]) == ('Fonte, "Lda"', "123")


def test_update_leaves_empty_cells_and_nulls_na(call: Any) -> None:
    """An empty cell is left alone, #N/A is null."""
    ids = [
        call.make("Lead", LastName=name, Company="C", Phone="1", Title="T", DoNotCall=True)
        for name in "AB"
    ]
    text = (
        f"Id,Phone,Title,DoNotCall\n{ids[0]},,#N/A,0\n{ids[1]},2,,\n00QdV000000zzzzzzz,3,,\n,4,,\n"
    )
    id_ = start(call, "update", "Lead", text)
    assert finish(call, id_)["numberRecordsFailed"] == 2
    first, second = (
        call.one(f"SELECT Phone, Title, DoNotCall FROM Lead WHERE Id = '{one}'") for one in ids
    )
    assert (first["Phone"], first["Title"], first["DoNotCall"]) == ("1", None, False)
    assert (second["Phone"], second["Title"], second["DoNotCall"]) == ("2", "T", True)
    assert [one["sf__Created"] for one in results(call, id_, "successfulResults")] == ["false"] * 2
    errors = [one["sf__Error"] for one in results(call, id_, "failedResults")]
    assert errors[0].startswith("MALFORMED_ID:") or errors[0].startswith("INVALID_CROSS")
    assert errors[1] == "MISSING_ARGUMENT:Id not specified in an update call:Id --"


def test_upsert_and_a_parent_by_its_key(call: Any) -> None:
    """Created, changed; the second file names the account by its external id."""
    call.org.reset("partners-ready")
    token = call.org.control("POST", "sessions", {})["access_token"]
    call.session.headers["Authorization"] = f"Bearer {token}"
    key = {"externalIdFieldName": "partner_key__c"}
    first = start(call, "upsert", "Account", "Partner_Key__c,Name\nsul,Sulcom\n", **key)
    assert finish(call, first)["externalIdFieldName"] == "Partner_Key__c"
    second = start(call, "upsert", "Account", "Partner_Key__c,Name\nsul,Two\nnor,Nor\n", **key)
    finish(call, second)
    assert [one["sf__Created"] for one in results(call, second, "successfulResults")] == [
        "false",
        "true",
    ]
    text = "LastName,Account.Partner_Key__c\nAlves,sul\nBom,nix\n"
    third = start(call, "insert", "Contact", text)
    finish(call, third)
    [good] = results(call, third, "successfulResults")
    assert (
        call.one(f"SELECT Account.Name FROM Contact WHERE Id = '{good['sf__Id']}'")["Account"][
            "Name"
        ]
        == "Two"
    )
    [bad] = results(call, third, "failedResults")
    assert bad["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: nix not found")


def test_delete_and_hard_delete(call: Any) -> None:
    """Into the recycle bin; past it only with the permission, in both feeds of the deleted."""
    ids = [call.make("Lead", LastName=name, Company="C") for name in "AB"]
    finish(call, start(call, "delete", "Lead", f"Id\n{ids[0]}\n"))
    binned = call("GET", f"queryAll?q=SELECT IsDeleted FROM Lead WHERE Id = '{ids[0]}'").json()
    assert binned["records"][0]["IsDeleted"] is True
    body = {"operation": "hardDelete", "object": "Lead"}
    refused = call("POST", "jobs/ingest", body)
    assert refused.status_code == 400
    assert refused.json() == [
        {
            "errorCode": "FEATURENOTENABLED",
            "message": "hardDelete operation requires special user profile permission, please "
            "contact your system administrator",
        }
    ]
    profile = call.id_of("Profile", "System Administrator")
    call.change("Profile", profile, PermissionsBulkApiHardDelete=True)
    finish(call, start(call, "hardDelete", "Lead", f"Id\n{ids[1]}\n"))
    assert call("GET", f"queryAll?q=SELECT Id FROM Lead WHERE Id = '{ids[1]}'").json() == {
        "totalSize": 0,
        "done": True,
        "records": [],
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("LastName,Nope__c\nA,1\n", "InvalidBatch : Field name not found : Nope__c"),
        ("LastName,Company\r\nA,B\r\n", "ClientInputError : LineEnding is invalid on user data. "
                                         "Current LineEnding setting is LF"),
        ('LastName,Company\nA,B\nC,"D\n', "InvalidBatch : Failed to parse CSV. EOF reached before "
                                          "closing an opened quote"),
        ("LastName,Company\nA,B\nC\n", "InvalidBatch : Failed to parse CSV. Record 2 has 1 values, "
                                       "the header has 2"),
        ("", "ClientInputError : Unable to find any data to create batch"),
    ],
)  # fmt: skip
def test_data_that_is_not_for_the_job_fails_it(call: Any, text: str, why: str) -> None:
    """State Failed with the reason; nothing is written, all is unprocessed."""
    before = count(call, "Lead")
    id_ = start(call, "insert", "Lead", text)
    job = finish(call, id_)
    assert (job["state"], job["errorMessage"]) == ("Failed", why)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (0, 0)
    assert count(call, "Lead") == before
    assert ("A" in call("GET", f"jobs/ingest/{id_}/unprocessedrecords").text) == bool(text)


def test_a_value_of_the_wrong_type_fails_its_row_alone(call: Any) -> None:
    """The others of its 200 are written."""
    text = "LastName,Company,NumberOfEmployees\nA,B,many\nC,D,7\n"
    id_ = start(call, "insert", "Lead", text)
    assert finish(call, id_)["numberRecordsFailed"] == 1
    [bad] = results(call, id_, "failedResults")
    assert bad["sf__Error"] == (
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Employees: value not of required type: many:"
        "NumberOfEmployees --"
    )


def test_a_dialect_of_pipes_and_crlf_in_chunks(call: Any) -> None:
    """Sent in chunks without a length; results come in the same dialect."""

    def pieces() -> Iterator[bytes]:
        yield b"LastName|Comp"
        yield b"any\r\nAlves|Font"
        yield b"e\r\n"

    body = {"operation": "insert", "object": "Lead", "lineEnding": "CRLF"}
    id_ = call("POST", "jobs/ingest", {**body, "columnDelimiter": "PIPE"}).json()["id"]
    fed = call("PUT", f"jobs/ingest/{id_}/batches/", data=pieces(), headers=LF)
    assert fed.status_code == 201
    call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    finish(call, id_)
    text = call("GET", f"jobs/ingest/{id_}/successfulResults").text
    head, row = text.splitlines()
    assert head == '"sf__Id"|"sf__Created"|"LastName"|"Company"'
    assert row.endswith('|"true"|"Alves"|"Fonte"')
    assert text.count("\r\n") == 2


def test_one_upload_a_job(call: Any) -> None:
    """The second is refused, and any after closing."""
    id_ = call("POST", "jobs/ingest", {"operation": "insert", "object": "Lead"}).json()["id"]
    path = f"jobs/ingest/{id_}/batches"
    assert call("PUT", path, data=b"LastName\nA\n", headers=LF).status_code == 201
    again = call("PUT", path, data=b"LastName\nA\n", headers=LF)
    assert again.status_code == 400
    assert again.json()[0]["message"].startswith(f"Found multiple contents for job: <{id_}>")
    call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    assert call("PUT", path, data=b"LastName\nA\n", headers=LF).status_code == 400


def test_abort_and_delete(call: Any) -> None:
    """An aborted job leaves its rows unprocessed; open ones cannot be deleted, ended ones can."""
    call.org.control("POST", "delays", {"bulk_seconds": 3600})
    id_ = start(call, "insert", "Lead", "LastName,Company\nA,B\n")
    assert call("GET", f"jobs/ingest/{id_}").json()["state"] == "UploadComplete"
    aborted = call("PATCH", f"jobs/ingest/{id_}", {"state": "Aborted"}).json()
    assert aborted["state"] == "Aborted"
    assert results(call, id_, "unprocessedrecords") == [{"LastName": "A", "Company": "B"}]
    assert call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"}).status_code == 400
    gone = call("DELETE", f"jobs/ingest/{id_}")
    assert (gone.status_code, gone.text) == (204, "")
    assert call("GET", f"jobs/ingest/{id_}").status_code == 404
    open_ = call("POST", "jobs/ingest", {"operation": "insert", "object": "Lead"}).json()["id"]
    assert call("DELETE", f"jobs/ingest/{open_}").status_code == 400


def test_work_begins_when_the_clock_says_so(call: Any) -> None:
    """UploadComplete until the org's clock has gone on; then in progress, then done."""
    call.org.control("POST", "delays", {"bulk_seconds": 60})
    id_ = start(call, "insert", "Lead", "LastName,Company\nA,B\n")
    polls = [call("GET", f"jobs/ingest/{id_}").json()["state"] for _ in range(3)]
    assert polls == ["UploadComplete"] * 3
    call.org.control("POST", "clock", {"advance": 61})
    assert call("GET", f"jobs/ingest/{id_}").json()["state"] == "JobComplete"


def test_jobs_are_listed_and_gone_after_seven_days(call: Any) -> None:
    """The newest first."""
    ids = [
        call("POST", "jobs/ingest", {"operation": "insert", "object": "Lead"}).json()["id"]
        for _ in range(2)
    ]
    listed = call("GET", "jobs/ingest").json()
    assert (listed["done"], listed["nextRecordsUrl"]) == (True, None)
    assert [one["id"] for one in listed["records"]] == ids[::-1]
    call.org.control("POST", "clock", {"advance": 7 * 86400 + 60})
    token = call.org.control("POST", "sessions", {})["access_token"]
    call.session.headers["Authorization"] = f"Bearer {token}"
    assert call("GET", "jobs/ingest").json()["records"] == []
    assert call("GET", f"jobs/ingest/{ids[0]}").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "merge", "object": "Lead"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Nope"}, "INVALIDENTITY"),
        ({"operation": "insert", "object": "LeadHistory"}, "INVALIDENTITY"),
        ({"operation": "insert"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Lead"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Lead", "externalIdFieldName": "Phone"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Lead", "contentType": "XML"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Lead", "columnDelimiter": "COLON"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Lead", "assignmentRuleId": "x"}, "MALFORMED_ID"),
    ],
)
def test_jobs_that_cannot_be(call: Any, error: Any, body: dict[str, Any], code: str) -> None:
    """400 with a code."""
    assert error(call("POST", "jobs/ingest", body))[:2] == (400, code)


def test_an_assignment_rule_is_taken(call: Any) -> None:
    """Its id is shown with the job."""
    rule = "01QdV0000000001UAA"
    body = {"operation": "insert", "object": "Lead", "assignmentRuleId": rule}
    assert call("POST", "jobs/ingest", body).json()["assignmentRuleId"] == rule


def test_batches_count_toward_the_day(call: Any, error: Any) -> None:
    """One for 10,000 rows; used up, the next job is refused."""
    call.org.control("POST", "settings", {"bulk_limits": {"batches": 1}})
    finish(call, start(call, "insert", "Lead", "LastName,Company\nA,B\n"))
    assert call("GET", "limits").json()["DailyBulkApiBatches"] == {"Max": 1, "Remaining": 0}
    body = {"operation": "insert", "object": "Lead"}
    assert error(call("POST", "jobs/ingest", body))[:2] == (400, "EXCEEDEDQUOTA")


def test_an_upload_over_the_limit(call: Any) -> None:
    """413 when more than 150 MB as base64 are sent, whatever the length said; the job stays."""
    id_ = call("POST", "jobs/ingest", {"operation": "insert", "object": "Lead"}).json()["id"]

    def pieces() -> Iterator[bytes]:
        for _ in range(114):
            yield b"x" * 1024 * 1024

    fed = call("PUT", f"jobs/ingest/{id_}/batches", data=pieces(), headers=LF)
    assert fed.status_code == 413
    assert call("GET", f"jobs/ingest/{id_}").json()["state"] == "Open"


def test_many_rows_go_in_transactions_of_200(call: Any) -> None:
    """450 rows, every hundredth refused; each row stands in exactly one file."""
    rows = [f"L{n},{'' if n % 100 == 0 else 'C'}" for n in range(450)]
    id_ = start(call, "insert", "Lead", "LastName,Company\n" + "\n".join(rows))
    job = finish(call, id_)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (450, 5)
    good = {one["LastName"] for one in results(call, id_, "successfulResults")}
    bad = {one["LastName"] for one in results(call, id_, "failedResults")}
    assert len(good) == 445
    assert bad == {"L0", "L100", "L200", "L300", "L400"}


def test_rows_that_meet_a_lock(call: Any) -> None:
    """A fault on the upload: every other row fails in the lock's words, and stays failed."""
    call.org.control("POST", "faults", {"path": "/batches", "kind": "lock", "times": 1})
    id_ = start(call, "insert", "Lead", "LastName,Company\nA,C\nB,C\n")
    assert finish(call, id_)["numberRecordsFailed"] == 1
    [bad] = results(call, id_, "failedResults")
    assert bad["sf__Error"].startswith(
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
    )
    assert bad["sf__Error"].endswith(": --")


def test_an_upload_in_gzip(call: Any) -> None:
    """The data may be packed; what is no gzip is refused, and may be sent again."""
    made = call("POST", "jobs/ingest", {"operation": "insert", "object": "Lead"}).json()
    path, headers = f"jobs/ingest/{made['id']}/batches", {**LF, "Content-Encoding": "gzip"}
    data = b"LastName,Company\nPacked,A\n"
    assert call("PUT", path, data=data, headers=headers).status_code == 400
    assert call("PUT", path, data=gzip.compress(data), headers=headers).status_code == 201
    call("PATCH", f"jobs/ingest/{made['id']}", {"state": "UploadComplete"})
    assert finish(call, made["id"])["numberRecordsProcessed"] == 1
    assert call.one("SELECT LastName FROM Lead WHERE LastName = 'Packed'")["LastName"] == "Packed"


def test_a_job_created_with_its_data(call: Any) -> None:
    """Parts `job` and `content` in one request: the job is closed at once, and done."""
    parts = {
        "job": (None, '{"operation": "insert", "object": "Lead"}', "application/json"),
        "content": ("content", "LastName,Company\nInline,A\n", "text/csv"),
    }
    made = call("POST", "jobs/ingest", files=parts)
    assert (made.status_code, made.json()["state"]) == (200, "UploadComplete"), made.text
    assert finish(call, made.json()["id"])["numberRecordsProcessed"] == 1


@pytest.mark.parametrize("left_out", ["job", "content"])
def test_a_job_with_data_needs_both_parts(call: Any, error: Any, left_out: str) -> None:
    """400 without one of the parts; no job is made."""
    parts = {
        "job": (None, '{"operation": "insert", "object": "Lead"}', "application/json"),
        "content": ("content", "LastName,Company\nInline,A\n", "text/csv"),
    }
    del parts[left_out]
    assert error(call("POST", "jobs/ingest", files=parts))[:2] == (400, "INVALID_MULTIPART_REQUEST")


def test_too_much_data_beside_a_job(call: Any, error: Any) -> None:
    """More than 100,000 characters have to be uploaded."""
    parts = {
        "job": (None, '{"operation": "insert", "object": "Lead"}', "application/json"),
        "content": ("content", "LastName\n" + "x\n" * 50_000, "text/csv"),
    }
    assert error(call("POST", "jobs/ingest", files=parts))[:2] == (400, "CLIENTINPUTERROR")


def test_a_job_is_worked_on_though_nobody_asks_for_it(call: Any) -> None:
    """The rows are written between other requests; the job is never polled."""
    start(call, "insert", "Lead", "LastName,Company\nUnasked,A\n")
    until = monotonic() + 20
    while not call.rows("SELECT Id FROM Lead WHERE LastName = 'Unasked'"):
        assert monotonic() < until, "the job was not worked on"
