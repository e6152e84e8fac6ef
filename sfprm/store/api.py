"""The two faces of the store: a reader without write methods, and the writer that extends it.

Rooms that only ask are handed a `StoreReader`. `sfprm.store.database.open_store` builds the real
one, on SQLite or PostgreSQL. All methods may raise `sfprm.errors.NotReady` when the database is
of another version ("run `sfprm state migrate`").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sfprm.ids import RecordId, RunId
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Batch, Decision, EligibilityClass, Ledger, Reason
    from sfprm.store.batches import NotDone
    from sfprm.store.offer_book import OfferBook
    from sfprm.store.offers import OfferChange, PlannedOffer
    from sfprm.store.records import (
        AppliedValue,
        ChainEnd,
        Checkpoint,
        JournalEntry,
        LedgerMove,
        OrgRecord,
        Parked,
        Run,
        RunState,
        SeenAllowance,
        Step,
        StepOutcome,
        StepState,
        WriteState,
    )
    from sfprm.store.work import WorkBook


class StoreReader(Protocol):
    """Questions only."""

    def org(self) -> OrgRecord | None:
        """The org that this state belongs to; None when it is new."""

    def allowance(self) -> SeenAllowance | None:
        """What the org last told of its daily API calls; None before the first online run."""

    def run(self, run: RunId) -> Run | None:
        """One run."""

    def runs(self, *, job: str | None = None, limit: int = 50) -> list[Run]:
        """Runs that were begun, latest first."""

    def steps(self, run: RunId) -> list[Step]:
        """In order of number."""

    def step_outcomes(
        self, run: RunId, numbers: Iterable[int] | None = None
    ) -> Mapping[int, StepOutcome]:
        """What became of those steps of a run, by number; of all when none are named."""

    def applied(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """Last written values: (object, programme key) → field → value."""

    def applied_of(
        self, keys: Mapping[str, Iterable[str]]
    ) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """Of those records alone: object → programme keys."""

    def ledgers(self, keys: Iterable[str]) -> dict[str, Ledger]:
        """Those ledgers; a ledger never written comes back empty."""

    def all_ledgers(self) -> dict[str, Ledger]:
        """Every ledger there is."""

    def entries(
        self,
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
        """Journal entries in order of sequence that meet every condition given."""

    def last_entries(self, leads: Iterable[RecordId]) -> dict[RecordId, JournalEntry]:
        """The newest entry of the live stream about each of those leads, refunds left out."""

    def merged_since(self, since: datetime) -> int:
        """How many decisions since then were about leads that were merged into others: before they
        were confirmed, or while they were offered."""

    def to_write(self, first: int, last: int) -> list[JournalEntry]:
        """Decisions of the live stream from `first` to `last` of which it is not known what became,
        in order; without what was tried and the lead's facts."""

    def confirmed(
        self, first: int, last: int, kinds: Sequence[str]
    ) -> dict[RecordId, tuple[int, RecordId]]:
        """Leads of confirmed entries of those kinds from `first` to `last`, with the entry's
        sequence and the owner given; of several about one lead, the last."""

    def moves_of(self, ledger: str, *, after: int, upto: int) -> list[LedgerMove]:
        """Choices and refunds of a ledger by journal entries with `after` < sequence ≤ `upto`,
        in order."""

    def checkpoint(self, ledger: str, *, before: int) -> Checkpoint:
        """The latest state kept of the ledger from before journal entry `before` was made (the
        empty ledger at 0 when there is none). `moves_of` from there on replays it."""

    def eligibility(self, digest: str) -> EligibilityClass:
        """A stored class. Raises KeyError."""

    def eligibilities(self, digests: Iterable[str]) -> Mapping[str, EligibilityClass]:
        """Those of the classes that are stored, by digest; one read for all."""

    def programme_json(self, digest: str) -> str | None:
        """The canonical JSON of a programme that decided something."""

    def last_programme(self) -> str | None:
        """The digest of the programme that decided last in the live stream."""

    def chain_ends(self) -> Mapping[str, ChainEnd]:
        """Where each hash chain ends; "" is the whole journal."""

    def chain_hash(self, chain: str, position: int) -> str | None:
        """The hash of a chain's entry, from 1; None when it has none there."""

    def parked(self) -> list[Parked]:
        """Leads kept back, oldest first."""

    def previous_owners(self, leads: Iterable[RecordId]) -> dict[RecordId, frozenset[RecordId]]:
        """Owners that sfprm gave those leads to before (all streams but shadows): by routing or by
        a person's order, whether confirmed yet or not; writes that the org refused are left out,
        and so is what an undo gave back."""

    def win_counts(self, pools: Iterable[str]) -> dict[tuple[str, str], int]:
        """(pool, member key) → wins since the ledger began; refused writes and refunds left out."""

    def wins(
        self, pools: Iterable[str], since: datetime
    ) -> dict[tuple[str, str], tuple[datetime, ...]]:
        """(pool, member key) → instants of wins from `since` on, ascending; refused writes and
        refunds left out."""

    def verify(self) -> list[str]:
        """Broken laws, in words: a hash chain that does not join, credits that do not add up,
        a bound exceeded. Empty when all is well."""


class BatchWriter(Protocol):
    """One decide-and-journal transaction; the ledgers it names are locked until it ends."""

    ledgers: Mapping[str, Ledger]

    def save(
        self,
        batch: Batch,
        *,
        run: RunId,
        programme: Programme,
        kind: str = "route",
        stream: str = "live",
    ) -> list[JournalEntry]:
        """Store decisions, classes, credits, parked leads and the hash chain. One entry a decision,
        in their order. Nothing is kept if the transaction fails."""

    def keep_back(self, decisions: Sequence[Decision]) -> None:
        """Keep leads back until `next_try` without a journal entry: those tried again with the
        same end, and those that a rule leaves where they are. One kept back already keeps its
        `since`."""

    def plan_offers(self, planned: Sequence[PlannedOffer]) -> None:
        """Store the offers that decisions just saved make."""

    def change_offers(
        self,
        changes: Sequence[OfferChange],
        at: datetime,
        run: RunId,
        due: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Store what happened to offers, together with the decisions that follow from it. `due`:
        notices (entry, key) that are to go out because of it."""


class StoreWriter(StoreReader, Protocol):
    """Everything the reader has, and the writes."""

    def bind_org(self, org_id: RecordId, name: str, now: datetime) -> None:
        """Bind this state to an org. Raises NotReady naming both when it belongs to another."""

    def see_allowance(self, seen: SeenAllowance) -> None:
        """Keep what the org told of its daily API calls, unless something newer is kept."""

    def start_run(self, run: Run) -> bool:
        """Store a run. False when a run of that (job, slot) exists already."""

    def finish_run(
        self,
        run: RunId,
        *,
        state: RunState,
        finished: datetime,
        counts: Mapping[str, int],
        calls: int,
        exit_code: int,
        message: str = "",
    ) -> None:
        """End a run."""

    def lose_runs(self, now: datetime) -> list[Run]:
        """Mark runs left RUNNING by a dead process as LOST; called by the holder of the org's
        lock. Returns them."""

    def add_steps(self, steps: Sequence[Step]) -> None:
        """Store planned steps, before any is sent."""

    def set_steps(
        self,
        run: RunId,
        numbers: Sequence[int],
        state: StepState,
        *,
        record_ids: Mapping[int, RecordId] | None = None,
        messages: Mapping[int, str] | None = None,
    ) -> None:
        """Move steps on, in one transaction."""

    def settle_steps(
        self,
        run: RunId,
        *,
        done: Sequence[int],
        record_ids: Mapping[int, RecordId],
        failed: Mapping[int, str],
        values: Sequence[AppliedValue],
        now: datetime,
        sent: Sequence[int] = (),
        planned: Sequence[Step] = (),
    ) -> None:
        """What became of a request, in one transaction: steps done and failed (with the words),
        values written; and the steps of the next one, about to be sent. `planned`: steps that are
        stored first."""

    def record_applied(self, values: Sequence[AppliedValue], run: RunId, now: datetime) -> None:
        """Remember what was written to managed fields."""

    def forget_applied(self, object_: str, key: str) -> None:
        """Forget a record that is no longer managed."""

    def batch(self, ledgers: Iterable[str]) -> AbstractContextManager[BatchWriter]:
        """Open a decide-and-journal transaction (SQLite: BEGIN IMMEDIATE; PostgreSQL: row locks in
        key order)."""

    def journal_manual(
        self,
        entries: Sequence[ManualMove],
        *,
        run: RunId,
        kind: str,
        programme: Programme | None,
        now: datetime,
        notify: str | None = None,
    ) -> list[JournalEntry]:
        """Journal moves that touch no ledger (`reassign`, `undo`), in state DECIDED."""

    def settle(
        self,
        sequences: Sequence[int],
        state: WriteState,
        *,
        messages: Mapping[int, str] | None = None,
        due: Sequence[tuple[int, str]] = (),
        at: datetime | None = None,
    ) -> None:
        """Record what became of journalled decisions. `due`: notices (entry, key) that are to go
        out because of it, noted in the same transaction `at` an instant."""

    def refund(self, sequence: int, now: datetime) -> None:
        """Give back the credits of one decision by the exact inverse of its entry; the share of a
        member who left goes to the house. Journalled as an entry of kind `refund`. A second refund
        of the same decision, or one of a decision that moved no credit, does nothing; so refund
        first, then settle, and a crash in between costs nothing."""

    def purge_facts(self, *, leads: Iterable[RecordId] = (), before: datetime | None = None) -> int:
        """Forget for ever what the journal holds of those leads, and of all leads decided before
        that instant: facts, names, and the salt of their digest. Returns how many entries held
        any. Choices stay provable; matches do not."""

    def refund_all(self, sequences: Sequence[int], now: datetime) -> None:
        """The same for many decisions, in their order and in one transaction."""

    def settle_not_done(self, rows: Sequence[NotDone], now: datetime) -> None:
        """Record decisions that did not come about: credits back, leads kept back, entries
        settled; all or nothing."""

    def park(
        self,
        lead: RecordId,
        reasons: Sequence[Reason],
        *,
        now: datetime,
        next_try: datetime | None,
    ) -> None:
        """Keep a lead back (refused by the org, taken by automation)."""

    def unpark(self, leads: Iterable[RecordId]) -> None:
        """Those leads are no longer kept back."""

    @property
    def work(self) -> WorkBook:
        """What is due, who is at work, who holds which lock, what is paused."""

    @property
    def offers(self) -> OfferBook:
        """Offers, pauses, second looks and notices: questions and writes."""

    def on_commit(self, listener: Callable[[str], None]) -> None:
        """Call `listener(what)` after each committed write; crash tests hang on it."""

    def close(self) -> None:
        """Let go of the database."""


class ManualMove(Protocol):
    """A move that a person asked for."""

    @property
    def lead(self) -> RecordId: ...
    @property
    def label(self) -> str: ...
    @property
    def owner_seen(self) -> RecordId: ...
    @property
    def owner_new(self) -> RecordId: ...
    @property
    def owner_name(self) -> str: ...
