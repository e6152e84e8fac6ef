"""The reader's face: each question in a transaction of its own that sees one state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sfprm.store import classes, ledgers, org, parked, questions, runs, steps, verify
from sfprm.store.engine import reading
from sfprm.store.to_write import to_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Engine

    from sfprm.ids import RecordId, RunId
    from sfprm.routing.values import EligibilityClass, Ledger
    from sfprm.store.records import (
        ChainEnd,
        Checkpoint,
        JournalEntry,
        LedgerMove,
        OrgRecord,
        Parked,
        Run,
        SeenAllowance,
        Step,
        StepOutcome,
        WriteState,
    )


class Reader:
    """`sfprm.store.api.StoreReader` on a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def org(self) -> OrgRecord | None:
        with reading(self._engine) as connection:
            return org.bound(connection)

    def allowance(self) -> SeenAllowance | None:
        with reading(self._engine) as connection:
            return org.allowance_seen(connection)

    def run(self, run: RunId) -> Run | None:
        with reading(self._engine) as connection:
            return runs.find(connection, run)

    def runs(self, *, job: str | None = None, limit: int = 50) -> list[Run]:
        with reading(self._engine) as connection:
            return runs.latest(connection, job, limit)

    def steps(self, run: RunId) -> list[Step]:
        with reading(self._engine) as connection:
            return steps.of_run(connection, run)

    def step_outcomes(
        self, run: RunId, numbers: Iterable[int] | None = None
    ) -> Mapping[int, StepOutcome]:
        with reading(self._engine) as connection:
            return steps.outcomes(connection, run, numbers)

    def applied(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        with reading(self._engine) as connection:
            return steps.last_applied(connection)

    def applied_of(
        self, keys: Mapping[str, Iterable[str]]
    ) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        with reading(self._engine) as connection:
            return steps.last_applied(connection, keys)

    def ledgers(self, keys: Iterable[str]) -> dict[str, Ledger]:
        with reading(self._engine) as connection:
            return ledgers.find(connection, keys)

    def all_ledgers(self) -> dict[str, Ledger]:
        with reading(self._engine) as connection:
            return ledgers.every(connection)

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
        with reading(self._engine) as connection:
            return questions.entries(
                connection,
                lead=lead,
                leads=leads,
                run=run,
                pool=pool,
                states=states,
                kinds=kinds,
                since=since,
                after=after,
                limit=limit,
            )

    def last_entries(self, leads: Iterable[RecordId]) -> dict[RecordId, JournalEntry]:
        with reading(self._engine) as connection:
            return questions.last_entries(connection, leads)

    def merged_since(self, since: datetime) -> int:
        with reading(self._engine) as connection:
            return questions.merged_since(connection, since)

    def to_write(self, first: int, last: int) -> list[JournalEntry]:
        with reading(self._engine) as connection:
            return to_write(connection, first, last)

    def confirmed(
        self, first: int, last: int, kinds: Sequence[str]
    ) -> dict[RecordId, tuple[int, RecordId]]:
        with reading(self._engine) as connection:
            return questions.confirmed(connection, first, last, kinds)

    def moves_of(self, ledger: str, *, after: int, upto: int) -> list[LedgerMove]:
        with reading(self._engine) as connection:
            return questions.moves_of(connection, ledger, after=after, upto=upto)

    def checkpoint(self, ledger: str, *, before: int) -> Checkpoint:
        with reading(self._engine) as connection:
            return ledgers.checkpoint(connection, ledger, before)

    def eligibility(self, digest: str) -> EligibilityClass:
        with reading(self._engine) as connection:
            return classes.class_of(connection, digest)

    def eligibilities(self, digests: Iterable[str]) -> Mapping[str, EligibilityClass]:
        with reading(self._engine) as connection:
            return classes.find(connection, digests)

    def programme_json(self, digest: str) -> str | None:
        with reading(self._engine) as connection:
            return questions.programme_json(connection, digest)

    def last_programme(self) -> str | None:
        with reading(self._engine) as connection:
            return questions.last_programme(connection)

    def chain_ends(self) -> Mapping[str, ChainEnd]:
        with reading(self._engine) as connection:
            return questions.chain_ends(connection)

    def chain_hash(self, chain: str, position: int) -> str | None:
        with reading(self._engine) as connection:
            return questions.chain_hash(connection, chain, position)

    def parked(self) -> list[Parked]:
        with reading(self._engine) as connection:
            return parked.every(connection)

    def previous_owners(self, leads: Iterable[RecordId]) -> dict[RecordId, frozenset[RecordId]]:
        with reading(self._engine) as connection:
            return questions.previous_owners(connection, leads)

    def win_counts(self, pools: Iterable[str]) -> dict[tuple[str, str], int]:
        with reading(self._engine) as connection:
            return questions.win_counts(connection, pools)

    def wins(
        self, pools: Iterable[str], since: datetime
    ) -> dict[tuple[str, str], tuple[datetime, ...]]:
        with reading(self._engine) as connection:
            return questions.wins(connection, pools, since)

    def verify(self) -> list[str]:
        with reading(self._engine) as connection:
            return verify.broken(connection)
