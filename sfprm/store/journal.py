"""Appending to the journal: numbers, offers, hash chains; and what became of an entry.

Whoever appends holds the row that counts the journal until its transaction ends, so sequences have
no gaps and each chain has one end. Ledgers are always locked before it, never after.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from sfprm.errors import Bug
from sfprm.store.canonical import GENESIS, canonical, entry_hash, facts_digest
from sfprm.store.entries import decision_text, facts_of
from sfprm.store.inserts import ROOM, insert, insert_many, pieces
from sfprm.store.journal_rows import ACT, LIVE, TrialForms, pack, unpack, words_in
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
    rows: list[dict[str, Any]] = []
    forms = TrialForms()
    facts = [_facts(entry) for entry in new]
    salts = secrets.token_bytes(SALT * len(new))
    for sequence, (entry, fact) in enumerate(zip(new, facts, strict=True), start=last + 1):
        if entry.refunds is None:
            offers[entry.lead] = offers.get(entry.lead, 0) + 1
        position, previous = ends.get(entry.chain, (0, GENESIS))
        salt = salts[SALT * len(rows) : SALT * (len(rows) + 1)].hex()
        row = _row(entry, fact, forms, stream, sequence, position + 1, salt)
        row["offer"] = offers[entry.lead] if entry.refunds is None else None
        row["hash"] = entry_hash(previous, decision_text(row, entry.choices), row["facts_digest"])
        ends[entry.chain] = (position + 1, row["hash"])
        rows.append(row)
    _store(connection, new, rows, facts, forms, class_ids or {})
    _move_ends(connection, ends, last + len(new), rows[-1]["hash"])
    return [
        _entry(row["sequence"], stream, row["offer"], entry, row["hash"])
        for row, entry in zip(rows, new, strict=True)
    ]


def _store(
    connection: Connection,
    new: Sequence[NewEntry],
    rows: Sequence[Mapping[str, Any]],
    facts: Sequence[Mapping[str, Any]],
    forms: TrialForms,
    class_ids: Mapping[str, int],
) -> None:
    tried = [forms.of(entry.trials)[1:] if entry.trials else None for entry in new]
    whole = list(zip(rows, new, facts, tried, strict=True))
    numbers = number_all(
        connection,
        {
            word
            for row, entry, fact, path in whole
            for word in words_in(row, fact, path[0] if path else None, entry.choices)
        },
    )
    packed: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for key, group in groupby(whole, key=lambda each: _act(each[0])):
        pairs = list(group)
        act = connection.execute(
            insert(connection, acts)
            .values(
                **dict(zip(ACT, key, strict=True)),
                first=pairs[0][0]["sequence"],
                last=pairs[-1][0]["sequence"],
            )
            .returning(acts.c.id)
        ).scalar_one()
        for row, entry, fact, path in pairs:
            packed.append(pack(row, act, fact, path, entry.choices, numbers, class_ids))
            moved.extend(
                {
                    "ledger": numbers[choice.ledger],
                    "journal": row["sequence"],
                    "winner": numbers[choice.winner],
                }
                for choice in entry.choices
            )
    insert_many(connection, journal, packed)
    insert_many(connection, moves, moved)


def _entry(
    sequence: int, stream: str, offer: int | None, entry: NewEntry, digest: str
) -> JournalEntry:
    """What `entry_from` would make of the row that was stored."""
    return JournalEntry(
        sequence=sequence,
        stream=stream,
        kind=entry.kind,
        chain=entry.chain,
        run=entry.run,
        lead=entry.lead,
        offer=offer or 0,
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
        hash=digest,
        notify=entry.notify,
        created=None if entry.created is None else entry.created.astimezone(UTC),
        refunds=entry.refunds,
    )


def _act(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ACT)


def _facts(entry: NewEntry) -> dict[str, Any]:
    return facts_of(
        fields=entry.fields,
        label=entry.label,
        intake=entry.intake,
        owner_name=entry.owner_name,
        created=entry.created,
    )


def _row(
    entry: NewEntry,
    fact: Mapping[str, Any],
    forms: TrialForms,
    stream: str,
    sequence: int,
    position: int,
    salt: str,
) -> dict[str, Any]:
    facts = canonical(fact)
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
        "trials": forms.of(entry.trials)[0],
        "pool": entry.pool,
        "programme": entry.programme,
        "algorithm": entry.algorithm,
        "reasons": reasons_json(entry.reasons),
        "next_try": entry.next_try,
        "notify": entry.notify,
        "facts": facts,
        "salt": salt,
        "facts_digest": facts_digest(salt, facts),
    }


def _offers(connection: Connection, stream: str, leads: Iterable[RecordId]) -> dict[RecordId, int]:
    number = stream_number(connection, stream)
    if number is None:
        return {}
    found: dict[RecordId, int] = {}
    for piece in pieces(leads):
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
    for piece in pieces(wordless):
        settled = connection.execute(
            update(journal)
            .where(journal.c.sequence.in_(piece))
            .values(state=state.value, message=None)
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
