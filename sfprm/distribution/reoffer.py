"""Leads taken back: to the next of the pool, to the channel manager, or out of the channel."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.background import Background
from sfprm.distribution.notify import about_offer, key_of
from sfprm.distribution.offering import manager_offer, plan_offers
from sfprm.distribution.owner_hours import OwnerHours, all_hours
from sfprm.distribution.sights import read_queue_ids, read_user_ids
from sfprm.ids import PartnerKey, PoolKey
from sfprm.programme.model import Rule, ToPool
from sfprm.programme.offer_terms import After
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.narrowing import narrowed
from sfprm.routing.offers import (
    Offer,
    OfferEvent,
    Seen,
    advance,
    afterwards,
    move,
)
from sfprm.routing.values import Batch, Code, Decision, Outcome, Reason
from sfprm.store.offers import OfferChange, PlannedOffer
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sfprm.distribution.notify import Due
    from sfprm.ids import RecordId, RunId
    from sfprm.programme.model import Programme
    from sfprm.programme.offer_terms import OfferTerms
    from sfprm.routing.values import LeadFacts, Ledger, Standing
    from sfprm.salesforce.session import Session
    from sfprm.store.api import BatchWriter, StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["Leaving", "TakenBack", "news_of", "take_back"]

Way = tuple[str, str | None, str | None, tuple[int, ...]]
Groups = dict[Way, list[tuple["Leaving", After]]]
"""What leaves, by where it goes: (kind, rule, pool, and which criteria on the lead did not hold
when the rule was met, as far as its criteria on partners hang on that)."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """An expired or rejected offer. `seen` None: it could not be taken back at an earlier pass."""

    offer: Offer
    seen: Seen | None
    terms: OfferTerms
    facts: LeadFacts


def news_of(programme: Programme, each: Leaving, about: str) -> Due | None:
    """The notice for whoever loses the lead or is paused over it; None when there is none."""
    notice = programme.routing.notices.get(each.terms.notices.get(about, ""))
    if each.seen is None or notice is None:
        return None
    return about_offer(each.offer, notice, about)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What is to be written, and how many leads go where."""

    to_write: tuple[JournalEntry, ...]
    went: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """An owner to put a lead with."""

    id: RecordId
    name: str


def take_back(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    standing: Standing,
    leaving: Sequence[Leaving],
    now: datetime,
    run: RunId,
    *,
    dry_run: bool,
) -> TakenBack:
    """Decide where each goes and journal it, all in one transaction; nothing is written to the org
    here. A rejected lead's credit returns when its reason is one that refunds."""
    facts, at_work = Background(session, programme).of([x.facts for x in leaving])
    leaving = [replace(x, facts=fact) for x, fact in zip(leaving, facts, strict=True)]
    previous = store.previous_owners(x.offer.lead for x in leaving)
    standing = replace(standing, previous_owners=MappingProxyType(previous), at_work=at_work)
    work = _Work(session, programme, standing, now)
    groups = work.grouped(leaving, _failed_then(store, programme, leaving))
    if dry_run:
        ledgers = store.ledgers(ledger_keys(programme))
        return TakenBack((), work.told(groups, ledgers))
    for each in leaving:
        if _refunds(each):
            store.refund(each.offer.entry, now)
    with store.batch(ledger_keys(programme)) as batch:
        return work.carry(batch, groups, run)


def _failed_then(
    store: StoreWriter, programme: Programme, leaving: Sequence[Leaving]
) -> Mapping[RecordId, tuple[int, ...]]:
    """Criteria on each lead that did not hold when its rule was met, for rules that read partners:
    an offered lead has changed since, and its rule is not asked for again."""
    rules = {r.name for r in programme.routing.all_rules if r.partner_criteria}
    asked = {x.offer.lead: x.offer.rule for x in leaving if x.offer.rule in rules}
    found: dict[RecordId, tuple[int, ...]] = {}
    if asked:
        for entry in store.entries(leads=sorted(asked), kinds=("route",)):
            if entry.rule == asked[entry.lead] and entry.trials:
                found[entry.lead] = entry.trials[-1].failed
    return found


def _refunds(each: Leaving) -> bool:
    reject = each.terms.reject
    if each.offer.why is not OfferEvent.REJECTED or reject is None:
        return False
    if "*" in reject.refund:
        return True
    reason = str(each.facts.fields.get(reject.reason or "") or "").strip().casefold()
    return bool(reason) and reason in (r.casefold() for r in reject.refund)


class _Work:
    """One pass's take-backs."""

    def __init__(
        self, session: Session, programme: Programme, standing: Standing, now: datetime
    ) -> None:
        self._session = session
        self._programme = programme
        self.standing = standing
        self._now = now
        self._hours = OwnerHours(programme, standing)
        self._queues: dict[str, _Place] = {}
        self._users: dict[str, _Place] = {}

    def grouped(
        self, leaving: Sequence[Leaving], failed: Mapping[RecordId, tuple[int, ...]]
    ) -> Groups:
        """By where they go: rule and pool for those offered again only."""
        groups: Groups = {}
        for each in leaving:
            then = self._then(each)
            again = then.kind == "next"
            key: Way = (
                then.kind,
                each.offer.rule if again else None,
                each.offer.pool if again else None,
                failed.get(each.offer.lead, ()) if again else (),
            )
            groups.setdefault(key, []).append((each, then))
        self._find_places([then for group in groups.values() for _, then in group])
        return groups

    def _then(self, each: Leaving) -> After:
        then = afterwards(each.offer, each.terms)
        known = each.offer.pool in self._programme.routing.pools
        return each.terms.escalate if then.kind == "next" and not known else then

    def _find_places(self, wanted: Sequence[After]) -> None:
        routing = self._programme.routing
        labels = {then.queue for then in wanted if then.queue}
        labels |= {label for label in (routing.park, *routing.rule_intakes) if label}
        labels |= {p.intake for p in routing.pools.values() if p.intake}
        self._queues = {
            label: _Place(found, label)
            for label, found in read_queue_ids(self._session, labels).items()
        }
        managers = {m.username for m in self._programme.channel_managers.values()}
        if any(then.queue is None and then.kind != "next" for then in wanted):
            names = managers | {then.user for then in wanted if then.user}
            self._users = {
                username: _Place(*found)
                for username, found in read_user_ids(self._session, names).items()
            }

    # Deciding

    def carry(self, batch: BatchWriter, groups: Groups, run: RunId) -> TakenBack:
        """Decide, journal, and move the offers on."""
        went: Counter[str] = Counter()
        written: list[JournalEntry] = []
        changes: list[OfferChange] = []
        for way, members in groups.items():
            kind = way[0]
            if kind == "next":
                decided = self._next(way, [each for each, _ in members], batch.ledgers)
                self.standing = decided.standing
            else:
                decided = self._aside(members)
            by_lead = {each.offer.lead: each for each, _ in members}
            stuck = [d for d in decided.decisions if d.owner_id is None]
            decided = replace(
                decided, decisions=tuple(d for d in decided.decisions if d.owner_id is not None)
            )
            changes += [self._stuck(by_lead[d.lead.id]) for d in stuck]
            name = {"next": "recall", "internal": "escalate"}.get(kind, "recycle")
            entries = batch.save(decided, run=run, programme=self._programme, kind=name)
            batch.plan_offers(self._offers(kind, decided.decisions, entries, by_lead))
            for entry, decision in zip(entries, decided.decisions, strict=True):
                changes.append(self._ended(by_lead[entry.lead], entry, kind))
                went[_went(kind, decision, entry)] += 1
                if entry.state is WriteState.DECIDED:
                    written.append(entry)
        leaving = [each for members in groups.values() for each, _ in members]
        news = [news_of(self._programme, each, "recalled") for each in leaving]
        due = [key_of(each) for each in news if each is not None]
        batch.change_offers(changes, self._now, run, due)
        return TakenBack(tuple(written), MappingProxyType(dict(went)))

    def told(self, groups: Groups, ledgers: Mapping[str, Ledger]) -> Mapping[str, int]:
        """Where each would go; nothing is kept."""
        went: Counter[str] = Counter()
        for way, members in groups.items():
            kind = way[0]
            if kind == "next":
                decided = self._next(way, [each for each, _ in members], ledgers)
                self.standing, ledgers = decided.standing, decided.ledgers
            else:
                decided = self._aside(members)
            went.update(_went(kind, decision, None) for decision in decided.decisions)
        return MappingProxyType(dict(went))

    def _next(self, way: Way, members: Sequence[Leaving], ledgers: Mapping[str, Ledger]) -> Batch:
        """Offered again in the same pool, whatever rules the changed lead would meet now; what the
        rule asked of partners then is asked of them now."""
        programme = self._narrowed(way)
        facts = [each.facts for each in members]
        batch = decide(programme, self.standing, ledgers, facts, self._now)
        words = {each.offer.lead: _because(each) for each in members}
        decisions = tuple(self._placed(d, words[d.lead.id]) for d in batch.decisions)
        return replace(batch, decisions=decisions)

    def _narrowed(self, way: Way) -> Programme:
        _, rule, key, failed = way
        pool = PoolKey(key or "")
        routing = self._programme.routing
        own = next((r for r in routing.all_rules if r.name == rule), None)
        holds = [n not in failed for n in range(1, len(own.criteria) + 1)] if own else []
        only = Rule(
            name=rule or "",
            criteria=(),
            logic=None,
            target=ToPool(pool),
            origin=routing.pools[pool].origin,
            notify=own.notify if own else None,
            offer=own.offer if own else None,
            eligible_when=narrowed(own, holds) if own else None,
        )
        alone = replace(routing, rules=(only,), rule_sets=())
        return replace(self._programme, routing=alone)

    def _placed(self, decision: Decision, because: Reason) -> Decision:
        """With why it was taken back; a lead that nobody may have waits in a queue, not with the
        one who let it run out."""
        decision = replace(decision, reasons=(because, *decision.reasons))
        if decision.outcome is not Outcome.PARKED:
            return decision
        place = self._waiting_place(decision.lead.intake)
        if place is None:
            return decision
        return replace(decision, owner_id=place.id, owner_name=place.name)

    def _waiting_place(self, intake: str) -> _Place | None:
        routing = self._programme.routing
        labels = (routing.park, intake, *routing.rule_intakes)
        return next((self._queues[x] for x in labels if x and x in self._queues), None)

    def _aside(self, members: Sequence[tuple[Leaving, After]]) -> Batch:
        """Out of the pool: to a queue, a user, or the partner's channel manager."""
        decisions = tuple(self._one_aside(each, then) for each, then in members)
        return Batch(decisions, self.standing, {})

    def _one_aside(self, each: Leaving, then: After) -> Decision:
        place = self._place(each.offer, then)
        reasons: tuple[Reason, ...] = (_because(each),)
        outcome = Outcome.ASSIGNED
        if then.kind == "never":
            reasons = (*reasons, Reason(Code.NEVER_AGAIN, "not to be given to a partner again"))
        if place is None:
            # neither the place named nor the manager is there: it waits as a lead nobody may have
            place, outcome = self._waiting_place(each.offer.intake), Outcome.PARKED
        return Decision(
            lead=each.facts,
            outcome=Outcome.PARKED if then.kind == "never" else outcome,
            decided_at=self._now,
            rule=each.offer.rule,
            pool=None,
            owner_id=place.id if place else None,
            owner_name=place.name if place else "",
            reasons=reasons,
            notify=each.terms.notices.get("escalated") if then.kind == "internal" else None,
            next_try=None if then.kind == "never" or outcome is Outcome.ASSIGNED else self._now,
        )

    def _place(self, offer: Offer, then: After) -> _Place | None:
        if then.queue is not None:
            return self._queues.get(then.queue)
        if then.user is not None:
            return self._users.get(then.user.lower())
        return self._manager(offer)

    def _manager(self, offer: Offer) -> _Place | None:
        """The channel manager of the partner that had it; of the first declared where a queue or a
        user had it."""
        kind, _, name = offer.member.partition(":")
        partner = self._programme.partners.get(PartnerKey(name)) if kind == "partner" else None
        managers = self._programme.channel_managers
        keys = [partner.manager] if partner else list(managers)[:1]
        for key in keys:
            manager = managers.get(key)
            if manager is not None:
                return self._users.get(manager.username.lower())
        return None

    # Offers

    def _offers(
        self,
        kind: str,
        decisions: Sequence[Decision],
        entries: Sequence[JournalEntry],
        by_lead: Mapping[RecordId, Leaving],
    ) -> list[PlannedOffer]:
        if kind == "next":
            return plan_offers(
                self._programme,
                decisions,
                entries,
                calendars=all_hours(self._programme, self.standing),
                numbers={lead: each.offer.number for lead, each in by_lead.items()},
            )
        if kind != "internal":
            return []
        found = []
        for entry in entries:
            each = by_lead[entry.lead]
            if entry.owner_new is None or entry.owner_new.prefix != "005":
                continue
            count = self._hours.of(None, entry.owner_new)
            found.append(manager_offer(each.offer, entry, each.terms, count))
        return found

    def _ended(self, each: Leaving, entry: JournalEntry, kind: str) -> OfferChange:
        event = OfferEvent.TAKEN_BACK if kind in ("next", "internal") else OfferEvent.PUT_ASIDE
        ends_as = move(each.offer.state, event)
        offer = replace(each.offer, ended_by=entry.sequence)
        if entry.state is not WriteState.DECIDED:
            offer = replace(offer, state=ends_as, next_at=None)
        return OfferChange(offer, each.seen, ends_as)

    def _stuck(self, each: Leaving) -> OfferChange:
        kept = Seen(OfferEvent.NOT_TAKEN_BACK, "there is no queue to put it into")
        count = self._hours.of(each.offer.pool, each.offer.owner)
        return OfferChange(advance(each.offer, kept, each.terms, self._now, count), kept)


def _because(each: Leaving) -> Reason:
    words = each.seen.words if each.seen else f"taken back from {each.offer.owner_name}"
    return Reason(Code.RECALLED, words)


def _went(kind: str, decision: Decision, entry: JournalEntry | None) -> str:
    if kind == "never":
        return "never"
    if decision.outcome is Outcome.PARKED:
        return "parked"
    if kind != "internal":
        return kind
    owner = decision.owner_id
    return "manager" if owner is not None and owner.prefix == "005" else "internal"
