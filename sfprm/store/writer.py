"""The writer's face: the reader's questions, and each write in a transaction of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.store import batches, journal, mail_rows, org, parked, runs
from sfprm.store import offers as offer_rows
from sfprm.store import steps as step_rows
from sfprm.store.engine import writing
from sfprm.store.offer_book import OfferBook
from sfprm.store.reader import Reader
from sfprm.store.records import StepState, WriteState
from sfprm.store.work import WorkBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from sfprm.ids import RecordId, RunId
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Reason
    from sfprm.store.api import BatchWriter, ManualMove
    from sfprm.store.batches import NotDone
    from sfprm.store.records import (
        AppliedValue,
        JournalEntry,
        Run,
        RunState,
        SeenAllowance,
        Step,
    )


class Store(Reader):
    """`sfprm.store.api.StoreWriter` on a database. May be used by several threads at once."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._listeners: list[Callable[[str], None]] = []
        self._mine = threading.local()
        self.fence: Callable[[Connection, bool], None] | None = None
        """Asked first in each write's transaction, and told whether it writes only rows that are
        its run's or part's own; raises when this process was replaced."""

    @property
    def engine(self) -> Engine:
        """The database."""
        return self._engine

    @property
    def work(self) -> WorkBook:
        """What is due, who is at work, who holds which lock, what is paused."""
        return WorkBook(self._engine)

    @property
    def offers(self) -> OfferBook:
        """Offers, pauses, second looks and notices."""
        return OfferBook(self._engine, self._writing)

    def on_commit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    @contextmanager
    def _writing(self, what: str, *, own: bool = False) -> Iterator[Connection]:
        """`own`: only rows of this run or part are written, so that nobody else's write of the
        journal need wait for it."""
        if getattr(self._mine, "writing", False):
            raise Bug(f"A write ({what}) was begun inside another; end that one first.")
        self._mine.writing = True
        try:
            with writing(self._engine) as connection:
                if self.fence is not None:
                    self.fence(connection, own)
                yield connection
        finally:
            self._mine.writing = False
        for listener in self._listeners:
            listener(what)

    def bind_org(self, org_id: RecordId, name: str, now: datetime) -> None:
        with self._writing("org") as connection:
            org.bind(connection, org_id, name, now)

    def see_allowance(self, seen: SeenAllowance) -> None:
        with self._writing("allowance") as connection:
            org.see_allowance(connection, seen)

    def start_run(self, run: Run) -> bool:
        with self._writing("run started") as connection:
            return runs.start(connection, run)

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
        with self._writing("run finished") as connection:
            runs.finish(
                connection,
                run,
                state=state,
                finished=finished,
                counts=counts,
                calls=calls,
                exit_code=exit_code,
                message=message,
            )

    def lose_runs(self, now: datetime) -> list[Run]:
        with self._writing("runs lost") as connection:
            return runs.lose(connection, now)

    def add_steps(self, steps: Sequence[Step]) -> None:
        with self._writing("steps planned", own=True) as connection:
            step_rows.add(connection, steps)

    def set_steps(
        self,
        run: RunId,
        numbers: Sequence[int],
        state: StepState,
        *,
        record_ids: Mapping[int, RecordId] | None = None,
        messages: Mapping[int, str] | None = None,
    ) -> None:
        with self._writing(f"steps {state.value}", own=True) as connection:
            step_rows.advance(connection, run, numbers, state, record_ids or {}, messages or {})

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
        with self._writing("steps settled", own=True) as connection:
            step_rows.add(connection, planned)
            step_rows.advance(connection, run, done, StepState.DONE, record_ids, {})
            step_rows.advance(connection, run, list(failed), StepState.FAILED, {}, failed)
            step_rows.remember(connection, values, run, now)
            step_rows.advance(connection, run, sent, StepState.SENT, {}, {})

    def record_applied(self, values: Sequence[AppliedValue], run: RunId, now: datetime) -> None:
        with self._writing("applied", own=True) as connection:
            step_rows.remember(connection, values, run, now)

    def forget_applied(self, object_: str, key: str) -> None:
        with self._writing("applied") as connection:
            step_rows.forget(connection, object_, key)

    @contextmanager
    def batch(self, ledgers: Iterable[str]) -> Iterator[BatchWriter]:
        with self._writing("journal") as connection:
            yield batches.OpenBatch(connection, list(ledgers))

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
        with self._writing("journal") as connection:
            return batches.journal_manual(
                connection,
                entries,
                run=run,
                kind=kind,
                programme=programme,
                now=now,
                notify=notify,
            )

    def settle(
        self,
        sequences: Sequence[int],
        state: WriteState,
        *,
        messages: Mapping[int, str] | None = None,
        due: Sequence[tuple[int, str]] = (),
        at: datetime | None = None,
    ) -> None:
        own = state is WriteState.CONFIRMED  # else credits move, and chains grow
        with self._writing(f"decisions {state.value}", own=own) as connection:
            journal.settle(connection, sequences, state, messages or {})
            offer_rows.settled(connection, sequences, state)
            if due and at is not None:
                mail_rows.note_due(connection, due, at)

    def refund(self, sequence: int, now: datetime) -> None:
        with self._writing("refund") as connection:
            batches.refund_all(connection, [sequence], now)

    def refund_all(self, sequences: Sequence[int], now: datetime) -> None:
        if sequences:
            with self._writing("refund") as connection:
                batches.refund_all(connection, sequences, now)

    def settle_not_done(self, rows: Sequence[NotDone], now: datetime) -> None:
        if rows:
            with self._writing(f"decisions {rows[0].state.value}") as connection:
                batches.settle_not_done(connection, rows, now)

    def purge_facts(self, *, leads: Iterable[RecordId] = (), before: datetime | None = None) -> int:
        with self._writing("purge") as connection:
            named = list(leads)
            offer_rows.forget_labels(connection, named, before)
            return journal.purge(connection, named, before)

    def park(
        self,
        lead: RecordId,
        reasons: Sequence[Reason],
        *,
        now: datetime,
        next_try: datetime | None,
    ) -> None:
        with self._writing("parked") as connection:
            parked.park(connection, [(lead, reasons, next_try)], now)

    def unpark(self, leads: Iterable[RecordId]) -> None:
        with self._writing("unparked") as connection:
            parked.unpark(connection, leads)
