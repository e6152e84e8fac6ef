"""Batches of decisions: targets, pools, caps, previous owners, and the laws of a batch."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId
from sfprm.programme.conditions import Comparison, Condition, LeadField, PartnerAttribute
from sfprm.programme.model import (
    Cap,
    Fairness,
    FieldValue,
    LeaveAlone,
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
    ToQueue,
    ToUser,
)
from sfprm.routing.credits import broken_laws
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.values import (
    UNIT,
    Batch,
    Code,
    Decision,
    LeadFacts,
    Ledger,
    Load,
    Outcome,
    OwnerStanding,
    Reason,
    Standing,
)
from sfprm.routing.waits import retry_after

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


channel = Channel()
NEVER = Reason(Code.NEVER_LOGGED_IN, "has never logged in")


def winners(batch: Batch) -> list[str]:
    return [d.choices[0].winner if d.choices else d.outcome.value for d in batch.decisions]


def test_a_user_target_owns_the_lead() -> None:
    """The rule's user is looked up without regard to case."""
    programme = channel.programme({}, targets={"big": ToUser("Lena@Alder.example.com")})
    lena = OwnerStanding(record_id("005", 77), "Lena Berg")
    standing = Standing(users={"lena@alder.example.com": lena})
    (decision,) = decide(programme, standing, {}, [channel.lead(1)], START).decisions
    assert (decision.outcome, decision.owner_id, decision.owner_name, decision.rule) == (
        Outcome.ASSIGNED,
        lena.owner_id,
        "Lena Berg",
        "big",
    )


@pytest.mark.parametrize(
    ("target", "standing", "code", "detail"),
    [
        (
            ToUser("gone@alder.example.com"),
            Standing(),
            Code.NOT_IN_ORG,
            "gone@alder.example.com: not found in the org",
        ),
        (
            ToQueue("Desk"),
            Standing(
                queues={
                    "Desk": OwnerStanding(
                        record_id("00G", 9), "Desk", (Reason(Code.NOT_FOR_LEADS, "not for leads"),)
                    )
                }
            ),
            Code.NOT_FOR_LEADS,
            "Desk: not for leads",
        ),
    ],
)
def test_a_target_that_may_not_own_parks_the_lead(
    target: Target, standing: Standing, code: Code, detail: str
) -> None:
    """Parked with the target's reasons and a next try."""
    programme = channel.programme({}, targets={"r": target})
    (decision,) = decide(programme, standing, {}, [channel.lead(1)], START).decisions
    assert (decision.outcome, decision.reasons, decision.next_try) == (
        Outcome.PARKED,
        (Reason(code, detail),),
        START + timedelta(hours=1),
    )


def test_a_rule_may_leave_a_lead_alone() -> None:
    """No owner, no reason."""
    programme = channel.programme({}, targets={"internal": LeaveAlone()})
    (decision,) = decide(programme, Standing(), {}, [channel.lead(1)], START).decisions
    assert (decision.outcome, decision.rule) == (Outcome.LEFT_ALONE, "internal")


def test_a_lead_that_is_where_its_rule_wants_it_is_left_alone() -> None:
    """Never written again and again."""
    programme = channel.programme({}, targets={"stay": ToQueue("Web Leads")})
    standing = Standing(queues={"Web Leads": OwnerStanding(channel.intake, "Web Leads")})
    (decision,) = decide(programme, standing, {}, [channel.lead(1)], START).decisions
    assert decision.outcome is Outcome.LEFT_ALONE


def test_no_rule_parks_the_lead() -> None:
    """With that reason."""
    programme = replace(channel.programme({}), routing=Routing(("Web Leads",)))
    (decision,) = decide(programme, Standing(), {}, [channel.lead(1)], START).decisions
    assert (decision.outcome, decision.reasons[0].code) == (Outcome.PARKED, Code.NO_RULE)


def test_a_lead_in_a_pools_own_intake_goes_to_the_pool_unmatched() -> None:
    """No rule is tried."""
    programme = channel.programme({"a": 1}, targets={"never": LeaveAlone()})
    pool = replace(programme.routing.pools[PoolKey("p")], intake="Web Leads")
    programme = replace(programme, routing=replace(programme.routing, pools={pool.key: pool}))
    batch = decide(programme, channel.standing(programme), {}, [channel.lead(1)], START)
    assert (batch.decisions[0].rule, batch.decisions[0].trials) == (None, ())
    assert winners(batch) == ["partner:a"]


def test_a_partner_wins_and_one_of_its_people_owns() -> None:
    """Two choices, two ledgers; the people take turns."""
    programme = channel.programme({"a": 1})
    standing = channel.standing(programme)
    batch = decide(programme, standing, {}, [channel.lead(n) for n in range(4)], START)
    assert [d.owner_name for d in batch.decisions] == ["A 1", "A 2", "A 1", "A 2"]
    assert [c.eligibility.ledger for c in batch.decisions[0].choices] == [
        "pool:p",
        "pool:p/partner:a",
    ]
    assert sorted(batch.ledgers) == list(ledger_keys(programme))


def test_a_person_who_never_logged_in_gets_nothing() -> None:
    """The other person of the partner gets all, and the class says why."""
    programme = channel.programme({"a": 1})
    standing = channel.standing(programme, {"a-1": NEVER})
    batch = decide(programme, standing, {}, [channel.lead(n) for n in range(3)], START)
    assert {d.owner_name for d in batch.decisions} == {"A 2"}
    people = batch.decisions[0].choices[1].eligibility
    assert people.candidates[0].reasons == (NEVER,)


def test_a_partner_without_an_eligible_person_is_not_eligible() -> None:
    """The reason names each person."""
    programme = channel.programme({"a": 1, "b": 1})
    standing = channel.standing(programme, {"a-1": NEVER, "a-2": NEVER})
    batch = decide(programme, standing, {}, [channel.lead(1)], START)
    assert winners(batch) == ["partner:b"]
    assert batch.decisions[0].choices[0].eligibility.candidates[0].reasons == (
        Reason(Code.NO_ELIGIBLE_PERSON, "A 1: has never logged in; A 2: has never logged in"),
    )


def test_nobody_eligible_parks_with_each_members_reason_and_moves_no_credit() -> None:
    """The words say what is missing."""
    programme = channel.programme({"a": 1, "b": 0}, certified={"a": ("Valves", "Drives")})
    standing = channel.standing(programme)
    batch = decide(programme, standing, {}, [channel.lead(1, Product__c="Pumps")], START)
    decision = batch.decisions[0]
    assert decision.outcome is Outcome.PARKED
    assert [(r.code, r.detail) for r in decision.reasons] == [
        (Code.NO_ELIGIBLE_MEMBER, "nobody of pool p may have it"),
        (
            Code.CONDITION,
            "partner:a: Product__c Pumps not in certified_for (Valves, Drives)",
        ),
        (Code.WEIGHT_ZERO, "partner:b: weight 0"),
    ]
    assert not batch.ledgers


def test_a_partner_that_had_the_lead_does_not_get_it_again() -> None:
    """Through whichever of its people."""
    programme = channel.programme({"a": 1, "b": 1})
    lead = channel.lead(1)
    had = {lead.id: frozenset({record_id("005", 2)})}
    batch = decide(programme, channel.standing(programme, previous_owners=had), {}, [lead], START)
    assert winners(batch) == ["partner:b"]
    assert batch.decisions[0].choices[0].eligibility.candidates[0].reasons == (
        Reason(Code.PREVIOUS_OWNER, "A 2 had this lead"),
    )


def test_a_cap_on_open_leads_counts_what_came_by_another_pool() -> None:
    """Open leads are held by the member, whichever pool they came by."""
    programme = channel.programme({"a": 1, "b": 1}, caps={"a": Cap(open=3), "b": Cap(week=1)})
    first = programme.routing.pools[PoolKey("p")]
    second = replace(first, key=PoolKey("q"), intake="Web Leads")
    programme = replace(
        programme, routing=replace(programme.routing, pools={first.key: first, second.key: second})
    )
    by_q = [channel.lead(n) for n in range(3)]
    by_p = [replace(channel.lead(n), intake="Event Leads") for n in range(3, 6)]
    batch = decide(programme, channel.standing(programme), {}, by_q + by_p, START)
    assert winners(batch) == [
        "partner:a",
        "partner:b",
        "partner:a",
        "partner:a",
        "partner:b",  # its cap of one a week is counted by pool
        "parked",
    ]


def test_equal_counts_have_a_ledger_of_their_own() -> None:
    """Its key says so; ledger_keys names it, so that it is locked and read."""
    programme = channel.programme({"a": 1, "b": 1})
    pool = replace(programme.routing.pools[PoolKey("p")], fairness=Fairness.EQUAL_COUNTS)
    programme = replace(programme, routing=replace(programme.routing, pools={pool.key: pool}))
    leads = [channel.lead(n) for n in range(4)]
    batch = decide(programme, channel.standing(programme), {}, leads, START)
    assert "pool:p/counts" in ledger_keys(programme)
    assert batch.ledgers["pool:p/counts"].sequence == 4
    assert winners(batch) == ["partner:a", "partner:b", "partner:a", "partner:b"]


def test_waits_double_up_to_a_day() -> None:
    """1, 2, 4, 8, 16, 24, 24 hours."""
    hours = [retry_after(n) // timedelta(hours=1) for n in range(7)]
    assert hours == [1, 2, 4, 8, 16, 24, 24]


PRODUCTS = ("Pumps", "Valves", "Drives")


@st.composite
def batches(draw: st.DrawFn) -> tuple[Programme, Standing, list[LeadFacts]]:
    """A pool of up to five partners with caps and certificates, and leads of some products, some
    with previous owners."""
    names = [f"p{i}" for i in range(draw(st.integers(1, 5)))]
    cap = st.builds(
        Cap,
        hour=st.none() | st.integers(0, 4),
        week=st.none() | st.integers(0, 8),
        open=st.none() | st.integers(0, 6),
    )
    programme = channel.programme(
        {n: draw(st.integers(0, 4)) for n in names},
        caps={n: draw(cap) for n in names},
        certified={n: tuple(draw(st.sets(st.sampled_from(PRODUCTS)))) for n in names},
    )
    leads = [
        channel.lead(n, Product__c=draw(st.sampled_from(PRODUCTS)))
        for n in range(draw(st.integers(0, 25)))
    ]
    owners = [record_id("005", n) for n in range(1, 2 * len(names) + 1)]
    previous = {
        lead.id: frozenset(draw(st.sets(st.sampled_from(owners), max_size=2))) for lead in leads
    }
    loads = {
        (PoolKey("p"), f"partner:{n}"): Load(
            draw(st.integers(0, 3)),
            tuple(
                START - timedelta(hours=h)
                for h in sorted(draw(st.lists(st.integers(0, 300), max_size=4)), reverse=True)
            ),
        )
        for n in names
    }
    standing = channel.standing(programme, loads=loads, previous_owners=previous)
    return programme, standing, leads


@settings(max_examples=80, deadline=None)
@given(batches())
def test_a_batch_of_k_equals_k_calls(
    case: tuple[Programme, Standing, list[LeadFacts]],
) -> None:
    """With the same now, and standing and ledgers carried on."""
    programme, standing, leads = case
    whole = decide(programme, standing, {}, leads, START)
    ledgers: Any = {}
    one_by_one: list[Decision] = []
    for lead in leads:
        step = decide(programme, standing, ledgers, [lead], START)
        standing, ledgers = step.standing, step.ledgers
        one_by_one.extend(step.decisions)
    assert whole == Batch(tuple(one_by_one), standing, ledgers)


@settings(max_examples=60, deadline=None)
@given(batches(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(
    case: tuple[Programme, Standing, list[LeadFacts]], chance: random.Random
) -> None:
    """Leads are taken in order of (created, id)."""
    programme, standing, leads = case
    shuffled = list(leads)
    chance.shuffle(shuffled)
    assert decide(programme, standing, {}, leads, START) == decide(
        programme, standing, {}, shuffled, START
    )


@settings(max_examples=100, deadline=None)
@given(batches())
def test_never_an_ineligible_member_never_over_a_cap_never_a_previous_owner(
    case: tuple[Programme, Standing, list[LeadFacts]],
) -> None:
    """Checked from the outside, from what was declared and held before."""
    programme, standing, leads = case
    batch = decide(programme, standing, {}, leads, START)
    members = {m.key: m for m in programme.routing.pools[PoolKey("p")].members}
    won = dict.fromkeys(members, 0)
    for decision in batch.decisions:
        if decision.outcome is not Outcome.ASSIGNED:
            continue
        member = members[decision.choices[0].winner]
        won[member.key] += 1
        partner = programme.partners[PartnerKey(member.name)]
        assert member.weight > 0
        assert decision.lead.fields["Product__c"] in partner.attributes["certified_for"]
        assert decision.owner_id not in standing.previous_owners[decision.lead.id]
    for key, member in members.items():
        load = standing.loads[(PoolKey("p"), key)]
        for most, hours in ((member.cap.hour, 1), (member.cap.week, 7 * 24)):
            recent = sum(START - w < timedelta(hours=hours) for w in load.wins)
            assert most is None or won[key] <= max(0, most - recent)
        assert member.cap.open is None or won[key] <= max(0, member.cap.open - load.open_held)


@settings(max_examples=60, deadline=None)
@given(batches())
def test_all_ledgers_of_a_batch_keep_the_laws(
    case: tuple[Programme, Standing, list[LeadFacts]],
) -> None:
    """Both levels."""
    programme, standing, leads = case
    for ledger in decide(programme, standing, {}, leads, START).ledgers.values():
        assert broken_laws(ledger) == []


def test_two_thousand_leads_are_decided_well_under_a_second() -> None:
    """Fourteen partners of three people, two of them with caps; the ledger stays in bounds."""
    names = {f"p{n:02}": 1 + n % 2 for n in range(14)}
    programme = channel.programme(
        names,
        people=3,
        caps={"p00": Cap(week=40), "p01": Cap(open=50)},
        certified={n: PRODUCTS[: 1 + i % 3] for i, n in enumerate(names)},
    )
    leads = [channel.lead(n, Product__c=PRODUCTS[n % 3]) for n in range(2_000)]
    began = time.perf_counter()
    batch = decide(programme, channel.standing(programme), {}, leads, START)
    assert time.perf_counter() - began < 1
    assert len(batch.decisions) == 2_000
    worst = max(abs(c) for c in batch.ledgers["pool:p"].credits.values())
    assert worst <= 6.5 * UNIT
    assert isinstance(batch.ledgers["pool:p"], Ledger)
