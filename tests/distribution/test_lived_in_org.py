"""Writing to an org with a life of its own: flows that take leads, rules that refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sfprm.clock import FakeClock
from sfprm.distribution.rule_names import read_rule_names
from sfprm.insight.status import status
from sfprm.routing.values import Code
from sfprm.store.records import WriteState
from sfprm.store.refused import refused_by
from tests.distribution.test_recall_org import Offers
from tests.distribution.test_route_org import queues_only

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

START = datetime.fromisoformat("2026-11-23T09:00:00+00:00")


@pytest.fixture
def lived_in(channel: Channel) -> Iterator[Offers]:
    """Ten leads for two queues, and a clock of its own."""
    channel.only(10)
    channel.programme = queues_only(channel)
    yield Offers(channel, FakeClock(START))
    channel.org.control("DELETE", "behaviours")


def test_a_flow_that_takes_leads_is_named_and_twice_is_enough(lived_in: Offers) -> None:
    """Credits return, the leads are parked, and after the second turn they are written no more."""
    channel, store = lived_in.channel, lived_in.channel.store
    flow = {
        "object": "Lead",
        "name": "Keep the South",
        "owner": {"user": "lena.berg@alder.example.com"},
        "on": ["update"],
        "changes": ["OwnerId"],
    }
    channel.org.control("POST", "behaviours", {"flows": [flow]})
    first = lived_in.route()
    assert len(first.overtaken) == 10
    assert "an automation of the org" in first.overtaken[0].words
    assert {r.code for p in store.parked() for r in p.reasons} == {Code.AUTOMATION}
    assert all(p.next_try is not None for p in store.parked())
    assert store.verify() == []
    web = channel.queue_id("Web Leads")
    channel.org.control("DELETE", "behaviours")
    lena = "lena.berg@alder.example.com"
    for parked in store.parked():
        lived_in.edit(parked.lead, lena, OwnerId=web)
    channel.org.control("POST", "behaviours", {"flows": [flow]})
    lived_in.later(days=1)
    assert len(lived_in.route().overtaken) == 10
    assert all(p.next_try is None for p in store.parked())
    assert not any(ledger.credits and any(ledger.credits.values()) for ledger in _ledgers(lived_in))


def _ledgers(lived_in: Offers) -> list:  # type: ignore[type-arg]
    return list(lived_in.channel.store.all_ledgers().values())


def test_a_rule_that_refuses_holds_nobody_up(lived_in: Offers) -> None:
    """In the administrator's words, for two transactions, with a next try that grows."""
    channel, store = lived_in.channel, lived_in.channel.store
    rule = {
        "object": "Lead",
        "name": "Hot leads need a phone",
        "message": "Hot leads need a phone number.",
        "on": ["update"],
        "when": [{"field": "Rating", "operation": "equals", "value": "Hot"}],
    }
    channel.org.control("POST", "behaviours", {"validation_rules": [rule]})
    commits: list[str] = []
    store.on_commit(commits.append)
    done = lived_in.route()
    assert 0 < len(done.refused) < 10
    assert done.owned + len(done.refused) == 10
    assert commits.count("decisions refused") == 1
    assert "Hot leads need a phone number." in done.refused[0].words
    names = read_rule_names(channel.session)
    [by] = refused_by(store, START - timedelta(days=1), names)
    assert (by.kind, by.name) == ("validation rule", "Hot_leads_need_a_phone")
    assert by.writes == by.leads == len(done.refused)
    assert refused_by(store, lived_in.clock.now() + timedelta(hours=1)) == ()
    [told] = status(store, lived_in.clock.now()).refused
    assert (told.name, told.writes) == ("“Hot leads need a phone number.”", by.writes)
    tries = {p.lead: p.next_try for p in store.parked()}
    lived_in.later(hours=2)
    lived_in.route()
    again = {p.lead: p.next_try for p in store.parked()}
    assert set(again) == set(tries)
    for lead, first in tries.items():
        later = again[lead]
        assert first is not None
        assert later is not None
        assert (later - lived_in.clock.now()) > (first - START)
    assert store.verify() == []


def test_a_late_turn_is_found_at_the_second_look(lived_in: Offers) -> None:
    """Automation that comes minutes later, as our own user; people's moves are left alone."""
    channel, store = lived_in.channel, lived_in.channel.store
    lived_in.route()
    taken, moved, *_ = store.entries(kinds=("route",))
    lena = channel.query("SELECT Id FROM User WHERE Username = 'lena.berg@alder.example.com'")
    body = {"OwnerId": lena[0]["Id"]}
    channel.session.request("PATCH", f"sobjects/Lead/{taken.lead}", kind="update", json=body)
    lived_in.edit(moved.lead, "lena.berg@alder.example.com", OwnerId=lena[0]["Id"])
    lived_in.later(minutes=4)
    assert lived_in.route().overtaken == ()
    lived_in.later(minutes=2)
    done = lived_in.route()
    assert [s.entry.lead for s in done.overtaken] == [taken.lead]
    states = Counter(e.state for e in store.entries(kinds=("route",)))
    assert states == {WriteState.CONFIRMED: 9, WriteState.OVERTAKEN: 1}
    assert [e.refunds for e in store.entries(kinds=("refund",))] == [taken.sequence]
    assert lived_in.route().overtaken == ()
    assert store.verify() == []
