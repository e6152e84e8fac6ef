"""A store in which real decisions about a small channel were journalled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId, RunId
from sfprm.programme.canonical import digest
from sfprm.programme.model import (
    Criterion,
    Fairness,
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
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.values import LeadFacts, OwnerStanding, Reason, Standing
from sfprm.store.database import open_store
from sfprm.store.records import JournalEntry
from sfprm.store.writer import Store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HERE = Origin("routing.yaml", 1)
RUN = RunId("2026-03-02T09-00-00-0001")
PARTNERS = {"acme": "Acme Ibericos", "nordica": "Nordica Handel", "sulcom": "Sulcom"}


def record_id(prefix: str, number: int) -> RecordId:
    """A made-up id that sorts by number."""
    return RecordId(f"{prefix}Kp{number:010d}")


def _person(partner: str) -> Person:
    return Person(
        key=PersonKey(f"{partner}-1"),
        partner=PartnerKey(partner),
        first_name="Rui",
        last_name=partner.title(),
        email=f"rui@{partner}.example.com",
        username=f"rui@{partner}.example.com",
        nickname=partner,
        alias=partner[:8],
        role=PortalRole.WORKER,
        profile="Partner User",
        time_zone="Europe/Lisbon",
        locale="pt_PT",
        language="en_US",
        email_encoding="UTF-8",
        origin=HERE,
    )


@dataclass(frozen=True)
class Channel:
    """Pool `iberia` of three partners (acme with weight 2), for hot leads of PT and ES."""

    store: Store
    now: datetime = START
    against: dict[str, Reason] = field(default_factory=dict)
    fairness: Fairness = Fairness.EQUAL_OPPORTUNITY

    def programme(self, without: Sequence[str] = ()) -> Programme:
        """The declared channel."""
        keys = [key for key in PARTNERS if key not in without]
        members = tuple(PoolMember("partner", k, 2 if k == "acme" else 1, HERE) for k in keys)
        pool = Pool(PoolKey("iberia"), members, HERE, fairness=self.fairness)
        criteria = (
            Criterion("Country", Operator.EQUALS, ("PT", "ES"), "Country equals PT, ES", HERE),
            Criterion("Rating", Operator.EQUALS, ("Hot",), "Rating equals Hot", HERE),
        )
        people = [_person(key) for key in keys]
        return Programme(
            name="Test channel",
            site="Partner Central",
            profile="Partner User",
            channel_managers={},
            partners={
                PartnerKey(k): Partner(PartnerKey(k), PARTNERS[k], "marta", HERE) for k in keys
            },
            people={person.key: person for person in people},
            queues={},
            routing=Routing(
                ("Web Leads",),
                {pool.key: pool},
                (Rule("Hot leads from Iberia", criteria, None, ToPool(pool.key), HERE),),
            ),
        )

    def route(
        self,
        numbers: Sequence[int],
        *,
        programme: Programme | None = None,
        country: str = "PT",
        away: dict[str, Reason] | None = None,
    ) -> list[JournalEntry]:
        """Decide about hot leads and journal it; `away` by partner."""
        declared = programme or self.programme()
        standing = Standing(
            people={
                person.key: OwnerStanding(
                    record_id("005", at),
                    f"{person.first_name} {person.last_name}",
                    (away[person.partner],) if away and person.partner in away else (),
                )
                for at, person in enumerate(declared.people.values(), start=1)
            }
        )
        leads = [
            LeadFacts(
                record_id("00Q", n),
                record_id("00G", 1),
                START - timedelta(days=1) + timedelta(seconds=n),
                "Web Leads",
                {"Country": country, "Rating": "Hot"},
                f"Quinta {n}",
            )
            for n in numbers
        ]
        with self.store.batch(ledger_keys(declared)) as writer:
            batch = decide(declared, standing, writer.ledgers, leads, self.now)
            return writer.save(batch, run=RUN, programme=declared)

    def digest(self) -> str:
        """The programme's digest."""
        return digest(self.programme())


@pytest.fixture
def channel(tmp_path: Path, new_state: Callable[[Path], str]) -> Iterator[Channel]:
    """An empty journal. (That both databases give the same answers is the store's own suite.)"""
    with open_store(new_state(tmp_path)) as store:
        yield Channel(store)
