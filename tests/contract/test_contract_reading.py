"""Queries and describes."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select, select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query


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
