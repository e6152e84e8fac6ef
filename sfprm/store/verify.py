"""The laws of the journal, checked over all of it.

Numbers without gaps; every chain joins and ends where its head says; every entry, class and
programme hashes to its name; every ledger, replayed from nothing through choices and refunds, gives
the journalled winners and credits and ends as it is stored; credits and house add up to 0; and,
in ledgers without refunds, no member is further from its entitlement than is proved.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sfprm.errors import Bug
from sfprm.routing.credits import broken_laws
from sfprm.routing.values import UNIT, Ledger
from sfprm.store import classes, ledgers, questions
from sfprm.store.canonical import GENESIS, entry_hash
from sfprm.store.entries import decision_text
from sfprm.store.journal import COUNTER, readable
from sfprm.store.journal_rows import unpack
from sfprm.store.records import MoveKind
from sfprm.store.replay import Replay
from sfprm.store.tables import (
    checkpoints,
    eligibility,
    heads,
    journal,
    moves,
    programmes,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sfprm.routing.values import EligibilityClass
    from sfprm.store.records import JournalChoice

MOST_SAID = 50
"""Broken laws after which the list stops: one tampered entry is a line, a lost file is not."""

PAGE = 2000
"""Journal entries held in memory at once."""


def broken(connection: Connection) -> list[str]:
    """Broken laws in words; empty when all is well."""
    found: list[str] = []
    for line in _laws(connection):
        found.append(line)
        if len(found) == MOST_SAID:
            found.append("… and perhaps more; only the first are listed.")
            break
    return found


def _laws(connection: Connection) -> Iterator[str]:
    yield from _chains(connection)
    yield from _named_by_hash(connection)
    known: dict[str, EligibilityClass] = {}
    for digest in connection.execute(select(eligibility.c.digest)).scalars():
        try:
            known[digest] = classes.class_of(connection, digest)
        except (Bug, LookupError, TypeError, ValueError):
            yield f"Eligibility class {digest[:12]}: cannot be read."
            continue
        if known[digest].digest != digest:
            yield f"Eligibility class {digest[:12]}: was changed after it was stored."
    for key, ledger in ledgers.every(connection).items():
        yield from _ledger(connection, key, ledger, known)


def _chains(connection: Connection) -> Iterator[str]:
    ends: dict[str, tuple[int, str]] = {}
    last, last_hash = 0, GENESIS
    while True:
        query = readable().where(journal.c.sequence > last).limit(PAGE)
        try:
            page = unpack(connection, connection.execute(query).all())
        except Bug as error:
            yield f"Journal after entry {last}: {error}"
            return
        if not page:
            break
        yield from _moves(connection, page)
        for row, choices in page:
            sequence, chain = row["sequence"], row["chain"]
            if sequence != last + 1:
                yield f"Journal: entries {last + 1} to {sequence - 1} are missing."
            last, last_hash = sequence, row["hash"]
            position, previous = ends.get(chain, (0, GENESIS))
            ends[chain] = (position + 1, row["hash"])
            if row["position"] != position + 1:
                yield f"Journal entry {sequence}: does not join its chain {chain}."
            expected = entry_hash(previous, decision_text(row, choices), row["facts_digest"])
            if expected != row["hash"]:
                yield (
                    f"Journal entry {sequence}: was changed after it was written, or the one "
                    f"before it in its chain {chain}."
                )
    ends[COUNTER] = (last, last_hash)
    stored = {row.chain: (row.length, row.hash) for row in connection.execute(select(heads))}
    for chain in sorted({*ends, *stored}):
        if ends.get(chain, (0, GENESIS)) != stored.get(chain, (0, GENESIS)):
            name = f"Chain {chain}" if chain else "Journal"
            yield f"{name}: does not end where its head says; entries at its end are missing."


def _moves(
    connection: Connection, page: list[tuple[dict[str, Any], list[JournalChoice]]]
) -> Iterator[str]:
    """That the index of moves says of these entries what they say themselves."""
    ledger, winner = words.alias(), words.alias()
    query = (
        select(moves.c.journal, ledger.c.text, winner.c.text)
        .join(ledger, ledger.c.id == moves.c.ledger)
        .join(winner, winner.c.id == moves.c.winner)
        .where(moves.c.journal.between(page[0][0]["sequence"], page[-1][0]["sequence"]))
    )
    indexed = {(row[0], row[1], row[2]) for row in connection.execute(query)}
    said = {(row["sequence"], c.ledger, c.winner) for row, choices in page for c in choices}
    for sequence in sorted({entry[0] for entry in indexed ^ said}):
        yield f"Journal entry {sequence}: the index of moves says otherwise."


def _named_by_hash(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(programmes.c.digest, programmes.c.content)):
        if hashlib.sha256(row.content.encode()).hexdigest() != row.digest:
            yield f"Programme {row.digest[:12]}: was changed after it was stored."
    for word in connection.execute(select(words.c.id, words.c.digest, words.c.text)):
        if hashlib.sha256(word.text.encode()).digest()[:16] != bytes(word.digest):
            yield f"Word {word.id} of the journal: was changed after it was stored."


def _ledger(
    connection: Connection, key: str, stored: Ledger, known: dict[str, EligibilityClass]
) -> Iterator[str]:
    kept = {
        row.journal: row.sequence
        for row in connection.execute(
            select(checkpoints.c.journal, checkpoints.c.sequence).where(checkpoints.c.ledger == key)
        )
    }
    checks = sorted(kept)
    replay = Replay(Ledger(key))
    refunds = 0
    for step in questions.moves_of(connection, key, after=0, upto=_END):
        while checks and checks[0] < step.journal:
            yield from _checkpoint(connection, replay.ledger(), checks.pop(0))
        try:
            replay.move(step, known[step.class_digest])
        except (Bug, KeyError) as error:
            yield f"{key}, journal entry {step.journal}: cannot be replayed. {error}"
            return
        if step.kind is MoveKind.REFUND:
            refunds += 1
        if not refunds and 2 * replay.furthest() > (stored.ever - 1) * UNIT:
            yield (
                f"{key}, journal entry {step.journal}: a member is further from its entitlement "
                "than is proved."
            )
    ledger = replay.ledger()
    if not refunds:
        yield from broken_laws(ledger)
    if ledger != stored:
        yield f"{key}: the stored credits are not what the journal adds up to."
    elif sum(stored.credits.values()) + stored.house:
        yield f"{key}: credits and house do not add up to 0."


_END = (1 << 63) - 1


def _checkpoint(connection: Connection, ledger: Ledger, journal_sequence: int) -> Iterator[str]:
    kept = ledgers.checkpoint(connection, ledger.key, journal_sequence + 1).ledger
    if kept != ledger:
        yield f"{ledger.key}: the checkpoint at journal entry {journal_sequence} is wrong."
