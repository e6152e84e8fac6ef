"""Criteria on partners in a rule's filter logic: who may have the lead, and when a rule is met."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import PartnerKey, PoolKey
from sfprm.programme.condition_text import is_of_partner, parse_partner_criterion
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.model import (
    Criterion,
    InTurn,
    Origin,
    PartnerCriterion,
    Programme,
    Rule,
    StickyBy,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
)
from sfprm.routing.conditions import why_not
from sfprm.routing.decide import decide
from sfprm.routing.match import logic_holds, match, told_truly
from sfprm.routing.narrowing import narrowed
from sfprm.routing.values import AtWork, Code, Decision, OwnerStanding, Standing
from tests.routing.test_decide import START, Channel, record_id

HERE = Origin("routing.yaml", 1)
P = PoolKey("p")
DESK = Rule("Desk", (), None, ToQueue("Desk"), HERE)
channel = Channel()

WHEN = ("Country equals PT", "Rating equals Hot")
ASKED = ("partner.tier >= Gold", "Product__c in partner.certified_for")
ATTRIBUTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "a": ("Gold", ("Pumps", "Valves")),
    "b": ("Silver", ("Pumps",)),
    "c": ("Gold", ()),
}


def rule(
    logic: Logic | None,
    when: tuple[str, ...] = WHEN,
    asked: tuple[str, ...] = ASKED,
    target: Target | None = None,
) -> Rule:
    made = [parse_criterion(text) for text in when]
    return Rule(
        "Partners",
        tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made),
        logic,
        target or ToPool(P),
        HERE,
        partner_criteria=tuple(
            PartnerCriterion(parse_partner_criterion(text), text, HERE) for text in asked
        ),
    )


def programme(*rules: Rule) -> Programme:
    made = channel.programme(dict.fromkeys(ATTRIBUTES, 1))
    partners = {
        key: replace(
            partner,
            tier=ATTRIBUTES[key][0],
            attributes=MappingProxyType({"certified_for": ATTRIBUTES[key][1]}),
        )
        for key, partner in made.partners.items()
    }
    routing = replace(made.routing, rules=(*rules, DESK))
    return replace(made, partners=partners, tiers=("Silver", "Gold"), routing=routing)


def standing(made: Programme, **more: Any) -> Standing:
    desk = {"Desk": OwnerStanding(record_id("00G", 9), "Desk")}
    return channel.standing(made, queues=desk, **more)


def one(made: Programme, given: Standing | None = None, **fields: Any) -> Decision:
    lead = channel.lead(1, **fields)
    [found] = decide(made, given or standing(made), {}, [lead], START).decisions
    assert told_truly(made.routing.rules, found.lead, found.trials, found.rule)
    return found


def eligible(found: Decision) -> set[str]:
    return {
        c.member.removeprefix("partner:")
        for c in found.choices[0].eligibility.candidates
        if not c.reasons
    }


def test_the_lead_goes_to_partners_that_meet_the_rule() -> None:
    """All criteria must hold without logic; the others are told why not."""
    found = one(programme(rule(None)), Country="PT", Rating="Hot", Product__c="Pumps")
    assert (found.rule, eligible(found)) == ("Partners", {"a"})
    against = {c.member: c.reasons for c in found.choices[0].eligibility.candidates}
    [reason] = against["partner:b"]
    assert (reason.code, reason.detail) == (Code.CONDITION, "tier Silver is below Gold")
    assert [r.detail for r in against["partner:c"]] == ["certified_for is missing"]


def test_a_rule_that_nobody_meets_is_passed_over() -> None:
    """The rule below takes the lead."""
    found = one(programme(rule(None)), Country="PT", Rating="Hot", Product__c="Fans")
    assert (found.rule, found.owner_name) == ("Desk", "Desk")
    assert [(t.rule, t.matched) for t in found.trials] == [("Partners", False), ("Desk", True)]


def test_the_partner_of_the_company_must_meet_it_too() -> None:
    """Else the next target has its turn."""
    sticky = InTurn((ToCompany(tuple(StickyBy)), ToPool(P)))
    for asked, owner in (("partner.tier equals Silver", "b"), ("partner.tier equals Gold", "a")):
        made = programme(rule(None, (), (asked,), sticky))
        there = AtWork("lead", PartnerKey("b"), None, (StickyBy.NAME,), "an open lead")
        at_work = {channel.lead(1).id: (there,)}
        found = one(made, standing(made, at_work=at_work), Country="PT")
        assert found.owner_name.lower().startswith(owner)
        assert bool(found.choices) is (owner == "a")


def logics() -> st.SearchStrategy[Logic]:
    refs: st.SearchStrategy[Logic] = st.integers(1, 4).map(Ref)
    return st.recursive(
        refs,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda x: And(tuple(x))),
            st.lists(inner, min_size=2, max_size=3).map(lambda x: Or(tuple(x))),
        ),
        max_leaves=6,
    )


@settings(max_examples=150, deadline=None)
@given(
    logic=st.one_of(st.none(), logics()),
    country=st.sampled_from(["PT", "ES"]),
    rating=st.sampled_from(["Hot", "Cold"]),
    product=st.sampled_from(["Pumps", "Valves", None]),
)
def test_any_logic_is_tried_partner_by_partner(
    logic: Logic | None, country: str, rating: str, product: str | None
) -> None:
    """Against the plain way: all criteria of each partner on their own."""
    made = programme(rule(logic))
    may = set()
    for key, (tier, certified) in ATTRIBUTES.items():
        verdicts = [country == "PT", rating == "Hot", tier == "Gold", product in certified]
        if all(verdicts) if logic is None else logic_holds(logic, verdicts):
            may.add(key)
    found = one(made, Country=country, Rating=rating, Product__c=product)
    assert found.rule == ("Partners" if may else "Desk")
    if may:
        assert eligible(found) == may


def test_what_is_left_for_partners() -> None:
    """True, false, or what they are asked; with the rule's own condition."""
    either = rule(Or((Ref(1), Ref(3))), WHEN, ASKED[:1])
    assert narrowed(either, [True, False]) is None
    left = narrowed(either, [False, False])
    assert left is not None
    assert left.logic == Ref(1)
    lead = channel.lead(1, Country="ES")
    assert match([rule(And((Ref(1), Ref(3))))], lead)[0] is None
    partner = programme().partners[PartnerKey("b")]
    assert why_not(left, partner, {}, ("Silver", "Gold"))[0].detail == "tier Silver is below Gold"


def test_what_is_of_a_partner() -> None:
    """Not what only looks like it."""
    assert is_of_partner("partner.tier >= Gold")
    assert is_of_partner("Country in partner.territories")
    assert not is_of_partner("PartnerAccount.Industry equals Energy")
    assert not is_of_partner('Website contains "partner.example"')
