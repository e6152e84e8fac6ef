"""Questions put to the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, not_, or_, select, text, union

from sfprm.ids import PoolKey, RecordId
from sfprm.routing.eligibility import ledgers_of
from sfprm.routing.offers import OfferEvent
from sfprm.store import classes
from sfprm.store.column_types import OPEN_BELOW, STATE_CODES
from sfprm.store.entries import entry_from
from sfprm.store.inserts import ROOM, known_among, pieces
from sfprm.store.journal import readable
from sfprm.store.journal_rows import LIVE, unpack
from sfprm.store.offer_tables import offer_events
from sfprm.store.packing import unpack_choices
from sfprm.store.records import ChainEnd, JournalEntry, LedgerMove, MoveKind, Stream, WriteState
from sfprm.store.refused import MERGED
from sfprm.store.tables import acts, heads, journal, moves, programmes, words
from sfprm.store.words import numbers_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Exists

    from sfprm.ids import RunId


def entries(
    connection: Connection,
    *,
    lead: RecordId | None = None,
    leads: Sequence[RecordId] | None = None,
    run: RunId | None = None,
    pool: str | None = None,
    states: Sequence[WriteState] | None = None,
    kinds: Sequence[str] | None = None,
    since: datetime | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[JournalEntry]:
    """In order of sequence; see `StoreReader.entries`."""
    if leads is not None and len(leads) > ROOM:
        found = [
            entry
            for piece in pieces(leads)
            for entry in entries(
                connection,
                lead=lead,
                leads=piece,
                run=run,
                pool=pool,
                states=states,
                kinds=kinds,
                since=since,
                after=after,
            )
        ]
        return sorted(found, key=lambda entry: entry.sequence)[:limit]
    query = readable()
    of_act: list[ColumnElement[bool]] = []
    if run is not None:
        of_act.append(acts.c.run == run)
    if kinds is not None:
        of_act.append(acts.c.kind.in_(list(kinds)))
    if since is not None:
        of_act.append(acts.c.decided_at >= since)
    if of_act:
        query = query.where(*of_act)
        spans = _spans(connection, of_act)
        if not spans:
            return []
        if len(spans) <= MOST_SPANS:
            query = query.where(or_(*(journal.c.sequence.between(*span) for span in spans)))
    if after:
        query = query.where(journal.c.sequence > after)
    if lead is not None:
        query = query.where(journal.c.lead == lead)
    if leads is not None:
        query = query.where(journal.c.lead.in_(leads))
    if pool is not None:
        number = numbers_of(connection, [pool]).get(pool)
        if number is None:
            return []
        query = query.where(journal.c.pool == number)
    if states is not None:
        query = query.where(journal.c.state.in_([state.value for state in states]))
        if all(STATE_CODES[state] < OPEN_BELOW for state in states):
            # said in the words of the index that holds only these
            query = query.where(text(f"state < {OPEN_BELOW}"))
    if limit is not None:
        query = query.limit(limit)
    rows = connection.execute(query).all()
    return [entry_from(row, choices) for row, choices in unpack(connection, rows)]


MOST_SPANS = 50
"""Stretches of the journal that a query names one by one."""


def _spans(
    connection: Connection, conditions: Sequence[ColumnElement[bool]]
) -> list[tuple[int, int]]:
    """The stretches of the journal made by acts that meet the conditions; neighbours joined."""
    found: list[tuple[int, int]] = []
    query = select(acts.c.first, acts.c.last).where(*conditions).order_by(acts.c.first)
    for first, last in connection.execute(query):
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def last_entries(connection: Connection, leads: Iterable[RecordId]) -> dict[RecordId, JournalEntry]:
    """By lead; see `StoreReader.last_entries`."""
    found: dict[RecordId, JournalEntry] = {}
    for piece in pieces(leads):
        newest = (
            select(func.max(journal.c.sequence))
            .where(
                journal.c.lead.in_(piece),
                journal.c.stream == LIVE,
                journal.c.refunds.is_(None),
            )
            .group_by(journal.c.lead)
        )
        rows = connection.execute(readable().where(journal.c.sequence.in_(newest))).all()
        for row, choices in unpack(connection, rows):
            entry = entry_from(row, choices)
            found[entry.lead] = entry
    return found


def merged_since(connection: Connection, since: datetime) -> int:
    """Decisions whose lead was merged away; see `StoreReader.merged_since`."""
    offered = select(offer_events.c.entry).where(
        offer_events.c.event == OfferEvent.MERGED.value, offer_events.c.at >= since
    )
    written = (
        select(journal.c.sequence)
        .join(acts, acts.c.id == journal.c.act)
        .where(acts.c.decided_at >= since, journal.c.message.like(f"{MERGED} %"))
    )
    both = union(offered, written).subquery()
    return connection.execute(select(func.count()).select_from(both)).scalar_one()


def confirmed(
    connection: Connection, first: int, last: int, kinds: Sequence[str]
) -> dict[RecordId, tuple[int, RecordId]]:
    """Where confirmed entries sent their leads; see `StoreReader.confirmed`. Whole entries would
    cost ten times as much."""
    query = (
        select(journal.c.lead, journal.c.sequence, journal.c.owner_new)
        .join(acts, acts.c.id == journal.c.act)
        .where(
            journal.c.sequence.between(first, last),
            journal.c.state == WriteState.CONFIRMED.value,
            acts.c.kind.in_(list(kinds)),
            journal.c.owner_new.is_not(None),
        )
        .order_by(journal.c.sequence)
    )
    rows = connection.execute(query).all()
    owners = {
        number: RecordId(owner)
        for number, owner in texts_of(connection, {row.owner_new for row in rows}).items()
    }
    return {row.lead: (row.sequence, owners[row.owner_new]) for row in rows}


def moves_of(connection: Connection, ledger: str, *, after: int, upto: int) -> list[LedgerMove]:
    """Choices and refunds of a ledger, in order."""
    number = numbers_of(connection, [ledger]).get(ledger)
    if number is None:
        return []
    rows = connection.execute(
        select(journal.c.sequence, journal.c.refunds, journal.c.choices)
        .join(moves, moves.c.journal == journal.c.sequence)
        .where(moves.c.ledger == number, moves.c.journal > after, moves.c.journal <= upto)
        .order_by(moves.c.journal)
    )
    found = [
        (row.sequence, row.refunds, choice)
        for row in rows
        for choice in unpack_choices(row.choices)
        if choice.ledger == number
    ]
    digests = classes.digests_of(connection, {choice.eligibility for _, _, choice in found})
    winners = texts_of(connection, {choice.winner for _, _, choice in found})
    return [
        LedgerMove(
            journal=sequence,
            kind=MoveKind.CHOICE if refunds is None else MoveKind.REFUND,
            sequence=choice.sequence,
            class_digest=digests.get(choice.eligibility, ""),
            winner=winners[choice.winner],
            before=choice.before,
            after=choice.after,
        )
        for sequence, refunds, choice in found
    ]


def programme_json(connection: Connection, digest: str) -> str | None:
    """The canonical JSON of a programme that decided something."""
    return connection.execute(
        select(programmes.c.content).where(programmes.c.digest == digest)
    ).scalar()


def last_programme(connection: Connection) -> str | None:
    """The digest of the programme of the live stream's last decision."""
    return connection.execute(
        select(acts.c.programme)
        .where(
            acts.c.stream == Stream.LIVE.value,
            acts.c.kind == "route",
            acts.c.programme.is_not(None),
        )
        .order_by(acts.c.id.desc())
        .limit(1)
    ).scalar()


def chain_ends(connection: Connection) -> dict[str, ChainEnd]:
    """Where each hash chain ends; "" is the whole journal."""
    return {row.chain: ChainEnd(row.length, row.hash) for row in connection.execute(select(heads))}


def chain_hash(connection: Connection, chain: str, position: int) -> str | None:
    """The hash of one entry of a chain."""
    number = numbers_of(connection, [chain]).get(chain)
    if number is None:
        return None
    return connection.execute(
        select(journal.c.hash).where(journal.c.chain == number, journal.c.position == position)
    ).scalar()


def _given_back() -> Exists:
    """That a journal entry's credits were given back."""
    refund = journal.alias("refund")
    return exists().where(refund.c.refunds == journal.c.sequence)


def previous_owners(
    connection: Connection, leads: Iterable[RecordId]
) -> dict[RecordId, frozenset[RecordId]]:
    """Owners given before; leads without any are left out, and so is what was given back."""
    found: dict[RecordId, set[RecordId]] = {}
    for piece in pieces(known_among(connection, journal.c.lead, leads)):
        query = (
            select(journal.c.lead, words.c.text)
            .join(acts, acts.c.id == journal.c.act)
            .join(words, words.c.id == journal.c.owner_new)
            .where(
                journal.c.lead.in_(piece),
                journal.c.stream == LIVE,
                acts.c.kind != "undo",
                journal.c.state != WriteState.REFUSED.value,
                not_(_given_back()),
            )
        )
        for lead, owner in connection.execute(query):
            found.setdefault(lead, set()).add(RecordId(owner))
    return {lead: frozenset(owners) for lead, owners in found.items()}


def win_counts(connection: Connection, pools: Iterable[str]) -> dict[tuple[str, str], int]:
    """(pool, member) → wins since the ledger began, counted by the database."""
    names = list(dict.fromkeys(pools))
    ledgers = numbers_of(connection, [key for pool in names for key in ledgers_of(PoolKey(pool))])
    found: dict[tuple[str, str], int] = {}
    for pool in names:
        numbers = [ledgers[key] for key in ledgers_of(PoolKey(pool)) if key in ledgers]
        query = (
            select(words.c.text, func.count())
            .select_from(moves)
            .join(journal, journal.c.sequence == moves.c.journal)
            .join(words, words.c.id == moves.c.winner)
            .where(
                moves.c.ledger.in_(numbers),
                journal.c.refunds.is_(None),
                journal.c.state != WriteState.REFUSED.value,
                not_(_given_back()),
            )
            .group_by(words.c.text)
        )
        for winner, count in connection.execute(query):
            found[(pool, winner)] = count
    return found


def wins(
    connection: Connection, pools: Iterable[str], since: datetime
) -> dict[tuple[str, str], tuple[datetime, ...]]:
    """(pool, member) → instants of wins, ascending."""
    names = list(dict.fromkeys(pools))
    first = connection.execute(
        select(func.min(acts.c.first)).where(acts.c.decided_at >= since)
    ).scalar()
    ledgers = numbers_of(connection, [key for pool in names for key in ledgers_of(PoolKey(pool))])
    if first is None:
        return {}
    found: dict[tuple[str, str], list[datetime]] = {}
    for pool in names:
        numbers = [ledgers[key] for key in ledgers_of(PoolKey(pool)) if key in ledgers]
        if not numbers:
            continue
        query = (
            select(words.c.text, acts.c.decided_at)
            .select_from(moves)
            .join(journal, journal.c.sequence == moves.c.journal)
            .join(acts, acts.c.id == journal.c.act)
            .join(words, words.c.id == moves.c.winner)
            .where(
                moves.c.ledger.in_(numbers),
                moves.c.journal >= first,
                acts.c.decided_at >= since,
                journal.c.refunds.is_(None),
                journal.c.state != WriteState.REFUSED.value,
                not_(_given_back()),
            )
            .order_by(acts.c.decided_at, moves.c.journal)
        )
        for winner, at in connection.execute(query):
            found.setdefault((pool, winner), []).append(at)
    return {key: tuple(instants) for key, instants in found.items()}
