"""Writing decisions: one transaction a batch, refunds, and moves that a person ordered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sfprm.errors import Bug
from sfprm.ids import RecordId, RunId
from sfprm.programme.canonical import to_json
from sfprm.routing.credits import refund as refund_credits
from sfprm.routing.values import ALGORITHM, Outcome
from sfprm.store import classes, ledgers, mail_rows, parked
from sfprm.store import journal as book
from sfprm.store import offers as offer_rows
from sfprm.store.inserts import insert, pieces
from sfprm.store.journal import NewEntry
from sfprm.store.records import JournalChoice, JournalEntry, Stream, WriteState
from sfprm.store.tables import journal, programmes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from sfprm.programme.model import Programme
    from sfprm.routing.values import Batch, Decision, Ledger, Reason
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
        self,
        batch: Batch,
        *,
        run: RunId,
        programme: Programme,
        kind: str = "route",
        stream: str = Stream.LIVE.value,
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
            stream,
            [
                _entry(decision, kind, run, digest, kept, live=stream == Stream.LIVE.value)
                for decision in batch.decisions
            ],
            dict(kept.values()),
        )
        for key in sorted(moved):
            ledgers.write(connection, batch.ledgers[key])
        if stream == Stream.LIVE.value:
            _keep_back(connection, batch.decisions)
        self.ledgers = MappingProxyType({**self.ledgers, **{k: batch.ledgers[k] for k in moved}})
        return saved

    def keep_back(self, decisions: Sequence[Decision]) -> None:
        """Keep their leads back without a journal entry."""
        _park(self._connection, decisions)

    def plan_offers(self, planned: Sequence[PlannedOffer]) -> None:
        """Store the offers that decisions just saved make."""
        offer_rows.plan(self._connection, planned)

    def change_offers(
        self,
        changes: Sequence[OfferChange],
        at: datetime,
        run: RunId,
        due: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Store what happened to offers, together with the decisions that follow from it."""
        offer_rows.change(self._connection, changes, at, run)
        mail_rows.note_due(self._connection, due, at)

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
    *,
    live: bool,
) -> NewEntry:
    lead = decision.lead
    to_write = live and decision.owner_id is not None and decision.owner_id != lead.owner_id
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
    _park(connection, held)


def _park(connection: Connection, held: Sequence[Decision]) -> None:
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
    notify: str | None = None,
) -> list[JournalEntry]:
    """Journal moves that touch no ledger. `notify`: the notice that new owners are to get."""
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
                notify=notify,
            )
            for order in orders
        ],
    )


@dataclass(frozen=True, slots=True)
class NotDone:
    """A decision that did not come about. `refund`: its credits return. `reason` set: the lead is
    kept back until `next_try` (None: until somebody looks). `free`: it is no longer kept back."""

    entry: int
    lead: RecordId
    state: WriteState
    words: str
    refund: bool = False
    reason: Reason | None = None
    next_try: datetime | None = None
    free: bool = False


def settle_not_done(connection: Connection, rows: Sequence[NotDone], now: datetime) -> None:
    """Credits back, leads kept back, entries settled: all or nothing."""
    refund_all(connection, [row.entry for row in rows if row.refund], now)
    parked.unpark(connection, [row.lead for row in rows if row.free])
    held = [row for row in rows if row.reason is not None]
    parked.park(connection, [(r.lead, [r.reason], r.next_try) for r in held if r.reason], now)
    for state in sorted({row.state for row in rows}):
        of_state = [row for row in rows if row.state is state]
        book.settle(
            connection, [r.entry for r in of_state], state, {r.entry: r.words for r in of_state}
        )
        offer_rows.settled(connection, [r.entry for r in of_state], state)


def refund_all(connection: Connection, sequences: Sequence[int], now: datetime) -> int:
    """Give the credits of entries back, in order; how many were. One that was given back before,
    or that moved no credit, is passed over."""
    found = [
        each
        for piece in pieces(sequences)
        for each in book.entries_where(connection, journal.c.sequence.in_(piece))
    ]
    known = {row["sequence"] for row, _ in found}
    missing = sorted(set(sequences) - known)
    if missing:
        raise Bug(f"The journal has no entry {missing[0]}.")
    for row, _ in found:
        if row["refunds"] is not None:
            raise Bug(f"Journal entry {row['sequence']} is a refund itself.")
    ledgers.lock(connection, [choice.ledger for _, choices in found for choice in choices])
    done = {
        number
        for piece in pieces(known)
        for number in connection.execute(
            select(journal.c.refunds).where(journal.c.refunds.in_(piece))
        ).scalars()
    }
    due = [(row, choices) for row, choices in found if choices and row["sequence"] not in done]
    if not due:
        return 0
    held = ledgers.find(connection, [c.ledger for _, choices in due for c in choices])
    of_class = classes.find(connection, [c.class_digest for _, choices in due for c in choices])
    entries: dict[str, list[NewEntry]] = {}
    for row, choices in due:
        inverses = []
        for choice in choices:
            ledger = held[choice.ledger]
            after = refund_credits(ledger, of_class[choice.class_digest], choice.winner)
            held[choice.ledger] = after
            before, now_owed = (x.credits.get(choice.winner, 0) for x in (ledger, after))
            inverses.append(replace(choice, before=before, after=now_owed))
        entries.setdefault(row["stream"], []).append(_refund(row, inverses, now))
    for ledger in held.values():
        ledgers.write(connection, ledger)
    for stream, new in entries.items():
        book.append(connection, stream, new, classes.ids_of(connection, of_class))
    return len(due)


def _refund(row: Mapping[str, Any], inverses: Sequence[JournalChoice], now: datetime) -> NewEntry:
    return NewEntry(
        kind=REFUND,
        chain=row["chain"],
        run=RunId(row["run"]),
        lead=row["lead"],
        decided_at=now,
        outcome=REFUND,
        owner_seen=RecordId(row["owner_seen"]),
        owner_new=None,
        state=WriteState.NOTHING_TO_WRITE,
        algorithm=row["algorithm"],
        programme=row["programme"],
        pool=row["pool"],
        choices=tuple(inverses),
        refunds=row["sequence"],
    )
