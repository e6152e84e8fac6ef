"""Routing against the embedded org: everybody gets what they are owed, for few calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sfprm.errors import NotReady
from sfprm.routing.credits import broken_laws
from sfprm.routing.values import Code
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from conftest import Channel


def test_two_thousand_leads_end_with_an_owner_or_a_reason(channel: Channel) -> None:
    """At most 30 calls; the org holds what the journal says; nobody is far from entitlement."""
    mark = channel.session.calls.snapshot()
    result = channel.route()
    assert channel.session.calls.since(mark).total <= 30
    assert (result.looked_at, result.owned + result.parked) == (2_000, 2_000)
    assert result.owned > 1_500
    assert sum(result.parked_by_reason.values()) == result.parked > 0
    waiting = channel.query("SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads')")
    assert {row["Id"] for row in waiting} == {p.lead for p in channel.store.parked()}
    entries = channel.store.entries()
    held = channel.query("SELECT OwnerId, COUNT(Id) n FROM Lead GROUP BY OwnerId")
    given = Counter(e.owner_new for e in entries if e.owner_new is not None)
    counts = {row["OwnerId"]: row["n"] for row in held}
    assert all(counts[owner] >= n for owner, n in given.items())
    assert {e.state for e in entries} == {WriteState.CONFIRMED, WriteState.NOTHING_TO_WRITE}
    assert result.worst_drift <= 2
    for share in result.pools:
        assert share.worst <= share.bound
        assert sum(m.got for m in share.members) == sum(m.entitled for m in share.members)
    assert [w for x in channel.store.all_ledgers().values() for w in broken_laws(x)] == []


def test_the_next_pass_finds_nothing_to_do_for_two_calls(channel: Channel) -> None:
    """Parked leads are left out until their next try."""
    channel.only(200)
    parked = channel.route().parked
    again = channel.route("run-2")
    assert (again.looked_at, again.waiting, again.calls) == (0, parked, 2)


def test_who_never_logged_in_gets_nothing_and_the_journal_says_why(channel: Channel) -> None:
    """The other people of the partner share what it wins."""
    channel.only(400)
    channel.route()
    carla = channel.user_id("carla.nunes")
    assert channel.query(f"SELECT Id FROM Lead WHERE OwnerId = '{carla}'") == []
    classes = {
        choice.class_digest
        for entry in channel.store.entries()
        for choice in entry.choices
        if choice.ledger.endswith("/partner:acme-ibericos")
    }
    candidates = channel.store.eligibility(classes.pop()).candidates
    reasons = {c.member: [r.code for r in c.reasons] for c in candidates}
    assert reasons["person:carla.nunes"] == [Code.NEVER_LOGGED_IN]
    assert reasons["person:ines.moura"] == []


def test_a_dry_run_writes_nothing_and_tells_the_same(channel: Channel) -> None:
    """Neither the org nor the store; the real pass then does what it said."""
    channel.only(300)
    before = channel.owners()
    told = channel.route(dry_run=True)
    assert channel.owners() == before
    assert channel.store.entries() == []
    real = channel.route()
    assert (told.by_target, told.parked_by_reason) == (real.by_target, real.parked_by_reason)
    assert (told.pools, told.owned) == (real.pools, real.owned)


def test_a_limit_takes_the_oldest(channel: Channel) -> None:
    """In order of CreatedDate and Id."""
    oldest = channel.query(
        "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads') "
        "ORDER BY CreatedDate, Id LIMIT 30"
    )
    result = channel.route(limit=30)
    assert result.looked_at == 30
    assert {e.lead for e in channel.store.entries()} == {row["Id"] for row in oldest}


def test_an_intake_queue_that_is_not_there_is_named(channel: Channel) -> None:
    """Before anything is read or decided."""
    from dataclasses import replace

    routing = replace(channel.programme.routing, intake=("Web Leads", "Fax Leads"))
    channel.programme = replace(channel.programme, routing=routing)
    with pytest.raises(NotReady, match="The org has no queue 'Fax Leads'"):
        channel.route()


def test_what_the_org_refuses_is_given_back_and_parked_with_its_words(channel: Channel) -> None:
    """An owner who is switched off between decision and write: the others get theirs."""
    channel.only(400)
    ines = channel.user_id("ines.moura")

    def switch_off(what: str) -> None:
        if what == "journal":
            channel.org.event("person-edits", object="User", id=ines, fields={"IsActive": False})

    channel.store.on_commit(switch_off)
    result = channel.route()
    assert result.refused
    assert all(s.entry.owner_new == ines for s in result.refused)
    assert "INACTIVE_OWNER_OR_USER" in result.refused[0].words
    assert result.owned + result.parked + len(result.refused) == 400
    kept = {p.lead: p.reasons for p in channel.store.parked()}
    assert {kept[s.entry.lead][0].code for s in result.refused} == {Code.REFUSED_BY_ORG}
    assert channel.store.verify() == []
    south = next(s for s in result.pools if s.pool == "south")
    assert sum(m.difference for m in south.members) == 0
