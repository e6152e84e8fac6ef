"""SMTP against a real server, webhooks against a real one, and the settings that open them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from sfprm.errors import BadSettings, OrgRefused, OutcomeUnknown, TryLater
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.outbound.notices import Mail
from sfprm.outbound.outlets import Outlets, outlets_from
from sfprm.outbound.sending import Mailbox
from sfprm.outbound.smtp import SmtpPost
from sfprm.outbound.webhook import Webhook, post, shape_for
from sfprm.settings import load_settings

MAIL = Mail("A lead: Müller", "Olá,\n\nit is yours.")
OPEN = MailPolicy(True, "sink@example.com", "a test")


class Letters:
    """Takes mail; says no to whom it does not know, and hangs up on one."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.sessions: set[int] = set()

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.sessions.add(id(session))
        if envelope.rcpt_tos[0].startswith("hangup"):
            server.transport.abort()
            return "421 gone"
        self.taken.append((envelope.rcpt_tos[0], envelope.content.decode("utf-8", "replace")))
        return "250 taken"


@pytest.fixture
def letters() -> Iterator[tuple[Letters, Mailbox]]:
    """A mail server on a port of its own."""
    handler = Letters()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, Mailbox("127.0.0.1", port, "channel@example.com", "none")
    controller.stop()


def test_mails_go_by_one_connection(letters: tuple[Letters, Mailbox]) -> None:
    """With a subject and body in any script."""
    handler, mailbox = letters
    with SmtpPost(mailbox) as smtp:
        smtp.send("ana@example.org", MAIL)
        smtp.send("rui@example.org", MAIL)
    assert [to for to, _ in handler.taken] == ["ana@example.org", "rui@example.org"]
    assert len(handler.sessions) == 1
    assert "=?utf-8?" in handler.taken[0][1]
    assert "Auto-Submitted: auto-generated" in handler.taken[0][1]


def test_a_refused_address_is_told_from_an_unknown_outcome(
    letters: tuple[Letters, Mailbox],
) -> None:
    """The first may be mended; the second may have gone out."""
    _, mailbox = letters
    with SmtpPost(mailbox) as smtp:
        with pytest.raises(OrgRefused, match="550 no such mailbox"):
            smtp.send("nobody@example.org", MAIL)
        with pytest.raises(OutcomeUnknown, match="may have gone out or not"):
            smtp.send("hangup@example.org", MAIL)
        smtp.send("ana@example.org", MAIL)


def test_a_server_that_is_away_is_for_later() -> None:
    """Named by host and port."""
    away = Mailbox("127.0.0.1", 9, "a@example.com", "none")
    with (
        pytest.raises(TryLater, match=r"127\.0\.0\.1:9 cannot be reached"),
        SmtpPost(away) as smtp,
    ):
        smtp.send("ana@example.org", MAIL)


class _Hooks(BaseHTTPRequestHandler):
    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append(json.loads(body))
        if self.path == "/silent":
            self.close_connection = True
            return
        self.send_response(403 if self.path == "/no" else 200)
        self.end_headers()
        self.wfile.write(b"told")

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def hooks() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """A web server that keeps what it is told, and its address."""
    handler = type("Hooks", (_Hooks,), {"got": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler.got, f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_called_once(hooks: tuple[list[dict[str, Any]], str]) -> None:
    """And says what it thinks of it; without an answer nobody knows."""
    got, base = hooks
    post(Webhook("team", f"{base}/yes"), MAIL, "ana@example.org")
    assert got == [{"subject": MAIL.subject, "text": MAIL.body, "to": "ana@example.org"}]
    with pytest.raises(OrgRefused, match="'team' answered 403: told"):
        post(Webhook("team", f"{base}/no"), MAIL, "")
    with pytest.raises(OutcomeUnknown):
        post(Webhook("team", f"{base}/silent"), MAIL, "")
    with pytest.raises(TryLater, match="cannot be reached"):
        post(Webhook("team", "http://127.0.0.1:9/x"), MAIL, "")


@pytest.mark.parametrize(
    ("host", "shape"),
    [
        ("hooks.slack.com", "slack"),
        ("prod-1.westeurope.logic.azure.com", "teams"),
        ("example.webhook.office.com", "teams"),
        ("example.com", "json"),
    ],
)
def test_the_shape_follows_the_receiver(host: str, shape: str) -> None:
    """Slack and Teams take their own."""
    assert shape_for(host) == shape


def test_the_guard_stands_before_webhooks_too() -> None:
    """Their host counts as a domain."""
    hook = Webhook("team", "https://hooks.slack.com/services/T0/B0/x")
    assert "x" not in repr(hook).removeprefix("Webhook")
    assert Outlets(OPEN).may_call(hook)
    shut = MailPolicy(False, "sink@example.com", "a sandbox")
    assert not Outlets(shut).may_call(hook)
    listed = MailPolicy(False, "sink@example.com", "a sandbox", frozenset({"hooks.slack.com"}))
    assert Outlets(listed).may_call(hook)


def test_the_settings_open_the_ways() -> None:
    """And a wrong one is named, not quoted."""
    env = {
        "SFPRM_SMTP_HOST": "mail.example.com",
        "SFPRM_SMTP_FROM": "channel@example.com",
        "SFPRM_WEBHOOKS": '{"team": "https://hooks.slack.com/services/T0/B0/x"}',
        "SFPRM_MAILS_PER_RUN": "7",
    }
    found = outlets_from(load_settings(env=env), OPEN)
    assert found.mailbox is not None
    assert (found.mailbox.host, set(found.webhooks), found.most) == (
        "mail.example.com",
        {"team"},
        7,
    )
    for wrong in ('["x"]', '{"team": "http://hooks.example.com/secret"}'):
        with pytest.raises(BadSettings, match="SFPRM_WEBHOOKS") as refused:
            outlets_from(load_settings(env={**env, "SFPRM_WEBHOOKS": wrong}), OPEN)
        assert "secret" not in str(refused.value)
