"""Writing decisions: one transaction a batch, refunds, and moves that a person ordered."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import select

from sfprm.errors import Bug
from sfprm.programme.canonical import to_json
from sfprm.routing.credits import refund as refund_credits
from sfprm.routing.values import ALGORITHM, Outcome
from sfprm.store import classes, ledgers, parked
from sfprm.store import journal as book
from sfprm.store import offers as offer_rows
from sfprm.store.inserts import insert
from sfprm.store.journal import NewEntry
from sfprm.store.records import JournalChoice, JournalEntry, Stream, WriteState
from sfprm.store.tables import journal, programmes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Batch, Decision, Ledger
    from sfprm.store.api import ManualMove
    from sfprm.store.offers import OfferChange, PlannedOffer

REFUND = "refund"
"""The kind of entry that gives credits back, and its outcome."""


class OpenBatch:
    """A decide-and-journal transaction under way; `ledgers` are locked until it ends."""

    def __init__(self, connection: Connection, keys: Sequence[str]) -> None:
        self._connection = connection
        ledgers.lock(connection, keys)
        self.ledgers: Mapping[str, Ledger] = MappingProxyType(ledgers.find(connection, keys))

    def save(
        self, batch: Batch, *, run: RunId, programme: Programme, kind: str = "route"
    ) -> list[JournalEntry]:
        """Store the batch; see `BatchWriter.save`."""
        connection = self._connection
        moved = self._checked(batch)
        last = book.lock_end(connection)
        digest = _keep_programme(connection, programme)
        kept = classes.keep(
            connection,
            (choice.eligibility for d in batch.decisions for choice in d.choices),
        )
        for key in sorted(moved):
            ledgers.keep_checkpoint(connection, self.ledgers[key], last)
        saved = book.append(
            connection,
            Stream.LIVE.value,
            [_entry(decision, kind, run, digest, kept) for decision in batch.decisions],
            dict(kept.values()),
        )
        for key in sorted(moved):
            ledgers.write(connection, batch.ledgers[key])
        _keep_back(connection, batch.decisions)
        self.ledgers = MappingProxyType({**self.ledgers, **{k: batch.ledgers[k] for k in moved}})
        return saved

    def plan_offers(self, planned: Sequence[PlannedOffer]) -> None:
        """Store the offers that decisions just saved make."""
        offer_rows.plan(self._connection, planned)

    def change_offers(self, changes: Sequence[OfferChange], at: datetime, run: RunId) -> None:
        """Store what happened to offers, together with the decisions that follow from it."""
        offer_rows.change(self._connection, changes, at, run)

    def _checked(self, batch: Batch) -> set[str]:
        """The ledgers that the batch moved, after seeing that it began from the locked ones."""
        made: dict[str, int] = {}
        for decision in batch.decisions:
            for choice in decision.choices:
                key = choice.eligibility.ledger
                made[key] = made.get(key, 0) + 1
        for key, count in made.items():
            if key not in self.ledgers:
                raise Bug(f"A batch moved the ledger {key} without having locked it.")
            if batch.ledgers[key].sequence != self.ledgers[key].sequence + count:
                raise Bug(f"A batch did not begin from the ledger {key} as it was locked.")
            if sum(batch.ledgers[key].credits.values()) + batch.ledgers[key].house:
                raise Bug(f"After the batch the credits of {key} do not add up to 0.")
        return set(made)


def _entry(
    decision: Decision,
    kind: str,
    run: RunId,
    programme: str,
    kept: Mapping[int, tuple[str, int]],
) -> NewEntry:
    lead = decision.lead
    to_write = decision.owner_id is not None and decision.owner_id != lead.owner_id
    return NewEntry(
        kind=kind,
        chain=book.RULES if decision.pool is None else book.pool_chain(decision.pool),
        run=run,
        lead=lead.id,
        decided_at=decision.decided_at,
        outcome=decision.outcome.value,
        owner_seen=lead.owner_id,
        owner_new=decision.owner_id,
        state=WriteState.DECIDED if to_write else WriteState.NOTHING_TO_WRITE,
        algorithm=ALGORITHM,
        programme=programme,
        rule=decision.rule,
        trials=decision.trials,
        pool=decision.pool,
        choices=tuple(
            JournalChoice(
                ledger=choice.eligibility.ledger,
                class_digest=kept[id(choice.eligibility)][0],
                winner=choice.winner,
                before=choice.before,
                after=choice.after,
                sequence=choice.sequence,
            )
            for choice in decision.choices
        ),
        reasons=decision.reasons,
        next_try=decision.next_try,
        notify=decision.notify,
        owner_name=decision.owner_name,
        label=lead.label,
        intake=lead.intake,
        created=lead.created,
        fields=lead.fields,
    )


def _keep_programme(connection: Connection, programme: Programme) -> str:
    """Store the programme once; returns its digest."""
    known = select(programmes.c.digest).where(programmes.c.digest == programme.digest)
    if programme.digest and connection.execute(known).scalar() is not None:
        return programme.digest
    content = to_json(programme)
    digest = hashlib.sha256(content.encode()).hexdigest()
    connection.execute(
        insert(connection, programmes)
        .values(digest=digest, content=content)
        .on_conflict_do_nothing()
    )
    return digest


def _keep_back(connection: Connection, decisions: Sequence[Decision]) -> None:
    held = [d for d in decisions if d.outcome is Outcome.PARKED]
    parked.unpark(connection, [d.lead.id for d in decisions if d.outcome is not Outcome.PARKED])
    for at in sorted({d.decided_at for d in held}):
        parked.park(
            connection,
            [(d.lead.id, d.reasons, d.next_try) for d in held if d.decided_at == at],
            at,
        )


def journal_manual(
    connection: Connection,
    orders: Sequence[ManualMove],
    *,
    run: RunId,
    kind: str,
    programme: Programme | None,
    now: datetime,
) -> list[JournalEntry]:
    """Journal moves that touch no ledger."""
    digest = None if programme is None else _keep_programme(connection, programme)
    return book.append(
        connection,
        Stream.LIVE.value,
        [
            NewEntry(
                kind=kind,
                chain=book.MANUAL,
                run=run,
                lead=order.lead,
                decided_at=now,
                outcome=Outcome.ASSIGNED.value,
                owner_seen=order.owner_seen,
                owner_new=order.owner_new,
                state=WriteState.DECIDED,
                algorithm=ALGORITHM,
                programme=digest,
                owner_name=order.owner_name,
                label=order.label,
            )
            for order in orders
        ],
    )


def refund(connection: Connection, sequence: int, now: datetime) -> bool:
    """Give the credits of one entry back; False when that was done before or there are none."""
    found = book.entries_where(connection, journal.c.sequence == sequence)
    if not found:
        raise Bug(f"The journal has no entry {sequence}.")
    row, choices = found[0]
    if row["refunds"] is not None:
        raise Bug(f"Journal entry {sequence} is a refund itself; it cannot be refunded.")
    if not choices:
        return False
    keys = [choice.ledger for choice in choices]
    ledgers.lock(connection, keys)
    again = select(journal.c.sequence).where(journal.c.refunds == sequence)
    if connection.execute(again).scalar() is not None:
        return False
    before = ledgers.find(connection, keys)
    inverses = []
    of_class = classes.find(connection, [choice.class_digest for choice in choices])
    for choice in choices:
        ledger = before[choice.ledger]
        after = refund_credits(ledger, of_class[choice.class_digest], choice.winner)
        ledgers.write(connection, after)
        inverses.append(
            replace(
                choice,
                before=ledger.credits.get(choice.winner, 0),
                after=after.credits.get(choice.winner, 0),
            )
        )
    book.append(
        connection,
        row["stream"],
        [
            NewEntry(
                kind=REFUND,
                chain=row["chain"],
                run=row["run"],
                lead=row["lead"],
                decided_at=now,
                outcome=REFUND,
                owner_seen=row["owner_seen"],
                owner_new=None,
                state=WriteState.NOTHING_TO_WRITE,
                algorithm=row["algorithm"],
                programme=row["programme"],
                pool=row["pool"],
                choices=tuple(inverses),
                refunds=sequence,
            )
        ],
        classes.ids_of(connection, of_class),
    )
    return True
