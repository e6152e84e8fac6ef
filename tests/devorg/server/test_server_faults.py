"""Faults on demand: by path, rate, count, seed and lifetime, and every kind of them."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def fault(call: Any, kind: str, path: str = "/limits", **more: Any) -> Any:
    """Ask for a fault."""
    return call.org.control("POST", "faults", {"kind": kind, "path": path, **more})


def statuses(call: Any, count: int) -> list[int]:
    """Of so many requests for the limits."""
    return [call("GET", "limits").status_code for _ in range(count)]


def test_a_rate_is_drawn_from_its_seed(call: Any) -> None:
    """The same requests are hit each time; about as many as asked for."""
    fault(call, "503", rate=0.5, seed=3)
    first = statuses(call, 30)
    call.org.control("DELETE", "faults")
    fault(call, "503", rate=0.5, seed=3)
    assert statuses(call, 30) == first
    assert 8 <= first.count(503) <= 22


def test_a_rate_with_a_count(call: Any) -> None:
    """Never more than so many."""
    fault(call, "503", rate=0.9, times=2)
    assert statuses(call, 12).count(503) == 2


def test_a_lifetime_on_the_org_s_clock(call: Any) -> None:
    """All are hit, until it is over."""
    fault(call, "503", lasts=60)
    assert statuses(call, 3) == [503] * 3
    call.org.control("POST", "clock", {"advance": 61})
    assert statuses(call, 1) == [200]


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        ("exhausted", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        ("concurrent", 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        ("query-timeout", 400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    ],
)
def test_refusals(call: Any, error: Any, kind: str, status: int, code: str, message: str) -> None:
    """In the org's words."""
    fault(call, kind)
    assert error(call("GET", "limits"))[:3] == (status, code, message)


def test_a_503_in_html(call: Any) -> None:
    """From what stands before the org: no JSON, no word of limits."""
    fault(call, "html-503")
    answer = call("GET", "limits")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "sforce-limit-info" not in answer.headers


def test_half_an_answer(call: Any) -> None:
    """It looks whole and is not JSON; the effect is there."""
    fault(call, "half", "sobjects/Account")
    answer = call("POST", "sobjects/Account", {"Name": "Half"})
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert call.one("SELECT Name FROM Account WHERE Name = 'Half'")


def test_a_truncated_answer(call: Any) -> None:
    """The connection ends in the middle; the effect is there."""
    fault(call, "truncated", "sobjects/Account")
    with pytest.raises(requests.exceptions.RequestException):
        call("POST", "sobjects/Account", {"Name": "Cut"})
    assert call.one("SELECT Name FROM Account WHERE Name = 'Cut'")


def test_a_wrong_content_type(call: Any) -> None:
    """JSON that says that it is a page."""
    fault(call, "wrong-content-type")
    answer = call("GET", "limits")
    assert answer.headers["content-type"].startswith("text/html")
    assert "DailyApiRequests" in answer.json()


def test_a_request_that_arrives_twice(call: Any) -> None:
    """Two records of one POST; an upsert by key is one, and the answer is the second's."""
    fault(call, "duplicate", "sobjects/Account")
    call.make("Account", Name="Twice")
    assert len(call.rows("SELECT Id FROM Account WHERE Name = 'Twice'")) == 2
    account = call.make("Account", Name="Gone")
    fault(call, "duplicate", "sobjects/Account", method="DELETE")
    answer = call("DELETE", f"sobjects/Account/{account}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_a_person_edits_between_read_and_write(call: Any) -> None:
    """The records that the write names were changed just before it, by somebody else."""
    lead = call.make("Lead", LastName="A", Company="B")
    edit = {"object": "Lead", "fields": {"OwnerId": call.user("ana.costa"), "City": "Faro"}}
    fault(call, "person-edits", "composite/sobjects", method="PATCH", edit=edit)
    record = {"attributes": {"type": "Lead"}, "Id": lead, "Rating": "Hot"}
    call("PATCH", "composite/sobjects", {"records": [record]})
    row = call.one(f"SELECT OwnerId, City, Rating FROM Lead WHERE Id = '{lead}'")
    assert (row["OwnerId"], row["City"], row["Rating"]) == (call.user("ana.costa"), "Faro", "Hot")


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "503", "rate": -1},
        {"kind": "503", "times": "many"},
        {"kind": "503", "lasts": "long"},
        {"kind": "503", "edit": {}},
        {"kind": "person-edits"},
    ],
)
def test_what_is_no_fault(call: Any, wanted: dict[str, Any]) -> None:
    """400 with a sentence."""
    answer = requests.post(f"{call.org.http}/_devorg/faults", json=wanted, timeout=30)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")
