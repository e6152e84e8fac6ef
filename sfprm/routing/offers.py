"""Offers: a lead in somebody's hands, the clocks that run on it, and what becomes of it.

The table of states is `sfprm.routing.offer_table`; `sfprm.routing.offer_look` tells which event of
it happens now. Nothing reads a clock or the org: what was seen of the lead is handed in. A row is
one lead with one owner; a lead that is taken back and offered again has two rows.

Every open offer has a next time to be looked at, and every lead taken back has an entry in the
journal that says where it goes: no lead is ever without a live owner and a deadline, or a reason
with a next try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.offer_terms import After, OfferTerms, Span
from sfprm.routing.match import criterion_holds
from sfprm.routing.offer_table import ENDS, LEAVING, MOVES, OfferEvent, OfferState, move

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.programme.model import Criterion, FieldValue

__all__ = [
    "ENDS",
    "LOOK_AGAIN",
    "MANAGER",
    "MOVES",
    "STAGE_OF",
    "Offer",
    "OfferEvent",
    "OfferState",
    "Seen",
    "Sight",
    "advance",
    "afterwards",
    "criteria_hold",
    "given",
    "move",
    "opened",
    "pauses",
    "plain_time",
    "terms_for",
]

S, E = OfferState, OfferEvent

LOOK_AGAIN = timedelta(days=1)
"""After how long an offer without a clock is looked at again."""

RETRY = timedelta(minutes=30)
"""After how long a lead that could not be taken back is tried again; doubles up to a day."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One lead with one owner. Instants are aware UTC.

    `entry` is the journal entry that gave it (0 before it is journalled), `ended_by` the one that
    takes it away. `number` counts the lead's offers to the pool, from 1. `terms` says by which
    terms of the programme: `pool:south`, `rule:NAME`, with `#2` for the second of a list. `next_at`
    is when it must be looked at, None once it has ended. `status` is the lead's status when it was
    given or accepted, `touched` the lead's last change counted for an acceptance. `why` is the
    event that ended it. `tries`: how often it could not be taken back. `to_set`: the stage whose
    Lead fields are still to be set.
    """

    lead: RecordId
    owner: RecordId
    owner_name: str
    member: str
    terms: str
    state: OfferState
    number: int
    offered_at: datetime
    next_at: datetime | None
    entry: int = 0
    pool: str | None = None
    rule: str | None = None
    intake: str = ""
    label: str = ""
    remind_at: datetime | None = None
    accept_by: datetime | None = None
    act_by: datetime | None = None
    accepted_at: datetime | None = None
    touched: datetime | None = None
    status: str = ""
    ended_by: int | None = None
    ended_at: datetime | None = None
    why: OfferEvent | None = None
    tries: int = 0
    to_set: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen to it."""
        return self.state not in ENDS


@dataclass(frozen=True, slots=True)
class Sight:
    """A lead as it is seen when its offer is looked at.

    `touched_by`: users who changed it since it was offered, as far as its history tells.
    `status_by`: those who changed its status. `owner_live`: the owner may own leads.
    """

    owner: RecordId
    owner_name: str
    status: str
    unread: bool
    converted: bool
    deleted: bool
    merged_into: RecordId | None
    modified_at: datetime
    modified_by: RecordId | None
    modified_by_name: str
    fields: Mapping[str, FieldValue]
    owner_live: bool = True
    touched_by: frozenset[RecordId] = frozenset()
    status_by: frozenset[RecordId] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """What happened to an offer, in the table's terms and in words."""

    event: OfferEvent
    words: str = ""


Count = Callable[[datetime, Span], datetime]
"""The instant a span after another, in the working hours of whom it concerns."""


def plain_time(start: datetime, span: Span) -> datetime:
    """Without any calendar: a working day is a day."""
    return start + timedelta(**{span.unit: span.amount})


def terms_for(choices: Sequence[OfferTerms], fields: Mapping[str, FieldValue]) -> int | None:
    """Which of several terms a lead is offered on: the first whose criteria it meets."""
    return next((at for at, terms in enumerate(choices) if criteria_hold(terms.when, fields)), None)


def opened(offer: Offer, terms: OfferTerms, count: Count) -> Offer:
    """A planned offer with its clocks set, from `offered_at`."""
    start = offer.offered_at
    accept_by = _after(start, terms.accept_within, count)
    remind_at = _after(start, terms.remind_after, count)
    act_by = None
    if accept_by is None:
        act_by = _after(start, terms.act_within, count)
    if remind_at is not None and accept_by is not None and remind_at >= accept_by:
        remind_at = None
    made = replace(offer, accept_by=accept_by, remind_at=remind_at, act_by=act_by)
    return replace(made, next_at=_next(made, terms, start, count))


def given(offer: Offer, terms: OfferTerms) -> OfferEvent:
    """What it means that the lead is seen with its owner."""
    if offer.terms.startswith(MANAGER):
        return E.GIVEN_TO_MANAGER
    return E.GIVEN if terms.receipt is None else E.GIVEN_FOR_SYNC


MANAGER = "manager of "
"""What the terms of a lead that is with the channel manager begin with."""

STAGE_OF: Mapping[OfferEvent, str] = MappingProxyType(
    {
        E.REMIND_DUE: "reminded",
        E.ACCEPTED: "accepted",
        E.TAKEN: "accepted",
        E.ACTED: "acting",
        E.MOVED: "closed",
    }
)
"""The stage of `set_fields` that an event begins, where the lead's owner is not written as well."""


def advance(
    offer: Offer,
    seen: Seen,
    terms: OfferTerms,
    now: datetime,
    count: Count,
    sight: Sight | None = None,
) -> Offer:
    """The offer after the event, its next deadline set. `sight` is what it was seen from."""
    event = seen.event
    state = move(offer.state, event)
    stage = STAGE_OF.get(event)
    to_set = stage if stage in terms.set_fields else offer.to_set
    after = replace(offer, state=state, to_set=to_set)
    match event:
        case E.TAKEN if sight is not None:
            after = replace(after, owner=sight.owner, owner_name=sight.owner_name)
        case E.MERGED if sight is not None and sight.merged_into is not None:
            after = replace(after, lead=sight.merged_into)
        case E.RECEIPT:
            # the partner can see it only from now on
            fresh = opened(replace(after, offered_at=now), terms, count)
            after = replace(fresh, offered_at=offer.offered_at)
        case E.NOT_TAKEN_BACK:
            wait = min(RETRY * (1 << min(offer.tries, 6)), LOOK_AGAIN)
            return replace(after, ended_by=None, tries=offer.tries + 1, next_at=now + wait)
    if event in (E.ACCEPTED, E.TAKEN):
        after = replace(
            after,
            accepted_at=now,
            act_by=_after(now, terms.act_within, count),
            why=None,
            ended_by=None,
        )
    if event in (E.ACCEPTED, E.TAKEN, E.ACTED) and sight is not None:
        ours = terms.set_fields.get(stage or "", {}).get("Status")
        after = replace(after, status=str(ours or sight.status), touched=sight.modified_at)
    if state in ENDS or state in LEAVING:
        why = offer.why if offer.state in LEAVING and offer.why is not None else event
        after = replace(after, why=why, ended_at=now)
    if state in ENDS:
        return replace(after, next_at=None)
    if state in LEAVING:
        return replace(after, next_at=now)
    return replace(after, next_at=_next(after, terms, now, count))


def afterwards(offer: Offer, terms: OfferTerms) -> After:
    """Where the lead of an expired or rejected offer goes.

    To the next of the pool, until as many offers were made as the terms allow: then to whom they
    are escalated."""
    match offer.why:
        case E.REJECTED if terms.reject is not None:
            then = terms.reject.then
        case E.ACT_DUE:
            then = terms.not_acted
        case E.OWNER_GONE:
            then = After()
        case _:
            then = terms.then
    spent = terms.give_up_after is not None and offer.number >= terms.give_up_after
    return terms.escalate if then.kind == "next" and spent else then


def pauses(whys: Sequence[OfferEvent | None], after: int) -> bool:
    """Whether a member is to be paused: its last `after` offers, the newest first, all ran out
    without an answer."""
    return len(whys) >= after and all(why is E.ACCEPT_DUE for why in whys[:after])


def _after(start: datetime, span: Span | None, count: Count) -> datetime | None:
    return None if span is None else count(start, span)


def _next(offer: Offer, terms: OfferTerms, now: datetime, count: Count) -> datetime:
    """When an open offer must be looked at next."""
    due: list[datetime | None] = []
    match offer.state:
        case S.PLANNED | S.OFFERED:
            due = [offer.remind_at, offer.accept_by, offer.act_by]
            if offer.state is S.PLANNED and terms.receipt is not None:
                due.append(count(now, terms.receipt.within))
        case S.PENDING | S.SYNC_LATE:
            due = [offer.accept_by, offer.act_by]
            if terms.receipt is not None:
                due.append(count(now, terms.receipt.within))
        case S.REMINDED:
            due = [offer.accept_by, offer.act_by]
        case S.ACCEPTED:
            due = [offer.act_by]
        case S.ESCALATED:
            due = [_after(now, terms.accept_within or terms.act_within, count)]
    known = [instant for instant in due if instant is not None]
    return min(known) if known else now + LOOK_AGAIN


def criteria_hold(criteria: Sequence[Criterion], fields: Mapping[str, FieldValue]) -> bool:
    """Whether all of them hold; of none, they do."""
    return all(criterion_holds(c, fields.get(c.field)) for c in criteria)
