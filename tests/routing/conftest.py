"""Small programmes for the tests of decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId
from sfprm.programme.conditions import Comparison, Condition, LeadField, PartnerAttribute
from sfprm.programme.model import (
    Cap,
    FieldValue,
    Origin,
    Partner,
    Person,
    Pool,
    PoolMember,
    PortalRole,
    Programme,
    Routing,
    Rule,
    Target,
    ToPool,
)
from sfprm.routing.values import LeadFacts, OwnerStanding, Reason, Standing

HERE = Origin("routing.yaml", 1)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CERTIFIED = Condition(
    (
        Comparison(
            LeadField("Product__c"),
            "in",
            PartnerAttribute("certified_for"),
            "Lead.Product__c in partner.certified_for",
        ),
    ),
    "Lead.Product__c in partner.certified_for",
)


def record_id(prefix: str, number: int) -> RecordId:
    """A made-up id that sorts by number."""
    return RecordId(f"{prefix}Kp{number:010d}")


@dataclass
class Channel:
    """Builds programmes, standings and leads that fit together."""

    now: datetime = START
    intake: RecordId = field(default_factory=lambda: record_id("00G", 1))

    def partner(self, key: str, **attributes: Any) -> Partner:
        tier = attributes.pop("tier", "Silver")
        return Partner(PartnerKey(key), key.title(), "marta", HERE, tier, attributes)

    def person(self, partner: str, number: int = 1) -> Person:
        name = f"{partner}-{number}"
        return Person(
            key=PersonKey(name),
            partner=PartnerKey(partner),
            first_name=partner.title(),
            last_name=str(number),
            email=f"{name}@{partner}.example.com",
            username=f"{name}@partners.example.com",
            nickname=name,
            alias=name[:8],
            role=PortalRole.WORKER,
            profile="Alder Partner User",
            time_zone="Europe/Lisbon",
            locale="pt_PT",
            language="en_US",
            email_encoding="UTF-8",
            origin=HERE,
        )

    def programme(
        self,
        weights: dict[str, int],
        *,
        caps: dict[str, Cap] | None = None,
        certified: dict[str, tuple[str, ...]] | None = None,
        people: int = 2,
        targets: dict[str, Target] | None = None,
    ) -> Programme:
        """One pool `p` of the partners in `weights`, each with `people` people; rules by name in
        `targets` (default: one rule that gives all to the pool)."""
        caps = caps or {}
        pool = Pool(
            PoolKey("p"),
            tuple(
                PoolMember("partner", name, weight, HERE, caps.get(name, Cap()))
                for name, weight in weights.items()
            ),
            HERE,
            CERTIFIED if certified is not None else None,
        )
        partners = {
            PartnerKey(k): self.partner(k, certified_for=(certified or {}).get(k, ("Pumps",)))
            for k in weights
        }
        persons = [self.person(k, n) for k in weights for n in range(1, people + 1)]
        rules = targets or {"all": ToPool(PoolKey("p"))}
        return Programme(
            name="Test channel",
            site="Partner Central",
            profile="Alder Partner User",
            channel_managers={},
            partners=partners,
            people={p.key: p for p in persons},
            queues={},
            routing=Routing(
                ("Web Leads",),
                {pool.key: pool},
                tuple(Rule(n, (), None, t, HERE) for n, t in rules.items()),
            ),
            tiers=("Bronze", "Silver", "Gold"),
        )

    def standing(
        self, programme: Programme, against: dict[str, Reason] | None = None, **more: Any
    ) -> Standing:
        """Everybody may own leads but those in `against` (by person)."""
        against = against or {}
        return Standing(
            people={
                key: OwnerStanding(
                    record_id("005", at),
                    f"{p.first_name} {p.last_name}",
                    (against[key],) if key in against else (),
                )
                for at, (key, p) in enumerate(programme.people.items(), start=1)
            },
            **more,
        )

    def lead(self, number: int, **fields: FieldValue) -> LeadFacts:
        """A lead in the intake queue; higher numbers came later."""
        return LeadFacts(
            record_id("00Q", number),
            self.intake,
            START - timedelta(days=1) + timedelta(seconds=number),
            "Web Leads",
            fields,
            f"Lead {number}",
        )


@pytest.fixture(scope="session")
def channel() -> Channel:
    """Builders of programmes, standings and leads. Holds no state."""
    return Channel()
