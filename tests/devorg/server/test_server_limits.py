"""Limits: the day's calls, long requests, sizes, storage, mails, the API switched off; and what a
server must tolerate on the wire."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

Reader = Callable[[Any], tuple[int, str, str, list[str] | None]]


def test_limits_have_all_names(call: Any) -> None:
    """Each with Max and Remaining; what is counted goes down."""
    limits = call("GET", "limits").json()
    assert {"DailyApiRequests", "SingleEmail", "DataStorageMB", "HourlyODataCallout"} <= set(limits)
    assert all(set(one) == {"Max", "Remaining"} for one in limits.values())
    again = call("GET", "limits").json()
    assert again["DailyApiRequests"]["Remaining"] == limits["DailyApiRequests"]["Remaining"] - 1


def test_the_day_is_used_up(call: Any, error: Reader) -> None:
    """403 until 24 hours have gone."""
    call.org.control("POST", "limits", {"daily_api": 3})
    call.org.control("POST", "calls", {"used": 2})
    answer = call("GET", "sobjects")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=3/3"
    assert error(call("GET", "sobjects")) == (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
        None,
    )
    call.org.control("POST", "clock", {"advance": 86400})
    assert error(call("GET", "sobjects"))[1] == "INVALID_SESSION_ID"


def test_no_more_long_requests_than_allowed(call: Any, error: Reader) -> None:
    """While one long request runs and one may, new calls are refused; afterwards not."""
    call.org.control("POST", "limits", {"long_requests": 1, "long_seconds": 0.1})
    call.org.control("POST", "faults", {"kind": "slow", "path": "/query", "seconds": 1.0})
    slow = threading.Thread(target=call.rows, args=("SELECT Id FROM Organization",))
    slow.start()
    refused = None
    for _ in range(200):
        answer = requests.get(
            f"{call.org.http}/services/data/v66.0/limits",
            headers={"Authorization": call.session.headers["Authorization"]},
            timeout=30,
        )
        if answer.status_code == 403:
            refused = error(answer)
            break
    slow.join()
    assert refused is not None
    assert refused[1:3] == (
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentPerOrgLongTxn Limit exceeded.",
    )
    assert call("GET", "limits").status_code == 200


def test_the_api_is_off(call: Any, error: Reader) -> None:
    """For everybody, administrators too."""
    call.org.control("POST", "limits", {"api_off": True})
    assert error(call("GET", "limits"))[:2] == (403, "API_DISABLED_FOR_ORG")


def test_storage_is_full(call: Any, error: Reader) -> None:
    """Inserts beyond the room are refused, one by one; updates are not."""
    call.org.control("POST", "limits", {"storage_mb": 5})
    left = call("GET", "limits").json()["DataStorageMB"]
    assert left["Max"] == 5
    assert 0 <= left["Remaining"] < 5
    call.org.control("POST", "limits", {"storage_mb": 0})
    refused = call("POST", "sobjects/Lead", {"LastName": "N", "Company": "N"})
    assert error(refused) == (400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", [])
    lead = call.one("SELECT Id FROM Lead LIMIT 1")["Id"]
    call.change("Lead", lead, Title="x")


def test_the_days_mails_are_used_up(call: Any) -> None:
    """Recipients outside the org count; a new day brings new ones."""
    call.org.control("POST", "limits", {"single_email": 2})

    def send(address: str) -> Any:
        mail = {"emailBody": "b", "emailSubject": "s", "emailAddresses": address}
        return call("POST", "actions/standard/emailSimple", {"inputs": [mail]}).json()[0]

    assert send("a@example.org,b@example.org")["isSuccess"]
    assert send("lena.berg@alder.example.com")["isSuccess"]
    refused = send("c@example.org")
    assert refused["errors"][0]["statusCode"] == "SINGLE_EMAIL_LIMIT_EXCEEDED"
    assert call("GET", "limits").json()["SingleEmail"] == {"Max": 2, "Remaining": 0}


@pytest.mark.parametrize(
    "wanted", [{"daily_api": -1}, {"daily_api": "many"}, {"nonsense": 1}, {"api_off": 1}]
)
def test_limits_that_are_none(devorg: Any, wanted: dict[str, Any]) -> None:
    """400, and the limits stay."""
    before = devorg.control("GET", "limits")
    answer = requests.post(f"{devorg.http}/_devorg/limits", json=wanted, timeout=30)
    assert answer.status_code == 400
    assert devorg.control("GET", "limits") == before


@pytest.mark.parametrize(
    ("address", "header", "status"), [(16_000, 0, 200), (17_000, 0, 414), (9_000, 9_000, 431)]
)
def test_long_addresses(call: Any, address: int, header: int, status: int) -> None:
    """16,384 bytes for the address, and for address and headers."""
    answer = call("GET", "limits?x=" + "a" * address, headers={"X-Long": "b" * header})
    assert answer.status_code == status


# On the wire


def test_a_body_in_gzip(call: Any, error: Reader) -> None:
    """Unpacked; a broken one, one that goes on for ever and an unknown encoding are refused."""
    lead = json.dumps({"LastName": "Zipped", "Company": "X"}).encode()

    def send(body: bytes, encoding: str = "gzip") -> Any:
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        return call("POST", "sobjects/Lead", data=body, headers=headers)

    assert send(gzip.compress(lead)).status_code == 201
    assert send(b"nonsense").status_code == 400
    assert send(gzip.compress(lead)[:-9]).status_code == 400
    assert send(gzip.compress(bytes(60_000_000))).status_code == 413
    assert send(lead, "br").status_code == 415


def test_a_chunked_body(call: Any) -> None:
    """Without Content-Length, as some clients send it."""

    def parts() -> Any:
        yield b'{"LastName": "Chun'
        yield b'ked", "Company": "X"}'

    answer = call(
        "POST", "sobjects/Lead", data=parts(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/services/data/v66.0/limits/",
        "/services/data/V66.0/LIMITS",
        "/Services/Data/v66/limits",
        "/services/data/v31.0/sobjects/lead/Describe/",
    ],
)
def test_paths_as_clients_write_them(call: Any, path: str) -> None:
    """Trailing slashes and any case."""
    assert call("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("v30.0", 410, "UNSUPPORTED_API_VERSION"),
        ("v20.0", 410, "UNSUPPORTED_API_VERSION"),
        ("v69.0", 404, "NOT_FOUND"),
        ("v66.1", 404, "NOT_FOUND"),
        ("latest", 404, "NOT_FOUND"),
    ],
)
def test_versions_that_are_none(
    call: Any, error: Reader, version: str, status: int, code: str
) -> None:
    """Retired ones are gone, future ones not there."""
    assert error(call("GET", f"/services/data/{version}/limits"))[:2] == (status, code)


def test_pretty_print(call: Any) -> None:
    """Indented when asked for."""
    assert "\n" not in call("GET", "limits").text
    assert "\n  " in call("GET", "limits", headers={"X-PrettyPrint": "1"}).text


def test_two_requests_on_one_connection(devorg: Any) -> None:
    """Pipelined; both are answered in order."""
    host, port = devorg.http.removeprefix("http://").split(":")
    line = f"GET /services/data HTTP/1.1\r\nHost: {host}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall((f"{line}\r\n{line}Connection: close\r\n\r\n").encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert received.count(b"HTTP/1.1 200") == 2


# Conditional requests


@pytest.mark.parametrize("path", ["sobjects", "sobjects/Lead/describe"])
def test_describe_is_conditional(call: Any, path: str) -> None:
    """ETag and Last-Modified; 304 without a body to both; 200 when the date is older."""
    first = call("GET", path)
    tag, since = first.headers["ETag"], first.headers["Last-Modified"]
    for headers in ({"If-Modified-Since": since}, {"If-None-Match": tag}):
        again = call("GET", path, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    older = {"If-Modified-Since": "Mon, 02 Mar 2020 09:30:00 GMT"}
    assert call("GET", path, headers=older).status_code == 200
    assert call("GET", path, headers={"If-None-Match": '"00000000"'}).status_code == 200
    assert call("GET", path, headers={"If-Modified-Since": "soon"}).status_code == 200


def test_a_change_of_the_schema_is_seen_at_once(call: Any) -> None:
    """Within the same second too."""
    first = call("GET", "sobjects/Lead/describe")
    call.org.control("POST", "settings", {"state_country_picklists": True})
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    again = call("GET", "sobjects/Lead/describe", headers=since)
    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]


def test_a_session_of_another_length(call: Any) -> None:
    """The setting `session_minutes`, on the org's clock."""
    call.org.control("POST", "settings", {"session_minutes": 15})
    call.org.control("POST", "clock", {"advance": 14 * 60})
    assert call("GET", "limits").status_code == 200
    call.org.control("POST", "clock", {"advance": 16 * 60})
    assert call("GET", "limits").status_code == 401
