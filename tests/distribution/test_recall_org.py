"""Offers against the embedded org: accepted, reminded, recalled to the next, escalated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.clock import FakeClock
from sfprm.distribution.notify import NO_MAIL, send_notices, to_new_owner
from sfprm.distribution.recall import RecallResult, recall
from sfprm.distribution.route import RouteResult, route
from sfprm.events import NoProgress
from sfprm.ids import PoolKey, RecordId, RunId
from sfprm.insight.why import why
from sfprm.insight.why_result import Proof
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.programme.model import (
    Criterion,
    Operator,
    Origin,
    Pool,
    PoolMember,
    Programme,
    Rule,
    ToPool,
)
from sfprm.programme.offer_terms import After, OfferTerms, PauseTerms, RejectTerms, Sign, Span
from sfprm.routing.offers import OfferEvent, OfferState
from sfprm.routing.values import Code
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

E, S = OfferEvent, OfferState
HERE = Origin("routing.yaml", 1)
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
    here = HERE
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

    def route(self, **options: Any) -> RouteResult:
        """One pass over the intake."""
        result: RouteResult = self._pass(route, **options)
        return result

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
        self.channel.org.event("person-edits", object="Lead", id=lead, fields=fields, by=person)


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


def test_answers_of_partners(offers: Offers) -> None:
    """Accepted by touch or status, worked on, moved, and one that stays silent."""
    channel, store = offers.channel, offers.channel.store
    first, second, third, fourth, *_ = held = store.offers.open()
    people = {
        channel.user_id(p.key): p.username
        for p in channel.programme.people.values()
        if p.partner in PARTNERS
    }
    offers.edit(first.lead, people[first.owner], Title="Buyer")
    offers.edit(second.lead, people[second.owner], Status="Working - Contacted")
    channel.org.event("lead-viewed", id=third.lead, by=people[third.owner])
    marta = channel.query("SELECT Id FROM User WHERE Username = 'marta.lopes@alder.example.com'")
    offers.edit(fourth.lead, "marta.lopes@alder.example.com", OwnerId=marta[0]["Id"])
    done = offers.recall()
    assert done.happened == {E.ACCEPTED: 3, E.MOVED: 1}
    offers.later(hours=1)
    offers.edit(first.lead, people[first.owner], Status="Working - Contacted")
    assert offers.recall().happened == {E.ACTED: 1}
    offers.later(days=3)
    done = offers.recall()
    assert (done.happened, done.went) == ({E.ACCEPT_DUE: 2}, {"next": 2})
    told = {row.event for row in store.offers.events(o.entry for o in held)}
    assert {E.ACCEPTED, E.ACTED, E.MOVED, E.ACCEPT_DUE} <= told
    assert store.verify() == []


def test_who_lets_too_many_run_out_is_paused_and_left_out(channel: Channel) -> None:
    """With nobody left the leads wait in the park queue; the pause ends by itself."""
    channel.only(9)
    channel.programme = offering(channel.programme, park="Partner leads South")
    offers = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    offers.route()
    offers.later(days=2)
    done = offers.recall()
    assert (done.happened, done.went) == ({E.ACCEPT_DUE: 9}, {"next": 9})
    assert sorted(done.paused) == [f"partner:{key}" for key in sorted(PARTNERS)]
    offers.later(days=2)
    assert offers.recall().went == {"manager": 9}
    channel.org.event("leads-arrive", count=3, seed=9)
    offers.route()
    parked = channel.store.parked()
    assert {r.code for p in parked for r in p.reasons} >= {Code.NO_ELIGIBLE_MEMBER}
    waiting = channel.query("SELECT Id FROM Lead WHERE Owner.Name = 'Partner leads South'")
    assert {row["Id"] for row in waiting} == {p.lead for p in parked} != set()
    offers.later(days=3)
    assert offers.recall().lifted == tuple(f"partner:{key}" for key in sorted(PARTNERS))
    offers.route()
    assert channel.store.parked() == []
    assert Counter(o.state for o in channel.store.offers.open())[S.OFFERED] == len(parked)


def test_fields_are_set_at_each_change_and_a_rejection_refunds(channel: Channel) -> None:
    """As an existing channel programme with fields of its own wants it."""
    channel.only(4)
    no = Criterion("Rating", Operator.EQUALS, ("Cold",), "Rating equals Cold", HERE)
    terms = replace(
        TERMS,
        signs=(Sign.STATUS,),
        set_fields={
            "offered": {"Description": "offer {offer} to {owner} until {accept_by.date}"},
            "accepted": {"Description": "accepted"},
            "recalled": {"Title": "recalled"},
        },
        reject=RejectTerms((no,), "City", ("Nowhere",), After("recycle", "Partner leads South")),
    )
    channel.programme = offering(channel.programme, terms)
    offers = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    offers.route()
    kept, given_back, *_ = channel.store.offers.open()
    jonas = "jonas.weber@alder.example.com"
    offers.edit(kept.lead, jonas, Status="Working - Contacted")
    offers.edit(given_back.lead, jonas, Rating="Cold", City="nowhere")
    done = offers.recall()
    assert (done.went, done.confirmed, done.not_set) == ({"recycle": 1}, 1, ())
    found = {
        row["Id"]: row
        for row in channel.query("SELECT Id, Description, Title, Owner.Name FROM Lead")
    }
    assert found[kept.lead]["Description"] == "accepted"
    assert (
        found[given_back.lead]["Description"]
        == f"offer 1 to {given_back.owner_name} until 2026-11-25"
    )
    assert found[given_back.lead]["Owner"]["Name"] == "Partner leads South"
    refunds = channel.store.entries(kinds=("refund",))
    assert [e.refunds for e in refunds] == [given_back.entry]
    assert channel.store.verify() == []


def test_a_merged_lead_hands_its_offer_to_the_survivor(offers: Offers) -> None:
    """The credit stays where it is."""
    channel, store = offers.channel, offers.channel.store
    gone, stays, *_ = store.offers.open()
    channel.org.event("records-merged", object="Lead", keep=stays.lead, lose=[gone.lead])
    done = offers.recall()
    assert done.happened[E.MERGED] == 1
    assert store.merged_since(offers.clock.now()) == 1
    moved = next(o for o in store.offers.open() if o.entry == gone.entry)
    assert moved.lead == stays.lead
    assert store.entries(kinds=("refund",)) == []


def test_a_lead_offered_again_is_proved_by_its_choice_alone(offers: Offers) -> None:
    """No rule was asked, so none is asked again; so it is with leads shared out by hand."""
    store = offers.channel.store
    offers.later(days=2)
    offers.recall()
    again = store.entries(kinds=("recall",))
    assert again
    for entry in again:
        found = why(store, entry.lead)
        assert [d.proof for d in found.decisions] == [Proof.SAME, Proof.SAME]
        assert "no rule was asked" in str(found.blocks())


class _Died(BaseException):
    """A death of the process, as far as the state can tell."""


@pytest.mark.parametrize(
    ("commit", "sent", "lost"),
    [("decisions confirmed", 2, 0), ("mail intended", 1, 1), ("mail sent", 1, 0)],
)
def test_no_notice_is_lost_or_sent_twice_by_a_death(
    channel: Channel, commit: str, sent: int, lost: int
) -> None:
    """Before it is handed over it goes out later; meant to go, it is reported and not sent."""
    channel.only(2)
    channel.programme = offering(channel.programme, replace(TERMS, notices={}))
    rules = tuple(replace(r, notify="lead-assigned") for r in channel.programme.routing.rules)
    routing = replace(channel.programme.routing, rules=rules)
    channel.programme = replace(channel.programme, routing=routing)
    offers = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    policy = MailPolicy(True, "sink@example.com", "a test")
    before = len(channel.org.outbox())
    alive = [True]

    def dies(what: str) -> None:
        if what == commit and alive[0]:
            alive[0] = False
            raise _Died

    channel.store.on_commit(dies)
    with pytest.raises(_Died):
        offers.route(policy=policy)
    assert not alive[0]
    assert channel.store.entries(states=(WriteState.DECIDED,)) == []
    done = offers.route(policy=policy)
    assert (done.mails.sent, len(done.mails.not_sent)) == (sent, lost)
    assert all("perhaps sent before" in words for words in done.mails.not_sent)
    assert offers.route(policy=policy).mails == NO_MAIL
    went = len(channel.org.outbox()) - before
    assert went == {"decisions confirmed": 2, "mail intended": 1, "mail sent": 2}[commit]


def test_the_notice_of_a_run_that_died_long_ago_is_told_not_sent(channel: Channel) -> None:
    """So is a reminder for somebody who has answered meanwhile."""
    channel.only(1)
    notices = dict.fromkeys(("remind",), "lead-assigned")
    channel.programme = offering(channel.programme, replace(TERMS, notices=notices))
    offers = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    offers.route()
    [offer] = channel.store.offers.open()
    book, now = channel.store.offers, offers.clock.now()
    due = [(offer.entry, "owner:lead-assigned"), (offer.entry, "remind:lead-assigned")]
    channel.store.settle([offer.entry], WriteState.CONFIRMED, due=due, at=now)
    assert [row.state for row in book.mails_open()] == ["due", "due"]
    offers.later(hours=25)
    policy = MailPolicy(True, "sink@example.com", "a test")
    told = offers.route(policy=policy).mails
    assert told.sent == 0
    assert [words.partition("now ")[2] for words in told.not_sent] == [
        "it came too late; not sent",
        "it is no longer true; not sent",
    ]
    assert book.mails_open() == []


def test_a_mail_goes_out_once(channel: Channel) -> None:
    """To be reminded, to who lost the lead, to the manager; run again, none."""
    channel.only(2)
    notices = dict.fromkeys(("remind", "recalled", "escalated", "paused"), "lead-assigned")
    channel.programme = offering(
        channel.programme, replace(TERMS, notices=notices, give_up_after=1)
    )
    offers = Offers(channel, FakeClock(datetime.fromisoformat("2026-11-23T09:00:00+00:00")))
    offers.route()
    policy = MailPolicy(True, "sink@example.com", "a test")
    offers.later(days=1)
    assert offers.recall(policy=policy).mails.sent == 2
    offers.later(days=1)
    assert offers.recall(policy=policy).mails.sent == 4
    assert offers.recall(policy=policy).mails.sent == 0
    entry = channel.store.entries(kinds=("route",))[0]
    due = to_new_owner(entry, channel.programme.routing.notices["lead-assigned"])
    assert due is not None
    send = (channel.session, channel.store, channel.programme, policy, [due], offers.clock.now())
    channel.store.offers.mean_to_mail([(entry.sequence, "owner:lead-assigned")], offers.clock.now())
    report = send_notices(*send)
    assert (report.sent, report.again) == (0, 1)
    assert "perhaps sent before a run broke off" in report.not_sent[0]
