"""A store on each database, and a small channel whose decisions go into it.

Decisions are made by the real `decide`; nothing here imitates the rooms below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from sfprm.ids import PoolKey, RecordId, RunId
from sfprm.programme.model import Origin, Pool, PoolMember, Programme, Routing, Rule, ToPool
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.values import Batch, LeadFacts, Ledger, OwnerStanding, Reason, Standing
from sfprm.store.api import BatchWriter
from sfprm.store.database import open_store
from sfprm.store.records import JournalEntry, Run, RunState
from sfprm.store.writer import Store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HERE = Origin("routing.yaml", 1)
RUN = RunId("2026-03-02T09-00-00-0001")


def record_id(prefix: str, number: int) -> RecordId:
    """A made-up id that sorts by number."""
    return RecordId(f"{prefix}Kp{number:010d}")


@dataclass(frozen=True)
class Channel:
    """Two pools of queues: `p` of a, b, c with weights 2, 1, 1, and `q` of a and b.

    `without` are queues of `p` that the programme no longer names; leads go to the pool of their
    field `Pool`.
    """

    now: datetime = START
    run: RunId = RUN

    def programme(self, without: Sequence[str] = ()) -> Programme:
        """The declared channel."""
        weights = {"a": 2, "b": 1, "c": 1}
        members = tuple(
            PoolMember("queue", name, weight, HERE)
            for name, weight in weights.items()
            if name not in without
        )
        pool = Pool(PoolKey("p"), members, HERE)
        other = Pool(PoolKey("q"), members[:2], HERE)
        return Programme(
            name="Test channel",
            site="Partner Central",
            profile="Partner User",
            channel_managers={},
            partners={},
            people={},
            queues={},
            routing=Routing(
                intake=("Web Leads",),
                pools={pool.key: pool, other.key: other},
                rules=(Rule("all", (), None, ToPool(pool.key), HERE),),
            ),
        )

    def standing(self, against: dict[str, Reason] | None = None) -> Standing:
        """Every queue may own leads but those in `against`."""
        against = against or {}
        return Standing(
            queues={
                name: OwnerStanding(
                    record_id("00G", at), name, (against[name],) if name in against else ()
                )
                for at, name in enumerate(("a", "b", "c"), start=1)
            }
        )

    def lead(self, number: int) -> LeadFacts:
        """A lead in the intake queue."""
        return LeadFacts(
            record_id("00Q", number),
            record_id("00G", 99),
            START - timedelta(days=1) + timedelta(seconds=number),
            "Web Leads",
            {"Country": "PT", "AnnualRevenue": 1.5e6, "IsHot": True, "City": None},
            f"Lead {number} Lda",
        )

    def decide(
        self,
        writer: BatchWriter,
        numbers: Sequence[int],
        *,
        programme: Programme | None = None,
        against: dict[str, Reason] | None = None,
    ) -> Batch:
        """Decide about leads from the writer's ledgers."""
        return decide(
            programme or self.programme(),
            self.standing(against),
            writer.ledgers,
            [self.lead(n) for n in numbers],
            self.now,
        )

    def route(
        self,
        store: Store,
        numbers: Sequence[int],
        *,
        programme: Programme | None = None,
        against: dict[str, Reason] | None = None,
    ) -> list[JournalEntry]:
        """One batch, decided and journalled."""
        declared = programme or self.programme()
        with store.batch(ledger_keys(declared)) as writer:
            batch = self.decide(writer, numbers, programme=declared, against=against)
            return writer.save(batch, run=self.run, programme=declared)

    def a_run(self, run: str | None = None, **fields: object) -> Run:
        """A run of `route`, running."""
        values: dict[str, object] = {
            "id": RunId(run or self.run),
            "job": "route",
            "state": RunState.RUNNING,
            "started_by": "cli",
            "started": self.now,
            **fields,
        }
        return Run(**values)  # type: ignore[arg-type]  # a row of a table test

    def ledger(self, store: Store, key: str = "pool:p") -> Ledger:
        """One ledger."""
        return store.ledgers([key])[key]


@pytest.fixture(scope="session")
def channel() -> Channel:
    """The small channel."""
    return Channel()


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    """An empty, open store."""
    with open_store(state_url) as opened:
        yield opened
