"""/updated, /deleted, /recent, collections' retrieve, record counts, and what is not imitated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from simple_salesforce.api import Salesforce

SPAN = "start=2030-01-01T10:00:40Z&end=2030-01-01T10:05:59Z"


@pytest.fixture
def still(call: Any) -> Any:
    """The caller in an org whose clock stands at 2030-01-01 10:02."""
    call.org.control("POST", "clock", {"set": "2030-01-01T10:02:30Z"})
    token = call.org.control("POST", "sessions", {})["access_token"]
    call.session.headers["Authorization"] = f"Bearer {token}"
    return call


def test_updated(still: Any) -> None:
    """New and changed records once, those deleted not; seconds dropped; no later than now."""
    new, gone = (still.make("Lead", LastName=name, Company="C") for name in "AB")
    still("DELETE", f"sobjects/Lead/{gone}")
    still.change("Lead", new, Phone="1")
    assert still("GET", f"sobjects/Lead/updated/?{SPAN}").json() == {
        "ids": [new],
        "latestDateCovered": "2030-01-01T10:02:00.000+0000",
    }
    later = "start=2030-01-01T10:03:00%2B00:00&end=2030-01-01T10:05:00%2B00:00"
    assert still("GET", f"sobjects/lead/updated?{later}").json()["ids"] == []


def test_deleted(still: Any) -> None:
    """Ids with their instants; thirty days back at most."""
    gone = still.make("Lead", LastName="A", Company="C")
    still("DELETE", f"sobjects/Lead/{gone}")
    still.org.control("POST", "clock", {"set": "2030-01-01T10:09:00Z"})
    assert still("GET", f"sobjects/Lead/deleted?{SPAN}").json() == {
        "deletedRecords": [{"id": gone, "deletedDate": "2030-01-01T10:02:30.000+0000"}],
        "earliestDateAvailable": "2029-12-02T10:09:00.000+0000",
        "latestDateCovered": "2030-01-01T10:05:00.000+0000",
    }


def test_deleted_knows_hard_deletes(still: Any) -> None:
    """A record past the recycle bin is in the feed too."""
    id_ = still.make("Lead", LastName="A", Company="C")
    profile = still.id_of("Profile", "System Administrator")
    still.change("Profile", profile, PermissionsBulkApiHardDelete=True)
    body = {"operation": "hardDelete", "object": "Lead"}
    job = still("POST", "jobs/ingest", body).json()["id"]
    headers = {"Content-Type": "text/csv"}
    still("PUT", f"jobs/ingest/{job}/batches", data=f"Id\n{id_}\n".encode(), headers=headers)
    still("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    feed = still("GET", f"sobjects/Lead/deleted?{SPAN}").json()
    assert [one["id"] for one in feed["deletedRecords"]] == [id_]


@pytest.mark.parametrize(
    "span",
    [
        "start=2030-01-01T10:05:00Z&end=2030-01-01T10:05:30Z",
        "start=2030-01-01T10:06:00Z&end=2030-01-01T10:05:00Z",
        "start=2029-11-01T10:00:00Z&end=2030-01-01T10:05:00Z",
        "start=2030-01-01&end=2030-01-01T10:05:00Z",
        "start=nope&end=nope",
        "",
    ],
)
def test_spans_that_cannot_be(still: Any, error: Any, span: str) -> None:
    """400 INVALID_REPLICATION_DATE for both feeds."""
    for feed in ("updated", "deleted"):
        answer = still("GET", f"sobjects/Lead/{feed}?{span}")
        assert error(answer)[:2] == (400, "INVALID_REPLICATION_DATE")


def test_simple_salesforce_reads_the_feeds(still: Any) -> None:
    """updated() and deleted() of the library."""
    token = still.session.headers["Authorization"].split()[1]
    sf: Any = Salesforce(instance_url=still.base, session_id=token, session=still.session)
    id_ = still.make("Lead", LastName="A", Company="C")
    start, end = datetime(2030, 1, 1, 10, 0, tzinfo=UTC), datetime(2030, 1, 1, 10, 5, tzinfo=UTC)
    assert sf.Lead.updated(start, end)["ids"] == [id_]
    sf.Lead.delete(id_)
    assert [one["id"] for one in sf.Lead.deleted(start, end)["deletedRecords"]] == [id_]


def test_recent(call: Any) -> None:
    """What was looked at FOR VIEW, the latest first, as a bare list."""
    account = call.make("Account", Name="Seen")
    assert call("GET", "recent").json() == []
    call.rows(f"SELECT Id FROM Account WHERE Id = '{account}' FOR VIEW")
    [seen] = call("GET", "recent/?limit=1").json()
    assert seen == {
        "attributes": {
            "type": "Account",
            "url": f"/services/data/v66.0/sobjects/Account/{account}",
        },
        "Id": account,
        "Name": "Seen",
    }
    assert call("GET", "recent?limit=0").status_code == 400


def test_two_thousand_are_retrieved_and_no_more(call: Any, error: Any) -> None:
    """By POST."""
    ids = [row["Id"] for row in call.rows("SELECT Id FROM Lead LIMIT 2000")]
    found = call("POST", "composite/sobjects/Lead", {"ids": ids, "fields": ["Name"]}).json()
    assert [one["attributes"]["url"].rpartition("/")[2] for one in found] == ids
    answer = call("POST", "composite/sobjects/Lead", {"ids": [*ids, ids[0]], "fields": ["Name"]})
    assert error(answer)[:2] == (400, "EXCEEDED_ID_LIMIT")


def test_record_counts(call: Any) -> None:
    """Objects without rows are left out."""
    answer = call("GET", "limits/recordCount?sObjects=Lead,Campaign").json()
    assert answer == {"sObjects": [{"count": 2025, "name": "Lead"}]}


@pytest.mark.parametrize(
    "path", ["Lead/listviews", "Lead/listviews/00B/results", "Lead/describe/layouts",
             "Lead/quickActions"]
)  # fmt: skip
def test_sub_resources_that_are_not_imitated(call: Any, error: Any, path: str) -> None:
    """501, and said so."""
    assert error(call("GET", f"sobjects/{path}"))[:2] == (501, "NOT_IMITATED")
