"""Questions put to the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, not_, select

from sfprm.ids import RecordId
from sfprm.routing.values import Candidate, EligibilityClass
from sfprm.store.entries import entry_from
from sfprm.store.inserts import pieces
from sfprm.store.parked import reasons_from
from sfprm.store.records import (
    JournalChoice,
    JournalEntry,
    LedgerMove,
    MoveKind,
    Stream,
    WriteState,
)
from sfprm.store.tables import eligibility, journal, moves, programmes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Exists, Row, Select

    from sfprm.ids import RunId


def entries(
    connection: Connection,
    *,
    lead: RecordId | None = None,
    run: RunId | None = None,
    pool: str | None = None,
    states: Sequence[WriteState] | None = None,
    kinds: Sequence[str] | None = None,
    since: datetime | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[JournalEntry]:
    """In order of sequence; see `StoreReader.entries`."""
    query = select(journal).order_by(journal.c.sequence)
    if after:
        query = query.where(journal.c.sequence > after)
    if lead is not None:
        query = query.where(journal.c.lead == lead)
    if run is not None:
        query = query.where(journal.c.run == run)
    if pool is not None:
        query = query.where(journal.c.pool == pool)
    if states is not None:
        query = query.where(journal.c.state.in_([state.value for state in states]))
    if kinds is not None:
        query = query.where(journal.c.kind.in_(list(kinds)))
    if since is not None:
        query = query.where(journal.c.decided_at >= since)
    if limit is not None:
        query = query.limit(limit)
    return [entry_from(row, choices) for row, choices in with_choices(connection, query)]


def with_choices(
    connection: Connection, query: Select[*tuple[Any, ...]]
) -> list[tuple[dict[str, Any], list[JournalChoice]]]:
    """The journal rows of a query, each with its choices: the pool's first."""
    rows = [dict(row._mapping) for row in connection.execute(query)]
    choices: dict[int, list[JournalChoice]] = {}
    for piece in pieces(row["sequence"] for row in rows):
        found = connection.execute(
            select(moves).where(moves.c.journal.in_(piece)).order_by(moves.c.journal, moves.c.level)
        )
        for move in found:
            choices.setdefault(move.journal, []).append(_choice(move))
    return [(row, choices.get(row["sequence"], [])) for row in rows]


def _choice(row: Row[*tuple[Any, ...]]) -> JournalChoice:
    return JournalChoice(
        ledger=row.ledger,
        class_digest=row.eligibility,
        winner=row.winner,
        before=row.before,
        after=row.after,
        sequence=row.sequence,
    )


def moves_of(connection: Connection, ledger: str, *, after: int, upto: int) -> list[LedgerMove]:
    """Choices and refunds of a ledger, in order."""
    query = (
        select(moves)
        .where(moves.c.ledger == ledger, moves.c.journal > after, moves.c.journal <= upto)
        .order_by(moves.c.journal)
    )
    return [
        LedgerMove(
            journal=row.journal,
            kind=MoveKind(row.kind),
            sequence=row.sequence,
            class_digest=row.eligibility,
            winner=row.winner,
            before=row.before,
            after=row.after,
        )
        for row in connection.execute(query)
    ]


def class_of(connection: Connection, digest: str) -> EligibilityClass:
    """A stored class. Raises KeyError."""
    content = connection.execute(
        select(eligibility.c.content).where(eligibility.c.digest == digest)
    ).scalar()
    if content is None:
        raise KeyError(digest)
    return class_from(content)


def class_from(content: str) -> EligibilityClass:
    """The inverse of `EligibilityClass.to_json`."""
    body = json.loads(content)
    return EligibilityClass(
        body["ledger"],
        tuple(
            Candidate(member, weight, reasons_from(reasons))
            for member, weight, reasons in body["candidates"]
        ),
    )


def programme_json(connection: Connection, digest: str) -> str | None:
    """The canonical JSON of a programme that decided something."""
    return connection.execute(
        select(programmes.c.content).where(programmes.c.digest == digest)
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
    for piece in pieces(leads):
        query = select(journal.c.lead, journal.c.owner_new).where(
            journal.c.lead.in_(piece),
            journal.c.stream == Stream.LIVE.value,
            journal.c.kind != "undo",
            journal.c.owner_new.is_not(None),
            journal.c.state != WriteState.REFUSED.value,
            not_(_given_back()),
        )
        for lead, owner in connection.execute(query):
            found.setdefault(RecordId(lead), set()).add(RecordId(owner))
    return {lead: frozenset(owners) for lead, owners in found.items()}


def wins(
    connection: Connection, pools: Iterable[str], since: datetime
) -> dict[tuple[str, str], tuple[datetime, ...]]:
    """(pool, member) → instants of wins, ascending."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for piece in pieces(pools):
        query = (
            select(journal.c.pool, moves.c.winner, journal.c.decided_at)
            .join(moves, moves.c.journal == journal.c.sequence)
            .where(
                journal.c.pool.in_(piece),
                journal.c.stream == Stream.LIVE.value,
                journal.c.decided_at >= since,
                journal.c.state != WriteState.REFUSED.value,
                moves.c.kind == MoveKind.CHOICE.value,
                moves.c.level == 0,
                not_(_given_back()),
            )
            .order_by(journal.c.decided_at, journal.c.sequence)
        )
        for pool, winner, at in connection.execute(query):
            found.setdefault((pool, winner), []).append(at)
    return {key: tuple(instants) for key, instants in found.items()}
