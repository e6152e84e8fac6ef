"""A pretended org at the HTTP line, and a session on it whose clock moves by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from sfprm.clock import FakeClock
from sfprm.salesforce.calls import CallDone
from sfprm.salesforce.credentials import ClientCredentials
from sfprm.salesforce.session import Session

HOST = "https://acme.my.salesforce.com"
TOKENS = ("00Dxx0000000001!AQ.first", "00Dxx0000000001!AQ.second", "00Dxx0000000001!AQ.third")


@dataclass
class Pretended:
    """What the test says the org answers, and what was asked of it.

    Each login gives a new token.
    """

    wire: responses.RequestsMock
    host: str = HOST
    logins: int = 0
    done: list[CallDone] = field(default_factory=list)

    def on(self, method: str, path: str, **answer: Any) -> responses.BaseResponse:
        """Answer calls to a path below /services/data/v66.0/, or an absolute one."""
        place = path if path.startswith("/") else f"/services/data/v66.0/{path}"
        return self.wire.add(method, self.host + place, **answer)

    def asked(self, part: str = "") -> list[Any]:
        """The requests whose address holds `part`, in order."""
        return [call.request for call in self.wire.calls if part in (call.request.url or "")]

    def _log_in(self, _: Any) -> tuple[int, dict[str, str], str]:
        import json

        token = TOKENS[self.logins]
        self.logins += 1
        user = "id/00Dxx0000000001EAA/005xx0000000001AAA"
        body = {
            "access_token": token,
            "instance_url": self.host,
            "id": f"https://login.salesforce.com/{user}",
            "token_type": "Bearer",
        }
        return 200, {}, json.dumps(body)


@pytest.fixture
def org() -> Iterator[Pretended]:
    """An org that lets us log in and lists the versions 9.0, 66.0 and 65.0."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        pretended = Pretended(wire)
        wire.add_callback(
            "POST",
            f"{HOST}/services/oauth2/token",
            pretended._log_in,
            content_type="application/json",
        )
        versions = [{"version": "9.0"}, {"version": "66.0"}, {"version": "65.0"}]
        pretended.on("GET", "/services/data", json=versions)
        yield pretended


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only sleeps move."""
    return FakeClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


@pytest.fixture
def session(org: Pretended, clock: FakeClock) -> Iterator[Session]:
    """A session on the pretended org; `clock.slept` tells what it waited."""
    credentials = ClientCredentials(HOST, "the-consumer-key", SecretStr("the-consumer-secret"))
    with Session(
        credentials, clock=clock, on_call=org.done.append, chance=random.Random(7)
    ) as opened:
        yield opened
