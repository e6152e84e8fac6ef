"""Mail by SMTP: one connection for as many mails as there are to hand over.

A mail whose fate is not known (the connection broke once its text was under way) is told apart
from one that was refused: it is never sent again.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Self

from sfprm.errors import OrgRefused, OutcomeUnknown, TryLater
from sfprm.outbound.sending import PATIENCE_S

if TYPE_CHECKING:
    from sfprm.outbound.notices import Mail
    from sfprm.outbound.sending import Mailbox

__all__ = ["SmtpPost"]


class SmtpPost:
    """An open connection; a context manager. Raises TryLater when the server cannot be reached."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()

    def send(self, to: str, mail: Mail) -> None:
        """Hand one mail over. Raises OrgRefused when the server says no, TryLater when it cannot be
        reached, OutcomeUnknown when its answer to the mail never came."""
        message = self._message(to, mail)
        smtp = self._open()
        try:
            smtp.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
            raise OrgRefused(f"The mail server refused {_words(error)}.") from error
        except smtplib.SMTPResponseException as error:
            raise OrgRefused(
                f"The mail server refused the mail: {error.smtp_code} {_said(error.smtp_error)}."
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            self._smtp = None
            smtp.close()
            raise OutcomeUnknown(
                f"The connection to the mail server broke ({type(error).__name__}): the mail may "
                "have gone out or not."
            ) from error

    def _open(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        mailbox = self._mailbox
        try:
            smtp: smtplib.SMTP
            if mailbox.security == "tls":
                smtp = smtplib.SMTP_SSL(
                    mailbox.host,
                    mailbox.port,
                    timeout=PATIENCE_S,
                    context=ssl.create_default_context(),
                )
            else:
                smtp = smtplib.SMTP(mailbox.host, mailbox.port, timeout=PATIENCE_S)
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater(
                f"The mail server {mailbox.host}:{mailbox.port} cannot be reached: {error}.",
                hint="Check SFPRM_SMTP_HOST and SFPRM_SMTP_PORT, and that the server runs.",
            ) from error
        try:
            self._greet(smtp)
        except (smtplib.SMTPException, OSError) as error:
            smtp.close()
            raise TryLater(
                f"The mail server {mailbox.host} did not let us in: {_words(error)}.",
                hint="Check SFPRM_SMTP_USER, SFPRM_SMTP_PASSWORD and SFPRM_SMTP_SECURITY.",
            ) from error
        self._smtp = smtp
        return smtp

    def _greet(self, smtp: smtplib.SMTP) -> None:
        mailbox = self._mailbox
        smtp.ehlo()
        if mailbox.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        if mailbox.user and mailbox.password:
            smtp.login(mailbox.user, mailbox.password)

    def _message(self, to: str, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._mailbox.sender
        message["To"] = to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._mailbox.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message


def _words(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(
            f"{to} ({code} {_said(why)})" for to, (code, why) in error.recipients.items()
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_said(error.smtp_error)}"
    return str(error) or type(error).__name__


def _said(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:200]
