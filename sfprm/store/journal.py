"""Appending to the journal: numbers, offers, hash chains; and what became of an entry.

Whoever appends holds the row that counts the journal until its transaction ends, so sequences have
no gaps and each chain has one end. Ledgers are always locked before it, never after.
"""

from __future__ import annotations

import secrets
from datetime import UTC
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select, update

from sfprm.errors import Bug
from sfprm.store.canonical import GENESIS, canonical, entry_hash, facts_digest, instant_text
from sfprm.store.entries import facts_of, hashed_text
from sfprm.store.inserts import ROOM, among, insert, insert_rows, known_among, pieces
from sfprm.store.journal_rows import (
    ACT,
    COLUMNS,
    LIVE,
    Ready,
    TrialForms,
    pack,
    unpack,
    words_in,
)
from sfprm.store.parked import reasons_json
from sfprm.store.records import JournalChoice, JournalEntry, Stream, WriteState
from sfprm.store.tables import acts, heads, journal, moves
from sfprm.store.words import number_all, numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from sfprm.ids import RecordId, RunId
    from sfprm.routing.values import Reason, RuleTrial

COUNTER = ""
"""The head row that counts the whole journal."""

RULES = "rules"
"""The chain of routing decisions that touch no pool."""

SALT = 16
"""Bytes of each entry's salt."""

MANUAL = "manual"
"""The chain of moves that a person ordered."""

_NO_FACTS: Mapping[str, Any] = MappingProxyType({})


def pool_chain(pool: str) -> str:
    """The chain of a pool's decisions."""
    return f"pool:{pool}"


class NewEntry(NamedTuple):
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
    fields: Mapping[str, Any] = _NO_FACTS


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


def append(
    connection: Connection,
    stream: str,
    new: Sequence[NewEntry],
    class_ids: Mapping[str, int] | None = None,
) -> list[JournalEntry]:
    """Add entries in the order given. `class_ids`: ids of the stored classes that they name, by
    digest."""
    if not new:
        return []
    last = lock_end(connection)
    offers = _offers(connection, stream, {entry.lead for entry in new})
    ends = _ends(connection, {entry.chain for entry in new})
    rows: list[Ready] = []
    forms = TrialForms()
    salts = secrets.token_bytes(SALT * len(new))
    at, instant = None, None
    for sequence, entry in enumerate(new, start=last + 1):
        lead, choices = entry.lead, entry.choices
        offer = None
        if entry.refunds is None:
            offer = offers[lead] = offers.get(lead, 0) + 1
        position, previous = ends.get(entry.chain, (0, GENESIS))
        position += 1
        salt = salts[SALT * len(rows) : SALT * (len(rows) + 1)]
        facts = facts_of(
            fields=entry.fields,
            label=entry.label,
            intake=entry.intake,
            owner_name=entry.owner_name,
            created=entry.created,
        )
        tried = forms.of(entry.trials)
        reasons = canonical(reasons_json(entry.reasons)) if entry.reasons else None
        if at is not entry.decided_at:  # most are of one instant
            at = entry.decided_at
            instant = instant_text(at)
        text = hashed_text(
            sequence=sequence,
            stream=stream,
            kind=entry.kind,
            chain=entry.chain,
            position=position,
            run=entry.run,
            lead=lead,
            offer=offer,
            refunds=entry.refunds,
            outcome=entry.outcome,
            owner_seen=entry.owner_seen,
            owner_new=entry.owner_new,
            rule=entry.rule,
            trials=tried.text,
            pool=entry.pool,
            programme=entry.programme,
            algorithm=entry.algorithm,
            reasons=reasons or "[]",
            notify=entry.notify,
            decided_at=instant,
            next_try=instant_text(entry.next_try),
            choices=choices,
        )
        digest = entry_hash(previous, text, facts_digest(salt.hex(), facts.text))
        ends[entry.chain] = (position, digest)
        rows.append(Ready(sequence, position, offer, entry, facts, tried, reasons, salt, digest))
    _store(connection, stream, rows, class_ids or {})
    _move_ends(connection, ends, last + len(new), rows[-1].digest)
    return [_entry(stream, row) for row in rows]


def _store(
    connection: Connection, stream: str, rows: Sequence[Ready], class_ids: Mapping[str, int]
) -> None:
    known = number_all(connection, words_in(stream, rows))
    numbers: dict[Any, Any] = {None: None, **known}
    stream_at = LIVE if stream == Stream.LIVE.value else known[stream]
    packed: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    for key, group in groupby(rows, key=lambda row: _act(row.entry)):
        pairs = list(group)
        act = connection.execute(
            insert(connection, acts)
            .values(
                stream=stream,
                **dict(zip(ACT[1:], key, strict=True)),
                first=pairs[0].sequence,
                last=pairs[-1].sequence,
            )
            .returning(acts.c.id)
        ).scalar_one()
        packed.extend([pack(row, act, stream_at, numbers, class_ids) for row in pairs])
        moved.extend(
            [
                (known[choice.ledger], row.sequence, known[choice.winner])
                for row in pairs
                for choice in row.entry.choices
            ]
        )
    insert_rows(connection, journal, COLUMNS, packed)
    insert_rows(connection, moves, ("ledger", "journal", "winner"), moved)


_act = attrgetter(*ACT[1:])
"""What entries of one act have in common, but for the stream."""


def _entry(stream: str, row: Ready) -> JournalEntry:
    """What `entry_from` would make of the row that was stored."""
    entry = row.entry
    return JournalEntry(
        sequence=row.sequence,
        stream=stream,
        kind=entry.kind,
        chain=entry.chain,
        run=entry.run,
        lead=entry.lead,
        offer=row.offer or 0,
        decided_at=entry.decided_at,
        outcome=entry.outcome,
        owner_seen=entry.owner_seen,
        owner_new=entry.owner_new or None,
        owner_name=entry.owner_name,
        state=entry.state,
        rule=entry.rule,
        trials=entry.trials,
        pool=entry.pool,
        choices=entry.choices,
        facts=dict(entry.fields),
        label=entry.label,
        intake=entry.intake,
        programme=entry.programme or "",
        algorithm=entry.algorithm,
        reasons=entry.reasons,
        next_try=entry.next_try,
        hash=row.digest,
        notify=entry.notify,
        created=None if entry.created is None else entry.created.astimezone(UTC),
        refunds=entry.refunds,
    )


def _offers(connection: Connection, stream: str, leads: Iterable[RecordId]) -> dict[RecordId, int]:
    number = stream_number(connection, stream)
    if number is None:
        return {}
    found: dict[RecordId, int] = {}
    for piece in pieces(known_among(connection, journal.c.lead, leads)):
        rows = connection.execute(
            select(journal.c.lead, func.max(journal.c.offer))
            .where(journal.c.lead.in_(piece), journal.c.stream == number)
            .group_by(journal.c.lead)
        )
        found.update({lead: offer for lead, offer in rows if offer is not None})
    return found


def stream_number(connection: Connection, stream: str) -> int | None:
    """The number that entries of a stream carry; None when it has none yet."""
    return LIVE if stream == Stream.LIVE.value else numbers_of(connection, [stream]).get(stream)


def _ends(connection: Connection, chains: Iterable[str]) -> dict[str, tuple[int, str]]:
    query = select(heads).where(heads.c.chain.in_(list(chains)))
    return {row.chain: (row.length, row.hash) for row in connection.execute(query)}


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
    found = 0
    wordless = [number for number in sequences if not messages.get(number)]
    for condition in among(journal.c.sequence, wordless):
        settled = connection.execute(
            update(journal).where(condition).values(state=state.value, message=None)
        )
        found += settled.rowcount
    said = {number: messages[number] for number in sequences if messages.get(number)}
    for number, words in said.items():
        settled = connection.execute(
            update(journal)
            .where(journal.c.sequence == number)
            .values(state=state.value, message=words)
        )
        found += settled.rowcount
    if found < len(set(sequences)):
        raise Bug(f"The journal has not all of the entries {_listed(sequences)}.")


def _listed(sequences: Sequence[int]) -> str:
    some = ", ".join(str(number) for number in sorted(set(sequences))[:5])
    return some if len(set(sequences)) <= 5 else f"{some}, …"


def purge(connection: Connection, leads: Iterable[RecordId], before: datetime | None) -> int:
    """Forget facts together with their salt; how many entries held any.

    What is left is the digest that the chain covers: the choice stays provable, the match does not.
    """
    conditions: list[ColumnElement[bool]] = [journal.c.lead.in_(piece) for piece in pieces(leads)]
    if before is not None:
        conditions.append(acts.c.decided_at < before)
    count = 0
    for condition in conditions:
        while True:
            query = readable().where(condition, journal.c.facts.is_not(None)).limit(ROOM)
            held = unpack(connection, connection.execute(query).all())
            if not held:
                break
            count += len(held)
            connection.execute(
                update(journal)
                .where(journal.c.sequence == bindparam("at"))
                .values(
                    shape=None,
                    facts=None,
                    created=None,
                    intake=None,
                    salt=None,
                    facts_digest=bindparam("covered"),
                ),
                [{"at": row["sequence"], "covered": row["facts_digest"]} for row, _ in held],
            )
    return count


def entries_where(
    connection: Connection, *conditions: ColumnElement[bool]
) -> list[tuple[dict[str, Any], list[JournalChoice]]]:
    """Entries in order of sequence, each in readable form with its choices."""
    return unpack(connection, connection.execute(readable().where(*conditions)).all())


def readable() -> Select[*tuple[Any, ...]]:
    """The query that `unpack` expects, in order of sequence."""
    return (
        select(journal, *(acts.c[name].label(f"act_{name}") for name in ACT))
        .join(acts, acts.c.id == journal.c.act)
        .order_by(journal.c.sequence)
    )
