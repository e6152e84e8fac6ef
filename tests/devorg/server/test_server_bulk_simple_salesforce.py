"""simple-salesforce's bulk2, unchanged, and its updated and deleted feeds."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from simple_salesforce.api import Salesforce


@pytest.fixture
def sf(call: Any) -> Any:
    """The library, given a ready session id and a session that trusts the CA."""
    token = call.session.headers["Authorization"].split()[1]
    return Salesforce(instance_url=call.base, session_id=token, session=call.session)


def test_ingest(sf: Any) -> None:
    """insert, update and delete, with their results files."""
    records = [{"LastName": "Alves", "Company": "Fonte"}, {"LastName": "Bom", "Company": ""}]
    [done] = sf.bulk2.Lead.insert(records=records, wait=0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    results = sf.bulk2.Lead.get_all_ingest_records(done["job_id"])
    [good], [bad] = results["successfulRecords"], results["failedRecords"]
    assert bad["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert results["unprocessedRecords"] == []
    changes = [{"Id": good["sf__Id"], "Phone": "1"}]
    [changed] = sf.bulk2.Lead.update(records=changes, wait=0)
    assert changed["numberRecordsFailed"] == 0
    assert sf.Lead.get(good["sf__Id"])["Phone"] == "1"
    [gone] = sf.bulk2.Lead.delete(records=[{"Id": good["sf__Id"]}], wait=0)
    assert gone["numberRecordsFailed"] == 0


def test_query(sf: Any) -> None:
    """All pages."""
    pages = list(sf.bulk2.Lead.query("SELECT Id, LastName FROM Lead", max_records=1000, wait=0))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3
    assert len({row["Id"] for row in rows}) == 2025
