"""Conditions between partner and lead, caps in rolling windows, and owners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sfprm.ids import PartnerKey, RecordId
from sfprm.programme.conditions import (
    Comparison,
    ComparisonOp,
    Condition,
    Constant,
    LeadField,
    Operand,
    PartnerAttribute,
)
from sfprm.programme.model import Cap, FieldValue, Origin, Partner
from sfprm.routing.conditions import why_not
from sfprm.routing.eligibility import cap_reasons, owner_reasons
from sfprm.routing.values import Code, Load, OwnerStanding, Reason

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TIERS = ("Bronze", "Silver", "Gold")
ACME = Partner(
    PartnerKey("acme"),
    "Acme",
    "marta",
    Origin("partners.csv", 2),
    tier="Silver",
    attributes={
        "territories": ("PT", "ES"),
        "certified_for": ("Pumps", "Valves"),
        "region": "South",
        "seats": "12",
        "excluded": (),
    },
)
TIER = PartnerAttribute("tier")
PRODUCT, COUNTRY, SIZE = LeadField("Product__c"), LeadField("Country"), LeadField("Size")
LEAD: dict[str, FieldValue] = {"Product__c": "Pumps", "Country": "pt", "Size": 40, "Empty": None}


def reasons(left: Operand, op: ComparisonOp, right: Operand, partner: Partner | None = ACME) -> str:
    condition = Condition((Comparison(left, op, right, ""),), "")
    return "; ".join(r.detail for r in why_not(condition, partner, LEAD, TIERS))


@pytest.mark.parametrize(
    ("left", "op", "right", "detail"),
    [
        (TIER, ">=", Constant("Silver"), ""),
        (TIER, ">=", Constant("bronze"), ""),
        (TIER, ">=", Constant("Gold"), "tier Silver is below Gold"),
        (TIER, "<", Constant("Gold"), ""),
        (TIER, ">", Constant("Silver"), "tier Silver is not above Silver"),
        (Constant("Gold"), "<=", TIER, "Gold is above tier (Silver)"),
        (TIER, ">=", Constant("Titan"), "Titan is not a tier of the programme"),
        (TIER, "==", Constant("silver"), ""),
        (COUNTRY, "in", PartnerAttribute("territories"), ""),
        (PRODUCT, "in", PartnerAttribute("certified_for"), ""),
        (
            Constant("Drives"),
            "in",
            PartnerAttribute("certified_for"),
            "Drives not in certified_for (Pumps, Valves)",
        ),
        (PRODUCT, "not in", PartnerAttribute("certified_for"), "Product__c Pumps in certified_for"),
        (PRODUCT, "not in", PartnerAttribute("excluded"), ""),
        (PRODUCT, "in", PartnerAttribute("excluded"), "excluded is missing"),
        (PRODUCT, "in", PartnerAttribute("absent"), "absent is missing"),
        (LeadField("Empty"), "in", PartnerAttribute("territories"), "Empty is missing"),
        (LeadField("Empty"), "not in", PartnerAttribute("territories"), "Empty is missing"),
        (LeadField("Empty"), "!=", Constant("x"), "Empty is missing"),
        (SIZE, ">", PartnerAttribute("seats"), ""),
        (SIZE, "<=", Constant(9), "Size 40 is above 9"),
        (SIZE, "==", Constant("40"), ""),
        (PartnerAttribute("region"), "==", Constant("south"), ""),
        (PartnerAttribute("region"), "!=", Constant("South"), "region South is South"),
        (PartnerAttribute("manager"), "==", Constant("marta"), ""),
        (COUNTRY, ">", Constant(5), "Country pt is not above 5"),
    ],
)
def test_comparison(left: Operand, op: ComparisonOp, right: Operand, detail: str) -> None:
    """Empty when it holds, else the words that `why` shows."""
    assert reasons(left, op, right).startswith(detail)
    assert bool(reasons(left, op, right)) == bool(detail)


def test_a_queue_or_user_has_no_partner_attributes() -> None:
    """A condition on the partner is false for it."""
    assert reasons(TIER, ">=", Constant("Bronze"), None) == "tier is missing"


def test_every_comparison_that_fails_is_named() -> None:
    """Not just the first."""
    condition = Condition(
        (
            Comparison(TIER, ">=", Constant("Gold"), ""),
            Comparison(Constant("FR"), "in", PartnerAttribute("territories"), ""),
        ),
        "",
    )
    assert [r.detail for r in why_not(condition, ACME, LEAD, TIERS)] == [
        "tier Silver is below Gold",
        "FR not in territories (PT, ES)",
    ]


@pytest.mark.parametrize(
    ("cap", "ago", "code"),
    [
        (Cap(hour=1), timedelta(seconds=3599), Code.CAP_HOUR),
        (Cap(hour=1), timedelta(seconds=3600), None),
        (Cap(day=1), timedelta(hours=23, minutes=59), Code.CAP_DAY),
        (Cap(day=1), timedelta(hours=24), None),
        (Cap(week=1), timedelta(days=7) - timedelta(seconds=1), Code.CAP_WEEK),
        (Cap(week=1), timedelta(days=7), None),
        (Cap(month=1), timedelta(days=30) - timedelta(seconds=1), Code.CAP_MONTH),
        (Cap(month=1), timedelta(days=30), None),
        (Cap(hour=2), timedelta(seconds=1), None),
        (Cap(hour=0), timedelta(days=365), Code.CAP_HOUR),
    ],
)
def test_a_cap_counts_wins_in_a_rolling_window(cap: Cap, ago: timedelta, code: Code | None) -> None:
    """A win exactly one window ago no longer counts."""
    found = cap_reasons(cap, Load(0, (NOW - ago,)), NOW)
    assert [r.code for r in found] == ([code] if code else [])


def test_a_cap_on_open_leads() -> None:
    """Held already, however they came."""
    assert cap_reasons(Cap(open=40), Load(40), NOW) == (
        Reason(Code.CAP_OPEN, "holds 40 open leads, cap 40"),
    )


def test_owners() -> None:
    """Not found, not yet in the org, or had this lead already."""
    acme = RecordId("005Kp0000000001")
    assert owner_reasons(None)[0].code is Code.NOT_IN_ORG
    assert owner_reasons(OwnerStanding(None, "Inês"))[0].detail == "Inês was not found in the org"
    assert owner_reasons(OwnerStanding(acme, "Inês"), frozenset({acme}))[0].code is (
        Code.PREVIOUS_OWNER
    )
    assert owner_reasons(OwnerStanding(acme, "Inês")) == ()
