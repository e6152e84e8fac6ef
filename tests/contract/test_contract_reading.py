"""Queries and describes."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.bulk_query import bulk_select
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import count, select, select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, eq


@pytest.mark.salesforce_recording("query-parents-and-pages")
def test_pages_and_parents(session: Session) -> None:
    """Pages of 200 follow each other by `nextRecordsUrl`; parents come as rows of their own."""
    query = Query(("Id", "Owner.Type", "CreatedBy.Username"), "Lead", (), ("Id",), limit=230)
    rows = list(select(session, query, batch_size=200))
    ids = [row["Id"] for row in rows]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert len(ids) in range(231)
    assert all(row["CreatedBy"]["Username"] for row in rows)
    assert {row["Owner"]["Type"] for row in rows} <= {"User", "Queue"}
    assert session.calls.by_kind["query"] == max(1, -(-len(ids) // 200))


@pytest.mark.salesforce_recording("query-child-rows")
def test_children_come_inside_their_parent(session: Session) -> None:
    """A child sub-query gives a list of rows, empty or not."""
    text = "SELECT Id, (SELECT Id, IsDeleted FROM Contacts LIMIT 3) FROM Account LIMIT 3"
    rows = select_all(session, text)
    assert rows
    assert all(isinstance(row["Contacts"], list | None) for row in rows)


@pytest.mark.salesforce_recording("describe")
def test_an_object_is_described(session: Session) -> None:
    """Prefix, references and what may be written; an object that is not there is None."""
    told = describe(session, "GroupMember")
    assert told is not None
    assert told.key_prefix == "011"
    member = told.field("UserOrGroupId")
    assert member is not None
    assert set(member.reference_to) == {"Group", "User"}
    assert member.createable
    assert not member.updateable
    assert describe(session, "SfprmNothing__c") is None


@pytest.mark.salesforce_recording("resources")
def test_the_resources_of_the_version(call: Any) -> None:
    """Versions need no token; the version's resources name sobjects and query."""
    versions = call("GET", "/services/data").json()
    assert {"label", "url", "version"} <= set(versions[0])
    assert {"sobjects", "query", "composite", "limits"} <= set(call("GET", "").json())


@pytest.mark.salesforce_recording("describe-not-modified")
def test_a_describe_that_has_not_changed(call: Any) -> None:
    """Its Last-Modified, sent back, gives 304 and no body."""
    first = call("GET", "sobjects/GroupMember/describe")
    again = call(
        "GET",
        "sobjects/GroupMember/describe",
        headers={"If-Modified-Since": first.headers["Last-Modified"]},
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.salesforce_recording("count")
def test_a_count_reads_no_rows(session: Session) -> None:
    """One call; the number alone."""
    assert count(session, Query(("Id",), "User", (eq("IsActive", True),))) > 0
    assert session.calls.by_kind["query"] == 1


@pytest.mark.salesforce_recording("bulk-query")
def test_a_query_job(session: Session) -> None:
    """Started, watched, and its rows typed as the REST query's."""
    query = Query(("Id", "IsActive", "CreatedDate", "Profile.Name"), "User")
    by_id = {row["Id"]: row for row in bulk_select(session, query)}
    assert by_id == {row["Id"]: row for row in select_all(session, query)}


@pytest.mark.salesforce_recording("merged-leads", fictional=("Sfprm Contract", "Sfprm Contract Co"))
def test_a_merged_lead_names_its_master(call: Any, session: Session, scenario: Scenario) -> None:
    """Out of `query`; in `queryAll` it is deleted and says which lead it went into; a write to it
    is refused for good."""
    if scenario.mode == "live":
        pytest.skip("only a person can merge, in a real org's pages")
    lead = {"LastName": "Sfprm Contract", "Company": "Sfprm Contract Co"}
    kept, lost = (call("POST", "sobjects/Lead", lead).json()["id"] for _ in range(2))
    if scenario.org is not None:
        event = {"event": "records-merged", "object": "Lead", "keep": kept, "lose": [lost]}
        scenario.org.control("POST", "events", event)
    query = Query(("Id", "IsDeleted", "MasterRecordId"), "Lead", (eq("Id", lost),))
    assert select_all(session, query) == []
    [row] = select_all(session, query, include_deleted=True)
    assert (row["IsDeleted"], row["MasterRecordId"]) == (True, kept)
    refused = call("PATCH", f"sobjects/Lead/{lost}", {"Rating": "Hot"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")
