"""Answers that are not Salesforce's, at every step: a typed error, never a traceback of ours."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from sfprm.clock import FakeClock
from sfprm.errors import Bug, SfprmError
from sfprm.salesforce import actions, collections, describe, limits, metadata
from sfprm.salesforce.bulk import ingest
from sfprm.salesforce.bulk_query import bulk_select
from sfprm.salesforce.composite import Part, together
from sfprm.salesforce.credentials import ClientCredentials
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.retry import Patience
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query

HOST = "https://acme.my.salesforce.com"
DATA = f"{HOST}/services/data/v66.0"
SECRET = "the-consumer-secret"
TOKEN = "00Dxx0000000001!AQ.token"
ORG, USER = "00Dxx0000000001EAA", "005xx0000000001AAA"


@dataclass(frozen=True)
class Garbage:
    """What stands where Salesforce's answer should."""

    name: str
    body: bytes
    type: str = "application/json;charset=UTF-8"
    status: int = 200


def of(name: str, value: Any, **more: Any) -> Garbage:
    return Garbage(name, json.dumps(value).encode(), **more)


GARBAGE = (
    Garbage("a proxy's page", b"<html><body>Blocked by policy</body></html>", "text/html"),
    Garbage("a page that says it is JSON", b"<!DOCTYPE html><html>Login</html>"),
    Garbage("maintenance", b"<html>Down for maintenance</html>", "text/html", 503),
    Garbage("half an answer", b'{"access_token": "00D", "records": [{"Id": "001'),
    Garbage("nothing", b""),
    Garbage("another charset", '{"message": "Não"}'.encode("latin-1"), "application/json"),
    Garbage("utf-16", '{"message": "x"}'.encode("utf-16"), "application/json;charset=UTF-16"),
    Garbage("bytes", bytes(range(256)), "application/octet-stream"),
    Garbage("xml", b"<root><a>1</a></root>", "text/xml"),
    of("null", None),
    of("a number", 7),
    of("a text", "Salesforce"),
    of("an empty list", []),
    of("a list of nulls", [None]),
    of("a list of texts", ["x"]),
    of("an empty object", {}),
    of("nulls", dict.fromkeys(("access_token", "instance_url", "id", "records", "sobjects"))),
    of("numbers", {"access_token": 1, "instance_url": 2, "id": 3, "records": 4, "totalSize": "x"}),
    of("wrong shapes", {"records": [None, "x", 1], "totalSize": None, "done": "no", "id": [1],
                        "state": {}, "deployResult": [], "compositeResponse": [None, {"a": 1}],
                        "fields": "none", "name": 1}),
    of("an id that is none", {"id": "nobody", "state": "Open", "success": True, "errors": None}),
    of("a list of objects", [{}, {"version": "new"}]),
    of("an error that is none", [{"errorCode": None, "message": {"a": 1}}], status=400),
    of("an error in words", "no", status=403),
    of("an unknown code", [{"errorCode": "NEW_IN_2031", "message": "x"}], status=409),
    of("a teapot", {"error": ["a"]}, status=418),
)  # fmt: skip
GOOD: dict[str, Any] = {
    "/services/oauth2/token": {
        "access_token": TOKEN,
        "instance_url": HOST,
        "id": f"https://login.salesforce.com/id/{ORG}/{USER}",
    },
    "/services/data": [{"version": "66.0"}],
    "/services/oauth2/userinfo": {
        "organization_id": ORG,
        "user_id": USER,
        "preferred_username": "agent@acme.example.com",
    },
}


def whoever(session: Session) -> object:
    return session.identity


def deployed(session: Session) -> object:
    return metadata.deploy(session, {"package.xml": b"<Package/>"}, clock=session.clock)


ROW = [{"Id": "00Qxx0000000001AAA", "Title": "x"}]
ASKING: dict[str, Callable[[Session], object]] = {
    "identity": whoever,
    "query": lambda s: select_all(s, Query(("Id", "Owner.Name"), "Lead")),
    "flat query": lambda s: select_all(s, Query(("Id",), "Lead")),
    "count": lambda s: count(s, Query(("Id",), "Lead")),
    "describe": lambda s: describe.describe(s, "Lead"),
    "limits": limits.limits,
    "update": lambda s: collections.update(s, "Lead", ROW),
    "create": lambda s: collections.create(s, "Lead", [{"LastName": "x"}]),
    "delete": lambda s: collections.delete(s, ["00Qxx0000000001AAA"]),
    "composite": lambda s: together(s, [Part("GET", "limits", "a")]),
    "mail": lambda s: actions.send_email(s, ["ops@example.com"], "s", "b"),
    "ingest": lambda s: ingest(s, "Lead", "update", ROW, key="Id", timeout=5),
    "bulk query": lambda s: list(bulk_select(s, Query(("Id",), "Lead"), timeout=5)),
    "deploy": deployed,
    "retrieve": lambda s: metadata.retrieve(s, {"Settings": ["*"]}, clock=s.clock, timeout=5),
}


class Hasty(FakeClock):
    """Waits move it far, so that every deadline comes."""

    def sleep(self, seconds: float) -> None:
        super().sleep(max(seconds, 2.0))


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def session() -> Iterator[Session]:
    credentials = ClientCredentials(HOST, "the-consumer-key", SecretStr(SECRET))
    with Session(
        credentials,
        clock=Hasty(datetime(2026, 11, 23, tzinfo=UTC)),
        chance=random.Random(7),
        patience=Patience(attempts=2, deadline=20),
    ) as opened:
        yield opened


def answer_all(wire: responses.RequestsMock, garbage: Garbage, good: set[str]) -> None:
    """Garbage to whatever is asked, but for the paths that answer as they should."""
    for path in GOOD:
        told: Any = {"json": GOOD[path]} if path in good else _given(garbage)
        for method in ("GET", "POST"):
            wire.add(method, HOST + path, **told)
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        wire.add(method, re.compile(re.escape(HOST) + "/services/.*"), **_given(garbage))


def _given(garbage: Garbage) -> dict[str, Any]:
    return {"body": garbage.body, "status": garbage.status, "content_type": garbage.type}


def error_of(session: Session, ask: Callable[[Session], object]) -> SfprmError | None:
    """What it raises of the tree; None when the answer could be read after all."""
    try:
        ask(session)
    except SfprmError as error:
        return error
    return None


def judge(error: SfprmError | None) -> None:
    """A sentence and what to do, no secret, and no bug of ours."""
    if error is None:
        return
    shown = f"{error} {error.hint} {error!r}"
    assert not isinstance(error, Bug)
    assert error.hint
    assert "\n" not in error.message
    assert SECRET not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda one: one.name)
@pytest.mark.parametrize("known", [0, 1, 2], ids=["login", "versions", "who"])
def test_garbage_while_logging_in(
    wire: responses.RequestsMock, session: Session, garbage: Garbage, known: int
) -> None:
    """At the token endpoint, at the list of versions, at the questions who and where."""
    answer_all(wire, garbage, set(list(GOOD)[:known]))
    error = error_of(session, whoever)
    assert error is not None
    judge(error)


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda one: one.name)
@pytest.mark.parametrize("asked", ASKING)
def test_garbage_at_each_call(
    wire: responses.RequestsMock, session: Session, garbage: Garbage, asked: str
) -> None:
    """Reads, writes, jobs, metadata, mail."""
    answer_all(wire, garbage, set(GOOD))
    judge(error_of(session, ASKING[asked]))
