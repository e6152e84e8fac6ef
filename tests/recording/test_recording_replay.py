"""Replaying: what matches, what does not, and what is said then."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from sfprm.clock import FakeClock, SystemClock
from sfprm.recording import SALESFORCE, NotAsRecorded, Recorder, Replay, Source, load
from sfprm.recording.bodies import body_from
from sfprm.recording.exchange import Body, Exchange, Given, Sent
from sfprm.recording.match import differences
from sfprm.recording.recorder import sent_from

URL = "https://acme.my.salesforce.com/services/data/v66.0/"
EMBEDDED = Source("embedded org", "Developer Edition", "66.0")


def sent(method: str = "GET", path: str = "limits", **more: Any) -> Sent:
    """What `requests` would send."""
    return sent_from(requests.Request(method, URL + path, **more).prepare())


def kept(one: Sent) -> Sent:
    """With the headers that a recording keeps."""
    headers = {n: v for n, v in one.headers.items() if n in SALESFORCE.request_headers}
    return replace(one, headers=headers)


BOUND = {"Content-Type": "multipart/form-data; boundary=a"}
OTHER = {"Content-Type": "multipart/form-data; boundary=bb"}
PART = "--{0}\r\nContent-Disposition: form-data; name=x\r\n\r\n{1}\r\n--{0}--\r\n"
XML = {"Content-Type": "text/xml"}

SAME: list[tuple[Sent, Sent]] = [
    (sent("POST", json={"a": 1, "b": [1.5]}), sent("POST", json={"b": [1.5], "a": 1})),
    (sent("POST", data={"a": "1", "b": "2"}), sent("POST", data={"b": "2", "a": "1"})),
    (sent(params={"a": "1", "b": "2"}), sent(params={"b": "2", "a": "1"})),
    (sent(params={"q": "SELECT Id  FROM Lead"}), sent(params={"q": "SELECT Id\nFROM Lead "})),
    (sent("POST", data=PART.format("a", 1), headers=BOUND),
     sent("POST", data=PART.format("bb", 1), headers=OTHER)),
    (sent("POST", data="<a><b>1</b></a>", headers=XML),
     sent("POST", data="<a>\n  <b>1</b>\n</a>", headers=XML)),
    (sent(path="sobjects/a%20b"), sent(path="sobjects/a b")),
    (sent(headers={"X-Request-Id": "1"}), sent(headers={"X-Request-Id": "2"})),
    (sent("POST", data={"client_secret": "(elided)"}), sent("POST", data={"client_secret": "x"})),
    (sent(headers={"Authorization": "Bearer (elided)"}),
     sent(headers={"Authorization": "Bearer x"})),
    (sent("POST", json={"url": "/services/x?ids=a%2Cb&n=1"}),
     sent("POST", json={"url": "/services/x?n=1&ids=a,b"})),
]  # fmt: skip

OTHERS: list[tuple[Sent, Sent, str]] = [
    (sent("POST"), sent("PATCH"), "method: recorded 'POST', sent 'PATCH'"),
    (sent(), sent(path="query"), "path: recorded"),
    (sent("POST", json={"url": "/services/x?ids=a%2Cb&n=1"}),
     sent("POST", json={"url": "/services/x?n=1&ids=a,c"}), "body.url: recorded"),
    (sent(params={"a": "1"}), sent(params={"a": "2"}), "query a: recorded '1', sent '2'"),
    (sent(params={"a": "1"}), sent(), "query a: recorded '1', not sent"),
    (sent(), sent(params={"a": "1"}), "query a: not recorded, sent '1'"),
    (sent(params={"q": "SELECT Id FROM Lead WHERE A = 'x y'"}),
     sent(params={"q": "SELECT Id FROM Lead WHERE A = 'x  y'"}), "query q"),
    (sent("POST", json={"a": {"b": 1}}), sent("POST", json={"a": {"b": True}}),
     "body.a.b: recorded 1, sent True"),
    (sent("POST", json=[1, 2]), sent("POST", json=[1]), "body: recorded 2 items, sent 1"),
    (sent("POST", json={"a": 1}), sent("POST", data={"a": 1}), "body: recorded as json"),
    (sent("POST", data={"client_secret": "(elided)"}), sent("POST", data={"client_secret": ""}),
     "body client_secret"),
    (sent("POST", data="<a><b>1</b></a>", headers=XML),
     sent("POST", data="<a><b>2</b></a>", headers=XML), "body/a/b: recorded '1', sent '2'"),
    (sent("POST", data=PART.format("a", 1), headers=BOUND),
     sent("POST", data=PART.format("a", 2), headers=BOUND), "body part x"),
    (sent(headers={"Sforce-Auto-Assign": "FALSE"}), sent(), "header sforce-auto-assign"),
    (sent(), sent(headers={"Sforce-Auto-Assign": "FALSE"}),
     "header sforce-auto-assign: not recorded, sent 'FALSE'"),
    (sent(headers={"Authorization": "Bearer (elided)"}),
     sent(headers={"Authorization": "Basic abc"}), "sent (a secret)"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), SAME)
def test_the_same_by_meaning(one: Sent, two: Sent) -> None:
    """Order, layout, boundaries and elided secrets make no difference."""
    assert differences(kept(one), two) == []


@pytest.mark.parametrize(("one", "two", "said"), OTHERS)
def test_what_differs_is_said(one: Sent, two: Sent, said: str) -> None:
    """One sentence that names the place and both values."""
    found = differences(kept(one), two)
    assert any(said in line for line in found), found


def test_zips_by_content() -> None:
    """Other times and compression, the same files; one file changed is named."""

    def packed(text: str) -> Body:
        return Body("zip", {"package.xml": body_from(text.encode(), "")})

    base = Sent("POST", "https://a", "/", (), {}, packed("<a>1</a>"))
    same = Sent("POST", "https://a", "/", (), {}, packed("<a> 1 </a>"))
    other = Sent("POST", "https://a", "/", (), {}, packed("<a>2</a>"))
    assert differences(base, same) == []
    assert differences(base, other) == ["body file package.xml/a: recorded '1', sent '2'"]


def test_an_assertion_by_whom_from_about_and_for() -> None:
    """Its times and signature differ each time; issuer, subject and audience do not."""

    def asking(subject: str, at: int) -> Sent:
        claims = {
            "iss": "client-1",
            "sub": subject,
            "aud": "https://login.salesforce.com",
            "exp": at,
        }
        token = jwt.encode(claims, "k" * 32)
        return sent("POST", data={"assertion": token})

    told = ("assertion", "jwt iss=client-1 sub=a@example.com aud=https://login.salesforce.com")
    recorded = kept(sent("POST", data=dict([told])))
    assert differences(recorded, asking("a@example.com", 1)) == []
    assert differences(recorded, asking("a@example.com", 2)) == []
    assert differences(recorded, asking("b@example.com", 1)) != []


@pytest.fixture
def told(exchange: Any, recording: Any) -> Any:
    """Three answers: 1, 2, then a lost connection."""
    host = "https://org-1.example.com"
    one = exchange(host=host, given=b"1", at=1.5, path="/a")
    two = exchange(host=host, given=b"2", at=3.0, path="/b")
    lost = Exchange(4.0, two.sent, Given(0, {}, Body("empty", None), "ReadTimeout"))
    return recording(one, two, lost)


def get(path: str) -> requests.Response:
    headers = {"Content-Type": "application/json", "Accept": None}
    url = f"https://org-1.example.com{path}"
    return requests.get(url, headers=headers, timeout=1)


def test_in_order_with_times_and_failures(told: Any) -> None:
    """Answers as recorded, the clock follows them, a lost connection is lost again."""
    with Replay(told) as replay:
        assert replay.clock.now() == told.recorded
        assert get("/a").json() == 1
        assert replay.clock.monotonic() == 1.5
        assert get("/b").json() == 2
        replay.clock.sleep(5)
        with pytest.raises(requests.exceptions.ReadTimeout):
            get("/b")
        assert replay.clock.monotonic() == 8.0


def test_out_of_order_is_told_with_the_nearest(told: Any) -> None:
    """What was expected, what differs, and where the request would have been right."""
    with pytest.raises(NotAsRecorded) as raised, Replay(told):
        get("/b")
    said = str(raised.value)
    assert "told: GET /b was not recorded here. The nearest is number 1 of 3, GET /a" in said
    assert "path: recorded '/a', sent '/b'" in said
    assert "It is what was recorded as number 2." in said


def test_any_order_but_never_twice(told: Any) -> None:
    """Each answer as often as recorded."""
    with Replay(told, order="any"):
        assert [get("/b").json(), get("/a").json()] == [2, 1]
        with pytest.raises(requests.exceptions.ReadTimeout):
            get("/b")
    with pytest.raises(NotAsRecorded, match="was not recorded"), Replay(told, order="any"):
        _ = [get("/a"), get("/a")]


def test_leftovers_fail(told: Any) -> None:
    """A recording that is not used up is not what happened."""
    with pytest.raises(NotAsRecorded, match="2 of 3 recorded requests were not made"), Replay(told):
        get("/a")


def test_a_swallowed_failure_comes_back(told: Any) -> None:
    """Code that catches everything does not hide an unmatched request."""
    with (
        pytest.raises(NotAsRecorded, match="was not recorded"),
        Replay(told),
        suppress(NotAsRecorded),
    ):
        get("/nowhere")


def counting() -> Callable[[str, str, bytes], tuple[int, dict[str, str], bytes]]:
    count = iter(range(1000))

    def answer(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        told = {"totalSize": next(count), "done": True, "records": []}
        return 200, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(told).encode()

    return answer


def test_recorded_over_sockets_and_replayed_without(serve: Any, tmp_path: Path) -> None:
    """One session, one file; the replay gives the same answers at the same times."""
    base = serve(counting())
    recorder = Recorder("round", clock=SystemClock())
    seen = []
    with requests.Session() as http, recorder.session(http):
        for number in range(3):
            seen.append(http.get(f"{base}/query", params={"q": f"SELECT A FROM B{number}"}).json())
            seen.append(recorder.clock.now())
    requests.get(f"{base}/query", timeout=5)  # another session: not recorded
    path = recorder.write(tmp_path, EMBEDDED)
    with Replay(load(path)) as replay, requests.Session() as http:
        again = []
        for number in range(3):
            url = "https://org-1.example.com/query"
            again.append(http.get(url, params={"q": f"SELECT A FROM B{number}"}).json())
            again.append(replay.clock.now())
    assert again == seen


def test_everything_in_the_process_and_the_pause(serve: Any) -> None:
    """Code that builds its own session is heard; set-up and the control API are not."""
    base = serve(counting())
    recorder = Recorder("all", clock=SystemClock())
    with recorder.everything():
        requests.get(f"{base}/limits", timeout=5)
        requests.get(f"{base}/_devorg/status", timeout=5)
        with recorder.unrecorded():
            requests.get(f"{base}/limits", timeout=5)
    requests.get(f"{base}/limits", timeout=5)
    assert len(recorder.finish(EMBEDDED).exchanges) == 1


def test_one_request_in_flight(serve: Any) -> None:
    """Eight threads: the server never sees two at once, and all are recorded."""
    inside = 0
    most = 0
    counter = threading.Lock()

    def answer(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        nonlocal inside, most
        with counter:
            inside += 1
            most = max(most, inside)
        with counter:
            inside -= 1
        return 204, {}, b""

    base = serve(answer)
    recorder = Recorder("threads", clock=SystemClock())
    with recorder.everything():
        threads = [
            threading.Thread(target=requests.get, args=(f"{base}/limits",), kwargs={"timeout": 5})
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 1
    assert len(recorder.finish(EMBEDDED).exchanges) == 8


def test_a_lost_connection_is_recorded() -> None:
    """Nobody listens there: the failure is what is replayed."""
    recorder = Recorder("lost", clock=FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    with recorder.everything(), pytest.raises(requests.exceptions.ConnectionError):
        requests.get("http://127.0.0.1:9/limits", timeout=1)
    recorded = recorder.finish(EMBEDDED)
    assert recorded.exchanges[0].given.failure == "ConnectionError"
    with Replay(recorded), pytest.raises(requests.exceptions.ConnectionError):
        requests.get("https://org-1.example.com/limits", timeout=1)
