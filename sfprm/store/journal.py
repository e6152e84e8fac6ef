"""Appending to the journal: numbers, offers, hash chains; and what became of an entry.

Whoever appends holds the row that counts the journal until its transaction ends, so sequences have
no gaps and each chain has one end. Ledgers are always locked before it, never after.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from sfprm.errors import Bug
from sfprm.store.canonical import GENESIS, entry_hash, facts_digest
from sfprm.store.entries import decision_text, entry_from, facts_text, trials_json
from sfprm.store.inserts import insert, pieces
from sfprm.store.parked import reasons_json
from sfprm.store.records import JournalChoice, JournalEntry, MoveKind, WriteState
from sfprm.store.tables import heads, journal, moves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from sfprm.ids import RecordId, RunId
    from sfprm.routing.values import Reason, RuleTrial

COUNTER = ""
"""The head row that counts the whole journal."""

RULES = "rules"
"""The chain of routing decisions that touch no pool."""

MANUAL = "manual"
"""The chain of moves that a person ordered."""

_NO_FACTS: Mapping[str, Any] = MappingProxyType({})


def pool_chain(pool: str) -> str:
    """The chain of a pool's decisions."""
    return f"pool:{pool}"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry before it has its number, offer and hash. `refunds` set: it is a refund."""

    kind: str
    chain: str
    run: RunId
    lead: RecordId
    decided_at: datetime
    outcome: str
    owner_seen: RecordId
    owner_new: RecordId | None
    state: WriteState
    algorithm: int
    programme: str | None = None
    rule: str | None = None
    trials: tuple[RuleTrial, ...] = ()
    pool: str | None = None
    choices: tuple[JournalChoice, ...] = ()
    reasons: tuple[Reason, ...] = ()
    next_try: datetime | None = None
    notify: str | None = None
    refunds: int | None = None
    owner_name: str = ""
    label: str = ""
    intake: str = ""
    created: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=lambda: _NO_FACTS)


def lock_end(connection: Connection) -> int:
    """Hold the journal's end until the transaction ends; returns its last sequence."""
    connection.execute(
        insert(connection, heads)
        .values(chain=COUNTER, length=0, hash=GENESIS)
        .on_conflict_do_nothing()
    )
    length: int = connection.execute(
        select(heads.c.length).where(heads.c.chain == COUNTER).with_for_update()
    ).scalar_one()
    return length


def append(connection: Connection, stream: str, new: Sequence[NewEntry]) -> list[JournalEntry]:
    """Add entries in the order given. The eligibility classes they name must be stored already."""
    if not new:
        return []
    last = lock_end(connection)
    offers = _offers(connection, stream, {entry.lead for entry in new})
    ends = _ends(connection, {entry.chain for entry in new})
    rows: list[dict[str, Any]] = []
    for sequence, entry in enumerate(new, start=last + 1):
        if entry.refunds is None:
            offers[entry.lead] = offers.get(entry.lead, 0) + 1
        position, previous = ends.get(entry.chain, (0, GENESIS))
        row = _row(entry, stream, sequence, position + 1, previous)
        row["offer"] = offers[entry.lead] if entry.refunds is None else None
        row["hash"] = entry_hash(previous, decision_text(row, entry.choices), row["facts_digest"])
        ends[entry.chain] = (position + 1, row["hash"])
        rows.append(row)
    connection.execute(journal.insert(), rows)
    _add_moves(connection, last + 1, new)
    _move_ends(connection, ends, last + len(new), rows[-1]["hash"])
    return [entry_from(row, entry.choices) for row, entry in zip(rows, new, strict=True)]


def _row(
    entry: NewEntry, stream: str, sequence: int, position: int, previous: str
) -> dict[str, Any]:
    facts = facts_text(
        fields=entry.fields,
        label=entry.label,
        intake=entry.intake,
        owner_name=entry.owner_name,
        created=entry.created,
    )
    salt = secrets.token_hex(16)
    return {
        "sequence": sequence,
        "stream": stream,
        "kind": entry.kind,
        "chain": entry.chain,
        "position": position,
        "run": entry.run,
        "lead": entry.lead,
        "refunds": entry.refunds,
        "decided_at": entry.decided_at,
        "outcome": entry.outcome,
        "owner_seen": entry.owner_seen,
        "owner_new": entry.owner_new,
        "state": entry.state.value,
        "message": "",
        "rule": entry.rule,
        "trials": trials_json(entry.trials),
        "pool": entry.pool,
        "programme": entry.programme,
        "algorithm": entry.algorithm,
        "reasons": reasons_json(entry.reasons),
        "next_try": entry.next_try,
        "notify": entry.notify,
        "facts": facts,
        "salt": salt,
        "facts_digest": facts_digest(salt, facts),
        "previous": previous,
    }


def _offers(connection: Connection, stream: str, leads: Iterable[RecordId]) -> dict[RecordId, int]:
    found: dict[RecordId, int] = {}
    for piece in pieces(leads):
        rows = connection.execute(
            select(journal.c.lead, func.max(journal.c.offer))
            .where(journal.c.stream == stream, journal.c.lead.in_(piece))
            .group_by(journal.c.lead)
        )
        found.update({lead: offer for lead, offer in rows if offer is not None})
    return found


def _ends(connection: Connection, chains: Iterable[str]) -> dict[str, tuple[int, str]]:
    query = select(heads).where(heads.c.chain.in_(list(chains)))
    return {row.chain: (row.length, row.hash) for row in connection.execute(query)}


def _add_moves(connection: Connection, first: int, new: Sequence[NewEntry]) -> None:
    rows = [
        {
            "journal": sequence,
            "ledger": choice.ledger,
            "level": level,
            "kind": (MoveKind.CHOICE if entry.refunds is None else MoveKind.REFUND).value,
            "sequence": choice.sequence,
            "eligibility": choice.class_digest,
            "winner": choice.winner,
            "before": choice.before,
            "after": choice.after,
        }
        for sequence, entry in enumerate(new, start=first)
        for level, choice in enumerate(entry.choices)
    ]
    if rows:
        connection.execute(moves.insert(), rows)


def _move_ends(
    connection: Connection, ends: Mapping[str, tuple[int, str]], last: int, digest: str
) -> None:
    statement = insert(connection, heads)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chain"],
            set_={"length": statement.excluded.length, "hash": statement.excluded.hash},
        ),
        [
            {"chain": chain, "length": length, "hash": end}
            for chain, (length, end) in sorted({**ends, COUNTER: (last, digest)}.items())
        ],
    )


def settle(
    connection: Connection,
    sequences: Sequence[int],
    state: WriteState,
    messages: Mapping[int, str],
) -> None:
    """Record what became of entries. Raises Bug for one that is not there."""
    if not sequences:
        return
    known: set[int] = set()
    for piece in pieces(sequences):
        query = select(journal.c.sequence).where(journal.c.sequence.in_(piece))
        known.update(connection.execute(query).scalars())
    unknown = sorted(set(sequences) - known)
    if unknown:
        raise Bug(f"The journal has no entry {unknown[0]}.")
    connection.execute(
        update(journal)
        .where(journal.c.sequence == bindparam("at"))
        .values(state=state.value, message=bindparam("words")),
        [{"at": n, "words": messages.get(n, "")} for n in sequences],
    )
