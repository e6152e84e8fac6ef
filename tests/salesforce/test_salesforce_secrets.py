"""Every flow's secrets, and everything that could show them: messages, hints, reprs, tracebacks,
log events, settings."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sfprm.clock import FakeClock
from sfprm.errors import SfprmError
from sfprm.salesforce.calls import CallDone
from sfprm.salesforce.flows import credentials_from
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings

HOST = "https://acme.my.salesforce.com"
CANARY = "c4nary"
TOKEN = f"00D000000000001!{CANARY}.token"
KEY = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
KEY_LINE = KEY.splitlines()[3]
LOGIN = {
    "SFPRM_LOGIN_URL": HOST,
    "SFPRM_CLIENT_ID": "key",
    "SFPRM_USERNAME": "agent@example.com",
}
FLOWS = {
    "client-credentials": {"SFPRM_CLIENT_SECRET": CANARY},
    "jwt": {"SFPRM_PRIVATE_KEY": KEY},
    "refresh-token": {"SFPRM_REFRESH_TOKEN": CANARY, "SFPRM_CLIENT_SECRET": CANARY},
    "password": {
        "SFPRM_PASSWORD": CANARY,
        "SFPRM_SECURITY_TOKEN": CANARY,
        "SFPRM_CLIENT_SECRET": CANARY,
    },
    "soap": {"SFPRM_PASSWORD": CANARY, "SFPRM_SECURITY_TOKEN": CANARY},
    "access-token": {"SFPRM_ACCESS_TOKEN": TOKEN, "SFPRM_INSTANCE_URL": HOST},
}


def echo(request: Any) -> tuple[int, dict[str, str], str]:
    """A server that quotes what it was sent, and a token of its own, in its refusal."""
    sent = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    told = {"error": "invalid_grant", "error_description": f"you sent {sent}, for {TOKEN}"}
    return 400, {}, json.dumps(told)


def everything(error: BaseException) -> str:
    """As a reader, a log and a traceback would show it, with all causes."""
    shown = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        shown += repr(link) + str(link) + str(getattr(link, "hint", ""))
        link = link.__cause__ or link.__context__
    return shown


@pytest.mark.parametrize("flow", FLOWS)
def test_no_secret_in_anything_that_a_refused_login_shows(flow: str) -> None:
    """Even when the server quotes it back."""
    settings = load_settings({**LOGIN, **FLOWS[flow], "SFPRM_LOGIN_FLOW": flow})
    done: list[CallDone] = []
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as wire,
        open_session(settings, FakeClock(datetime(2026, 11, 23, tzinfo=UTC)), on_call=done.append)
        as session,
    ):  # fmt: skip
        for path in ("/services/oauth2/token", "/services/Soap/u/64.0", "/services/data"):
            for method in ("POST", "GET"):
                wire.add_callback(method, HOST + path, echo, content_type="application/json")
        with pytest.raises(SfprmError) as raised:
            _ = session.identity
        shown = everything(raised.value) + repr(session) + repr(vars(session)) + repr(done)
    shown += repr(settings) + repr(credentials_from(settings)) + str(settings)
    assert CANARY not in shown
    assert KEY_LINE not in shown
    assert "PRIVATE KEY-----" not in shown
