"""A page goes by mail as text and as HTML, to a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from sfprm.errors import NotReady
from sfprm.outbound.sending import Mailbox, send_mail


class Kept:
    """Keeps what is delivered; refuses one address."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 OK"


@pytest.fixture
def server() -> Iterator[tuple[Kept, Mailbox]]:
    """On a free port of the loopback."""
    kept = Kept()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield kept, Mailbox("127.0.0.1", port, "sfprm@example.com", security="none")
    finally:
        controller.stop()


def test_both_forms_arrive(server: tuple[Kept, Mailbox]) -> None:
    """With names in any script, and one mail for all addressees."""
    kept, mailbox = server
    send_mail(
        mailbox, ["a@example.com", "b@example.com"], "Canal\nIbérico", "Öre: 3", "<p>Öre: 3</p>"
    )
    (mail,) = kept.mails
    assert mail["Subject"] == "Canal Ibérico"
    assert mail["To"] == "a@example.com, b@example.com"
    parts = {part.get_content_type(): part.get_content().strip() for part in mail.iter_parts()}
    assert parts == {"text/plain": "Öre: 3", "text/html": "<p>Öre: 3</p>"}


def test_a_refusal_is_told_without_the_address(server: tuple[Kept, Mailbox]) -> None:
    """Nothing was sent."""
    kept, mailbox = server
    with pytest.raises(NotReady, match="refused every addressee") as caught:
        send_mail(mailbox, ["nobody@example.com"], "Report", "text")
    assert "nobody" not in str(caught.value)
    assert kept.mails == []
