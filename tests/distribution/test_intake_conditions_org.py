"""Leads taken by who owns them and what they hold, from the embedded org."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.errors import NotReady
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.intake_model import Claim
from sfprm.programme.model import Criterion, Origin, Programme, Rule, RuleSet, ToQueue, ToUser
from sfprm.salesforce import collections as rows

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

HERE = Origin("routing.yaml", 1)
DESK = ToQueue("Inside Sales Desk")


def claim(of: Any, owner: str, *where: str) -> Claim:
    made = [parse_criterion(text) for text in where]
    criteria = tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made)
    return Claim(f"{of} {owner}", of, owner, criteria, None, HERE)


def taking(programme: Programme, *claims: Claim, services: tuple[Claim, ...] = ()) -> Programme:
    first = next(iter(programme.channel_managers.values())).username
    routing = replace(
        programme.routing,
        intake=(),
        pools={},
        claims=claims,
        rules=(Rule("To a manager", (), None, ToUser(first), HERE),),
        rule_sets=(
            (RuleSet("s", (), (Rule("Desk", (), None, DESK, HERE),), HERE, services),)
            if services
            else ()
        ),
    )
    return replace(programme, routing=routing)


def lead(channel: Channel, name: str, owner: str, **fields: Any) -> None:
    [made] = rows.create(
        channel.session,
        "Lead",
        [{"LastName": name, "Company": name, "Email": f"{name}@x.example", **fields}],
        headers={"Sforce-Auto-Assign": "FALSE"},
    )
    assert made.id
    rows.update(channel.session, "Lead", [{"Id": made.id, "OwnerId": owner}])


def test_leads_of_a_user_and_of_part_of_a_queue_are_taken_once(channel: Channel) -> None:
    """The rest stays where it is; what was given to an internal user is not taken again."""
    channel.only(0)
    managers = [m.username for m in channel.programme.channel_managers.values()]
    names = {
        r["Username"]: (r["Id"], r["Name"])
        for r in channel.query("SELECT Id, Username, Name FROM User")
    }
    box = managers[-1]
    assert box != managers[0]
    queue = channel.queue_id("Web Leads")
    lead(channel, "mine", names[box][0], Country="PT")
    lead(channel, "queued-pt", queue, Country="pt")
    lead(channel, "queued-es", queue, Country="ES")
    channel.programme = taking(
        channel.programme,
        claim("user", box),
        services=(claim("queue", "Web Leads", "Country equals PT"),),
    )
    before = channel.owners()
    result = channel.route()
    after = channel.owners()
    assert result.looked_at == 1 + sum(owner == names[box][1] for owner in before.values())
    assert after["mine@x.example"] == names[managers[0]][1]
    assert after["queued-pt@x.example"] == "Inside Sales Desk"
    assert after["queued-es@x.example"] == "Web Leads"
    assert channel.route("run-2").looked_at == 0
    [entry] = [e for e in channel.store.entries() if e.label.startswith("queued-pt")]
    assert entry.intake == "queue Web Leads"


def test_leads_of_internal_users_do_not_go_round(channel: Channel) -> None:
    """They wait once: the one who got them owns them now, and is internal too. Partners' do not."""
    channel.only(0)
    managers = [m.username for m in channel.programme.channel_managers.values()]
    ids = {r["Username"]: r["Id"] for r in channel.query("SELECT Id, Username FROM User")}
    lead(channel, "inside", ids[managers[-1]], Country="PT", LeadSource="Web")
    lead(channel, "other", ids[managers[-1]], Country="ES", LeadSource="Web")
    lead(channel, "partners", channel.user_id("ines.moura"), Country="PT", LeadSource="Web")
    where = ("Email startsWith inside, other, partners", "Country equals PT")
    channel.programme = taking(channel.programme, claim("internal", "", *where))
    assert channel.route().looked_at == 1
    assert [e.label for e in channel.store.entries()] == ["inside, inside"]
    assert channel.route("run-2").looked_at == 0


def test_a_user_who_is_not_there_is_named(channel: Channel) -> None:
    """As a missing queue is."""
    channel.programme = taking(channel.programme, claim("user", "nobody@example.com"))
    with pytest.raises(NotReady, match=r"no user 'nobody@example\.com'"):
        channel.route()
