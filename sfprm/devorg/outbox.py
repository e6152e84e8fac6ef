"""Every mail that the org sends, kept instead of sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = ["Kind", "Mail", "Outbox"]

Kind = Literal["welcome", "reset", "notification", "action", "confirmation"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `related` is the 18-character id of the record it is about."""

    at: datetime
    to: tuple[str, ...]
    subject: str
    body: str
    kind: Kind
    related: str | None


class Outbox:
    """Mails in the order of sending. `mark` and `forget_after` let a rolled-back transaction take
    its mails with it."""

    def __init__(self) -> None:
        self._mails: list[Mail] = []

    def send(
        self,
        at: datetime,
        to: Iterable[str],
        subject: str,
        body: str,
        kind: Kind,
        related: str | None = None,
    ) -> None:
        """Keep one mail."""
        self._mails.append(Mail(at, tuple(to), subject, body, kind, related))

    def mark(self) -> int:
        """How many mails there are: a place to return to."""
        return len(self._mails)

    def forget_after(self, mark: int) -> None:
        """Take back what was sent since `mark`."""
        del self._mails[mark:]

    def as_json(self) -> list[dict[str, Any]]:
        """The control API's shape, oldest first."""
        return [
            {
                "at": mail.at.isoformat(),
                "to": list(mail.to),
                "subject": mail.subject,
                "body": mail.body,
                "kind": mail.kind,
                "related": mail.related,
            }
            for mail in self._mails
        ]
