"""The laws of the journal, checked over all of it.

Numbers without gaps; every chain joins and ends where its head says; every entry, class and
programme hashes to its name; every ledger, replayed from nothing through choices and refunds, gives
the journalled winners and credits and ends as it is stored; credits and house add up to 0; and,
in ledgers without refunds, no member is further from its entitlement than is proved.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from sfprm.errors import Bug
from sfprm.routing.credits import broken_laws
from sfprm.routing.values import Ledger
from sfprm.store import ledgers, questions
from sfprm.store.canonical import GENESIS, entry_hash, facts_digest
from sfprm.store.entries import decision_text
from sfprm.store.journal import COUNTER
from sfprm.store.records import MoveKind
from sfprm.store.replay import replayed
from sfprm.store.tables import checkpoints, eligibility, heads, journal, programmes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sfprm.routing.values import EligibilityClass

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
    classes = {
        row.digest: questions.class_from(row.content)
        for row in connection.execute(select(eligibility))
    }
    for key, ledger in ledgers.every(connection).items():
        yield from _ledger(connection, key, ledger, classes)


def _chains(connection: Connection) -> Iterator[str]:
    ends: dict[str, tuple[int, str]] = {}
    last, last_hash = 0, GENESIS
    while True:
        page = questions.with_choices(
            connection,
            select(journal)
            .where(journal.c.sequence > last)
            .order_by(journal.c.sequence)
            .limit(PAGE),
        )
        if not page:
            break
        for row, choices in page:
            sequence, chain = row["sequence"], row["chain"]
            if sequence != last + 1:
                yield f"Journal: entries {last + 1} to {sequence - 1} are missing."
            last, last_hash = sequence, row["hash"]
            position, previous = ends.get(chain, (0, GENESIS))
            ends[chain] = (position + 1, row["hash"])
            if row["position"] != position + 1 or row["previous"] != previous:
                yield f"Journal entry {sequence}: does not join its chain {chain}."
            purged = row["facts"] is None or row["salt"] is None
            if not purged and facts_digest(row["salt"], row["facts"]) != row["facts_digest"]:
                yield f"Journal entry {sequence}: the lead's facts were changed."
            expected = entry_hash(row["previous"], decision_text(row, choices), row["facts_digest"])
            if expected != row["hash"]:
                yield f"Journal entry {sequence}: was changed after it was written."
    ends[COUNTER] = (last, last_hash)
    stored = {row.chain: (row.length, row.hash) for row in connection.execute(select(heads))}
    for chain in sorted({*ends, *stored}):
        if ends.get(chain, (0, GENESIS)) != stored.get(chain, (0, GENESIS)):
            name = f"Chain {chain}" if chain else "Journal"
            yield f"{name}: does not end where its head says; entries at its end are missing."


def _named_by_hash(connection: Connection) -> Iterator[str]:
    for table, what in ((eligibility, "Eligibility class"), (programmes, "Programme")):
        for row in connection.execute(select(table.c.digest, table.c.content)):
            if hashlib.sha256(row.content.encode()).hexdigest() != row.digest:
                yield f"{what} {row.digest[:12]}: was changed after it was stored."


def _ledger(
    connection: Connection, key: str, stored: Ledger, classes: dict[str, EligibilityClass]
) -> Iterator[str]:
    kept = {
        row.journal: row.sequence
        for row in connection.execute(
            select(checkpoints.c.journal, checkpoints.c.sequence).where(checkpoints.c.ledger == key)
        )
    }
    checks = sorted(kept)
    ledger = Ledger(key)
    refunds = 0
    for step in questions.moves_of(connection, key, after=0, upto=_END):
        while checks and checks[0] < step.journal:
            yield from _checkpoint(connection, ledger, checks.pop(0))
        try:
            ledger = replayed(ledger, step, classes[step.class_digest])
        except (Bug, KeyError) as error:
            yield f"{key}, journal entry {step.journal}: cannot be replayed. {error}"
            return
        if step.kind is MoveKind.REFUND:
            refunds += 1
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
