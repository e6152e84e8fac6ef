"""Bulk API 2.0 query jobs over HTTPS, with raw requests."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest


def create(call: Any, query: str, **more: Any) -> dict[str, Any]:
    """A query job as created."""
    answer = call("POST", "jobs/query", {"operation": "query", "query": query, **more})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def finish(call: Any, id_: str) -> dict[str, Any]:
    """Poll twice: not done, done."""
    assert call("GET", f"jobs/query/{id_}").json()["state"] in {"UploadComplete", "InProgress"}
    job: dict[str, Any] = call("GET", f"jobs/query/{id_}").json()
    return job


def test_the_job_and_its_results(call: Any) -> None:
    """UploadComplete, then JobComplete; names as in the schema, parents by path, null is empty."""
    account = call.make("Account", Name='Fonte "Lda"')
    call.make("Contact", LastName="Alves", AccountId=account, DoNotCall=True)
    call.make("Contact", LastName="Alvim")
    query = (
        "SELECT lastname, account.name, Contact.Phone, Owner.Name, DoNotCall FROM Contact "
        "WHERE LastName LIKE 'Alv%' ORDER BY LastName"
    )
    made = create(call, query)
    assert made == {
        "id": made["id"],
        "operation": "query",
        "object": "Contact",
        "createdById": call.user("sfprm.agent"),
        "createdDate": made["createdDate"],
        "systemModstamp": made["systemModstamp"],
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    job = finish(call, made["id"])
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 2)
    assert job["jobType"] == "V2Query"
    answer = call("GET", f"jobs/query/{made['id']}/results")
    assert (answer.headers["Sforce-Locator"], answer.headers["Sforce-NumberOfRecords"]) == (
        "null",
        "2",
    )
    assert answer.headers["content-type"] == "text/csv"
    owner = call.one("SELECT Name FROM User WHERE Username = 'sfprm.agent@alder.example.com'")
    assert answer.text == (
        '"LastName","Account.Name","Phone","Owner.Name","DoNotCall"\n'
        f'"Alves","Fonte ""Lda""","","{owner["Name"]}","true"\n'
        f'"Alvim","","","{owner["Name"]}","false"\n'
    )


def test_results_in_pages(call: Any) -> None:
    """maxRecords and the locator lead through all rows once, whatever the size of the pages."""
    id_ = create(call, "SELECT Id FROM Lead ORDER BY Id")["id"]
    assert finish(call, id_)["numberRecordsProcessed"] == 2025
    seen: list[str] = []
    locator = None
    for _ in range(10):
        params = {"maxRecords": 700} | ({"locator": locator} if locator else {})
        answer = call("GET", f"jobs/query/{id_}/results", params=params)
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(rows)
        seen += [row["Id"] for row in rows]
        locator = answer.headers["Sforce-Locator"]
        if locator == "null":
            break
        assert base64.b64decode(locator + "==").decode() == str(len(seen))
    assert (len(seen), len(set(seen))) == (2025, 2025)
    assert seen == sorted(seen)


def test_query_all_has_the_deleted(call: Any) -> None:
    """operation queryAll; in another dialect."""
    id_ = call.make("Lead", LastName="Gone", Company="C")
    call("DELETE", f"sobjects/Lead/{id_}")
    query = "SELECT LastName, IsDeleted FROM Lead WHERE LastName = 'Gone'"
    for operation, text in (("query", ""), ("queryAll", '"Gone"\t"true"\r\n')):
        dialect = {"lineEnding": "CRLF", "columnDelimiter": "TAB"}
        job = create(call, query, operation=operation, **dialect)
        finish(call, job["id"])
        answer = call("GET", f"jobs/query/{job['id']}/results")
        assert answer.text == '"LastName"\t"IsDeleted"\r\n' + text


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT Name, (SELECT Id FROM Contacts) FROM Account", "API_ERROR",
         "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"),
        ("SELECT Address FROM Lead", "API_ERROR",
         "Selecting compound data not supported in Bulk Query"),
        ("SELECT Account.BillingAddress FROM Contact", "API_ERROR",
         "Selecting compound data not supported in Bulk Query"),
        ("SELECT COUNT() FROM Lead", "API_ERROR", "aggregate"),
        ("SELECT COUNT(Id) FROM Lead", "API_ERROR", "aggregate"),
        ("SELECT Status FROM Lead GROUP BY Status", "API_ERROR", "GROUP BY"),
        ("SELECT Id FROM Lead OFFSET 5", "API_ERROR", "OFFSET"),
        ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT FROM Lead", "MALFORMED_QUERY", "unexpected token"),
    ],
)  # fmt: skip
def test_queries_that_no_job_may_have(
    call: Any, error: Any, query: str, code: str, words: str
) -> None:
    """400 at once."""
    status, found, message, _ = error(
        call("POST", "jobs/query", {"operation": "query", "query": query})
    )
    assert (status, found) == (400, code)
    assert words in message


def test_abort_and_delete(call: Any, error: Any) -> None:
    """Only a job at its end is deleted; an aborted one has no results."""
    call.org.control("POST", "delays", {"bulk_seconds": 60})
    id_ = create(call, "SELECT Id FROM Lead")["id"]
    assert error(call("DELETE", f"jobs/query/{id_}"))[1:3] == (
        "API_ERROR",
        "Error encountered when deleting the job because the job is not terminated",
    )
    assert error(call("GET", f"jobs/query/{id_}/results"))[:2] == (400, "INVALIDJOBSTATE")
    assert call("PATCH", f"jobs/query/{id_}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert call("GET", f"jobs/query/{id_}/results").status_code == 400
    assert call("DELETE", f"jobs/query/{id_}").status_code == 204
    assert call("GET", "jobs/query").json()["records"] == []


def test_query_jobs_count_toward_the_day(call: Any, error: Any) -> None:
    """Used up, the next is refused."""
    call.org.control("POST", "settings", {"bulk_limits": {"query_jobs": 1}})
    create(call, "SELECT Id FROM Lead")
    body = {"operation": "query", "query": "SELECT Id FROM Lead"}
    assert error(call("POST", "jobs/query", body))[1:3] == (
        "LIMIT_EXCEEDED",
        "Max bulk v2 query jobs (1) per 24 hrs has been exceeded",
    )
    assert call("GET", "limits").json()["DailyBulkV2QueryJobs"] == {"Max": 1, "Remaining": 0}


@pytest.mark.parametrize("locator", ["x", "MTAwMDA", "LTE", "////", "bnVsbA"])
def test_locators_that_are_none(call: Any, error: Any, locator: str) -> None:
    """400 INVALID_QUERY_LOCATOR."""
    id_ = create(call, "SELECT Id FROM Lead LIMIT 3")["id"]
    finish(call, id_)
    answer = call("GET", f"jobs/query/{id_}/results", params={"locator": locator})
    assert error(answer)[:2] == (400, "INVALID_QUERY_LOCATOR")


def test_functions_have_their_alias_or_the_name_they_have_over_rest(call: Any) -> None:
    """toLabel and FORMAT in a job: what /query answers, in columns."""
    call.make("Lead", LastName="Alvim", Company="Alvim", AnnualRevenue=1234567, Status="Qualified")
    query = (
        "SELECT toLabel(Lead.Status), FORMAT(AnnualRevenue) shown, FORMAT(CreatedDate), LastName "
        "FROM Lead WHERE LastName = 'Alvim'"
    )
    made = create(call, query)
    assert finish(call, made["id"])["state"] == "JobComplete"
    text = call("GET", f"jobs/query/{made['id']}/results").content.decode()
    [row] = csv.DictReader(io.StringIO(text))
    record = call.one(query)
    del record["attributes"]
    assert row == record
    assert list(row) == ["Status", "shown", "CreatedDate", "LastName"]
