"""Leads that go to a company's own partner, paid for in a pool: who is owed what then."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from sfprm.ids import PartnerKey, PoolKey
from sfprm.programme.model import InTurn, Origin, Programme, Rule, StickyBy, ToCompany, ToPool
from sfprm.routing.credits import broken_laws, has_bound, refund, shares_in
from sfprm.routing.decide import decide
from sfprm.routing.explain import explain_choice
from sfprm.routing.replay import replay
from sfprm.routing.values import UNIT, AtWork, Batch, Code, Ledger
from tests.routing.test_decide import START, Channel

HERE = Origin("routing.yaml", 1)
P = PoolKey("p")
LEDGER = "pool:p/known"
channel = Channel()


def programme(counts: bool) -> Programme:
    """First the company's partner, then pool p of a, b and c."""
    made = channel.programme({"a": 1, "b": 1, "c": 1})
    ways = tuple(StickyBy)
    target = InTurn((ToCompany(ways, P if counts else None), ToPool(P)))
    pools = {P: replace(made.routing.pools[P], counts_known=counts)}
    rules = (Rule("all", (), None, target, HERE),)
    return replace(made, routing=replace(made.routing, rules=rules, pools=pools))


def routed(made: Programme, known: range, every: range) -> Batch:
    """Leads of `known` are of companies where partner a is at work."""
    there = AtWork("lead", PartnerKey("a"), None, (StickyBy.NAME,), "a lead of a's")
    at_work = {channel.lead(n).id: (there,) for n in known}
    leads = [channel.lead(n) for n in every]
    return decide(made, channel.standing(made, at_work=at_work), {}, leads, START)


def test_who_gets_known_leads_gets_fewer_others() -> None:
    """Counted, everybody has a third in the end; not counted, a has them on top."""
    for counts, most in ((True, 1), (False, 9)):
        batch = routed(programme(counts), range(1, 10), range(1, 61))
        got = Counter(d.owner_name[0].lower() for d in batch.decisions)
        assert got.total() == 60
        assert max(got.values()) - min(got.values()) <= most
        assert (got["a"] > 20) is not counts
        ledger = batch.ledgers[LEDGER if counts else "pool:p"]
        assert sum(ledger.credits.values()) + ledger.house == 0
        assert broken_laws(ledger) == []


def test_the_forced_choice_is_told_replayed_and_refunded_exactly() -> None:
    """The others share in the lead and yield it; the journalled classes alone give it again."""
    batch = routed(programme(True), range(1, 6), range(1, 6))
    decisions = batch.decisions
    first = decisions[0]
    assert (first.pool, first.choices[0].winner) == (P, "partner:a")
    told = explain_choice(Ledger(LEDGER), first.choices[0].eligibility)
    assert told.because == "works the lead's company already"
    assert [(m.eligible, m.share > 0) for m in told.members] == [
        (True, True),
        (False, True),
        (False, True),
    ]
    assert told.members[1].reasons[0].code is Code.YIELDS
    again = replay(
        Ledger(LEDGER), [(d.choices[0].eligibility, d.choices[0].winner) for d in decisions]
    )
    assert again == batch.ledgers[LEDGER]
    owed = Fraction(again.credits["partner:b"], UNIT)
    assert abs(owed - Fraction(5, 3)) < Fraction(1, 1000)
    back = again
    for decision in decisions:
        back = refund(back, decision.choices[0].eligibility, "partner:a")
    assert set(back.credits.values()) == {0}
    parts = shares_in(again, first.choices[0].eligibility)
    assert sum(parts.values()) <= UNIT
    assert not has_bound(LEDGER)


def test_a_partner_that_is_no_member_pays_nothing() -> None:
    """It gets the lead all the same; the pool's credits stay."""
    made = programme(True)
    pools = {P: replace(made.routing.pools[P], members=made.routing.pools[P].members[1:])}
    made = replace(made, routing=replace(made.routing, pools=pools))
    [found] = routed(made, range(1, 2), range(1, 2)).decisions
    assert found.owner_name.startswith("A")
    assert (found.pool, found.choices) == (None, ())


def test_a_won_lead_counts_for_caps() -> None:
    """In the pool's windows, as any other of the member's."""
    made = programme(True)
    members = made.routing.pools[P].members
    capped = replace(members[0], cap=replace(members[0].cap, day=2))
    pools = {P: replace(made.routing.pools[P], members=(capped, *members[1:]))}
    made = replace(made, routing=replace(made.routing, pools=pools))
    batch = routed(made, range(1, 4), range(1, 13))
    got = Counter(d.owner_name[0] for d in batch.decisions)
    assert got["A"] == 3, "caps do not count for known companies, and are full for the rest"
