"""Decisions with hours, waivers, companies, competitors, several targets, look-ups, rule sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId
from sfprm.programme.calendar_model import Absence
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.condition_text import parse_condition
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.lookup_model import Lookup
from sfprm.programme.model import (
    Criterion,
    InTurn,
    Origin,
    Programme,
    Rule,
    RuleSet,
    SameCompany,
    StickyBy,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
    Waiver,
)
from sfprm.routing.decide import Decider, decide
from sfprm.routing.match import told_truly
from sfprm.routing.values import (
    AtWork,
    Batch,
    Code,
    Decision,
    Outcome,
    OwnerStanding,
    Reason,
    Standing,
)
from tests.routing.test_decide import NEVER, START, Channel, record_id

HERE = Origin("routing.yaml", 1)
P = PoolKey("p")
DESK = ToQueue("Desk")
channel = Channel()


def programme(*rules: Rule, pool: dict[str, Any] | None = None, **routing: Any) -> Programme:
    """Pool `p` of partners a and b, two people each; START is Monday 2026-03-02, 09:00 UTC."""
    made = channel.programme({"a": 1, "b": 1})
    changed = replace(made.routing.pools[P], **(pool or {}))
    rules = rules or made.routing.rules
    return replace(made, routing=replace(made.routing, pools={P: changed}, rules=rules, **routing))


def rule(name: str, target: Target, *when: str, **more: Any) -> Rule:
    made = [parse_criterion(text) for text in when]
    listed = tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made)
    return Rule(name, listed, None, target, HERE, **more)


def standing(made: Programme, against: dict[str, Reason] | None = None, **more: Any) -> Standing:
    desk = {"Desk": OwnerStanding(record_id("00G", 9), "Desk")}
    return channel.standing(made, against, queues=desk, **more)


def one(
    made: Programme, given: Standing | None = None, now: datetime = START, **fields: Any
) -> Decision:
    """One decision, whose trials must be what matching its facts again gives."""
    [found] = decide(made, given or standing(made), {}, [channel.lead(1, **fields)], now).decisions
    rules = made.routing.rules_for(found.lead.intake)
    assert told_truly(rules, found.lead, found.trials, found.rule)
    return found


def reasons(made: Programme, now: datetime = START) -> dict[str, list[Code]]:
    found = one(made, now=now)
    [choice] = found.choices[:1]
    return {c.member: [r.code for r in c.reasons] for c in choice.eligibility.candidates}


EARLY = parse_hours("Mon-Fri 06:00-08:00 UTC")
OPEN = parse_hours("Mon-Fri 08:00-18:00 UTC")


def test_out_of_hours_is_not_eligible() -> None:
    """The member's own hours in the pool count before the pool's."""
    made = programme(pool={"hours": OPEN})
    pool = made.routing.pools[P]
    members = (replace(pool.members[0], hours=EARLY), pool.members[1])
    made = programme(pool={"hours": OPEN, "members": members})
    assert reasons(made) == {"partner:a": [Code.OUT_OF_HOURS], "partner:b": []}


def test_whose_hours_count() -> None:
    """The person's, else the partner's, else the pool's, else the programme's."""
    people = {PersonKey("a-1"): EARLY, PersonKey("a-2"): OPEN}
    made = programme(hours=EARLY, person_hours=people)
    found = one(made)
    assert found.owner_name == "A 2"
    assert found.choices[1].eligibility.candidates[0].reasons[0].code is Code.OUT_OF_HOURS
    made = programme(hours=EARLY, partner_hours={PartnerKey("b"): OPEN})
    assert reasons(made) == {"partner:a": [Code.OUT_OF_HOURS], "partner:b": []}


def test_holidays_and_absences() -> None:
    """Each with its code; a partner one of whose people is there stays eligible."""
    holiday = replace(OPEN, days_off=("2026-03-02",))
    away = {PersonKey(f"b-{n}"): (Absence("2026-03-01", "2026-03-02"),) for n in (1,)}
    made = programme(partner_hours={PartnerKey("a"): holiday}, absences=away)
    assert reasons(made) == {"partner:a": [Code.HOLIDAY], "partner:b": []}
    away = {PersonKey(f"b-{n}"): (Absence("2026-03-01", "2026-03-02"),) for n in (1, 2)}
    assert one(programme(absences=away)).choices[0].winner == "partner:a"
    found = reasons(programme(absences=away))
    assert found["partner:b"] == [Code.ABSENT]


@pytest.mark.parametrize(
    ("hours", "next_try"),
    [
        ("Mon-Fri 12:30-18:00 UTC", timedelta(hours=3, minutes=30)),
        ("Tue-Fri 08:00-18:00 UTC", timedelta(hours=23)),
        ("Thu 08:00-18:00 UTC", timedelta(hours=1)),  # too far: looked at again in an hour
    ],
)
def test_a_lead_waits_for_the_hours_to_begin(hours: str, next_try: timedelta) -> None:
    """Where hours are in everybody's way, the next try is when somebody opens."""
    found = one(programme(hours=parse_hours(hours)))
    assert found.outcome is Outcome.PARKED
    assert found.next_try == START + next_try


def test_a_pool_may_waive_conditions() -> None:
    """Only those that it names; the reasons are gone then."""
    against = {"a-1": NEVER, "a-2": NEVER, "b-1": NEVER, "b-2": Reason(Code.FROZEN, "frozen")}
    made = programme()
    assert one(made, standing(made, against)).outcome is Outcome.PARKED
    made = programme(pool={"waive": (Waiver.NEVER_LOGGED_IN,)})
    found = one(made, standing(made, against))
    assert found.choices[0].eligibility.candidates[1].reasons == ()
    assert {c.member for c in found.choices[1].eligibility.candidates if not c.reasons} == {
        "person:a-1",
        "person:a-2",
    }


def test_previous_owners_may_be_waived() -> None:
    """Then whoever had the lead may have it again."""
    made = programme()
    everybody = frozenset(
        o.owner_id for o in standing(made).people.values() if o.owner_id is not None
    )
    had = {channel.lead(1).id: everybody}
    assert one(made, standing(made, previous_owners=had)).outcome is Outcome.PARKED
    made = programme(pool={"waive": (Waiver.PREVIOUS_OWNER,)})
    assert one(made, standing(made, previous_owners=had)).outcome is Outcome.ASSIGNED


@pytest.mark.parametrize("named", ["a", "A", "Elsewhere; A", "x, a"])
def test_a_competitor_named_on_the_lead_does_not_get_it(named: str) -> None:
    """By key or name, alone or in a list."""
    made = programme(pool={"competitors": "Competitor__c"})
    found = one(made, Competitor__c=named)
    assert found.choices[0].winner == "partner:b"
    assert found.choices[0].eligibility.candidates[0].reasons[0].code is Code.COMPETITOR


def work(partner: str, owner: int | None = None, by: StickyBy = StickyBy.NAME) -> AtWork:
    user = None if owner is None else record_id("005", owner)
    return AtWork("lead", PartnerKey(partner), user, (by,), f"{partner} has a lead there")


def at_work(*found: AtWork) -> dict[RecordId, tuple[AtWork, ...]]:
    return {channel.lead(1).id: found}


COMPANY = ToCompany(tuple(StickyBy))


def test_a_company_stays_with_its_partner_and_user() -> None:
    """No credit moves; another of the partner's people when that one may not; ways in the rule's
    order; a rule for known companies is passed over for others."""
    made = programme(rule("known", COMPANY), rule("rest", DESK))
    known = standing(made, at_work=at_work(work("b", owner=4)))
    found = one(made, known)
    assert (found.rule, found.owner_name, found.choices) == ("known", "B 2", ())
    known = standing(made, {"b-2": NEVER}, at_work=at_work(work("b", owner=4)))
    assert one(made, known).owner_name == "B 1"
    unknown = one(made)
    assert (unknown.rule, unknown.owner_name) == ("rest", "Desk")
    assert [(t.rule, t.matched) for t in unknown.trials] == [("known", False), ("rest", True)]
    both = at_work(work("a"), work("b", by=StickyBy.EMAIL_DOMAIN))
    assert one(made, standing(made, at_work=both)).owner_name == "B 1"
    narrow = programme(rule("known", ToCompany((StickyBy.ACCOUNT,))), rule("rest", DESK))
    assert one(narrow, standing(narrow, at_work=both)).rule == "rest"


def test_known_companies_can_be_criteria() -> None:
    """`company.partner` names the partners; blank where nobody is known."""
    made = programme(rule("a's", DESK, "company.partner equals a"), rule("rest", ToPool(P)))
    assert one(made, standing(made, at_work=at_work(work("b"), work("a")))).rule == "a's"
    assert one(made, standing(made, at_work=at_work(work("b")))).rule == "rest"
    blank = programme(rule("unknown", DESK, "company.partner equals"), rule("rest", ToPool(P)))
    assert one(blank).rule == "unknown"


def test_a_conflict_parks_for_the_channel_manager() -> None:
    """Only in pools that say so."""
    made = programme(pool={"same_company": SameCompany.PARK})
    found = one(made, standing(made, at_work=at_work(work("a"))))
    assert found.outcome is Outcome.PARKED
    assert [r.code for r in found.reasons] == [Code.SAME_COMPANY]
    assert "for channel manager marta" in found.reasons[0].detail
    free = programme()
    assert one(free, standing(free, at_work=at_work(work("a")))).outcome is Outcome.ASSIGNED


def test_several_targets_in_turn() -> None:
    """The first that can take the lead; all reasons when none can."""
    target = InTurn((COMPANY, ToPool(P), DESK))
    made = programme(rule("turn", target))
    assert one(made, standing(made, at_work=at_work(work("b")))).owner_name == "B 1"
    assert one(made).pool == P
    nobody = dict.fromkeys(("a-1", "a-2", "b-1", "b-2"), NEVER)
    assert one(made, standing(made, nobody)).owner_name == "Desk"
    none = replace(standing(made, nobody), queues={})
    codes = [r.code for r in one(made, none).reasons]
    assert codes[0] is Code.NO_ELIGIBLE_MEMBER
    assert codes[-1] is Code.NOT_IN_ORG


def test_a_rule_may_narrow_its_pool() -> None:
    """By a condition of its own; a rule that leaves nobody is passed over."""
    gold = parse_condition("partner.key == a and Lead.Product__c in partner.certified_for")
    narrow = rule("narrow", ToPool(P), eligible_when=gold)
    made = programme(narrow, rule("rest", ToPool(P)))
    found = one(made, Product__c="Pumps")
    assert (found.rule, found.choices[0].winner) == ("narrow", "partner:a")
    passed = one(made, Product__c="Drives")
    assert passed.rule == "rest"
    assert [t.matched for t in passed.trials] == [False, True]


def table() -> Lookup:
    rows = {"1": ("Lisboa",), "10": ("Centro\nBaixa",), "*": ("Abroad",)}
    return Lookup("territory", ("PostalCode",), ("region",), True, "0" * 64, HERE, rows)


@pytest.mark.parametrize(
    ("postal_code", "name"), [("1900-001", "first"), ("10 00", "second"), ("9", "rest")]
)
def test_lookups_are_criteria_and_facts(postal_code: str, name: str) -> None:
    """What the table says is kept with the decision, so that the match can be told without it."""
    made = programme(
        rule("first", DESK, "lookup.territory equals Lisboa"),
        rule("second", DESK, "lookup.territory equals Baixa"),
        rule("rest", DESK),
        lookups={"territory": table()},
    )
    found = one(made, PostalCode=postal_code)
    assert found.rule == name
    assert "lookup.territory" in found.lead.fields


def test_a_rule_set_has_its_own_intake() -> None:
    """Leads of its queues are tried on its rules only."""
    other = RuleSet("services", ("Service Leads",), (rule("services", DESK),), HERE)
    made = programme(rule("first", ToPool(P)), rule_sets=(other,))
    assert one(made).rule == "first"
    lead = replace(channel.lead(1), intake="Service Leads")
    [found] = decide(made, standing(made), {}, [lead], START).decisions
    assert found.rule == "services"


def test_a_decider_answers_as_decide_does() -> None:
    """What it remembers between batches changes nothing, whatever the standing of each."""
    made = programme(
        rule("hot", ToPool(P), "Rating equals Hot"),
        rule("known", COMPANY),
        rule("rest", ToPool(P), eligible_when=parse_condition("partner.key == b")),
        pool={"hours": OPEN},
    )
    decider = Decider(made)
    mine: Any = {}
    theirs: Any = {}
    for number in range(12):
        leads = [channel.lead(20 * number + n, Rating="Hot" if n % 2 else None) for n in range(20)]
        against = {f"a-{1 + number % 2}": NEVER} if number % 3 else {}
        given = standing(made, against)
        now = START + timedelta(minutes=70 * number)
        one_: Batch = decider.decide(given, mine, leads, now)
        other = decide(made, given, theirs, leads, now)
        assert one_ == other
        mine, theirs = one_.ledgers, other.ledgers
