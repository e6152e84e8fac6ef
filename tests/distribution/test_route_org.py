"""Routing against the embedded org: everybody gets what they are owed, for few calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sfprm.errors import NotReady
from sfprm.ids import PoolKey
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.programme.model import Origin, Pool, PoolMember, Programme, Rule, ToPool
from sfprm.routing.credits import broken_laws
from sfprm.routing.values import Code
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel


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
        assert share.bound is not None
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
    routing = replace(channel.programme.routing, intake=("Web Leads", "Fax Leads"))
    channel.programme = replace(channel.programme, routing=routing)
    with pytest.raises(NotReady, match="The org has no queue 'Fax Leads'"):
        channel.route()


def queues_only(channel: Channel, *, notify: str | None = None) -> Programme:
    """The plain case: all leads evenly over two queues."""
    here = Origin("routing.yaml", 1)
    pool = Pool(
        PoolKey("desks"),
        tuple(
            PoolMember("queue", label, 1, here)
            for label in ("Inside Sales Desk", "Partner leads South")
        ),
        here,
    )
    rule = Rule("all", (), None, ToPool(pool.key), here, notify)
    routing = replace(channel.programme.routing, pools={pool.key: pool}, rules=(rule,))
    return replace(channel.programme, routing=routing)


def test_round_robin_over_queues(channel: Channel) -> None:
    """Evenly, with nothing but a list of queues."""
    channel.only(101)
    channel.programme = queues_only(channel)
    [share] = channel.route().pools
    assert sorted(m.got for m in share.members) == [50, 51]


def test_what_the_org_refuses_is_given_back_and_parked_with_its_words(channel: Channel) -> None:
    """A queue that stops taking leads between decision and write: the other gets its own."""
    channel.only(100)
    channel.programme = queues_only(channel)
    queue = channel.queue_id("Partner leads South")
    [link] = channel.query(f"SELECT Id FROM QueueSobject WHERE QueueId = '{queue}'")

    def stop_taking(what: str) -> None:
        if what == "journal":
            path = f"sobjects/QueueSobject/{link['Id']}"
            channel.session.request("DELETE", path, kind="delete")

    channel.store.on_commit(stop_taking)
    result = channel.route()
    assert (result.owned, len(result.refused)) == (50, 50)
    assert result.refused[0].words == (
        "INVALID_OPERATION: Queue not associated with this SObject type"
    )
    kept = {p.lead: p for p in channel.store.parked()}
    assert {kept[s.entry.lead].reasons[0].code for s in result.refused} == {Code.REFUSED_BY_ORG}
    assert all(p.next_try is not None for p in kept.values())
    assert len(channel.store.entries(kinds=("refund",))) == 50
    assert channel.store.verify() == []
    [share] = result.pools
    assert {m.name: m.got for m in share.members} == {
        "Inside Sales Desk": 50,
        "Partner leads South": 0,
    }


def test_a_lead_deleted_before_the_write_is_not_kept_back(channel: Channel) -> None:
    """Its credit returns, and it is never tried again."""
    channel.only(20)
    channel.programme = queues_only(channel)

    def delete_one(what: str) -> None:
        if what == "journal":
            [first] = channel.store.entries(limit=1)
            channel.session.request("DELETE", f"sobjects/Lead/{first.lead}", kind="delete")

    channel.store.on_commit(delete_one)
    result = channel.route()
    assert (result.owned, [s.state for s in result.refused]) == (19, [WriteState.REFUSED])
    assert "ENTITY_IS_DELETED" in result.refused[0].words
    assert channel.store.parked() == []
    assert len(channel.store.entries(kinds=("refund",))) == 1


def test_a_rule_that_notifies_mails_each_new_owner_once(channel: Channel) -> None:
    """Queues are left to their own notification; a second pass mails nobody."""
    channel.only(40)
    rules = tuple(replace(r, notify="lead-assigned") for r in channel.programme.routing.rules)
    routing = replace(channel.programme.routing, rules=rules)
    channel.programme = replace(channel.programme, routing=routing)
    policy = MailPolicy(True, "sink@example.com", "a test")
    result = channel.route(policy=policy)
    channel.route("run-2", policy=policy)
    mails = [m for m in channel.org.outbox() if m["subject"].startswith("New lead")]
    assert len(mails) == result.mails.sent > 5
    assert result.mails.sent + result.mails.queues == result.owned
    assert result.mails.not_sent == ()
