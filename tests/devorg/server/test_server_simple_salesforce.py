"""simple-salesforce, unchanged, through HTTPS with the org's CA."""

from __future__ import annotations

from typing import Any

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound


@pytest.fixture
def sf(call: Any) -> Any:
    """The library, given a ready session id and a session that trusts the CA."""
    token = call.session.headers["Authorization"].split()[1]
    return Salesforce(instance_url=call.base, session_id=token, session=call.session)


def test_query(sf: Any) -> None:
    """query, query_all and query_all_iter with pages."""
    assert sf.query("SELECT Id FROM Lead LIMIT 3")["totalSize"] == 3
    assert len(sf.query_all("SELECT Id FROM Lead")["records"]) == 2025
    assert sum(1 for _ in sf.query_all_iter("SELECT Id FROM Lead")) == 2025


def test_records(sf: Any) -> None:
    """create, get, update, upsert by Id, delete."""
    made = sf.Lead.create({"LastName": "Silva", "Company": "Fonte"})
    assert made["success"] is True
    assert sf.Lead.update(made["id"], {"Rating": "Hot"}) == 204
    found = sf.Lead.get(made["id"])
    assert found["Rating"] == "Hot"
    assert sf.Lead.upsert(f"Id/{made['id']}", {"Rating": "Cold"}) == 200
    assert sf.Lead.delete(made["id"]) == 204


def test_describe_and_limits(sf: Any) -> None:
    """describe of one and of all, limits, metadata."""
    described = sf.Lead.describe()
    assert described["name"] == "Lead"
    everything = sf.describe()
    assert any(one["name"] == "User" for one in everything["sobjects"])
    metadata = sf.Lead.metadata()
    assert metadata["objectDescribe"]["keyPrefix"] == "00Q"
    assert sf.limits()["DailyApiRequests"]["Max"] == 15000
    assert sf.api_usage["api-usage"].total == 15000


def test_restful_collections(sf: Any) -> None:
    """Collections through `restful`."""
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("A", "B")]
    results = sf.restful("composite/sobjects", method="POST", json={"records": records})
    assert [one["success"] for one in results] == [True, True]


def test_errors(sf: Any) -> None:
    """The library's own exceptions."""
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        sf.Lead.create({"LastName": "Silva"})
    with pytest.raises(SalesforceResourceNotFound):
        sf.Lead.get("00QdV000000zzzz")
