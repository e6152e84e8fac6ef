"""Offers against the embedded org: accepted, reminded, recalled to the next, escalated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.clock import FakeClock
from sfprm.distribution.recall import RecallResult, recall
from sfprm.distribution.route import route
from sfprm.events import NoProgress
from sfprm.ids import PoolKey, RecordId, RunId
from sfprm.programme.model import Origin, Pool, PoolMember, Programme, Rule, ToPool
from sfprm.programme.offer_terms import OfferTerms, PauseTerms, Span
from sfprm.routing.offers import OfferEvent, OfferState

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

E, S = OfferEvent, OfferState
PARTNERS = ("sulcom", "lusitec", "valmont")
TERMS = OfferTerms(
    accept_within=Span(2, "days"),
    remind_after=Span(1, "days"),
    act_within=Span(5, "days"),
    give_up_after=2,
    pause=PauseTerms(3, Span(5, "days")),
)


def offering(programme: Programme, terms: OfferTerms = TERMS, **routing: Any) -> Programme:
    """All leads to three partners, on those terms."""
    here = Origin("routing.yaml", 1)
    pool = Pool(
        PoolKey("trio"),
        tuple(PoolMember("partner", key, 1, here) for key in PARTNERS),
        here,
        offer=(terms,),
    )
    rule = Rule("all", (), None, ToPool(pool.key), here)
    changed = replace(programme.routing, pools={pool.key: pool}, rules=(rule,), **routing)
    return replace(programme, routing=changed)


@dataclass
class Offers:
    """A channel with a clock of its own."""

    channel: Channel
    clock: FakeClock
    runs: int = 0

    def route(self) -> None:
        """One pass over the intake."""
        self._pass(route)

    def recall(self, **options: Any) -> RecallResult:
        """One pass over the offers."""
        result: RecallResult = self._pass(recall, **options)
        return result

    def _pass(self, job: Any, **options: Any) -> Any:
        self.runs += 1
        return job(
            self.channel.session,
            self.channel.store,
            self.channel.programme,
            clock=self.clock,
            run=RunId(f"run-{self.runs}"),
            progress=NoProgress(),
            **options,
        )

    def later(self, **span: float) -> None:
        """Time passes."""
        self.clock.advance(timedelta(**span))

    def edit(self, lead: RecordId, person: str, **fields: Any) -> None:
        """A person changes a lead."""
        self.channel.org.event(
            "person-edits", object="Lead", id=lead, fields=fields, username=person
        )


@pytest.fixture
def offers(channel: Channel) -> Offers:
    """Six leads, offered to three partners."""
    channel.only(6)
    channel.programme = offering(channel.programme)
    found = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    found.route()
    return found


def test_from_offer_to_escalation(offers: Offers) -> None:
    """Each is reminded, goes to another partner, and then to the channel manager."""
    channel, store = offers.channel, offers.channel.store
    first = {o.lead: o for o in store.offers.open()}
    assert Counter(o.state for o in first.values()) == {S.OFFERED: 6}
    offers.later(hours=1)
    assert offers.recall().happened == {}
    offers.later(hours=23)
    assert offers.recall().happened == {E.REMIND_DUE: 6}
    offers.later(hours=24)
    done = offers.recall()
    assert (done.happened, done.went, done.confirmed) == ({E.ACCEPT_DUE: 6}, {"next": 6}, 6)
    second = {o.lead: o for o in store.offers.open()}
    assert {o.number for o in second.values()} == {2}
    assert all(second[lead].member != first[lead].member for lead in first)
    held = channel.query("SELECT Id, OwnerId FROM Lead WHERE OwnerId != null")
    owners = {row["Id"]: row["OwnerId"] for row in held}
    assert all(owners[lead] == offer.owner for lead, offer in second.items())
    offers.later(days=2)
    up = offers.recall()
    assert up.went == {"manager": 6}
    assert Counter(o.state for o in store.offers.open()) == {S.ESCALATED: 6}
    assert store.offers.count() == {"escalated": 6, "recalled": 12}
    assert store.verify() == []
    offers.later(days=2)
    assert offers.recall().happened == {E.ESCALATION_DUE: 6}
