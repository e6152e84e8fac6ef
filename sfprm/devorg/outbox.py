"""Every mail that the org sends, kept instead of sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sfprm.devorg.kept import KeptList

if TYPE_CHECKING:
    from sfprm.devorg.storage import Storage

__all__ = ["Kind", "Mail", "Outbox"]

Kind = Literal["welcome", "reset", "notification", "action", "confirmation"]


@dataclass(frozen=True, slots=True)
class Mail:
    """To whom, what, and the 18-character id of the record it is about."""

    to: list[str]
    subject: str
    body: str
    related: str | None = None


class Outbox:
    """Mails in the order of sending. A rolled-back transaction takes its mails with it."""

    def __init__(self, storage: Storage) -> None:
        self._mails = KeptList(storage, "mail")

    def send(
        self,
        at: datetime,
        to: Iterable[str],
        subject: str,
        body: str,
        kind: Kind,
        related: str | None = None,
    ) -> None:
        """Keep one mail; `related` is the 18-character id of the record it is about."""
        self.send_all(at, [Mail(list(to), subject, body, related)], kind)

    def send_all(self, at: datetime, mails: Iterable[Mail], kind: Kind) -> None:
        """Keep mails of one kind, sent at one instant."""
        self._mails.extend(
            [
                {
                    "at": at.isoformat(),
                    "to": one.to,
                    "subject": one.subject,
                    "body": one.body,
                    "kind": kind,
                    "related": one.related,
                }
                for one in mails
            ]
        )

    def mark(self) -> int:
        """How many mails there are: a place to return to."""
        return self._mails.mark()

    def forget_after(self, mark: int) -> None:
        """Take back what was sent since `mark`."""
        self._mails.forget_after(mark)

    def as_json(self) -> list[dict[str, Any]]:
        """The control API's shape, oldest first."""
        return self._mails.all()
