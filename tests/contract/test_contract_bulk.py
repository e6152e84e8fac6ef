"""Bulk API 2.0: an ingest job from its creation to its three result files."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario

ROWS = "LastName,Company,Rating\nSfprm Contract,Sfprm Contract Company,Hot\nSfprm Contract,,Hot\n"
TEXTS = ("Sfprm Contract", "Sfprm Contract Company")


@pytest.mark.salesforce_recording("bulk-ingest", fictional=TEXTS)
def test_an_ingest_job(call: Any, scenario: Scenario) -> None:
    """Open, filled, closed, watched: one row written, one refused with its code, none lost."""
    job = call("POST", "jobs/ingest", {"object": "Lead", "operation": "insert"}).json()
    assert job["state"] == "Open"
    path = f"jobs/ingest/{job['id']}"
    typed = {"Content-Type": "text/csv"}
    filled = call("PUT", f"{path}/batches", data=ROWS, headers=typed)
    assert filled.status_code == 201
    assert call("PATCH", path, {"state": "UploadComplete"}).json()["state"] == "UploadComplete"
    for _ in range(60):
        told = call("GET", path).json()
        if told["state"] in ("JobComplete", "Failed"):
            break
        scenario.clock.sleep(1)
    assert told["state"] == "JobComplete"
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (2, 1)
    good = call("GET", f"{path}/successfulResults").text.splitlines()
    bad = call("GET", f"{path}/failedResults").text.splitlines()
    rest = call("GET", f"{path}/unprocessedrecords").text.splitlines()
    assert good[0].replace('"', "").startswith("sf__Id,sf__Created,")
    assert [len(good), len(bad), len(rest)] == [2, 2, 1]
    assert "REQUIRED_FIELD_MISSING" in bad[1]
    if scenario.mode == "live":
        call.made.append(f"sobjects/Lead/{good[1].replace(chr(34), '').partition(',')[0]}")
