"""The control API: clock, calls, faults, stories; and the life of the process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests


def control(org: Any, method: str, path: str, body: Any = None) -> requests.Response:
    """A call that may be refused."""
    return requests.request(method, f"{org.http}/_devorg/{path}", json=body, timeout=30)


def test_calls_are_logged_by_kind(call: Any) -> None:
    """Method, path, status and cost; no token in it."""
    call.org.control("POST", "calls/reset")
    call("GET", "limits")
    call("GET", "query", params={"q": "SELECT Id FROM Lead LIMIT 1"})
    call("GET", "/services/data")
    log = call.org.control("GET", "calls")
    assert (log["total"], log["by_kind"]) == (2, {"limits": 1, "query": 1})
    entry = log["entries"][1]
    assert entry["path"] == "/services/data/v66.0/query?q=SELECT Id FROM Lead LIMIT 1"
    assert (entry["method"], entry["status"], entry["cost"]) == ("GET", 200, 1)
    assert call.session.headers["Authorization"].split("!")[1] not in json.dumps(log)


def test_the_day_s_calls_run_out(call: Any, error: Any) -> None:
    """403 until the 24 hours are over."""
    call.org.control("POST", "calls", {"used": 14999})
    assert call("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=15000/15000"
    assert error(call("GET", "limits"))[:3] == (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
    )
    call.org.control("POST", "clock", {"advance": 86400})
    token = call.org.control("POST", "sessions", {})["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert call("GET", "limits", headers=headers).status_code == 200


def test_the_clock(devorg: Any) -> None:
    """Set stands, advance adds, follow returns."""
    assert devorg.control("POST", "clock", {"set": "2026-05-04T10:00:00Z"})["fixed"] is True
    advanced = devorg.control("POST", "clock", {"advance": 90})
    assert advanced["now"] == "2026-05-04T10:01:30+00:00"
    assert devorg.control("POST", "clock", {"follow": True})["offset"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("DELETE", "outbox", None, 405),
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"set": "soon"}, 400),
        ("POST", "faults", {"kind": "plague"}, 400),
        ("POST", "faults", {"kind": "503", "path": "("}, 400),
        ("POST", "faults", {"kind": "503", "rate": 2}, 400),
        ("POST", "seed", {"story": "unknown"}, 400),
        ("POST", "seed", {"story": "demo"}, 400),
        ("POST", "events", {"event": "unknown"}, 400),
        ("POST", "sessions", {"username": "nobody"}, 400),
        ("POST", "confirm-email", {"username": "nobody"}, 400),
    ],
)
def test_what_the_control_api_refuses(
    devorg: Any, method: str, path: str, body: Any, status: int
) -> None:
    """Always with a sentence, never 500."""
    answer = control(devorg, method, path, body)
    assert answer.status_code == status
    assert answer.json()[0]["message"]


def test_an_expired_session_on_demand(call: Any, error: Any) -> None:
    """The token is dead afterwards too."""
    call.org.control("POST", "faults", {"kind": "expired-session", "path": "/limits", "times": 1})
    assert error(call("GET", "limits"))[:2] == (401, "INVALID_SESSION_ID")
    assert error(call("GET", "sobjects"))[:2] == (401, "INVALID_SESSION_ID")


def test_unavailable_after_some_calls(call: Any, error: Any) -> None:
    """The first passes, the next two fail, then all is well."""
    call.org.control("POST", "faults", {"kind": "503", "path": "/limits", "times": 2, "after": 1})
    statuses = [call("GET", "limits").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]


def test_a_login_is_hit_only_when_it_is_named(devorg: Any) -> None:
    """A fault for every path leaves logins alone."""
    form = {
        "grant_type": "client_credentials",
        "client_id": devorg.client_id,
        "client_secret": devorg.client_secret,
    }
    url = f"{devorg.http}/services/oauth2/token"
    devorg.control("POST", "faults", {"kind": "503", "path": ""})
    assert requests.post(url, data=form, timeout=30).status_code == 200
    devorg.control("POST", "faults", {"kind": "503", "path": "oauth2/token"})
    assert requests.post(url, data=form, timeout=30).status_code == 503


def test_locks(call: Any, error: Any) -> None:
    """Every other row of a collection, and a single write as a whole."""
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("A", "B", "C")]
    call.org.control("POST", "faults", {"kind": "lock", "path": "composite/sobjects", "times": 1})
    results = call("POST", "composite/sobjects", {"records": records}).json()
    assert [one["success"] for one in results] == [False, True, False]
    assert results[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    call.org.control("POST", "faults", {"kind": "group-lock", "path": "/User", "method": "POST"})
    assert error(call("POST", "sobjects/User", {})) == (
        400,
        "UNKNOWN_EXCEPTION",
        "group membership operation already in progress",
        [],
    )


@pytest.mark.parametrize(("kind", "written"), [("drop-before", 0), ("drop-after", 1)])
def test_dropped_connections(call: Any, kind: str, written: int) -> None:
    """No answer; the effect is there or not."""
    call.org.control("POST", "faults", {"kind": kind, "path": "sobjects/Account"})
    with pytest.raises(requests.exceptions.ConnectionError):
        call("POST", "sobjects/Account", {"Name": "Dropped"})
    assert len(call.rows("SELECT Id FROM Account WHERE Name = 'Dropped'")) == written


def test_slow_answers(call: Any) -> None:
    """As slow as asked for; others go on meanwhile."""
    call.org.control("POST", "faults", {"kind": "slow", "path": "/limits", "seconds": 0.2})
    started = time.monotonic()
    assert call("GET", "limits").status_code == 200
    assert time.monotonic() - started >= 0.2


def test_faults_are_listed_and_cleared(devorg: Any) -> None:
    """With what is left of them."""
    devorg.control("POST", "faults", {"kind": "503", "path": "/x", "times": 3})
    [listed] = devorg.control("GET", "faults")
    assert (listed["kind"], listed["times"]) == ("503", 3)
    assert devorg.control("DELETE", "faults") == []


def test_events_are_kept_with_their_times(devorg: Any) -> None:
    """What happened, in order, in a sentence."""
    devorg.event("leads-arrive", count=3, seed=8, queues=["Web_Leads"])
    [kept] = devorg.control("GET", "events")
    assert (kept["event"], kept["created"]) == ("leads-arrive", 3)
    assert kept["done"].endswith(".")
    assert kept["at"]


@contextmanager
def process(*arguments: str, **more: Any) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """An org of the test's own: the process and its ready line."""
    with subprocess.Popen(
        [sys.executable, "-m", "sfprm.devorg", "serve", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        **more,
    ) as running:
        try:
            assert running.stdout is not None
            yield running, json.loads(running.stdout.readline())
        finally:
            running.kill()


def test_records_survive_a_kill(tmp_path: Path) -> None:
    """With --data a killed org comes back with records and mails, for the same client."""
    arguments = ("--data", str(tmp_path / "org.db"), "--state", str(tmp_path))
    with process(*arguments) as (running, ready):
        pair = {"client_id": ready["client_id"], "client_secret": ready["client_secret"]}
        grant = {"grant_type": "client_credentials", **pair}
        url = f"{ready['http']}/services/oauth2/token"
        token = requests.post(url, data=grant, timeout=30).json()["access_token"]
        made = requests.post(
            f"{ready['http']}/services/data/v66.0/sobjects/Account",
            json={"Name": "Kept"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        ).json()
        requests.post(
            f"{ready['http']}/services/data/v66.0/actions/standard/emailSimple",
            json={
                "inputs": [
                    {"emailAddresses": "a@example.com", "emailSubject": "s", "emailBody": "b"}
                ]
            },
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        running.kill()
    with process(*arguments) as (running, again):
        assert again["client_id"] == ready["client_id"]
        url = f"{again['http']}/services/oauth2/token"
        token = requests.post(url, data=grant, timeout=30).json()["access_token"]
        shown = requests.get(
            f"{again['http']}/services/data/v66.0/sobjects/Account/{made['id']}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert shown.json()["Name"] == "Kept"
        outbox = requests.get(f"{again['http']}/_devorg/outbox", timeout=30).json()
        assert [one["to"] for one in outbox] == [["a@example.com"]]


def test_it_stops_cleanly(tmp_path: Path) -> None:
    """SIGTERM: exit code 0, and no waiting (which it would complain of) for a client that keeps
    its idle connection."""
    arguments = ("--state", str(tmp_path))
    with (
        process(*arguments, stderr=subprocess.PIPE) as (running, ready),
        requests.Session() as idle,
    ):
        idle.trust_env = False
        versions = idle.get(f"{ready['https']}/services/data", verify=ready["ca"], timeout=30)
        assert versions.status_code == 200
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """--with-parent: the closed pipe on stdin is the end."""
    arguments = ("--state", str(tmp_path), "--with-parent")
    with process(*arguments, stdin=subprocess.PIPE) as (running, _):
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(10) == 0


def test_secrets_in_the_state_directory_are_private(tmp_path: Path) -> None:
    """Keys and the app's secret are for their owner's eyes."""
    with process("--state", str(tmp_path)) as (_, ready):
        assert Path(ready["ca"]) == tmp_path / "ca.pem"
        for name in ("ca-key.pem", "server.pem", "connected-app.json"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
