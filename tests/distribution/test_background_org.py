"""Campaigns, companies and parents, read from the embedded org for the rules that ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.distribution.companies import domain_of
from sfprm.ids import PoolKey, RecordId
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.model import (
    Criterion,
    InTurn,
    Origin,
    Programme,
    Rule,
    SameCompany,
    StickyBy,
    ToCompany,
    ToPool,
    ToQueue,
)
from sfprm.routing.values import Code
from sfprm.salesforce import collections as rows

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

HERE = Origin("routing.yaml", 1)
SOUTH = PoolKey("south")


def criteria(*when: str) -> tuple[Criterion, ...]:
    made = [parse_criterion(text) for text in when]
    return tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made)


def with_rules(programme: Programme, *rules: Rule, **pool: Any) -> Programme:
    pools = dict(programme.routing.pools)
    pools[SOUTH] = replace(pools[SOUTH], eligible_when=None, **pool)
    return replace(programme, routing=replace(programme.routing, rules=rules, pools=pools))


def create(channel: Channel, object_: str, **fields: Any) -> RecordId:
    [outcome] = rows.create(channel.session, object_, [fields])
    assert outcome.id is not None, outcome
    return RecordId(outcome.id)


def lead(channel: Channel, name: str, company: str, email: str, **fields: Any) -> RecordId:
    fields = {"OwnerId": channel.queue_id("Web Leads"), "Country": "PT", **fields}
    return create(channel, "Lead", LastName=name, Company=company, Email=email, **fields)


EVERYTHING = Rule("all", (), None, ToQueue("Inside Sales Desk"), HERE)


def test_a_known_company_goes_to_its_partner(channel: Channel) -> None:
    """By domain, name, and an account's open opportunity; free mail says nothing. To the user who
    works it; another of the partner's people when that one may not own leads."""
    channel.only(0)
    rui, carla = channel.user_id("rui.prata"), channel.user_id("carla.nunes")
    lead(channel, "Old", "Quinta do Vale, Lda", "a@quintadovale.example.com", OwnerId=rui)
    lead(channel, "Older", "Serra Fria", "b@gmail.com", OwnerId=carla)
    account = create(channel, "Account", Name="Monte Novo")
    create(
        channel,
        "Opportunity",
        Name="Pumps",
        AccountId=account,
        StageName="Prospecting",
        CloseDate="2027-01-01",
        OwnerId=channel.user_id("tiago.faria"),
    )
    by_domain = lead(channel, "New", "QdV", "c@QuintaDoVale.example.com")
    by_name = lead(channel, "Newer", "serra fria", "d@other.example.org")
    by_account = lead(channel, "Account", "Monte Novo", "e@gmail.com")
    unknown = lead(channel, "Nobody", "Elsewhere", "f@gmail.com")
    channel.programme = with_rules(
        channel.programme, Rule("known", (), None, ToCompany(tuple(StickyBy)), HERE), EVERYTHING
    )
    channel.route()
    owners = {e.lead: (e.rule, e.owner_name) for e in channel.store.entries()}
    assert owners[by_domain] == ("known", "Rui Prata")
    assert owners[by_name] == ("known", "Inês Moura")  # Carla never logged in
    assert owners[by_account] == ("known", "Tiago Faria")
    assert owners[unknown] == ("all", "Inside Sales Desk")


def test_a_conflict_is_parked_for_the_channel_manager(channel: Channel) -> None:
    """In a pool that says so; whoever works the company is named, and a later target not tried."""
    channel.only(0)
    rui = channel.user_id("rui.prata")
    lead(channel, "Old", "Quinta do Vale, Lda", "a@quintadovale.example.com", OwnerId=rui)
    new = lead(channel, "New", "QdV", "c@quintadovale.example.com")
    free = lead(channel, "Free", "Elsewhere", "c@elsewhere.example.com")
    target = InTurn((ToPool(SOUTH), ToQueue("Inside Sales Desk")))
    channel.programme = with_rules(
        channel.programme,
        Rule("in turn", (), None, target, HERE),
        same_company=SameCompany.PARK,
    )
    channel.route()
    entries = {e.lead: e for e in channel.store.entries()}
    [reason] = entries[new].reasons
    assert reason.code is Code.SAME_COMPANY
    assert "Acme Ibericos has lead" in reason.detail
    assert "channel manager marta" in reason.detail
    assert entries[free].pool == SOUTH


def test_campaigns_and_parents_are_criteria(channel: Channel) -> None:
    """Any, first and latest campaign, the membership's own fields, and fields of the owner."""
    channel.only(0)
    fair = create(channel, "Campaign", Name="Fair", Type="Conference")
    web = create(channel, "Campaign", Name="Seminar", Type="Webinar")
    both = lead(channel, "Both", "A", "a@a.example.com")
    one = lead(channel, "One", "B", "b@b.example.com")
    none = lead(channel, "None", "C", "c@c.example.com")
    create(channel, "CampaignMember", CampaignId=fair, LeadId=both, Status="Responded")
    create(channel, "CampaignMember", CampaignId=web, LeadId=both, Status="Sent")
    create(channel, "CampaignMember", CampaignId=web, LeadId=one, Status="Sent")
    desk = ToQueue("Inside Sales Desk")
    channel.programme = with_rules(
        channel.programme,
        Rule("not ours", criteria("Owner.Name notEqual Web Leads"), None, desk, HERE),
        Rule("first", criteria("FirstCampaign.Type equals Conference"), None, desk, HERE),
        Rule("latest", criteria("LatestCampaign.Name equals seminar"), None, desk, HERE),
        Rule("no webinar", criteria("AnyCampaign.Type notEqual Webinar"), None, desk, HERE),
    )
    channel.route()
    entries = {e.lead: e for e in channel.store.entries()}
    assert {lead: e.rule for lead, e in entries.items()} == {
        both: "first",
        one: "latest",
        none: "no webinar",
    }
    assert entries[both].facts["AnyCampaign.Type"] == "Conference\nWebinar"


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("a@Firm.example.com", "firm.example.com"),
        ("a@gmail.com", ""),
        ("a@localhost", ""),
        (None, ""),
        ("nonsense", ""),
    ],
)
def test_domains_of_companies(email: str | None, domain: str) -> None:
    """Free mail, and what is no domain, is nobody's."""
    assert domain_of(email) == domain
