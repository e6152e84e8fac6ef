"""Fairness, ageing and status."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sfprm.blocks import Table, Text
from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey, PoolKey, RecordId, RunId
from sfprm.insight.certificate import certificate, check, from_json
from sfprm.insight.names import leads_text, span_text
from sfprm.insight.report import OpenLead, channel_report, fairness
from sfprm.insight.status import status
from sfprm.programme.model import Fairness
from sfprm.routing.values import UNIT, Code, Reason
from sfprm.store.records import Run, RunState, SeenAllowance, WriteState

AWAY = Reason(Code.NEVER_LOGGED_IN, "has never logged in")
LEAD = RecordId("00QKp0000000001")


@pytest.mark.parametrize(
    ("credit", "text"),
    [
        (0, "0.00"),
        (UNIT, "+1.00"),
        (UNIT * 62 // 100, "+0.62"),
        (-UNIT // 20, "−0.05"),
        (-UNIT // 1000, "0.00"),
        (UNIT * 1234, "+1,234.00"),
    ],
)
def test_credits_are_printed_as_leads(credit: int, text: str) -> None:
    """To the hundredth, with a true minus sign and no minus zero."""
    assert leads_text(credit, sign=True) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3, hours=23), "3 days"),
    ],
)
def test_spans_are_printed_in_their_largest_unit(span: timedelta, text: str) -> None:
    """Cut, not rounded."""
    assert span_text(span) == text


def test_entitled_less_got_is_the_ledger(channel: Any) -> None:
    """The report adds up from the journal what the ledger holds."""
    channel.route(range(1, 30))
    channel.route(range(30, 41), away={"acme": AWAY})
    report = fairness(channel.store, None, channel.programme())
    (pool,) = report.pools
    credits = channel.store.all_ledgers()["pool:iberia"].credits
    for member in pool.members:
        assert abs(member.difference + credits[member.member]) < UNIT // 1000
    assert sum(member.got for member in pool.members) == pool.leads == 40
    assert pool.bound == 1.0
    assert not pool.beyond
    assert 0 < report.worst <= pool.bound


def test_equal_counts_are_told_by_their_own_shares(channel: Any) -> None:
    """Who was away is owed for it; no bound is claimed; the certificate says the same and holds."""
    channel = replace(channel, fairness=Fairness.EQUAL_COUNTS)
    channel.route(range(1, 13), away={"acme": AWAY})
    channel.route(range(13, 31))
    programme = channel.programme()
    (pool,) = fairness(channel.store, None, programme).pools
    credits = channel.store.all_ledgers()["pool:iberia/counts"].credits
    assert {m.member: -m.difference for m in pool.members} == dict(credits)
    acme = next(m for m in pool.members if m.member == "partner:acme")
    assert acme.entitled == 15 * UNIT, "half of every lead, also of those while it was away"
    assert pool.worst >= 6 * UNIT
    assert (pool.bound, pool.beyond) == (None, False)
    assert "no bound is proved" in str(pool.blocks())
    made = certificate(channel.store, None, programme, channel.now)
    assert made.body["pools"][0]["bound"] is None
    assert check(channel.store, from_json(json.dumps(made.to_json())), programme) == []


def test_refunded_leads_are_not_counted(channel: Any) -> None:
    """Neither in shares nor in what was got."""
    channel.route(range(1, 11))
    channel.store.refund(10, channel.now)
    (pool,) = fairness(channel.store, [PoolKey("iberia")], channel.programme()).pools
    assert (pool.leads, pool.refunds) == (9, 1)
    assert sum(member.entitled for member in pool.members) <= 9 * UNIT
    assert "1 refund not counted" in str(pool.blocks())


def test_one_who_left_stays_in_the_report(channel: Any) -> None:
    """Marked as such, with what it got."""
    channel.route(range(1, 9))
    later = channel.programme(without=["sulcom"])
    channel.route(range(9, 12), programme=later)
    (pool,) = fairness(channel.store, None, later).pools
    assert [(m.member, m.left) for m in pool.members] == [
        ("partner:acme", False),
        ("partner:nordica", False),
        ("partner:sulcom", True),
    ]
    assert pool.ever == 3


def test_a_pool_without_leads_says_so(channel: Any) -> None:
    """No table of nothing."""
    (block,) = fairness(channel.store, None, channel.programme()).blocks()
    assert block == Text(("Pool iberia: no lead was shared out yet.",))


def test_an_unknown_pool_is_a_wrong_command(channel: Any) -> None:
    """The pools that there are, are named."""
    with pytest.raises(BadRequest, match="no pool 'iberian'") as caught:
        fairness(channel.store, [PoolKey("iberian")], channel.programme())
    assert "iberia" in caught.value.hint


def test_open_leads_are_counted_where_they_lie(channel: Any) -> None:
    """Partners most first, also those without any; queues also when empty; ages by class."""
    now = channel.now

    def held(days: float, **where: Any) -> OpenLead:
        return OpenLead(LEAD, now - timedelta(days=days), **where)

    report = channel_report(
        [
            held(0.5, partner=PartnerKey("sulcom")),
            held(2, partner=PartnerKey("sulcom")),
            held(45, partner=PartnerKey("acme")),
            held(1, queue="Web Leads"),
            held(8),
        ],
        ["Web Leads", "Event Leads"],
        now,
        channel.programme(),
    )
    assert [(h.name, h.count, h.ages) for h in report.partners] == [
        ("Sulcom", 2, (1, 1, 0, 0, 0)),
        ("Acme Ibericos", 1, (0, 0, 0, 0, 1)),
        ("Nordica Handel", 0, (0, 0, 0, 0, 0)),
    ]
    assert [(h.name, h.count, h.oldest) for h in report.queues] == [
        ("Web Leads", 1, timedelta(days=1)),
        ("Event Leads", 0, None),
    ]
    assert (report.internal.count, report.total) == (1, 5)
    assert json.loads(json.dumps(report.to_json()))["total"] == 5
    for block in report.blocks():
        if isinstance(block, Table):
            assert {len(row) for row in block.rows} == {len(block.columns)}


def test_status_tells_what_is_not_settled(channel: Any) -> None:
    """Unconfirmed decisions, leads kept back by reason, runs, the allowance."""
    channel.store.bind_org(RecordId("00DKp0000000001"), "Alder Systems", channel.now)
    channel.store.start_run(Run(RunId("r1"), "route", RunState.RUNNING, "cli", channel.now))
    channel.store.finish_run(
        RunId("r1"),
        state=RunState.DONE,
        finished=channel.now + timedelta(seconds=3),
        counts={"owned": 4},
        calls=7,
        exit_code=0,
    )
    channel.route([1, 2, 3])
    channel.route([4, 5], country="PL")
    channel.store.settle([1], WriteState.CONFIRMED)
    channel.store.see_allowance(SeenAllowance(1200, 15000, channel.now))
    found = status(channel.store, channel.now)
    assert (found.unconfirmed, found.allowance) == (2, SeenAllowance(1200, 15000, channel.now))
    assert [(p.code, p.count, p.due) for p in found.parked] == [(Code.NO_RULE, 2, 0)]
    text = str(found.blocks())
    assert "2 decisions are not confirmed" in text
    assert "1,200 of 15,000" in text
    assert "('r1', 'route', 'done', '3.0 s', '7', 'owned 4')" in text
    assert json.loads(json.dumps(found.to_json()))["org"]["name"] == "Alder Systems"
    later = status(channel.store, channel.now + timedelta(days=2))
    assert later.parked[0].due == 2
    assert "as the org told 2 days ago" in str(later.blocks())


def test_a_new_state_has_an_empty_status(channel: Any) -> None:
    """And says so in words."""
    (block,) = status(channel.store, channel.now).blocks()
    assert isinstance(block, Text)
    assert block.lines[0].startswith("No org yet")
    assert block.lines[1] == "Nothing has run yet."
