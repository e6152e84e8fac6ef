"""Rule sets, look-ups, paths, targets, hours and pools of routing.yaml: read, told when wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfprm.errors import BadFiles, Complaint
from sfprm.ids import PartnerKey, PersonKey, PoolKey
from sfprm.programme.canonical import from_json, to_json
from sfprm.programme.load import Loaded, load
from sfprm.programme.model import (
    Fairness,
    InTurn,
    SameCompany,
    StickyBy,
    ToCompany,
    ToPool,
    ToQueue,
    Waiver,
)

ROUTING = """
intake: [Web Leads]
calendars:
  lisbon: {hours: "Mon-Fri 09:00-18:00 Europe/Lisbon", holidays: PT, days_off: [2026-12-24]}
hours: "Mon-Fri 08:00-20:00 Europe/Berlin"
working_hours:
  partners: {sulcom: lisbon}
  people: {ines.moura: "Mon-Thu 10:00-16:00 Europe/Lisbon"}
absences:
  - {person: ines.moura, first: 2026-12-21, last: 2026-12-31, why: leave}
  - {person: ines.moura, first: 2026-08-01, last: 2026-08-15}
lookups:
  territory: {file: territories.csv, key: [Country, PostalCode], longest_prefix: true}
  accounts: {file: named.csv, key: Company}
pools:
  south:
    members:
      - {partner: acme-ibericos, weight: 2}
      - {partner: sulcom, hours: always}
    fairness: equal-counts
    hours: lisbon
    waive: [never-logged-in, site-not-live]
    competitors: Competitor__c
    same_company: park
    eligible_when: lookup.territory in partner.territories
rules:
  - name: Known companies
    assign: {sticky: company}
  - name: Named accounts
    when: ["lookup.accounts.partner notEqual", "LatestCampaign.Type equals Webinar"]
    assign:
      first_of: [{sticky: [email-domain, account]}, {pool: south}, {queue: Inside Sales Desk}]
  - name: Gold only
    when: ["owner.name startsWith Web", "anycampaign.member.Status equals Responded"]
    eligible_when: partner.tier >= Gold
    assign: {pool: south}
  - name: Everything else
    assign: {queue: Inside Sales Desk}
rule_sets:
  services:
    intake: [Event Leads]
    rules:
      - {name: All services, assign: {queue: Inside Sales Desk}}
"""
GOLD = "assign: {pool: south}\n  - name: Every"
TERRITORIES = "Country,PostalCode,region\nPT,1,Lisboa\nPT,1000,Centro; Baixa\nES,*,Madrid\n"
NAMED = "Company,partner,manager\nQuinta do Vale,sulcom,marta\n"

Check = Callable[..., Loaded]


@pytest.fixture
def check(copy: Path) -> Check:
    """Load the sample with another routing.yaml, some of its texts replaced."""

    def act(*changes: tuple[str, str], territories: str = TERRITORIES) -> Loaded:
        text = ROUTING
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        (copy / "routing.yaml").write_text(text, "utf-8")
        (copy / "territories.csv").write_text(territories, "utf-8")
        (copy / "named.csv").write_text(NAMED, "utf-8")
        (copy / "absences.csv").write_text("person,first,last,why\nines.moura,2026-05-01,,x\n")
        (copy / "hours.csv").write_text(
            "partner,person,hours\nsulcom,,lisbon\n,ines.moura,Sat 10:00-12:00 UTC\n"
        )
        return load(copy)

    return act


def test_everything_is_read(check: Check) -> None:
    """The model holds what is written, in Salesforce's spelling where there is one."""
    routing = check().programme.routing
    pool = routing.pools[PoolKey("south")]
    assert pool.fairness is Fairness.EQUAL_COUNTS
    assert pool.waive == (Waiver.NEVER_LOGGED_IN, Waiver.SITE_NOT_LIVE)
    assert (pool.competitors, pool.same_company) == ("Competitor__c", SameCompany.PARK)
    assert pool.hours is not None
    assert (pool.hours.country, pool.hours.days_off) == ("PT", ("2026-12-24",))
    assert pool.members[1].hours is not None
    assert pool.members[1].hours.text == "always"
    assert routing.partner_hours[PartnerKey("sulcom")] == pool.hours
    assert routing.person_hours[PersonKey("ines.moura")].text.startswith("Mon-Thu")
    away = routing.absences[PersonKey("ines.moura")]
    assert [a.first for a in away] == ["2026-08-01", "2026-12-21"]
    assert routing.hours is not None
    assert routing.hours.zone == "Europe/Berlin"
    assert routing.rules[0].target == ToCompany(tuple(StickyBy))
    assert routing.rules[1].target == InTurn(
        (
            ToCompany((StickyBy.EMAIL_DOMAIN, StickyBy.ACCOUNT)),
            ToPool(PoolKey("south")),
            ToQueue("Inside Sales Desk"),
        )
    )
    assert [c.field for c in routing.rules[1].criteria] == [
        "lookup.accounts.partner",
        "LatestCampaign.Type",
    ]
    assert [c.field for c in routing.rules[2].criteria] == [
        "Owner.name",
        "AnyCampaign.Member.Status",
    ]
    assert [r.name for r in routing.rules_for("Event Leads")] == ["All services"]
    assert routing.rules_for("Web Leads")[0].name == "Known companies"
    assert routing.rule_intakes == ("Web Leads", "Event Leads")


def test_what_must_be_read_of_the_org(check: Check) -> None:
    """Fields of leads and parents apart from campaigns; look-ups by their keys."""
    routing = check().programme.routing
    assert routing.fields_read() == (
        *("Company", "Competitor__c", "Country", "Email", "Owner.name", "PostalCode", "Website"),
    )
    assert routing.campaign_fields_read() == ("AnyCampaign.Member.Status", "LatestCampaign.Type")
    assert routing.reads_companies


def test_lookups_find_the_longest_prefix(check: Check) -> None:
    """Blanks and dashes in postal codes do not count; * stands for all others."""
    table = check().programme.routing.lookups["territory"]
    assert table.path("region") == "lookup.territory"
    assert table.find(["PT", "1900-001"]) == ("Lisboa",)
    assert table.find(["pt", "10 00-205"]) == ("Centro\nBaixa",)
    assert table.find(["PT", "2000"]) is None
    assert table.find(["ES", "28001"]) == ("Madrid",)
    assert table.find(["ES", ""]) == ("Madrid",)


def test_it_is_stored_and_read_back(check: Check) -> None:
    """Canonical JSON round trip; a look-up's rows stay out, its content's hash stays in."""
    programme = check().programme
    text = to_json(programme)
    assert to_json(from_json(text)) == text
    assert "Centro" not in text
    other = check(("Europe/Berlin", "Europe/Paris")).programme
    assert other.digest != programme.digest
    third = check(territories=TERRITORIES.replace("Madrid", "Norte")).programme
    assert third.digest != programme.digest


def test_files_beside_it(check: Check) -> None:
    """Absences and working hours may be CSV files."""
    text = ROUTING[ROUTING.index("working_hours") : ROUTING.index("lookups:")]
    loaded = check((text, "working_hours: hours.csv\nabsences: absences.csv\n"))
    routing = loaded.programme.routing
    assert routing.absences[PersonKey("ines.moura")][0].last == "2026-05-01"
    assert routing.partner_hours[PartnerKey("sulcom")].country == "PT"
    assert routing.person_hours[PersonKey("ines.moura")].zone == "UTC"


def complaint(check: Check, *change: str, **files: str) -> Complaint:
    with pytest.raises(BadFiles) as error:
        check((change[0], change[1]), **files)
    assert len(error.value.complaints) == 1, [c.lines() for c in error.value.complaints]
    return error.value.complaints[0]


@pytest.mark.parametrize(
    ("old", "new", "words", "hint"),
    [
        (
            "lookup.accounts.partner notEqual",
            "lookup.account.partner notEqual",
            "no look-up",
            "'accounts'",
        ),
        ("lookup.accounts.partner notEqual", "lookup.accounts notEqual", "which column", "manager"),
        (
            "lookup.accounts.partner notEqual",
            "lookup.accounts.boss notEqual",
            "no column",
            "manager",
        ),
        ("LatestCampaign.Type", "LastCampaign.Type", "reads nothing", "LatestCampaign"),
        ("owner.name startsWith", "boss.name startsWith", "reads nothing", "Known: Lead"),
        ("owner.name startsWith Web", "partner.tier equals Golden", "one of the tiers", "Gold"),
        ("partner.tier >= Gold", "partner.tier >= Golden", "not one of the tiers", "'Gold'"),
        ("hours: lisbon", "hours: lisboa", "no calendar", "'lisbon'"),
        ("Mon-Fri 08:00-20:00 Europe/Berlin", "Mon-Fri 08-20 Europe/Berlin", "does not belong", ""),
        ("holidays: PT", "holidays: XX", "'XX' is unknown", "PT or DE-BY"),
        ("holidays: PT", "holidays: DE-XX", "no part of DE", "BY"),
        ("{sulcom: lisbon}", "{sulcon: lisbon}", "no file declares partner", "'sulcom'"),
        (
            "{person: ines.moura, first: 2026-08-01",
            "{person: ines, first: 2026-08-01",
            "no file declares person",
            "ines.moura",
        ),
        ("last: 2026-08-15", "last: 2026-07-15", "ends before it begins", ""),
        ("last: 2026-08-15", "last: 2026-08-32", "not a date", ""),
        ("[never-logged-in,", "[never-loged-in,", "must be", "'never-logged-in'"),
        ("[Event Leads]", "[Web Leads]", "intake of other rules too", "queues of its own"),
        ("name: All services", "name: Gold only", "two rules are named", ""),
        ("key: Company", "key: lookup.territory", "must be Lead fields", "PostalCode"),
        ("named.csv", "nemed.csv", "no such file", "lookups"),
        (GOLD, GOLD.replace("pool: south", "queue: Inside Sales Desk"), "names none", "to a pool"),
        ("[{sticky: [email-domain, account]}, {pool: south}, ", "[", "two targets", ""),
    ],
)
def test_mistakes(check: Check, old: str, new: str, words: str, hint: str) -> None:
    """One complaint, with the line and what to write instead."""
    found = complaint(check, old, new)
    assert words in found.message, found.message
    assert hint in found.hint
    assert found.line or "no such file" in words


@pytest.mark.parametrize(
    ("territories", "words"),
    [
        (TERRITORIES + "PT,1-000,Twice\n", "the same key as on line 3"),
        (TERRITORIES + ",2,Nowhere\n", "a key is empty"),
        ("Country,PostalCode\nPT,1\n", "tells nothing"),
        ("Country,region\nPT,1\n", "column 'PostalCode' is missing"),
    ],
)
def test_mistakes_in_tables(check: Check, territories: str, words: str) -> None:
    """The line of the CSV file is named."""
    with pytest.raises(BadFiles) as error:
        check(territories=territories)
    assert words in error.value.complaints[0].message
    assert "territories.csv" in error.value.complaints[0].file


LATE = """  - name: Late
    when: [Country equals PT, Country equals ES]
    assign: {pool: south}
  - name: Everything else"""
SOME = """- {name: All of PT, when: [Country equals PT], assign: {pool: south}}
      - name: Some of PT
        when: [Country equals PT, Rating equals Hot]
        assign: {pool: south}
      - {name: All services,"""


def test_useless_rules_are_warned_of(check: Check) -> None:
    """A shadowed one, in its own set; other sets do not count."""
    warned = check(
        ("  - name: Everything else", LATE),
        ("- {name: All services,", SOME),
    ).warnings
    messages = [w.message for w in warned]
    assert "rule 'Late' can never match: its criteria contradict each other." in messages
    assert any(m.startswith("rule 'Some of PT' is never reached: 'All of PT'") for m in messages)
    assert len(messages) == 2


def test_leads_of_known_companies_may_be_paid_for(check: Check) -> None:
    """In a pool, which knows it, in the stored form too; other targets pay for none."""
    loaded = check(("assign: {sticky: company}", "assign: {sticky: company, counts_in: south}"))
    routing = from_json(to_json(loaded.programme)).routing
    [target] = routing.rules[0].targets
    assert isinstance(target, ToCompany)
    assert target.counts_in == PoolKey("south")
    assert routing.pools[PoolKey("south")].counts_known
    for new, words in (
        ("{sticky: company, counts_in: north}", "no pool is named 'north'"),
        ("{queue: Inside Sales Desk, counts_in: south}", "for leads that go to a company's own"),
    ):
        found = complaint(check, "assign: {sticky: company}", f"assign: {new}")
        assert words in found.message


def test_a_company_rule_is_no_catch_all(check: Check) -> None:
    """Leads of unknown companies pass it: without another rule at the end they are parked."""
    text = ROUTING[ROUTING.index("  - name: Everything else") : ROUTING.index("rule_sets:")]
    warned = check((text, "")).warnings
    assert any("no rule takes every lead" in w.message for w in warned)
