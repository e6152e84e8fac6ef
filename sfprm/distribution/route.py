"""One pass over the intake: pull, decide, journal, write, confirm."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice
from sys import maxsize
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from sfprm.distribution.background import Background
from sfprm.distribution.by_workers import Spread
from sfprm.distribution.carry import Carrier, Settled
from sfprm.distribution.intake import (
    PAGE,
    Intake,
    find_intake,
    not_ours,
    read_leads,
    read_parked,
)
from sfprm.distribution.notify import (
    NO_MAIL,
    MailReport,
    send_notices,
    to_new_owner,
    waiting_notices,
)
from sfprm.distribution.offering import has_offers, plan_offers
from sfprm.distribution.owner_hours import all_hours
from sfprm.distribution.said_already import said_already
from sfprm.distribution.standing_now import left_out, read_standing
from sfprm.ids import RecordId
from sfprm.routing.credits import worst_moment
from sfprm.routing.decide import Decider, ledger_keys
from sfprm.routing.eligibility import pool_ledger
from sfprm.routing.fairness import PoolShare, pool_share
from sfprm.routing.values import UNIT, Code, Ledger, Outcome
from sfprm.routing.waits import FIRST_WAIT, retry_after
from sfprm.store.records import WriteState
from sfprm.threads import Pool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.distribution.by_workers import Hands
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.outbound.outlets import Outlets
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Batch, Decision, LeadFacts, OwnerStanding, Standing
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry, Parked

__all__ = ["RouteResult", "route"]

PARK_SWEPT = "park queue swept"
"""The mark of when the whole park queue was last read."""

SWEEP_EVERY = timedelta(days=1)

LEFT_ALONE_FOR = timedelta(hours=24)
"""A lead that a rule leaves alone is looked at again after this, not at every pass."""


@dataclass(frozen=True, slots=True)
class RouteResult:
    """What a pass did. Counts are of leads. `waiting`: kept back from an earlier pass, not looked
    at. `owned` came to the owner that was decided, and were seen there (in a dry run: would).

    `mails`: notices that rules and pools ask for.

    `by_target` counts what was decided, by rule and pool or owner. `worst_drift` is the furthest
    that any member was from its entitlement at any moment of the pass, in leads. `left_out`:
    people and users who may not own leads now, with their reasons.
    """

    dry_run: bool
    looked_at: int
    owned: int
    parked: int
    left_alone: int
    waiting: int
    taken_up: int
    refused: tuple[Settled, ...]
    overtaken: tuple[Settled, ...]
    by_target: Mapping[tuple[str, str], int]
    parked_by_reason: Mapping[str, int]
    pools: tuple[PoolShare, ...]
    won: Mapping[tuple[str, str], int]
    worst_drift: float
    calls: int
    left_out: tuple[OwnerStanding, ...] = ()
    mails: MailReport = NO_MAIL


@dataclass(slots=True)
class _Count:
    """What a pass has counted so far."""

    looked_at: int = 0
    assigned: int = 0
    parked: int = 0
    left_alone: int = 0
    waiting: int = 0
    worst: int = 0
    by_target: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    won: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, batch: Batch, before: Mapping[str, Ledger], pools: Iterable[str]) -> None:
        """Count a batch of decisions."""
        for decision in batch.decisions:
            self._take_one(decision)
        for key in pools:
            choices = [
                d.choices[0]
                for d in batch.decisions
                if d.choices and d.choices[0].eligibility.ledger == key
            ]
            self.worst = max(self.worst, worst_moment(before.get(key, Ledger(key)), choices))

    def _take_one(self, decision: Decision) -> None:
        self.looked_at += 1
        match decision.outcome:
            case Outcome.PARKED:
                self.parked += 1
                self.reasons[_main_reason(decision)] += 1
            case Outcome.LEFT_ALONE:
                self.left_alone += 1
            case Outcome.ASSIGNED:
                self.assigned += 1
                to = f"pool {decision.pool}" if decision.pool else decision.owner_name
                self.by_target[(decision.rule or f"intake {decision.lead.intake}", to)] += 1
                if decision.pool is not None:
                    self.won[(decision.pool, decision.choices[0].winner)] += 1


def route(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    *,
    clock: Clock,
    run: RunId,
    progress: Progress,
    dry_run: bool = False,
    limit: int | None = None,
    policy: Outlets | MailPolicy | None = None,
    hands: Hands | None = None,
) -> RouteResult:
    """Route all leads that wait (at most `limit`), after finishing what an interrupted run left.

    Costs 2 calls when nothing waits; else the estate's reads, one call for every 2,000 leads to
    read and one to confirm them, and one for every 200 to write. A dry run writes neither the
    org nor the store, and leaves open decisions of an interrupted run as they are.

    `hands`: other workers, who then write large batches; deciding stays here.

    Mails go through `policy`; without one none is sent, and the result says so.

    Raises NotReady when an intake queue is missing, TryLater when the org stops answering: the
    same call again goes on where this one stopped.
    """
    mark = session.calls.snapshot()
    carrier = Carrier(session, store, clock, progress, programme)
    taken_up = 0 if dry_run else carrier.take_up()
    mended = carrier.tally.owned
    intake = find_intake(session, programme)
    kept = {p.lead: p for p in store.parked()}
    count = _Count()
    waiting = _waiting(session, store, programme, intake, kept, clock.now(), count, dry_run, limit)
    standing: Standing | None = None
    background = Background(session, programme)
    decider = Decider(programme)
    ledgers: Mapping[str, Ledger] = store.ledgers(ledger_keys(programme))
    progress.stage("leads", limit)
    spread = None if hands is None or dry_run else Spread(hands, carrier, store)
    pages = _pages(waiting, limit)
    with _Behind(carrier) as behind, closing(pages):
        for leads in pages:
            now = clock.now()
            if standing is None:
                standing = read_standing(session, store, programme, now)
            previous = store.previous_owners(lead.id for lead in leads)
            leads, at_work = background.of(leads)
            standing = replace(
                standing, previous_owners=MappingProxyType(previous), at_work=at_work
            )
            if dry_run:
                before = ledgers
                batch = decider.decide(standing, before, leads, now)
            else:
                before, batch, entries = _decide_and_save(
                    store, decider, standing, leads, now, run, kept, intake.park
                )
                to_write = [e for e in entries if e.state is WriteState.DECIDED]
                (spread or behind).carry_out(to_write)
            standing, ledgers = batch.standing, batch.ledgers
            count.take(
                batch, before, [pool_ledger(pool) for pool in programme.routing.pools.values()]
            )
    if spread is not None:
        spread.gather()
    mails = NO_MAIL if dry_run else _mail(session, store, programme, carrier, policy, clock.now())
    result = _result(
        store,
        programme,
        ledgers,
        count,
        carrier,
        mails,
        dry_run=dry_run,
        taken_up=taken_up,
        mended=mended,
        calls=session.calls.since(mark).total,
    )
    return result if standing is None else replace(result, left_out=left_out(standing))


class _Behind:
    """Writes one batch while the next is decided: never more than that, so memory stays flat.

    Leaving waits for the last batch, and raises what ended it; broken off by a signal, it waits
    for the write in hand only.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._hand = Pool(1, thread_name_prefix="carry")
        self._under_way: Future[None] | None = None

    def carry_out(self, entries: Sequence[JournalEntry]) -> None:
        """Have the entries written, once the batch before them is."""
        self._wait()
        self._under_way = self._hand.submit(self._carrier.carry_out, entries)

    def _wait(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._wait()
            elif not issubclass(kind, Exception):
                self._carrier.break_off()
        except KeyboardInterrupt:
            self._carrier.break_off()
            raise
        finally:
            self._hand.shutdown(wait=True)


def _waiting(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    intake: Intake,
    kept: Mapping[RecordId, Parked],
    now: datetime,
    count: _Count,
    dry_run: bool,
    limit: int | None,
) -> Iterator[LeadFacts]:
    """Leads to be looked at: in the intake queues, then those of the park queue whose time has
    come. Parked leads cost nothing before; once a day the whole park queue is swept for leads that
    nothing is known of."""
    leads = read_leads(session, programme, intake, maxsize if limit is None else limit)
    if intake.claims:
        leads = not_ours(store, leads)
    yield from _due(leads, kept, now, count)
    if intake.park is None:
        return
    due = [p.lead for p in kept.values() if p.next_try is not None and p.next_try <= now]
    count.waiting = len(kept) - len(due)
    last = store.offers.marked(PARK_SWEPT)
    sweep = last is None or now - last >= SWEEP_EVERY or now < last
    if not due and not sweep:
        return
    came_by = {e.lead: e.intake for e in store.entries(leads=due) if e.refunds is None}
    intakes = {lead: came_by.get(lead, "") for lead in due}
    found = set()
    for lead in read_parked(session, programme, intake.park, intakes, all_of_it=sweep):
        if lead.id in intakes or lead.id not in kept:
            found.add(lead.id)
            yield lead
    if not dry_run:
        # a person took them out of the queue: nothing waits for them any more
        store.unpark([lead for lead in due if lead not in found])
        if sweep:
            store.offers.mark(PARK_SWEPT, now)


def _due(
    leads: Iterable[LeadFacts], kept: Mapping[RecordId, Parked], now: datetime, count: _Count
) -> Iterator[LeadFacts]:
    """Without those kept back whose next try has not come."""
    for lead in leads:
        parked = kept.get(lead.id)
        if parked is not None and (parked.next_try is None or parked.next_try > now):
            count.waiting += 1
        else:
            yield lead


def _pages(leads: Iterable[LeadFacts], limit: int | None) -> Generator[list[LeadFacts]]:
    """Batches of a page, together at most `limit`."""
    rest = iter(leads) if limit is None else islice(leads, limit)
    while page := list(islice(rest, PAGE)):
        yield page


def _decide_and_save(
    store: StoreWriter,
    decider: Decider,
    standing: Standing,
    leads: Sequence[LeadFacts],
    now: datetime,
    run: RunId,
    kept: Mapping[RecordId, Parked],
    park: RecordId | None,
) -> tuple[Mapping[str, Ledger], Batch, list[JournalEntry]]:
    """One transaction: ledgers locked, decided, journalled. Only after it the org is written.
    What the journal says already of a lead that is kept back is not said again."""
    programme = decider.programme
    last = store.last_entries(lead.id for lead in leads if lead.id in kept)
    with store.batch(ledger_keys(programme)) as open_batch:
        before = open_batch.ledgers
        batch = decider.decide(standing, before, leads, now)
        name = programme.routing.park or ""
        waits = tuple(
            _parked_in(_with_wait(d, kept.get(d.lead.id)), park, name) for d in batch.decisions
        )
        known = [bool(last) and said_already(d, last.get(d.lead.id)) for d in waits]
        new = tuple(d for d, said in zip(waits, known, strict=True) if not said)
        entries = (
            open_batch.save(replace(batch, decisions=new), run=run, programme=programme)
            if new
            else []
        )
        if has_offers(programme):
            calendars = all_hours(programme, standing)
            open_batch.plan_offers(plan_offers(programme, new, entries, calendars=calendars))
        open_batch.keep_back(
            [
                d if d.outcome is Outcome.PARKED else replace(d, next_try=now + LEFT_ALONE_FOR)
                for d, said in zip(waits, known, strict=True)
                if said or d.outcome is Outcome.LEFT_ALONE
            ]
        )
    return before, batch, entries


def _with_wait(decision: Decision, parked: Parked | None) -> Decision:
    """A lead that is kept back again waits longer; one that waits for somebody's hours to begin
    waits until then."""
    if decision.outcome is not Outcome.PARKED or parked is None:
        return decision
    if decision.next_try != decision.decided_at + FIRST_WAIT:
        return decision
    return replace(decision, next_try=decision.decided_at + retry_after(parked.tries))


def _parked_in(decision: Decision, park: RecordId | None, name: str) -> Decision:
    """A lead that is kept back goes to the park queue, if there is one."""
    if decision.outcome is not Outcome.PARKED or park is None or decision.lead.owner_id == park:
        return decision
    return replace(decision, owner_id=park, owner_name=name)


def _main_reason(decision: Decision) -> str:
    """What a summary counts a parked lead under."""
    first = decision.reasons[0]
    if first.code is not Code.NO_ELIGIBLE_MEMBER:
        return first.detail or first.code.value
    return f"pool {decision.pool}: no member is eligible"


def _mail(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    carrier: Carrier,
    policy: Outlets | MailPolicy | None,
    now: datetime,
) -> MailReport:
    """The notices of what was confirmed in this pass, taken up or new."""
    notices = programme.routing.notices
    told = [e for e in carrier.tally.to_tell if e.notify in notices]
    due, lost = waiting_notices(store, programme, {e.sequence: e for e in told}, now)
    queues = sum(to_new_owner(e, notices[e.notify or ""]) is None for e in told)
    if policy is None:
        none = (f"{len(due)} notices: no mail policy was given",) if due else ()
        return replace(lost, queues=queues) + MailReport(not_sent=none)
    report = send_notices(session, store, programme, policy, due, now)
    return replace(lost + report, queues=queues)


def _result(
    store: StoreWriter,
    programme: Programme,
    ledgers: Mapping[str, Ledger],
    count: _Count,
    carrier: Carrier,
    mails: MailReport,
    *,
    dry_run: bool,
    taken_up: int,
    mended: int,
    calls: int,
) -> RouteResult:
    pools = programme.routing.pools
    if not dry_run:
        ledgers = store.ledgers(ledger_keys(programme))  # net of what was given back
    got = Counter(store.win_counts(pools))
    if dry_run:
        got.update(count.won)
    refused, overtaken = carrier.tally.refused, carrier.tally.overtaken
    return RouteResult(
        dry_run=dry_run,
        looked_at=count.looked_at,
        owned=count.assigned if dry_run else carrier.tally.owned - mended,
        parked=count.parked,
        left_alone=count.left_alone,
        waiting=count.waiting,
        taken_up=taken_up,
        refused=tuple(refused),
        overtaken=tuple(overtaken),
        by_target=MappingProxyType(dict(count.by_target)),
        parked_by_reason=MappingProxyType(dict(count.reasons.most_common())),
        pools=tuple(
            pool_share(
                programme,
                pool,
                ledgers,
                {member: n for (key, member), n in got.items() if key == pool.key},
            )
            for pool in pools.values()
        ),
        won=MappingProxyType(dict(count.won)),
        worst_drift=float(Fraction(count.worst, UNIT)),
        calls=calls,
        mails=mails,
    )
