"""What a decision costs in the journal, and how long `why` takes on a long one.

A pool of 500 partners of two people each, 50 rules of three criteria of which the last takes the
lead, facts of at most 200 bytes, one decision in a hundred with a member come or gone. The figures
are of a SQLite file with all its indexes.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId, RunId
from sfprm.insight.why import why
from sfprm.programme.model import (
    Criterion,
    Operator,
    Origin,
    Partner,
    Person,
    Pool,
    PoolMember,
    PortalRole,
    Programme,
    Routing,
    Rule,
    ToPool,
)
from sfprm.routing.decide import Decider, ledger_keys
from sfprm.routing.values import Code, LeadFacts, OwnerStanding, Reason, Standing
from sfprm.store.database import open_store

HERE = Origin("routing.yaml", 1)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BATCH = 2_000
CHANGES = 20
"""Members that come or go in a batch: one decision in a hundred."""


@dataclass(frozen=True)
class Measured:
    """`bytes_a_decision` of the file; `why_ms` the median of some leads, the slowest beside it."""

    bytes_a_decision: float
    why_ms: float
    why_worst_ms: float
    decisions_per_s: float


def programme(members: int) -> Programme:
    """One pool of partners, 50 rules."""
    partners = {
        PartnerKey(f"partner-{n:03}"): Partner(
            PartnerKey(f"partner-{n:03}"), f"Partner {n}", "manager", HERE
        )
        for n in range(members)
    }
    people = {
        person.key: person for partner in partners for person in (_person(partner, n) for n in "ab")
    }
    pool = Pool(
        PoolKey("all"),
        tuple(PoolMember("partner", key, 1 + n % 3, HERE) for n, key in enumerate(partners)),
        HERE,
    )
    rules = tuple(
        Rule(
            f"Rule {n}",
            (
                _criterion("Country", "XX" if n < 49 else "PT"),
                _criterion("Rating", "Hot"),
                _criterion("LeadSource", "Web"),
            ),
            None,
            ToPool(pool.key),
            HERE,
        )
        for n in range(50)
    )
    return Programme(
        name="Benchmark",
        site="Partner Central",
        profile="Partner User",
        channel_managers={},
        partners=MappingProxyType(partners),
        people=MappingProxyType(people),
        queues={},
        routing=Routing(
            intake=("Web Leads",), pools=MappingProxyType({pool.key: pool}), rules=rules
        ),
    )


def _criterion(field: str, value: str) -> Criterion:
    return Criterion(field, Operator.EQUALS, (value,), f"{field} equals {value}", HERE)


def _person(partner: PartnerKey, which: str) -> Person:
    key = PersonKey(f"{partner}.{which}")
    return Person(
        key=key,
        partner=partner,
        first_name="Ana",
        last_name=which,
        email=f"{key}@example.com",
        username=f"{key}@example.com",
        nickname=str(key),
        alias="alias",
        role=PortalRole.WORKER,
        profile="Partner User",
        time_zone="UTC",
        locale="en_US",
        language="en_US",
        email_encoding="UTF-8",
        origin=HERE,
    )


def lead(number: int) -> LeadFacts:
    """Facts of just under 200 bytes as they are hashed."""
    return LeadFacts(
        RecordId(f"00QKp{number:010d}"),
        RecordId("00GKp0000000099"),
        START - timedelta(days=1) + timedelta(seconds=number),
        "Web Leads",
        {"Country": "PT", "LeadSource": "Web", "Rating": "Hot"},
        f"Company {number} Lda",
    )


def measure(decisions: int, members: int, folder: Path) -> Measured:
    """Decide, journal, and ask."""
    chance = random.Random(7)
    declared = programme(members)
    decider = Decider(declared)
    away: set[PersonKey] = set()
    keys = sorted(declared.people)
    path = folder / "state.db"
    store = open_store(f"sqlite:///{path}")
    begun = time.perf_counter()
    for at in range(0, decisions, BATCH):
        for key in chance.sample(keys, CHANGES):
            away ^= {key}
        now = START + timedelta(minutes=at // BATCH)
        with store.batch(ledger_keys(declared)) as writer:
            batch = decider.decide(
                Standing(
                    people={
                        key: OwnerStanding(
                            RecordId(f"005Kp{n:010d}"),
                            f"Ana {n}",
                            (Reason(Code.FROZEN, "frozen"),) if key in away else (),
                        )
                        for n, key in enumerate(keys)
                    }
                ),
                writer.ledgers,
                [lead(n) for n in range(at, min(at + BATCH, decisions))],
                now,
            )
            writer.save(batch, run=RunId(f"run-{at}"), programme=declared)
    took = time.perf_counter() - begun
    empty = store.entries(limit=1)
    assert empty
    store.close()
    size = sum(p.stat().st_size for p in folder.iterdir())
    asked = []
    store = open_store(f"sqlite:///{path}")
    for number in chance.sample(range(decisions), 9):
        begun = time.perf_counter()
        answer = why(store, lead(number).id)
        asked.append((time.perf_counter() - begun) * 1000)
        assert answer.proof.value == "same", answer.decisions[0].difference
    store.close()
    return Measured(
        round(size / decisions, 1),
        round(statistics.median(asked), 1),
        round(max(asked), 1),
        round(decisions / took),
    )


if __name__ == "__main__":
    import sys

    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        print(measure(wanted, 500, Path(place)))
