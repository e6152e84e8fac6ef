"""One pass over the offers: what became of each, and leads that ran out go on to the next.

What was decided stands in the state before the org is written, each lead with the offer it ends and
the one it begins, in one transaction. So a pass that dies anywhere is taken up by the next.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.carry import MOST_UNSEEN, Carrier, Settled
from sfprm.distribution.notify import (
    NO_MAIL,
    Due,
    MailReport,
    about_offer,
    key_of,
    send_notices,
    waiting_notices,
)
from sfprm.distribution.offering import stage_fields, terms_named
from sfprm.distribution.owner_hours import OwnerHours
from sfprm.distribution.reoffer import Leaving, news_of, take_back
from sfprm.distribution.sights import SeenLead, read_sights, with_history
from sfprm.distribution.standing_now import dead_owners, read_standing
from sfprm.errors import BadRequest, NotReady
from sfprm.routing.offer_look import look
from sfprm.routing.offers import (
    LOOK_AGAIN,
    Offer,
    OfferEvent,
    OfferState,
    Seen,
    advance,
    pauses,
)
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, update
from sfprm.store.offers import OfferChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RecordId, RunId
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.outbound.outlets import Outlets
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Standing
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["LateSync", "RecallResult", "recall"]

OWNERS_SEEN = "owners seen"
"""The mark of when it was last looked whether owners can still own leads."""

OWNERS_EVERY = timedelta(hours=1)

_LEAVING = (OfferState.EXPIRED, OfferState.REJECTED)


@dataclass(frozen=True, slots=True)
class LateSync:
    """A lead that the partner's system has not confirmed in time, with what it says of it."""

    lead: RecordId
    label: str
    owner_name: str
    cause: str


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What a pass did. `happened` counts events; `went` where leads went that were taken back:
    `next`, `parked`, `manager`, `recycle`, `internal`, `never`. `open` offers are left by state.
    """

    dry_run: bool
    looked_at: int
    happened: Mapping[OfferEvent, int]
    went: Mapping[str, int]
    confirmed: int
    late: tuple[LateSync, ...]
    paused: tuple[str, ...]
    lifted: tuple[str, ...]
    unseen: int
    taken_up: int
    refused: tuple[Settled, ...]
    overtaken: tuple[Settled, ...]
    not_set: tuple[str, ...]
    calls: int
    mails: MailReport = NO_MAIL
    left: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(slots=True)
class _Found:
    """What a pass has found out."""

    changes: list[OfferChange] = field(default_factory=list)
    leaving: list[Leaving] = field(default_factory=list)
    unseen: list[Offer] = field(default_factory=list)

    def events(self) -> list[tuple[Offer, Seen]]:
        """All that happened."""
        seen = [(c.offer, c.seen) for c in self.changes if c.seen is not None]
        return seen + [(x.offer, x.seen) for x in self.leaving if x.seen is not None]


def recall(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    *,
    clock: Clock,
    run: RunId,
    progress: Progress,
    dry_run: bool = False,
    policy: Outlets | MailPolicy | None = None,
    lift: Sequence[str] = (),
) -> RecallResult:
    """Look at every open offer and do what its terms say. `lift` ends the pauses of those members.

    Costs nothing when no lead is offered; else a call for some four hundred offers, and when leads
    are taken back the estate's reads and one call for every 200 to write. Raises NotReady when too
    many leads are out of the agent's sight.
    """
    mark = session.calls.snapshot()
    carrier = Carrier(session, store, clock, progress, programme)
    taken_up = 0 if dry_run else carrier.take_up()
    mended = carrier.tally.confirmed
    now = clock.now()
    lifted = _lift(store, now, lift, dry_run)
    held = [o for o in store.offers.open() if o.state is not OfferState.PLANNED]
    progress.stage("offers", len(held))
    found, standing = _look(session, store, programme, held, now, dry_run)
    if len(found.unseen) >= MOST_UNSEEN:
        raise NotReady(
            f"{len(found.unseen)} offered leads are out of the agent's sight.",
            hint="Grant the agent's user View All and Modify All on Lead.",
        )
    went: Counter[str] = Counter()
    not_set: list[str] = []
    if not dry_run:
        reminders = [key_of(d) for d in _reminders(programme, found)]
        store.offers.change(found.changes, now, run, reminders)
    if found.leaving:
        standing = standing or read_standing(session, store, programme, now)
        back = take_back(
            session, store, programme, standing, found.leaving, now, run, dry_run=dry_run
        )
        went.update(back.went)
        carrier.carry_out(back.to_write)
    paused: list[str] = []
    mails = NO_MAIL
    if not dry_run:
        stopped = _pause(store, programme, found, now)
        paused = [each.offer.member for each in stopped]
        not_set = _set_fields(session, store, programme)
        mails = _mail(session, store, programme, policy, carrier, now)
    return RecallResult(
        dry_run=dry_run,
        looked_at=len(held),
        happened=MappingProxyType(dict(Counter(seen.event for _, seen in found.events()))),
        went=MappingProxyType(dict(went)),
        confirmed=carrier.tally.confirmed - mended,
        late=tuple(
            LateSync(o.lead, o.label, o.owner_name, seen.words)
            for o, seen in found.events()
            if seen.event is OfferEvent.RECEIPT_DUE
        ),
        paused=tuple(paused),
        mails=mails,
        lifted=tuple(lifted),
        unseen=len(found.unseen),
        taken_up=taken_up,
        refused=tuple(carrier.tally.refused),
        overtaken=tuple(carrier.tally.overtaken),
        not_set=tuple(not_set),
        calls=session.calls.since(mark).total,
        left=MappingProxyType(dict(store.offers.count())),
    )


def _lift(store: StoreWriter, now: datetime, also: Sequence[str], dry_run: bool) -> list[str]:
    """Pauses that are over, and those that a person ends. Raises BadRequest for one that is not
    there."""
    pauses = store.offers.pauses()
    unknown = sorted(set(also) - {p.member for p in pauses})
    if unknown:
        known = ", ".join(p.member for p in pauses) or "nobody"
        raise BadRequest(f"{unknown[0]} is not paused.", hint=f"Paused: {known}.")
    over = [
        p.member for p in pauses if p.member in also or (p.until is not None and p.until <= now)
    ]
    if over and not dry_run:
        store.offers.lift(over)
    return over


def _look(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    held: Sequence[Offer],
    now: datetime,
    dry_run: bool,
) -> tuple[_Found, Standing | None]:
    """What happened to each. The estate is read when a lead is to be taken back, and now and then
    to find leads on owners who are gone."""
    if not held:
        return _Found(), None
    agent = session.identity.user_id
    fields = set(programme.routing.fields_read())
    for offer in held:
        fields.update(terms_named(programme, offer.terms).lead_fields())
    seen = read_sights(session, held, fields)
    first = _judged(programme, held, seen, now, agent, frozenset(), None)
    silent = {
        x.offer.lead: seen[x.offer.lead]
        for x in first.leaving
        if x.seen is not None and x.seen.event is OfferEvent.ACCEPT_DUE
    }
    if silent:
        since = min(x.offer.offered_at for x in first.leaving)
        seen = {**seen, **with_history(session, silent, since)}
    last = store.offers.marked(OWNERS_SEEN)
    standing = None
    dead: frozenset[RecordId] = frozenset()
    if first.leaving or last is None or now - last >= OWNERS_EVERY or now < last:
        standing = read_standing(session, store, programme, now)
        dead = dead_owners(standing)
        if not dry_run:
            store.offers.mark(OWNERS_SEEN, now)
    return _judged(programme, held, seen, now, agent, dead, standing), standing


def _judged(
    programme: Programme,
    held: Sequence[Offer],
    seen: Mapping[RecordId, SeenLead],
    now: datetime,
    agent: RecordId,
    dead: frozenset[RecordId],
    standing: Standing | None,
) -> _Found:
    found = _Found()
    hours = OwnerHours(programme, standing)
    for offer in held:
        lead = seen.get(offer.lead)
        if lead is None:
            found.unseen.append(offer)
            continue
        terms = terms_named(programme, offer.terms)
        sight = replace(lead.sight, owner_live=lead.sight.owner not in dead)
        what = look(offer, terms, sight, now, agent)
        due = offer.next_at is not None and offer.next_at <= now
        if what is not None:
            count = hours.of(offer.pool, sight.owner)
            after = advance(offer, what, terms, now, count, sight)
            if after.state in _LEAVING:
                found.leaving.append(Leaving(after, what, terms, lead.facts))
            else:
                found.changes.append(OfferChange(after, what))
        elif offer.state in _LEAVING and due:
            found.leaving.append(Leaving(offer, None, terms, lead.facts))
        elif due:
            found.changes.append(OfferChange(replace(offer, next_at=now + LOOK_AGAIN), None))
    return found


def _pause(store: StoreWriter, programme: Programme, found: _Found, now: datetime) -> list[Leaving]:
    """Pause members who let one lead too many run out; returns the last lead of each."""
    silent = {
        x.offer.member: x
        for x in found.leaving
        if x.seen is not None and x.seen.event is OfferEvent.ACCEPT_DUE and x.terms.pause
    }
    if not silent:
        return []
    already = {p.member for p in store.offers.pauses()}
    paused: list[Leaving] = []
    most = max(x.terms.pause.after for x in silent.values() if x.terms.pause)
    answers = store.offers.last_answers(silent, most)
    for member, last in silent.items():
        terms = last.terms.pause
        if terms is None or member in already or not pauses(answers[member], terms.after):
            continue
        until = None
        if terms.length is not None:
            hours = OwnerHours(programme, None)
            until = hours.of(last.offer.pool, last.offer.owner)(now, terms.length)
        words = f"{terms.after} leads in a row were not accepted in time"
        news = news_of(programme, last, "paused")
        due = [key_of(news)] if news is not None else []
        store.offers.pause(member, now=now, until=until, words=words, due=due)
        paused.append(last)
    return paused


def _mail(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    policy: Outlets | MailPolicy | None,
    carrier: Carrier,
    now: datetime,
) -> MailReport:
    """What people are told: new owners and managers, who is to be reminded, who lost a lead, who is
    paused. All of it was noted with what it tells of."""
    known = {e.sequence: e for e in carrier.tally.to_tell}
    due, lost = waiting_notices(store, programme, known, now)
    if not due:
        return lost
    if policy is None:
        return lost + MailReport(not_sent=(f"{len(due)} notices: no mail policy was given",))
    return lost + send_notices(session, store, programme, policy, due, now)


def _reminders(programme: Programme, found: _Found) -> list[Due]:
    """Who is to be reminded."""
    due: list[Due] = []
    for change in found.changes:
        if change.seen is not None and change.seen.event is OfferEvent.REMIND_DUE:
            terms = terms_named(programme, change.offer.terms)
            notice = programme.routing.notices.get(terms.notices.get("remind", ""))
            news = about_offer(change.offer, notice, "remind") if notice else None
            due += [news] if news is not None else []
    return due


def _set_fields(session: Session, store: StoreWriter, programme: Programme) -> list[str]:
    """Write what offers set on leads whose owner stays; returns the refusals, in words."""
    due = store.offers.to_set()
    rows = []
    for offer in due:
        fields = stage_fields(terms_named(programme, offer.terms), offer.to_set or "", offer)
        if fields:
            rows.append((offer, {"Id": offer.lead, **fields}))
    refused = []
    outcomes = update(session, "Lead", [row for _, row in rows], headers=AUTO_ASSIGN_OFF)
    for (offer, _), outcome in zip(rows, outcomes, strict=True):
        if not outcome.success:
            refused.append(f"{offer.label or offer.lead}: {_words(outcome.errors)}")
    if due:
        store.offers.fields_set([offer.entry for offer in due])
    return refused


def _words(errors: Iterable[object]) -> str:
    return "; ".join(str(error) for error in errors) or "refused without a reason"
