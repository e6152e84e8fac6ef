"""Offers: a lead in somebody's hands, the clocks that run on it, and what may happen to it.

The table is `MOVES`; everything else here decides which event of it happens now. Nothing reads a
clock or the org: what was seen of the lead is handed in. A row is one lead with one owner; a lead
that is taken back and offered again has two rows.

Every open offer has a next time to be looked at, and every lead taken back has an entry in the
journal that says where it goes: no lead is ever without a live owner and a deadline, or a reason
with a next try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.programme.offer_terms import After, OfferTerms, Sign, Span
from sfprm.routing.match import criterion_holds, text_of

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
    "given",
    "look",
    "move",
    "opened",
    "pauses",
    "plain_time",
    "terms_for",
]


class OfferState(StrEnum):
    """The life of an offer."""

    PLANNED = "planned"
    """Journalled; not yet seen in the org."""
    PENDING = "pending-sync"
    """Given; the partner's system has not said that it has the lead."""
    SYNC_LATE = "sync-late"
    OFFERED = "offered"
    REMINDED = "reminded"
    ACCEPTED = "accepted"
    ACTING = "acting"
    ESCALATED = "escalated"
    """With the channel manager."""
    EXPIRED = "expired"
    """To be taken back; still the owner's until that is seen in the org."""
    REJECTED = "rejected"
    """The same, at the partner's wish."""
    RECALLED = "recalled"
    RECYCLED = "recycled"
    CLOSED = "closed"


class OfferEvent(StrEnum):
    """What can happen to an offer."""

    GIVEN = "seen with its owner"
    GIVEN_FOR_SYNC = "seen with its owner, waits for the receipt"
    GIVEN_TO_MANAGER = "seen with the channel manager"
    VOIDED = "the write that gave it did not come about"
    RECEIPT = "the partner's system has it"
    RECEIPT_DUE = "no receipt in time"
    REMIND_DUE = "time to remind"
    ACCEPTED = "accepted"
    TAKEN = "taken from the queue"
    ACTED = "acted upon"
    ACCEPT_DUE = "not accepted in time"
    ACT_DUE = "not acted upon in time"
    ESCALATION_DUE = "the channel manager has not acted in time"
    REJECTED = "rejected"
    OWNER_GONE = "its owner can no longer work on it"
    MOVED = "moved by another"
    CONVERTED = "converted"
    DELETED = "deleted"
    MERGED = "merged into another lead"
    TAKEN_BACK = "taken back"
    PUT_ASIDE = "put aside"
    NOT_TAKEN_BACK = "could not be taken back"


S, E = OfferState, OfferEvent

_AWAITED = (S.PENDING, S.SYNC_LATE, S.OFFERED, S.REMINDED)
_HELD = (*_AWAITED, S.ACCEPTED, S.ACTING, S.ESCALATED)
_LEAVING = (S.EXPIRED, S.REJECTED)

ENDS = frozenset({S.RECALLED, S.RECYCLED, S.CLOSED})
"""States that nothing leaves."""

MOVES: Mapping[tuple[OfferState, OfferEvent], OfferState] = MappingProxyType(
    {
        (S.PLANNED, E.GIVEN): S.OFFERED,
        (S.PLANNED, E.GIVEN_FOR_SYNC): S.PENDING,
        (S.PLANNED, E.GIVEN_TO_MANAGER): S.ESCALATED,
        (S.PLANNED, E.VOIDED): S.CLOSED,
        (S.PENDING, E.RECEIPT): S.OFFERED,
        (S.SYNC_LATE, E.RECEIPT): S.OFFERED,
        (S.PENDING, E.RECEIPT_DUE): S.SYNC_LATE,
        (S.SYNC_LATE, E.RECEIPT_DUE): S.SYNC_LATE,
        (S.OFFERED, E.REMIND_DUE): S.REMINDED,
        (S.ACCEPTED, E.ACTED): S.ACTING,
        (S.ESCALATED, E.ACTED): S.ACTING,
        (S.ACCEPTED, E.ACT_DUE): S.EXPIRED,
        (S.ESCALATED, E.ESCALATION_DUE): S.ESCALATED,
        **{(state, E.ACCEPTED): S.ACCEPTED for state in (*_AWAITED, *_LEAVING)},
        **{(state, E.TAKEN): S.ACCEPTED for state in (*_AWAITED, *_LEAVING)},
        **{(state, E.ACCEPT_DUE): S.EXPIRED for state in _AWAITED},
        **{(state, E.REJECTED): S.REJECTED for state in (*_HELD, S.EXPIRED)},
        **{(state, E.OWNER_GONE): S.EXPIRED for state in _HELD},
        **{(state, E.MOVED): S.CLOSED for state in (*_HELD, *_LEAVING)},
        **{(state, E.CONVERTED): S.CLOSED for state in (*_HELD, *_LEAVING)},
        **{(state, E.DELETED): S.CLOSED for state in (*_HELD, *_LEAVING)},
        **{(state, E.MERGED): state for state in (*_HELD, *_LEAVING)},
        **{(state, E.TAKEN_BACK): S.RECALLED for state in _LEAVING},
        **{(state, E.PUT_ASIDE): S.RECYCLED for state in _LEAVING},
        **{(state, E.NOT_TAKEN_BACK): state for state in _LEAVING},
    }
)
"""The state after an event. A pair that is not here cannot be."""


def move(state: OfferState, event: OfferEvent) -> OfferState:
    """The state after the event. Raises Bug when an offer in that state cannot meet it."""
    try:
        return MOVES[state, event]
    except KeyError:
        raise Bug(f"An offer that is {state.value} cannot be {event.value!r}.") from None


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
    return next((at for at, terms in enumerate(choices) if _all(terms.when, fields)), None)


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


def look(
    offer: Offer, terms: OfferTerms, sight: Sight, now: datetime, agent: RecordId
) -> Seen | None:
    """What has happened to an open offer; None when nothing has. People come before clocks, and
    the first that holds counts: further ones are found at the next look."""
    if offer.state is S.PLANNED or not offer.is_open:
        return None
    gone = _gone(offer, terms, sight)
    if gone is not None:
        return gone
    if offer.state is S.EXPIRED or offer.state is S.REJECTED:
        return _late(offer, terms, sight, agent)
    if terms.reject is not None and _all(terms.reject.when, sight.fields):
        reason = sight.fields.get(terms.reject.reason) if terms.reject.reason else None
        return Seen(E.REJECTED, f"rejected: {reason}" if reason else "rejected")
    if not sight.owner_live:
        return Seen(E.OWNER_GONE, f"{sight.owner_name or offer.owner_name} can no longer own it")
    if offer.state in _AWAITED:
        return _accepted(offer, terms, sight, agent) or _awaited_clock(offer, terms, sight, now)
    if offer.state in (S.ACCEPTED, S.ESCALATED) and _acted(offer, terms, sight):
        return Seen(E.ACTED, f"{offer.owner_name} works on it")
    if offer.state is S.ACCEPTED and offer.act_by is not None and now >= offer.act_by:
        return Seen(E.ACT_DUE, f"{offer.owner_name} has done nothing since accepting it")
    if offer.state is S.ESCALATED and offer.next_at is not None and now >= offer.next_at:
        return Seen(E.ESCALATION_DUE, f"{offer.owner_name} has not acted upon it")
    return None


def _gone(offer: Offer, terms: OfferTerms, sight: Sight) -> Seen | None:
    if sight.deleted:
        if sight.merged_into is not None:
            return Seen(E.MERGED, f"merged into {sight.merged_into}")
        return Seen(E.DELETED, "the lead was deleted")
    if sight.converted:
        return Seen(E.CONVERTED, "converted")
    if sight.owner == offer.owner:
        return None
    took = offer.owner.prefix == "00G" and sight.owner.prefix == "005"
    if took and offer.state in (*_AWAITED, *_LEAVING) and Sign.TAKEN in terms.signs:
        return Seen(E.TAKEN, f"{sight.owner_name} took it from {offer.owner_name}")
    who = sight.modified_by_name or "another user"
    return Seen(E.MOVED, f"{who} gave it to {sight.owner_name or sight.owner}")


def _late(offer: Offer, terms: OfferTerms, sight: Sight, agent: RecordId) -> Seen | None:
    """An offer about to be taken back that was accepted in the last moment stays."""
    if offer.state is S.EXPIRED and offer.why is E.ACCEPT_DUE and sight.owner_live:
        return _accepted(offer, terms, sight, agent)
    return None


def _accepted(offer: Offer, terms: OfferTerms, sight: Sight, agent: RecordId) -> Seen | None:
    said = next((c for c in terms.accepted_when if _all((c,), sight.fields)), None)
    if said is not None:
        return Seen(E.ACCEPTED, said.text)
    for sign in terms.signs:
        match sign:
            case Sign.STATUS:
                others = sight.status_by - {agent}
                if text_of(sight.status) != text_of(offer.status) or others:
                    return Seen(E.ACCEPTED, f"status {sight.status}")
            case Sign.MODIFIED:
                if offer.owner in sight.touched_by or sight.modified_by == offer.owner:
                    return Seen(E.ACCEPTED, f"{offer.owner_name} changed it")
            case Sign.READ:
                if not sight.unread and offer.owner.prefix == "005":
                    return Seen(E.ACCEPTED, f"{offer.owner_name} opened it")
            case Sign.TAKEN:
                continue  # a change of owner; seen above
    return None


def _awaited_clock(offer: Offer, terms: OfferTerms, sight: Sight, now: datetime) -> Seen | None:
    receipt = terms.receipt if offer.state in (S.PENDING, S.SYNC_LATE) else None
    if receipt is not None and _all(receipt.when, sight.fields):
        return Seen(E.RECEIPT, "received by the partner's system")
    if offer.accept_by is not None and now >= offer.accept_by:
        return Seen(E.ACCEPT_DUE, f"{offer.owner_name} did not accept it in time")
    if offer.accept_by is None and offer.act_by is not None and now >= offer.act_by:
        return Seen(E.ACCEPT_DUE, f"{offer.owner_name} did not act upon it in time")
    if receipt is not None and offer.next_at is not None and now >= offer.next_at:
        cause = sight.fields.get(receipt.cause) if receipt.cause else None
        return Seen(E.RECEIPT_DUE, f"no receipt: {cause or 'no cause is given'}")
    if offer.state is S.OFFERED and offer.remind_at is not None and now >= offer.remind_at:
        return Seen(E.REMIND_DUE, "no answer yet")
    return None


def _acted(offer: Offer, terms: OfferTerms, sight: Sight) -> bool:
    if terms.acted_when:
        return any(_all((c,), sight.fields) for c in terms.acted_when)
    if text_of(sight.status) != text_of(offer.status):
        return True
    since = offer.touched or offer.offered_at
    return sight.modified_by == offer.owner and sight.modified_at > since


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
    if state in ENDS or state in _LEAVING:
        why = offer.why if offer.state in _LEAVING and offer.why is not None else event
        after = replace(after, why=why, ended_at=now)
    if state in ENDS:
        return replace(after, next_at=None)
    if state in _LEAVING:
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


def _all(criteria: Sequence[Criterion], fields: Mapping[str, FieldValue]) -> bool:
    return all(criterion_holds(c, fields.get(c.field)) for c in criteria)
