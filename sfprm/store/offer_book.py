"""The store's face for offers: questions, and each write in a transaction of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from sfprm.store import mail_rows
from sfprm.store import offers as rows
from sfprm.store.engine import reading
from sfprm.store.inserts import insert, pieces
from sfprm.store.offer_tables import mails, marks, offers, pauses, second_looks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from sfprm.ids import RecordId, RunId
    from sfprm.routing.offers import Offer, OfferEvent
    from sfprm.store.offers import OfferChange, OfferEventRow

__all__ = ["MailRow", "OfferBook", "Pause", "SecondLook"]


@dataclass(frozen=True, slots=True)
class Pause:
    """A member left out. `until` None: until a person lifts it."""

    member: str
    since: datetime
    until: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Confirmed entries `first` to `last`, written between the org's instants `since` and
    `until`, to be looked at again."""

    id: int
    first: int
    last: int
    since: datetime
    until: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class MailRow:
    """A notice about one decision. `state`: due, intended, sent, failed or unknown."""

    entry: int
    notice: str
    state: str
    at: datetime
    words: str


class OfferBook:
    """Offers, pauses, second looks and notices. `writing` opens the store's write transaction."""

    def __init__(
        self, engine: Engine, writing: Callable[..., AbstractContextManager[Connection]]
    ) -> None:
        self._engine = engine
        self._writing = writing

    # Questions

    def open(
        self, *, due: datetime | None = None, leads: Iterable[RecordId] | None = None
    ) -> list[Offer]:
        """Offers that have not ended: those to be looked at by `due`, of those leads."""
        with reading(self._engine) as connection:
            return rows.find_open(connection, due=due, leads=leads)

    def of_lead(self, lead: RecordId) -> list[Offer]:
        """Every offer of a lead, in order."""
        with reading(self._engine) as connection:
            return rows.find(connection, offers.c.lead == lead)

    def of_entries(self, entries: Iterable[int]) -> list[Offer]:
        """The offers that those journal entries gave."""
        with reading(self._engine) as connection:
            return [
                offer
                for piece in pieces(entries)
                for offer in rows.find(connection, offers.c.entry.in_(piece))
            ]

    def ended_by(self, entries: Iterable[int]) -> list[Offer]:
        """The offers that those journal entries take back."""
        with reading(self._engine) as connection:
            return [
                offer
                for piece in pieces(entries)
                for offer in rows.find(connection, offers.c.ended_by.in_(piece))
            ]

    def made_since(self, since: datetime) -> list[Offer]:
        """Offers made from an instant on."""
        with reading(self._engine) as connection:
            return rows.find(connection, offers.c.offered_at >= since)

    def to_set(self) -> list[Offer]:
        """Offers whose lead's fields are still to be set."""
        with reading(self._engine) as connection:
            return rows.find(connection, offers.c.to_set.is_not(None))

    def count(self) -> Mapping[str, int]:
        """How many offers there are in each state."""
        query = select(offers.c.state, func.count()).group_by(offers.c.state)
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def events(self, entries: Iterable[int]) -> list[OfferEventRow]:
        """What happened to the offers of those entries, in order."""
        with reading(self._engine) as connection:
            return rows.events(connection, entries)

    def last_answers(
        self, members: Iterable[str], most: int
    ) -> Mapping[str, list[OfferEvent | None]]:
        """How each member's last offers ended, the newest first; None for an accepted one."""
        with reading(self._engine) as connection:
            return rows.last_answers(connection, members, most)

    def pauses(self) -> list[Pause]:
        """Everybody who is paused, by member."""
        with reading(self._engine) as connection:
            found = connection.execute(select(pauses).order_by(pauses.c.member))
            return [Pause(row.member, row.since, row.until, row.words) for row in found]

    def second_looks(self, due: datetime) -> list[SecondLook]:
        """Those that are due, oldest first."""
        query = select(second_looks).where(second_looks.c.due <= due).order_by(second_looks.c.id)
        with reading(self._engine) as connection:
            return [
                SecondLook(row.id, row.first, row.last, row.since, row.until, row.due)
                for row in connection.execute(query)
            ]

    def mailed(self, entries: Iterable[int]) -> list[MailRow]:
        """The notices about those entries."""
        found: list[MailRow] = []
        with reading(self._engine) as connection:
            for piece in pieces(entries):
                query = select(mails).where(mails.c.entry.in_(piece)).order_by(mails.c.id)
                found.extend(
                    MailRow(row.entry, row.notice, row.state, row.at, row.words)
                    for row in connection.execute(query)
                )
        return found

    def mails_open(self) -> list[MailRow]:
        """Notices that are due, or were about to be sent, in order."""
        with reading(self._engine) as connection:
            return [MailRow(*row) for row in mail_rows.open_rows(connection)]

    def marked(self, name: str) -> datetime | None:
        """When something was last done."""
        query = select(marks.c.at).where(marks.c.name == name)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    # Writes

    def change(
        self,
        changes: Sequence[OfferChange],
        at: datetime,
        run: RunId,
        due: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Store offers after events, the events, and the notices (entry, key) that are due because
        of them; in one transaction."""
        if changes:
            with self._writing("offers") as connection:
                rows.change(connection, changes, at, run)
                mail_rows.note_due(connection, due, at)

    def fields_set(self, entries: Iterable[int]) -> None:
        """The Lead fields of those offers are set."""
        with self._writing("fields set") as connection:
            for piece in pieces(entries):
                connection.execute(
                    offers.update().where(offers.c.entry.in_(piece)).values(to_set=None)
                )

    def pause(
        self,
        member: str,
        *,
        now: datetime,
        until: datetime | None,
        words: str,
        due: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Leave a member out of pools; `due` as in `change`."""
        with self._writing("pause") as connection:
            statement = insert(connection, pauses).values(
                member=member, since=now, until=until, words=words
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["member"],
                    set_={"until": statement.excluded.until, "words": statement.excluded.words},
                )
            )
            mail_rows.note_due(connection, due, now)

    def lift(self, members: Iterable[str]) -> None:
        """They may be given leads again."""
        with self._writing("pause lifted") as connection:
            for piece in pieces(members):
                connection.execute(delete(pauses).where(pauses.c.member.in_(piece)))

    def look_again(
        self, first: int, last: int, *, since: datetime, until: datetime, due: datetime
    ) -> None:
        """Have confirmed entries looked at once more."""
        with self._writing("second look planned", own=True) as connection:
            connection.execute(
                second_looks.insert().values(
                    first=first, last=last, since=since, until=until, due=due
                )
            )

    def looked_again(self, ids: Iterable[int]) -> None:
        """Those looks are done."""
        with self._writing("second look done") as connection:
            for piece in pieces(ids):
                connection.execute(delete(second_looks).where(second_looks.c.id.in_(piece)))

    def mean_to_mail(
        self, notices: Sequence[tuple[int, str]], at: datetime
    ) -> set[tuple[int, str]]:
        """Note down that those notices are about to be sent; returns those that may be.

        What was noted so before may have gone out: it is not sent again.
        """
        if not notices:
            return set()
        with self._writing("mail intended") as connection:
            return mail_rows.intend(connection, notices, at)

    def mail_ended(self, notices: Sequence[tuple[int, str]], state: str, words: str = "") -> None:
        """What became of notices: sent, failed or unknown."""
        if notices:
            with self._writing(f"mail {state}") as connection:
                mail_rows.ended(connection, notices, state, words)

    def mark(self, name: str, at: datetime) -> None:
        """Something was done just now."""
        with self._writing("mark") as connection:
            statement = insert(connection, marks).values(name=name, at=at)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_={"at": statement.excluded.at}
                )
            )
