"""Offers as rows: planned with the decision that gives them, moved on with its confirmation.

A row changes in the same transaction as the journal entry it hangs on, so an offer never says
anything that the journal does not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from sfprm.ids import RecordId
from sfprm.routing.offers import (
    ENDS,
    LOOK_AGAIN,
    RETRY,
    Offer,
    OfferEvent,
    OfferState,
    Seen,
    move,
)
from sfprm.store.inserts import among, pieces
from sfprm.store.offer_tables import offer_events, offers
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from sfprm.ids import RunId

__all__ = ["OfferChange", "OfferEventRow", "PlannedOffer"]

_OPEN = [state.value for state in OfferState if state not in ENDS]
_COLUMNS = tuple(field.name for field in fields(Offer))


@dataclass(frozen=True, slots=True)
class PlannedOffer:
    """An offer as it is journalled: `starts_as` is what it becomes once it is seen in the org."""

    offer: Offer
    starts_as: OfferState


@dataclass(frozen=True, slots=True)
class OfferChange:
    """An offer after an event (None: only looked at). `ends_as`: what it becomes once entry
    `ended_by` is confirmed."""

    offer: Offer
    seen: Seen | None
    ends_as: OfferState | None = None


@dataclass(frozen=True, slots=True)
class OfferEventRow:
    """One thing that happened to an offer."""

    entry: int
    at: datetime
    event: OfferEvent
    state: OfferState
    words: str
    run: str


def find(
    connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> list[Offer]:
    """Offers in order of their entries."""
    query = select(offers).where(*conditions).order_by(offers.c.entry)
    return [
        _offer(row) for row in connection.execute(query if limit is None else query.limit(limit))
    ]


def forget_labels(
    connection: Connection, leads: Iterable[RecordId], before: datetime | None
) -> None:
    """Forget the names of those leads, and of all offered before an instant."""
    for piece in pieces(leads):
        connection.execute(update(offers).where(offers.c.lead.in_(piece)).values(label=""))
    if before is not None:
        connection.execute(update(offers).where(offers.c.offered_at < before).values(label=""))


def find_open(
    connection: Connection, *, due: datetime | None = None, leads: Iterable[RecordId] | None = None
) -> list[Offer]:
    """Offers that have not ended; those to be looked at by `due`, those of certain leads."""
    condition = offers.c.next_at.is_not(None) if due is None else offers.c.next_at <= due
    if leads is None:
        return find(connection, condition)
    return [
        offer
        for piece in pieces(leads)
        for offer in find(connection, condition, offers.c.lead.in_(piece))
    ]


def _offer(row: Row[*tuple[Any, ...]]) -> Offer:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["lead"], values["owner"] = RecordId(row.lead), RecordId(row.owner)
    values["state"] = OfferState(row.state)
    values["why"] = OfferEvent(row.why) if row.why else None
    return Offer(**values)


def _row(offer: Offer) -> dict[str, Any]:
    values = {name: getattr(offer, name) for name in _COLUMNS}
    values["state"] = offer.state.value
    values["why"] = offer.why.value if offer.why else None
    return values


def plan(connection: Connection, planned: Sequence[PlannedOffer]) -> None:
    """Store offers whose entries have just been journalled."""
    if planned:
        connection.execute(
            offers.insert(),
            [{**_row(p.offer), "starts_as": p.starts_as.value, "ends_as": None} for p in planned],
        )


def change(
    connection: Connection, changes: Sequence[OfferChange], at: datetime, run: RunId | str
) -> None:
    """Store offers after events, and the events."""
    if not changes:
        return
    rows = []
    for changed in changes:
        row = _row(changed.offer)
        row["ends_as"] = changed.ends_as.value if changed.ends_as else None
        rows.append({f"new_{name}": value for name, value in row.items()})
    connection.execute(
        update(offers)
        .where(offers.c.entry == bindparam("new_entry"))
        .values(
            {name: bindparam(f"new_{name}") for name in (*_COLUMNS, "ends_as") if name != "entry"}
        ),
        rows,
    )
    happened = [
        {
            "entry": c.offer.entry,
            "at": at,
            "event": c.seen.event.value,
            "state": c.offer.state.value,
            "words": c.seen.words,
            "run": run,
        }
        for c in changes
        if c.seen is not None
    ]
    if happened:
        connection.execute(offer_events.insert(), happened)


def settled(connection: Connection, sequences: Sequence[int], state: WriteState) -> None:
    """Move on the offers that settled entries gave, and those that they end."""
    if state is WriteState.DECIDED:
        return
    for given_by in among(offers.c.entry, sequences):
        _given(connection, given_by, state is WriteState.CONFIRMED)
    for ended_by in among(offers.c.ended_by, sequences):
        _ended(connection, ended_by, state)


def _given(connection: Connection, by: ColumnElement[bool], confirmed: bool) -> None:
    planned = offers.c.state == OfferState.PLANNED.value
    change_ = update(offers).where(by, planned)
    if confirmed:
        connection.execute(change_.values(state=offers.c.starts_as))
        return
    void = move(OfferState.PLANNED, OfferEvent.VOIDED)
    connection.execute(
        change_.values(
            state=void.value,
            next_at=None,
            ended_at=offers.c.offered_at,
            why=OfferEvent.VOIDED.value,
        )
    )


def _ended(connection: Connection, by: ColumnElement[bool], state: WriteState) -> None:
    leaving = [OfferState.EXPIRED.value, OfferState.REJECTED.value]
    ends = (by, offers.c.state.in_(leaving))
    if state is WriteState.CONFIRMED:
        connection.execute(update(offers).where(*ends).values(state=offers.c.ends_as, next_at=None))
    elif state is WriteState.OVERTAKEN:
        closed = move(OfferState.EXPIRED, OfferEvent.MOVED)
        connection.execute(update(offers).where(*ends).values(state=closed.value, next_at=None))
    else:
        for offer in find(connection, *ends):
            kept = _kept(offer)
            connection.execute(
                update(offers)
                .where(offers.c.entry == offer.entry)
                .values(ended_by=None, tries=kept.tries, next_at=kept.next_at)
            )


def _kept(offer: Offer) -> Offer:
    """Still its owner's: the org refused to take it back. Counted from when that was decided, as
    nothing here reads a clock."""
    start = offer.ended_at or offer.offered_at
    wait = timedelta()
    for at in range(offer.tries + 1):
        wait += min(RETRY * (1 << min(at, 6)), LOOK_AGAIN)
    return replace(offer, ended_by=None, tries=offer.tries + 1, next_at=start + wait)


def events(connection: Connection, entries: Iterable[int]) -> list[OfferEventRow]:
    """What happened to offers, in order."""
    found: list[OfferEventRow] = []
    for piece in pieces(entries):
        query = (
            select(offer_events).where(offer_events.c.entry.in_(piece)).order_by(offer_events.c.id)
        )
        found.extend(
            OfferEventRow(
                entry=row.entry,
                at=row.at,
                event=OfferEvent(row.event),
                state=OfferState(row.state),
                words=row.words,
                run=row.run,
            )
            for row in connection.execute(query)
        )
    return found


def last_answers(
    connection: Connection, members: Iterable[str], most: int
) -> Mapping[str, list[OfferEvent | None]]:
    """How each member's last offers ended or were answered, the newest first: None for one that
    was accepted."""
    found: dict[str, list[OfferEvent | None]] = {}
    for member in dict.fromkeys(members):
        query = (
            select(offers.c.why, offers.c.accepted_at)
            .where(
                offers.c.member == member,
                (offers.c.ended_at.is_not(None)) | (offers.c.accepted_at.is_not(None)),
                (offers.c.why.is_(None)) | (offers.c.why != OfferEvent.VOIDED.value),
            )
            .order_by(offers.c.ended_at.desc(), offers.c.entry.desc())
            .limit(most)
        )
        found[member] = [
            None if row.accepted_at is not None or row.why is None else OfferEvent(row.why)
            for row in connection.execute(query)
        ]
    return found


def forget(connection: Connection, entries: Iterable[int]) -> None:
    """Remove offers and what happened to them (retention)."""
    for piece in pieces(entries):
        connection.execute(delete(offer_events).where(offer_events.c.entry.in_(piece)))
        connection.execute(delete(offers).where(offers.c.entry.in_(piece)))
