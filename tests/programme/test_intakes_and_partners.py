"""Intakes that are more than a queue: read, and told where two rule sets take the same leads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfprm.errors import BadFiles
from sfprm.programme.canonical import from_json, to_json
from sfprm.programme.load import Loaded, load
from sfprm.programme.logic import And, Or, Ref

ROUTING = """
intake:
  - Web Leads
  - {queue: Event Leads, where: [Country equals PT]}
  - {user: info@example.com, name: The info box}
  - {owner: internal, where: [LeadSource equals Web, Country equals PT], logic: 1 AND 2}
rules:
  - {name: Everything, assign: {queue: Inside Sales Desk}}
rule_sets:
  services:
    intake: [{queue: Event Leads, where: [Country notEqual PT]}]
    rules: [{name: All services, assign: {queue: Inside Sales Desk}}]
"""

Check = Callable[..., Loaded]


@pytest.fixture
def check(copy: Path) -> Check:
    """Load the sample with this routing.yaml, some of its texts replaced."""

    def act(*changes: tuple[str, str]) -> Loaded:
        text = ROUTING
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (copy / "routing.yaml").write_text(text, "utf-8")
        return load(copy)

    return act


def test_claims_are_read_and_kept(check: Check) -> None:
    """With their owners and names; rules are found by either; the stored form gives them again."""
    loaded = check()
    routing = loaded.programme.routing
    assert (routing.intake, loaded.warnings) == (("Web Leads",), ())
    assert [(c.name, c.of, c.owner) for c in routing.all_claims] == [
        ("Event Leads: Country equals PT", "queue", "Event Leads"),
        ("The info box", "user", "info@example.com"),
        ("internal users: LeadSource equals Web; Country equals PT", "internal", ""),
        ("Event Leads: Country notEqual PT", "queue", "Event Leads"),
    ]
    assert routing.rule_intakes == ("Web Leads", "Event Leads")
    assert {"Country", "LeadSource"} <= set(routing.fields_read())
    [services] = routing.rule_sets
    assert routing.rules_for("Event Leads: Country notEqual PT") == services.rules
    assert routing.rules_for("The info box") == routing.rules
    again = from_json(to_json(loaded.programme)).routing
    assert [c.name for c in again.all_claims] == [c.name for c in routing.all_claims]


OTHER = "{queue: Event Leads, where: [Country notEqual PT]}"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("{queue: Event Leads, where: [Country equals PT, ES]}", "Event Leads: Country equals PT"),
        ("{user: INFO@example.com, where: [Country equals ES]}", "The info box"),
        ("{owner: internal, where: [City equals Porto]}", "internal users: LeadSource equals Web"),
    ],
)
def test_leads_of_two_rule_sets_are_warned_of(check: Check, new: str, words: str) -> None:
    """Both are named, and which of them wins."""
    quoted = new.replace("[Country equals PT, ES]", '["Country equals PT, ES"]')
    messages = [w.message for w in check((OTHER, quoted)).warnings]
    assert any(f"may take the same leads as '{words}" in each for each in messages), messages
    assert all("written first" in each for each in messages)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- Web Leads", "- Event Leads", "is an intake whole already"),
        ("name: The info box", "where: [LatestCampaign.Name equals X]", "cannot read"),
        ("user: info@example.com", "user: info", "is not a username"),
        ("logic: 1 AND 2", "logic: NOT 1", "logic does not name criterion 2"),
        ("logic: 1 AND 2", "logic: 1 AND 3", "`where` has 2"),
        ("queue: Event Leads, where", "owner: internal, queue: Event Leads, where", "exactly one"),
        ("name: The info box", '"name": "Event Leads: Country equals PT"', "two intakes are named"),
    ],
)
def test_mistakes(check: Check, old: str, new: str, words: str) -> None:
    """One complaint, with its line."""
    with pytest.raises(BadFiles) as error:
        check((old, new))
    assert any(words in c.message and c.line for c in error.value.complaints), [
        c.message for c in error.value.complaints
    ]


PARTNERS = """
intake: [Web Leads]
pools:
  south: {members: [{partner: acme-ibericos}, {partner: sulcom}]}
rules:
  - name: Certified
    when: ["partner.tier greaterOrEqual Gold", Country equals PT, Country in partner.territories]
    logic: 1 OR (2 AND 3)
    assign: {pool: south}
  - {name: Everything, assign: {queue: Inside Sales Desk}}
"""


def test_criteria_on_partners_are_numbered_with_the_others(copy: Path) -> None:
    """Kept apart, those on the lead first, with the logic renumbered."""
    (copy / "routing.yaml").write_text(PARTNERS, "utf-8")
    loaded = load(copy)
    rule = loaded.programme.routing.rules[0]
    assert loaded.warnings == ()
    assert [c.field for c in rule.criteria] == ["Country"]
    assert [c.text for c in rule.partner_criteria] == [
        "partner.tier greaterOrEqual Gold",
        "Country in partner.territories",
    ]
    assert rule.logic == Or((Ref(2), And((Ref(1), Ref(3)))))
    again = from_json(to_json(loaded.programme)).routing.rules[0]
    assert [c.comparison for c in again.partner_criteria] == [
        c.comparison for c in rule.partner_criteria
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{pool: south}", "{queue: Inside Sales Desk}", "this rule gives it to none"),
        ("Gold", "Golden", "is not one of the tiers"),
        ("partner.territories", "partner.regions", "no attribute 'regions'"),
        ("Country in partner", "Countri in partner", "no standard field 'Countri'"),
        ("Country in", "partner.tier == Gold and Country in", "after the comparison"),
        ("intake: [Web Leads]", "intake: [{queue: Web Leads, where: [partner.tier >= Gold]}]",
         "an intake cannot read"),
    ],
)  # fmt: skip
def test_mistakes_in_criteria_on_partners(copy: Path, old: str, new: str, words: str) -> None:
    """Each is told with its line."""
    assert old in PARTNERS
    (copy / "routing.yaml").write_text(PARTNERS.replace(old, new, 1), "utf-8")
    with pytest.raises(BadFiles) as error:
        load(copy)
    assert any(words in c.message and c.line for c in error.value.complaints), [
        c.message for c in error.value.complaints
    ]
