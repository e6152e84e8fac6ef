"""The retry table at the HTTP line, cell by cell: verb × code × status, and what is sent then."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import requests

from sfprm.clock import FakeClock
from sfprm.errors import LoginRefused, OutcomeUnknown, SfprmError
from sfprm.salesforce.refusals import CODES, Refusal
from sfprm.salesforce.session import Session

PASSING = {Refusal.PASSING}
NOT_DONE = {Refusal.LOCK, Refusal.BUSY}
VERBS = [
    ("GET", None, True),
    ("PATCH", True, True),
    ("DELETE", True, True),
    ("PUT", True, True),
    ("POST", None, False),
    ("POST", True, True),
    ("PATCH", None, False),
]
CELLS = [
    (method, told, repeatable, code, rule.refusal)
    for method, told, repeatable in VERBS
    for code, rule in CODES.items()
    if rule.refusal is not Refusal.SESSION
]


def tried(org: Any, session: Session, method: str, repeatable: bool | None) -> tuple[int, str]:
    """How often the call was sent, and how it ended."""
    try:
        session.request(method, "sobjects/Lead/x", kind="any", json={"a": 1}, repeatable=repeatable)
    except SfprmError as error:
        return len(org.asked("sobjects/Lead/x")), error.name
    return len(org.asked("sobjects/Lead/x")), "done"


def test_every_code_in_every_verb(org: Any, session: Session) -> None:
    """One refusal, then success: repeated where nothing was done, or where twice is as once."""
    for method, told, repeatable, code, refusal in CELLS:
        status = 500 if refusal in PASSING else 403 if refusal is Refusal.BUSY else 400
        org.wire.calls.reset()
        place = f"{org.host}/services/data/v66.0/sobjects/Lead/x"
        org.wire.remove(method, place)
        body = [{"errorCode": code, "message": "words"}]
        org.wire.add(method, place, status=status, json=body)
        org.wire.add(method, place, json={})
        again = refusal in NOT_DONE or (refusal in PASSING and repeatable)
        count, ended = tried(org, session, method, told)
        assert (count, ended == "done") == (2 if again else 1, again), (method, told, code)
        if refusal in PASSING and not repeatable:
            assert ended == "OutcomeUnknown", code


@pytest.mark.parametrize("status", [420, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("method", "told", "repeatable"), VERBS)
def test_every_status_without_a_code(
    org: Any, session: Session, method: str, told: bool | None, repeatable: bool, status: int
) -> None:
    """420 and 429 say that nothing was done; a gateway's page says nothing."""
    org.on(method, "sobjects/Lead/x", status=status, body="<html>", content_type="text/html")
    org.on(method, "sobjects/Lead/x", json={})
    again = repeatable or status < 500
    assert tried(org, session, method, told) == ((2, "done") if again else (1, "OutcomeUnknown"))


@pytest.mark.parametrize(
    ("broken", "sent"),
    [
        (requests.exceptions.ConnectTimeout("x"), False),
        (requests.exceptions.ReadTimeout("x"), True),
        (requests.exceptions.ChunkedEncodingError("x"), True),
        (requests.exceptions.ConnectionError("reset by peer"), True),
    ],
)
@pytest.mark.parametrize(("method", "told", "repeatable"), VERBS)
def test_connections_lost_before_and_after_sending(
    org: Any,
    session: Session,
    method: str,
    told: bool | None,
    repeatable: bool,
    broken: Exception,
    sent: bool,
) -> None:
    """Not sent: again for all. Sent: only what is repeatable."""
    org.on(method, "sobjects/Lead/x", body=broken)
    org.on(method, "sobjects/Lead/x", json={})
    again = repeatable or not sent
    assert tried(org, session, method, told) == ((2, "done") if again else (1, "OutcomeUnknown"))


def test_the_deadline_of_one_operation(org: Any, session: Session, clock: FakeClock) -> None:
    """Shorter than the session's: no wait that would pass it is begun."""
    org.on("GET", "limits", status=503, json=[], headers={"Retry-After": "20"})
    with pytest.raises(SfprmError):
        session.request("GET", "limits", kind="limits", deadline=30.0)
    assert clock.slept == [20.0]


def test_locks_narrow_the_gate_and_answers_widen_it(org: Any, session: Session) -> None:
    """Half at the first lock; one more for each round of answers."""
    locked = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]
    org.on("GET", "limits", status=400, json=locked)
    org.on("GET", "limits", json={})
    assert session.gate.room == 8
    session.request("GET", "limits", kind="limits")
    assert session.gate.room == 4
    for _ in range(4):
        session.request("GET", "limits", kind="limits")
    assert session.gate.room == 5


def test_a_fresh_session_that_is_refused_names_the_lock_on_addresses(
    org: Any, session: Session
) -> None:
    """Sessions locked to an address, or an address outside the user's ranges."""
    expired = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    org.on("GET", "limits", status=401, json=expired)
    with pytest.raises(LoginRefused) as raised:
        session.request("GET", "limits", kind="limits")
    assert "lock sessions to the address" in raised.value.hint


LARGE = {"records": [{"LastName": f"Reis {n}"} for n in range(5000)]}


def test_large_bodies_are_compressed(org: Any, session: Session) -> None:
    """From 64 KiB; small ones are not."""
    org.on("POST", "composite/sobjects", json=[])
    session.request("POST", "composite/sobjects", kind="create", json=LARGE)
    session.request("POST", "composite/sobjects", kind="create", json={"records": []})
    large, small = org.asked("composite")
    assert large.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(large.body)) == LARGE
    assert "Content-Encoding" not in small.headers


def test_an_org_that_does_not_take_compressed_bodies(org: Any, session: Session) -> None:
    """The same call once more as it is, and all others so: 415 says that nothing was done."""
    refusal = [{"errorCode": "UNSUPPORTED_MEDIA_TYPE", "message": "x"}]
    org.on("POST", "composite/sobjects", status=415, json=refusal)
    org.on("POST", "composite/sobjects", json=[])
    for _ in range(2):
        session.request("POST", "composite/sobjects", kind="create", json=LARGE)
    packed, *plain = org.asked("composite")
    assert packed.headers["X-Request-Id"] == plain[0].headers["X-Request-Id"]
    assert [json.loads(request.body) for request in plain] == [LARGE, LARGE]


def test_unknown_outcomes_are_of_their_own_kind(org: Any, session: Session) -> None:
    """A create that may have been done tells to read back."""
    org.on("POST", "sobjects/Lead", status=503, json=[])
    with pytest.raises(OutcomeUnknown) as raised:
        session.request("POST", "sobjects/Lead", kind="create", json={})
    assert "reads back" in raised.value.hint
