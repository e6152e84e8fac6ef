"""Whatever CSV is sent, the org answers in its own words, and writes whole good rows or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HEADERS = st.sampled_from(
    ["LastName,Company", "Id", "Id,Phone", "LastName,Company,Nope", "LastName,LastName",
     "LastName;Company", '"LastName","Company"', "Owner.Username,LastName,Company", "Address", ".",
     "User:Owner.Username", "attributes", "Id,Owner.", "\ufeffLastName,Company", ""]
)  # fmt: skip
CELLS = st.one_of(
    st.text(alphabet='ab,;"\r\n\t\x00é', max_size=6),
    st.sampled_from(["#N/A", '""', "00QdV0000000001UAA", "true", "x" * 300, "\x00", "=1+1"]),
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), max_size=5)


@pytest.fixture(scope="module")
def raw(devorg_process: Any) -> Iterator[Any]:
    """One org and one session for all examples."""
    devorg_process.reset("empty")
    token = devorg_process.control("POST", "sessions", {})["access_token"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"

        def send(method: str, path: str, **more: Any) -> requests.Response:
            url = f"{devorg_process.http}/services/data/v66.0/{path}"
            answer = session.request(method, url, timeout=30, **more)
            assert answer.status_code < 500 or answer.status_code == 501, answer.text
            return answer

        yield send


def leads(raw: Any) -> int:
    """How many leads there are."""
    total: int = raw("GET", "query?q=SELECT COUNT() FROM Lead").json()["totalSize"]
    return total


def load(raw: Any, operation: str, content: bytes) -> tuple[dict[str, Any], str] | None:
    """(the job at its end, its id); None when the upload was refused."""
    body = {"operation": operation, "object": "Lead"}
    id_ = raw("POST", "jobs/ingest", json=body).json()["id"]
    headers = {"Content-Type": "text/csv"}
    fed = raw("PUT", f"jobs/ingest/{id_}/batches", data=content, headers=headers)
    if fed.status_code != 201:
        assert fed.json()[0]["errorCode"] == "CLIENTINPUTERROR"
        return None
    raw("PATCH", f"jobs/ingest/{id_}", json={"state": "UploadComplete"})
    raw("GET", f"jobs/ingest/{id_}")
    return raw("GET", f"jobs/ingest/{id_}").json(), id_


@QUICK
@given(
    operation=st.sampled_from(["insert", "update", "delete"]),
    header=HEADERS,
    rows=ROWS,
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_csv(raw: Any, operation: str, header: str, rows: list[str], ending: str) -> None:
    """Failed with a reason and nothing written, or each row in exactly one file."""
    before = leads(raw)
    loaded = load(raw, operation, ending.join([header, *rows]).encode())
    assert loaded is not None
    job, id_ = loaded
    if job["state"] == "Failed":
        assert job["errorMessage"].startswith(("InvalidBatch : ", "ClientInputError : "))
        assert leads(raw) == before
        return
    assert job["state"] == "JobComplete"
    good, bad = (
        list(csv.reader(io.StringIO(raw("GET", f"jobs/ingest/{id_}/{kind}").text, newline="")))[1:]
        for kind in ("successfulResults", "failedResults")
    )
    assert job["numberRecordsProcessed"] == len(good) + len(bad)
    assert job["numberRecordsFailed"] == len(bad)
    change = {"insert": 1, "update": 0, "delete": -1}[operation]
    assert leads(raw) == before + change * len(good)


@QUICK
@given(content=st.binary(max_size=40))
def test_any_bytes(raw: Any, content: bytes) -> None:
    """Bytes that are no text are refused; text that is no CSV fails the job."""
    before = leads(raw)
    loaded = load(raw, "insert", content)
    assert loaded is None or loaded[0]["state"] in {"Failed", "JobComplete"}
    assert leads(raw) == before


@QUICK
@given(
    body=st.dictionaries(
        st.sampled_from(
            ["operation", "object", "contentType", "lineEnding", "columnDelimiter", "query",
             "externalIdFieldName", "assignmentRuleId", "state"]
        ),
        st.none()
        | st.integers()
        | st.lists(st.text(max_size=3), max_size=2)
        | st.sampled_from(["insert", "upsert", "query", "Lead", "CSV", "Id", "LF", "", "Open",
                           "SELECT Id FROM Lead", "SELECT FIELDS(ALL) FROM Lead LIMIT 1"]),
    ),
    path=st.sampled_from(["ingest", "query"]),
)  # fmt: skip
def test_any_job(raw: Any, body: dict[str, Any], path: str) -> None:
    """Created or refused; any change of state too."""
    answer = raw("POST", f"jobs/{path}", json=body)
    if answer.status_code == 200:
        raw("PATCH", f"jobs/{path}/{answer.json()['id']}", json=body)
