"""How fast decisions are made in memory: 50 rules of three criteria, pools of 10 and 500 members.

Members are partners of one person each, so a decision is a match and two fair choices. Leads differ
in country and product, by which eligibility falls into at most 50 classes; each batch of 2,000
makes its classes anew, and caps are reached besides, so that more than one decision in a hundred
meets a class that it has not met. Each decision is hashed with its facts into the chain of its
pool, by the journal's own functions.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.cli.interpreter import set_up_interpreter
from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId
from sfprm.programme.condition_text import parse_condition
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.model import (
    Cap,
    Criterion,
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
from sfprm.routing.decide import Decider
from sfprm.routing.values import LeadFacts, Ledger, OwnerStanding, Standing
from sfprm.store.canonical import GENESIS, canonical, entry_hash, facts_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.routing.values import Decision

RULES = 50
BATCH = 2_000
HERE = Origin("bench", 1)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PRODUCTS = ("Pumps", "Valves", "Sensors", "Drives", "Seals")
COUNTRIES = ("PT", "ES", "FR", "IT", "DE", "AT", "CH", "SE", "NO", "DK")
SOURCES = ("Web", "Event", "Phone", "Partner")
RATINGS = ("Hot", "Warm", "Cold")


@dataclass(frozen=True, slots=True)
class Speed:
    """Decisions in a second of processor time, and how many classes of eligibility there were, one
    for each member's people included."""

    per_second: float
    classes: int


def rules() -> tuple[Rule, ...]:
    """RULES rules of three criteria; each decides some leads, the last ones most."""
    found = []
    for number in range(RULES):
        country = ", ".join(COUNTRIES[(number + step) % len(COUNTRIES)] for step in range(2))
        low = 50_000_000 - number * 1_000_000
        when = (
            f"Country equals {country}",
            f"LeadSource notEqual {SOURCES[number % len(SOURCES)]}",
            f"AnnualRevenue greaterThan {low if number < RULES - 10 else 0}",
        )
        criteria = []
        for text in when:
            made = parse_criterion(text)
            criteria.append(Criterion(made.field, made.operator, made.values, text, HERE))
        found.append(Rule(f"rule {number}", tuple(criteria), None, ToPool(PoolKey("p")), HERE))
    last = Rule("everything else", (), None, ToPool(PoolKey("p")), HERE)
    return (*found, last)


def programme(members: int) -> tuple[Programme, Standing]:
    """One pool of so many partners; one in a hundred has a cap, which most reach in the course."""
    draw = random.Random(members)
    partners, people, standings, listed = {}, {}, {}, []
    for n in range(members):
        key, person = PartnerKey(f"partner-{n:03}"), PersonKey(f"person-{n:03}")
        partners[key] = Partner(
            key,
            f"Partner {n}",
            "marta",
            HERE,
            attributes={
                "territories": tuple(draw.sample(COUNTRIES, 6)),
                "certified_for": tuple(draw.sample(PRODUCTS, 4)),
            },
        )
        people[person] = Person(
            key=person,
            partner=key,
            first_name="Ana",
            last_name=f"Person {n}",
            email=f"a{n}@example.com",
            username=f"a{n}@partners.example.com",
            nickname=f"a{n}",
            alias="a",
            role=PortalRole.WORKER,
            profile="Partner",
            time_zone="UTC",
            locale="en_GB",
            language="en_US",
            email_encoding="UTF-8",
            origin=HERE,
        )
        standings[person] = OwnerStanding(record_id("005", n), f"Person {n}")
        cap = Cap(day=draw.randint(5, 60)) if members > 20 and n % 100 == 0 else Cap()
        listed.append(PoolMember("partner", key, 1 + n % 3, HERE, cap))
    condition = parse_condition(
        "Lead.Country in partner.territories and Lead.Product__c in partner.certified_for"
    )
    pool = Pool(PoolKey("p"), tuple(listed), HERE, condition)
    routing = Routing(
        intake=("Web Leads",), pools=MappingProxyType({pool.key: pool}), rules=rules()
    )
    made = Programme("Bench", "", "", {}, partners, people, {}, routing)
    return made, Standing(people=MappingProxyType(standings))


def record_id(prefix: str, number: int) -> RecordId:
    """A made-up id."""
    return RecordId(f"{prefix}Kp{number:010d}")


def leads(count: int) -> list[LeadFacts]:
    """Leads of all countries and products; every revenue is another."""
    draw = random.Random(1)
    owner = record_id("00G", 1)
    return [
        LeadFacts(
            record_id("00Q", n),
            owner,
            NOW - timedelta(days=1) + timedelta(seconds=n),
            "Web Leads",
            {
                "Country": draw.choice(COUNTRIES),
                "Product__c": draw.choice(PRODUCTS),
                "LeadSource": draw.choice(SOURCES),
                "AnnualRevenue": float(draw.randrange(100_000_000)),
            },
        )
        for n in range(count)
    ]


def measure(members: int, count: int, *, warm: int = 0) -> Speed:
    """Decide about `count` leads in batches, each decision chained; after `warm` that are not
    counted, in which the conditions and the ways through the rules become known."""
    set_up_interpreter()  # as the program does
    made, standing = programme(members)
    waiting = leads(warm + count)
    ledgers: Mapping[str, Ledger] = {}
    decider = Decider(made)
    met: set[str] = set()
    end = GENESIS
    seconds = 0.0
    for at in range(0, warm + count, BATCH):
        begun = time.process_time()
        batch = decider.decide(standing, ledgers, waiting[at : at + BATCH], NOW)
        # `route` reads the previous owners of each page's leads; these had none
        standing = replace(batch.standing, previous_owners={})
        ledgers = batch.ledgers
        classes: dict[int, str] = {}
        for decision in batch.decisions:
            end = chained(end, decision, classes)
        if at >= warm:
            seconds += time.process_time() - begun
        met.update(classes.values())
    return Speed(count / seconds, len(met))


def chained(end: str, decision: Decision, classes: dict[int, str]) -> str:
    """The chain with one decision more. A class's digest is worked out once."""
    lead = decision.lead
    words = f"{lead.id}|{decision.rule}|{decision.owner_id}"
    for eligibility, winner, before, after, _ in decision.choices:
        digest = classes.get(id(eligibility))
        if digest is None:
            digest = classes[id(eligibility)] = eligibility.digest
        words += f"|{digest}|{winner}|{before}|{after}"
    return entry_hash(end, words, facts_digest("salt", canonical(lead.fields)))
