"""The offer's states: every pair of state and event, and what is seen when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given as given_that
from hypothesis import settings
from hypothesis import strategies as st

from sfprm.errors import Bug
from sfprm.ids import RecordId
from sfprm.programme.model import Criterion, Operator, Origin
from sfprm.programme.offer_terms import (
    After,
    OfferTerms,
    PauseTerms,
    ReceiptTerms,
    RejectTerms,
    Sign,
    Span,
)
from sfprm.routing.offer_look import look
from sfprm.routing.offers import (
    ENDS,
    MOVES,
    Offer,
    OfferEvent,
    OfferState,
    Seen,
    Sight,
    advance,
    afterwards,
    move,
    opened,
    pauses,
    plain_time,
    terms_for,
)

S, E = OfferState, OfferEvent
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AGENT = RecordId("005Kp0000000999")
OWNER = RecordId("005Kp0000000001")
OTHER = RecordId("005Kp0000000002")
QUEUE = RecordId("00GKp0000000001")
LEAD = RecordId("00QKp0000000001")


def criterion(field: str, value: str) -> Criterion:
    """`field equals value`."""
    text = f"{field} equals {value}"
    return Criterion(field, Operator.EQUALS, (value,), text, Origin("routing.yaml", 1))


TERMS = OfferTerms(
    accept_within=Span(4, "hours"),
    remind_after=Span(2, "hours"),
    act_within=Span(2, "days"),
    give_up_after=3,
    accepted_when=(criterion("Answer__c", "Yes"),),
    reject=RejectTerms((criterion("Answer__c", "No"),), "Why__c", ("Duplicate",)),
    pause=PauseTerms(2),
)
SYNCED = replace(
    TERMS, receipt=ReceiptTerms(Span(1, "hours"), (criterion("Sync__c", "Done"),), "Fault__c")
)


def offer(state: OfferState = S.OFFERED, terms: OfferTerms = TERMS, **changes: object) -> Offer:
    """An offer to OWNER, made at START."""
    made = opened(
        Offer(LEAD, OWNER, "Ana", "partner:a", "pool:p", S.PLANNED, 1, START, None, status="New"),
        terms,
        plain_time,
    )
    return replace(made, state=state, **changes)  # type: ignore[arg-type]  # a row of a table


def sight(**changes: object) -> Sight:
    """The lead as the agent left it."""
    seen = Sight(OWNER, "Ana", "New", True, False, False, None, START, AGENT, "Agent", {})
    return replace(seen, **changes)  # type: ignore[arg-type]  # a row of a table


@pytest.mark.parametrize(("state", "event"), list(product(S, E)))
def test_every_pair_of_state_and_event_is_a_move_or_a_bug(
    state: OfferState, event: OfferEvent
) -> None:
    """Nothing leaves an end, and what is not in the table cannot be."""
    if (state, event) in MOVES:
        assert state not in ENDS
        assert move(state, event) is MOVES[state, event]
    else:
        with pytest.raises(Bug, match="cannot be"):
            move(state, event)


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    """From `planned`, along the table."""
    reached, ended = {S.PLANNED}, set(ENDS)
    for _ in S:
        reached |= {after for (state, _), after in MOVES.items() if state in reached}
        ended |= {state for (state, _), after in MOVES.items() if after in ended}
    assert reached == ended == set(S)


HOURS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("before", "seen", "now", "event"),
    [
        (offer(), sight(), START + HOURS, None),
        (offer(), sight(), START + 2 * HOURS, E.REMIND_DUE),
        (offer(), sight(), START + 4 * HOURS, E.ACCEPT_DUE),
        (offer(), sight(), START - 24 * HOURS, None),  # the clock was set back
        (offer(S.REMINDED), sight(), START + 3 * HOURS, None),
        (offer(), sight(status="Working"), START + 9 * HOURS, E.ACCEPTED),
        (offer(), sight(modified_by=OWNER), START, E.ACCEPTED),
        (offer(), sight(touched_by=frozenset({OWNER})), START, E.ACCEPTED),
        (offer(), sight(status_by=frozenset({AGENT})), START, None),
        (offer(), sight(status_by=frozenset({OTHER})), START, E.ACCEPTED),
        (offer(), sight(unread=False), START, E.ACCEPTED),
        (offer(owner=QUEUE), sight(owner=QUEUE, unread=False), START, None),
        (offer(owner=QUEUE), sight(), START, E.TAKEN),
        (offer(), sight(fields={"Answer__c": "Yes"}), START, E.ACCEPTED),
        (offer(), sight(fields={"Answer__c": "No"}), START, E.REJECTED),
        (offer(), sight(owner=OTHER), START, E.MOVED),
        (offer(), sight(converted=True, owner=OTHER), START, E.CONVERTED),
        (offer(), sight(deleted=True), START, E.DELETED),
        (offer(), sight(deleted=True, merged_into=LEAD), START, E.MERGED),
        (offer(), sight(owner_live=False), START, E.OWNER_GONE),
        (offer(S.EXPIRED, why=E.ACCEPT_DUE), sight(unread=False), START, E.ACCEPTED),
        (offer(S.EXPIRED, why=E.ACT_DUE), sight(unread=False), START, None),
        (offer(S.REJECTED, why=E.REJECTED), sight(unread=False), START, None),
        (offer(S.ACCEPTED, act_by=START + HOURS), sight(), START, None),
        (offer(S.ACCEPTED, act_by=START + HOURS), sight(), START + HOURS, E.ACT_DUE),
        (offer(S.ACCEPTED), sight(status="Working"), START, E.ACTED),
        (offer(S.ACCEPTED, touched=START), sight(modified_by=OWNER), START, None),
        (
            offer(S.ACCEPTED, touched=START),
            sight(modified_by=OWNER, modified_at=START + HOURS),
            START + HOURS,
            E.ACTED,
        ),
        (offer(S.ESCALATED, next_at=START), sight(), START, E.ESCALATION_DUE),
        (offer(S.PLANNED), sight(owner=OTHER), START + 9 * HOURS, None),
        (offer(S.CLOSED), sight(owner=OTHER), START + 9 * HOURS, None),
    ],
)
def test_what_is_seen(before: Offer, seen: Sight, now: datetime, event: OfferEvent | None) -> None:
    """People come before clocks; unread alone means nothing."""
    found = look(before, TERMS, seen, now, AGENT)
    assert (found.event if found else None) is event
    if found is not None:
        assert (before.state, found.event) in MOVES


@pytest.mark.parametrize(
    ("state", "fields", "now", "event", "words"),
    [
        (S.PENDING, {}, START, None, ""),
        (S.PENDING, {"Sync__c": "Done"}, START + 9 * HOURS, E.RECEIPT, "received"),
        (S.PENDING, {"Fault__c": "No route"}, START + HOURS, E.RECEIPT_DUE, "No route"),
        (S.SYNC_LATE, {}, START + HOURS, E.RECEIPT_DUE, "no cause is given"),
        (S.SYNC_LATE, {}, START + 4 * HOURS, E.ACCEPT_DUE, "in time"),
    ],
)
def test_a_sync_that_does_not_get_through_is_told_with_its_cause(
    state: OfferState, fields: dict[str, str], now: datetime, event: OfferEvent, words: str
) -> None:
    """And a receipt starts the clock anew, since the partner sees the lead only then."""
    before = offer(state, SYNCED)
    found = look(before, SYNCED, sight(fields=fields), now, AGENT)
    assert (found.event if found else None) is event
    assert found is None or words in found.words
    if found is not None and event is E.RECEIPT:
        after = advance(before, found, SYNCED, now, plain_time)
        assert after.accept_by == now + 4 * HOURS


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (offer(S.EXPIRED, why=E.ACCEPT_DUE), "next"),
        (offer(S.EXPIRED, why=E.ACCEPT_DUE, number=3), "internal"),
        (offer(S.EXPIRED, why=E.OWNER_GONE, number=1), "next"),
        (offer(S.REJECTED, why=E.REJECTED, number=2), "next"),
        (offer(S.EXPIRED, why=E.ACT_DUE), "recycle"),
    ],
)
def test_where_a_lead_goes_then(before: Offer, kind: str) -> None:
    """As each end says; after so many offers, up."""
    terms = replace(TERMS, not_acted=After("recycle", "Recycle"))
    assert afterwards(before, terms).kind == kind


@pytest.mark.parametrize(
    ("whys", "paused"),
    [
        ([E.ACCEPT_DUE, E.ACCEPT_DUE], True),
        ([E.ACCEPT_DUE], False),
        ([E.ACCEPT_DUE, E.REJECTED, E.ACCEPT_DUE], False),
        ([None, E.ACCEPT_DUE, E.ACCEPT_DUE], False),
        ([E.OWNER_GONE, E.ACCEPT_DUE], False),
    ],
)
def test_only_silence_in_a_row_pauses(whys: list[OfferEvent | None], paused: bool) -> None:
    """An answer, even no, ends the row."""
    assert pauses(whys, 2) is paused


def test_the_first_terms_that_fit_are_the_leads() -> None:
    """None when none fit: such a lead is given without an offer."""
    some = (replace(TERMS, when=(criterion("Kind__c", "Event"),)), TERMS)
    assert terms_for(some, {"Kind__c": "event"}) == 0
    assert terms_for(some, {}) == 1
    assert terms_for(some[:1], {}) is None


def test_read_alone_accepts_when_the_programme_says_so_only() -> None:
    """Signs can be chosen."""
    terms = replace(TERMS, signs=(Sign.STATUS,))
    assert look(offer(), terms, sight(unread=False), START, AGENT) is None


SIGHTS = st.builds(
    Sight,
    owner=st.sampled_from([OWNER, OTHER, QUEUE]),
    owner_name=st.just("Ana"),
    status=st.sampled_from(["New", "Working"]),
    unread=st.booleans(),
    converted=st.booleans(),
    deleted=st.booleans(),
    merged_into=st.sampled_from([None, LEAD]),
    modified_at=st.integers(0, 100).map(lambda h: START + h * HOURS),
    modified_by=st.sampled_from([AGENT, OWNER, OTHER]),
    modified_by_name=st.just("X"),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "Answer__c": st.sampled_from(["Yes", "No"]),
            "Sync__c": st.sampled_from(["Done", "Not yet"]),
        },
    ),
    owner_live=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given_that(
    st.sampled_from([TERMS, SYNCED, OfferTerms(act_within=Span(1, "days")), OfferTerms()]),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 40), SIGHTS), max_size=12),
)
def test_no_open_offer_is_ever_without_a_next_look(
    terms: OfferTerms, queue: bool, seen: list[tuple[int, Sight]]
) -> None:
    """Whatever happens in whatever order; and an ended one has none."""
    held = offer(S.OFFERED if terms.receipt is None else S.PENDING, terms)
    held = replace(held, owner=QUEUE) if queue else held
    now = START
    for hours, what in seen:
        now += hours * HOURS
        found = look(held, terms, what, now, AGENT)
        if found is not None:
            held = advance(held, found, terms, now, plain_time, what)
        elif held.state in (S.EXPIRED, S.REJECTED):
            kept = Seen(E.NOT_TAKEN_BACK if hours % 2 else E.TAKEN_BACK)
            held = advance(held, kept, terms, now, plain_time)
        assert (held.next_at is not None) is held.is_open
        assert held.is_open or held.ended_at is not None
