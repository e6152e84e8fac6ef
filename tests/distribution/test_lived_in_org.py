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
from sfprm.store.refused import given_on_by, refused_by
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
    assert first.overtaken[0].words == (
        "an automation of the org (flow Keep the South, or another router) gave it to Lena Berg "
        "right after our own write"
    )
    [by] = refused_by(store, START - timedelta(days=1))
    assert (by.kind, by.name, by.leads) == ("turned", "flow Keep the South, or another router", 10)
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


def test_merged_leads_are_told_from_deleted_ones(lived_in: Offers) -> None:
    """Between decision and write, by name and counted; the survivor goes its own way."""
    channel, store = lived_in.channel, lived_in.channel.store

    def meanwhile(what: str) -> None:
        if what == "journal":
            keep, lose, gone, *_ = store.entries()
            channel.org.event("records-merged", object="Lead", keep=keep.lead, lose=[lose.lead])
            channel.session.request("DELETE", f"sobjects/Lead/{gone.lead}", kind="delete")

    store.on_commit(meanwhile)
    done = lived_in.route()
    keep, lose, gone, *_ = store.entries(kinds=("route",))
    assert done.owned == 8
    said = {s.entry.lead: s.words for s in done.refused}
    assert set(said) == {lose.lead, gone.lead}
    assert said[lose.lead].startswith(f"merged into {keep.lead}: ENTITY_IS_DELETED")
    assert said[gone.lead].startswith("ENTITY_IS_DELETED")
    assert store.merged_since(START - timedelta(days=1)) == 1
    assert store.merged_since(lived_in.clock.now() + timedelta(hours=1)) == 0
    assert store.parked() == []
    assert store.verify() == []


def test_who_gives_a_lead_on_is_named(lived_in: Offers) -> None:
    """Not who takes one for themselves."""
    channel, store = lived_in.channel, lived_in.channel.store
    lena = "lena.berg@alder.example.com"
    [hers] = channel.query(f"SELECT Id FROM User WHERE Username = '{lena}'")

    def meanwhile(what: str) -> None:
        if what == "journal":
            first, second, *_ = store.entries()
            lived_in.edit(first.lead, lena, OwnerId=channel.user_id("ines.moura"))
            lived_in.edit(second.lead, lena, OwnerId=hers["Id"])
            raise KeyboardInterrupt

    store.on_commit(meanwhile)
    with pytest.raises(KeyboardInterrupt):
        lived_in.route()
    store.on_commit(lambda what: None)
    done = lived_in.route()
    assert len(done.overtaken) == 2
    [by] = given_on_by(store, START - timedelta(days=1))
    assert (by.name, by.leads) == ("Lena Berg", 1)


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
    assert "(no flow or trigger is active on leads: a workflow rule" in done.overtaken[0].words
    states = Counter(e.state for e in store.entries(kinds=("route",)))
    assert states == {WriteState.CONFIRMED: 9, WriteState.OVERTAKEN: 1}
    assert [e.refunds for e in store.entries(kinds=("refund",))] == [taken.sequence]
    assert lived_in.route().overtaken == ()
    assert store.verify() == []
