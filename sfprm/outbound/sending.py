"""Telling people past Salesforce: mail by SMTP, a webhook, a command. The one place that does.

Nothing here retries: who sends decides that. Addresses have passed the mail guard before they come
here. A webhook's address and a mailbox's password are secrets: no message quotes them.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal

import requests

from sfprm.errors import BadSettings, NotReady, TryLater
from sfprm.settings import Settings

__all__ = ["Mailbox", "mailbox_of", "post_webhook", "run_command", "send_mail", "shaped"]

PATIENCE_S = 20.0
"""Seconds for a server or a command to answer."""
Shape = Literal["json", "slack", "teams"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mail leaves from. `security`: starttls, tls or none (loopback and relays only)."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = None


def mailbox_of(settings: Settings) -> Mailbox:
    """The mailbox of the settings. Raises BadSettings when none is set."""
    if settings.smtp_host is None or settings.smtp_from is None:
        raise BadSettings(
            "Mail is to be sent, and no mail server is set.",
            hint="Set SFPRM_SMTP_HOST and SFPRM_SMTP_FROM (and SFPRM_SMTP_USER and "
            "SFPRM_SMTP_PASSWORD where it asks for a login).",
        )
    password = settings.smtp_password
    return Mailbox(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_from,
        settings.smtp_security,
        settings.smtp_user,
        None if password is None else password.get_secret_value(),
    )


def send_mail(
    mailbox: Mailbox, to: Sequence[str], subject: str, text: str, html: str | None = None
) -> None:
    """Hand one mail to the server, for all addressees at once; `html` is the same as a page.

    Raises TryLater when the server is away, NotReady when it refuses.
    """
    message = EmailMessage()
    message["From"] = mailbox.sender
    message["To"] = ", ".join(to)
    message["Subject"] = " ".join(subject.split())[:200]
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    secure = ssl.create_default_context()
    try:
        if mailbox.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                mailbox.host, mailbox.port, timeout=PATIENCE_S, context=secure
            )
        else:
            server = smtplib.SMTP(mailbox.host, mailbox.port, timeout=PATIENCE_S)
        with server:
            if mailbox.security == "starttls":
                server.starttls(context=secure)
            if mailbox.user is not None and mailbox.password is not None:
                server.login(mailbox.user, mailbox.password)
            server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise NotReady(
            f"The mail server {mailbox.host} did not take the login ({error.smtp_code}).",
            hint="Check SFPRM_SMTP_USER and SFPRM_SMTP_PASSWORD.",
        ) from None
    except smtplib.SMTPResponseException as error:
        kind = TryLater if 400 <= error.smtp_code < 500 else NotReady
        raise kind(
            f"The mail server {mailbox.host} refused the mail ({error.smtp_code})."
        ) from None
    except smtplib.SMTPRecipientsRefused:
        raise NotReady(f"The mail server {mailbox.host} refused every addressee.") from None
    except (OSError, smtplib.SMTPException) as error:
        raise TryLater(
            f"The mail server {mailbox.host}:{mailbox.port} could not be used: "
            f"{type(error).__name__}."
        ) from error


def shaped(shape: Shape, subject: str, text: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The body that a kind of webhook takes [Slack: incoming webhooks; Teams: an Adaptive Card in
    a message, as its Workflows take it]."""
    match shape:
        case "slack":
            return {"text": f"*{subject}*\n{text}"}
        case "teams":
            body = [
                {"type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": True},
                {"type": "TextBlock", "text": text, "wrap": True},
            ]
            card = {
                "type": "AdaptiveCard",
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "version": "1.4",
                "body": body,
            }
            kind = "application/vnd.microsoft.card.adaptive"
            return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
        case "json":
            return {"subject": subject, "text": text, **facts}


def post_webhook(url: str, body: Mapping[str, Any]) -> None:
    """POST the body as JSON, following no redirect. Raises TryLater or NotReady."""
    try:
        with requests.post(
            url, json=dict(body), timeout=(PATIENCE_S / 2, PATIENCE_S), allow_redirects=False
        ) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        raise TryLater(f"The webhook could not be reached: {type(error).__name__}.") from None
    if status >= 500 or status == 429:
        raise TryLater(f"The webhook answered {status}.")
    if status >= 300:
        raise NotReady(f"The webhook answered {status}.", hint="Check its address in the channel.")


def run_command(command: Sequence[str], body: Mapping[str, Any]) -> None:
    """Run a program with the body as JSON on its standard input. Raises NotReady when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - named in the operator's own file, without a shell
            list(command),
            input=json.dumps(dict(body), ensure_ascii=False),
            text=True,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotReady(f"The command {command[0]} failed: {type(error).__name__}.") from None
    if done.returncode:
        raise NotReady(f"The command {command[0]} ended with {done.returncode}.")
