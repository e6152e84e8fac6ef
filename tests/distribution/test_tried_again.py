"""Leads that are tried again and again: what is news is journalled, the rest is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.blocks import Text
from sfprm.clock import FakeClock
from sfprm.distribution.said_already import said_already
from sfprm.ids import PoolKey, RecordId, RunId
from sfprm.insight.why import why
from sfprm.insight.why_result import Proof, Why
from sfprm.programme.model import Criterion, LeaveAlone, Operator, Origin, Rule
from sfprm.routing.values import Code, Decision, LeadFacts, Outcome, Reason, RuleTrial
from sfprm.store.records import JournalEntry, WriteState
from tests.distribution.test_recall_org import Offers
from tests.distribution.test_route_org import queues_only

if TYPE_CHECKING:
    from sfprm.programme.model import Programme
    from tests.distribution.conftest import Channel

START = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
HERE = Origin("routing.yaml", 1)


def _only_hot(programme: Programme, *rest: Rule) -> Programme:
    """Hot leads to two queues, the others by `rest` or to nobody."""
    hot = Criterion("Rating", Operator.EQUALS, ("Hot",), "Rating equals Hot", HERE)
    [rule] = programme.routing.rules
    rules = (replace(rule, name="hot ones", criteria=(hot,)), *rest)
    return replace(programme, routing=replace(programme.routing, rules=rules), digest="")


@pytest.fixture
def cold(channel: Channel) -> Offers:
    """Twelve leads, of which the hot ones go to two queues."""
    channel.only(12)
    channel.programme = _only_hot(queues_only(channel))
    return Offers(channel, FakeClock(START))


def _told(answer: Why) -> list[str]:
    return [line for block in answer.blocks() if isinstance(block, Text) for line in block.lines]


def test_a_try_that_ends_the_same_is_counted_and_not_journalled(cold: Offers) -> None:
    """Six tries are one entry a lead; `why` says how often; a person's edit is news."""
    store = cold.channel.store
    first = cold.route()
    assert 0 < first.parked < 12
    waiting = {p.lead for p in store.parked()}
    counted = 1
    for _ in range(5):
        cold.later(days=1)
        again = cold.route()
        assert (again.looked_at, again.parked) == (first.parked, first.parked)
        counted += 1
    entries = Counter(e.lead for e in store.entries() if e.lead in waiting)
    assert set(entries.values()) == {1}
    assert len(store.entries()) == 12
    kept = store.parked()
    assert {(p.tries, p.since, p.tried) for p in kept} == {(counted, START, cold.clock.now())}
    assert all(p.next_try is not None and p.next_try > cold.clock.now() for p in kept)
    lead = kept[0].lead
    answer = why(store, lead)
    assert answer.proof is Proof.SAME
    assert _told(answer)[-2:] == [
        "Kept back since 23 Nov 2026 09:00 UTC, 6 tries, the last 28 Nov 2026 09:00 UTC; "
        "next try 29 Nov 2026 09:00 UTC.",
        "Every try after 23 Nov 2026 09:00 UTC ended the same way.",
    ]
    then = why(store, lead, as_of=START + timedelta(days=3, hours=1))
    assert then.parked is None
    assert _told(then)[-1] == (
        "As of 26 Nov 2026 10:00 UTC: kept back since 23 Nov 2026 09:00 UTC; no try after "
        "23 Nov 2026 09:00 UTC had ended otherwise."
    )
    # what a rule reads has changed: the journal says so, though nothing else follows from it
    other = "Cold" if answer.decisions[0].entry.facts["Rating"] == "Warm" else "Warm"
    cold.edit(lead, "lena.berg@alder.example.com", Rating=other)
    cold.later(days=1)
    cold.route()
    assert [e.facts["Rating"] for e in store.entries(lead=lead)][1:] == [other]
    # and so has the end
    cold.edit(lead, "lena.berg@alder.example.com", Rating="Hot")
    cold.later(days=1)
    assert cold.route().owned == 1
    *_, before, last = store.entries(lead=lead)
    assert (before.outcome, last.outcome, last.state) == (
        Outcome.PARKED,
        Outcome.ASSIGNED,
        WriteState.CONFIRMED,
    )
    assert lead not in {p.lead for p in store.parked()}
    back_then = _told(why(store, lead, as_of=cold.clock.now() - timedelta(minutes=1)))
    assert "kept back since 23 Nov 2026 09:00 UTC" in back_then[-1]
    assert store.verify() == []


def test_another_rule_or_reason_is_journalled(cold: Offers) -> None:
    """The programme changes: a rule more that is tried and fails, then one that leaves them."""
    channel, store = cold.channel, cold.channel.store
    cold.route()
    lead = store.parked()[0].lead
    nobody = Criterion("City", Operator.EQUALS, ("Nowhere",), "City equals Nowhere", HERE)
    target = channel.programme.routing.rules[0].target
    plain = queues_only(channel)
    channel.programme = _only_hot(plain, Rule("none", (nobody,), None, target, HERE))
    cold.later(days=1)
    cold.route()
    cold.later(days=1)
    cold.route()
    assert [len(e.trials) for e in store.entries(lead=lead)] == [1, 2]
    channel.programme = _only_hot(plain, Rule("all others", (), None, LeaveAlone(), HERE))
    for _ in range(4):
        cold.later(days=1, minutes=1)
        left = cold.route().left_alone
    assert left == len(store.parked())
    assert [e.outcome for e in store.entries(lead=lead)] == ["parked", "parked", "left-alone"]
    [kept] = [p for p in store.parked() if p.lead == lead]
    assert (kept.tries, kept.waits) == (4, False)
    assert _told(why(store, lead))[-2].startswith("Left there since 26 Nov 2026 09:01 UTC, 4 tries")
    assert store.verify() == []


def test_a_lead_that_waits_in_the_park_queue_is_journalled_once(cold: Offers) -> None:
    """The entry that moved it there; moved back by a person, it is news again."""
    channel, store = cold.channel, cold.channel.store
    routing = replace(channel.programme.routing, park="Inside Sales Desk")
    pool = routing.pools[PoolKey("desks")]
    members = tuple(m for m in pool.members if m.name != "Inside Sales Desk")
    routing = replace(routing, pools={pool.key: replace(pool, members=members)})
    channel.programme = replace(channel.programme, routing=routing, digest="")
    parked = cold.route().parked
    for _ in range(3):
        cold.later(days=1)
        assert cold.route().parked == parked
    leads = [p.lead for p in store.parked()]
    assert len(leads) == parked == len(store.entries(leads=leads))
    cold.edit(leads[0], "lena.berg@alder.example.com", OwnerId=channel.queue_id("Web Leads"))
    cold.later(days=1)
    cold.route()
    assert [e.owner_new is None for e in store.entries(lead=leads[0])] == [False, False]
    assert len(store.entries(leads=leads)) == parked + 1
    assert store.verify() == []


def test_a_purged_lead_stays_purged(cold: Offers) -> None:
    """Tries after the purge bring no personal data back."""
    store = cold.channel.store
    cold.route()
    lead = store.parked()[0].lead
    assert store.purge_facts(leads=[lead]) == 1
    cold.later(days=1)
    cold.route()
    [entry] = store.entries(lead=lead)
    assert (entry.facts, entry.created) == ({}, None)
    assert why(store, lead).proof is Proof.SAME


LEAD = LeadFacts(
    RecordId("00Q000000000001"),
    RecordId("00G000000000001"),
    datetime(2026, 1, 1, tzinfo=UTC),
    "Web",
    {"Rating": "Cold"},
)
PARKED = Decision(
    LEAD,
    Outcome.PARKED,
    START,
    "a rule",
    (RuleTrial("a rule", True),),
    PoolKey("a pool"),
    reasons=(Reason(Code.NO_ELIGIBLE_MEMBER, "nobody"),),
    next_try=START,
)
ENTRY = JournalEntry(
    1, "live", "route", "rules", RunId("run"), LEAD.id, 1, START, "parked", LEAD.owner_id, None, "",
    WriteState.NOTHING_TO_WRITE, PARKED.rule, PARKED.trials, PARKED.pool, (), LEAD.fields, "",
    "Web", "", 1, PARKED.reasons, START, "", created=LEAD.created,
)  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "entry", "same"),
    [
        ({}, {}, True),
        ({"next_try": START + timedelta(hours=1)}, {}, True),
        ({"rule": "another"}, {}, False),
        ({"pool": PoolKey("another")}, {}, False),
        ({"reasons": (Reason(Code.NO_ELIGIBLE_MEMBER, "nobody else"),)}, {}, False),
        ({"trials": (RuleTrial("a rule", False, (1,)),)}, {}, False),
        ({"outcome": Outcome.LEFT_ALONE}, {}, False),
        (
            {"reasons": (Reason(Code.CAP_OPEN, "partner:a: holds 61 open leads, cap 60"),)},
            {"reasons": (Reason(Code.CAP_OPEN, "partner:a: holds 60 open leads, cap 60"),)},
            True,
        ),
        (
            {"reasons": (Reason(Code.CAP_OPEN, "partner:a: holds 61 open leads, cap 60"),)},
            {"reasons": (Reason(Code.CAP_OPEN, "partner:b: holds 61 open leads, cap 60"),)},
            False,
        ),
        ({"outcome": Outcome.ASSIGNED}, {"outcome": "assigned"}, False),
        ({"lead": replace(LEAD, fields={"Rating": "Warm"})}, {}, False),
        ({"lead": replace(LEAD, fields={"Rating": "Warm"})}, {"created": None, "facts": {}}, True),
        ({"lead": replace(LEAD, intake="Events")}, {}, False),
        ({"lead": replace(LEAD, owner_id=RecordId("00G000000000002"))}, {}, False),
        ({"owner_id": RecordId("00G000000000002")}, {}, False),
        ({}, {"owner_new": RecordId("00G000000000002")}, False),
    ],
)
def test_what_is_news(decision: dict[str, Any], entry: dict[str, Any], same: bool) -> None:
    """Each part that an entry tells, changed by itself."""
    assert said_already(replace(PARKED, **decision), replace(ENTRY, **entry)) is same
    assert not said_already(replace(PARKED, **decision), None)
