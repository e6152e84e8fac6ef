"""Every mail that the org sends, kept instead of sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sfprm.devorg.kept import KeptList

if TYPE_CHECKING:
    from sfprm.devorg.storage import Storage

__all__ = ["Kind", "Outbox"]

Kind = Literal["welcome", "reset", "notification", "action", "confirmation"]


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
        self._mails.append(
            {
                "at": at.isoformat(),
                "to": list(to),
                "subject": subject,
                "body": body,
                "kind": kind,
                "related": related,
            }
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
