"""What a recall reads: campaigns as the first routing did, and few calls for many offers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sfprm.clock import FakeClock
from sfprm.programme.condition_text import parse_condition
from sfprm.salesforce import collections as rows
from tests.distribution.test_recall_org import Offers, offering

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

START = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
MANY = 450
"""More than one call reads by id."""


def test_leads_offered_again_have_their_campaigns(channel: Channel) -> None:
    """Else a pool that asks for one would have nobody, and park them."""
    channel.only(3)
    channel.programme = offering(channel.programme)
    pools = dict(channel.programme.routing.pools)
    [key] = [k for k, p in pools.items() if p.offer]
    pools[key] = replace(pools[key], eligible_when=parse_condition("LatestCampaign.Name == Autumn"))
    routing = replace(channel.programme.routing, pools=pools)
    channel.programme = replace(channel.programme, routing=routing)
    [campaign] = rows.create(channel.session, "Campaign", [{"Name": "Autumn"}])
    leads = channel.query("SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads')")
    made = rows.create(
        channel.session,
        "CampaignMember",
        [{"CampaignId": campaign.id, "LeadId": row["Id"]} for row in leads],
    )
    assert all(one.success for one in made)
    offers = Offers(channel, FakeClock(START))
    assert offers.route().owned == 3
    offers.later(days=2)
    assert offers.recall().went == {"next": 3}
    assert Counter(o.number for o in channel.store.offers.open()) == {2: 3}


def test_many_silent_offers_cost_few_calls(channel: Channel) -> None:
    """A look reads some 440 leads a call; those that run out their history too, and 200 are written
    a call; one confirmation."""
    channel.only(MANY)
    channel.programme = offering(channel.programme)
    offers = Offers(channel, FakeClock(START))
    offers.route()
    held = len(channel.store.offers.open())
    assert held > 440
    offers.later(hours=1)
    looked = offers.recall()
    assert (looked.looked_at, looked.went) == (held, {})
    assert looked.calls <= 2 + 12, "the second look at what was routed, the leads, the estate"
    offers.later(minutes=10)
    assert offers.recall().calls <= 2, "nothing has happened: the leads alone"
    offers.later(days=2)
    done = offers.recall()
    assert sum(done.went.values()) == held
    # leads, histories, the estate and queues, writes, confirming
    assert done.calls <= 2 + 2 + 12 + 3 + 2
