"""Decide about a batch of leads: match, eligible, choose. Everything that it needs is handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest, Bug
from sfprm.ids import PartnerKey
from sfprm.programme.model import Fairness, LeaveAlone, ToPool, ToQueue, ToUser
from sfprm.routing.credits import Book
from sfprm.routing.eligibility import (
    Eligibility,
    ledger_key,
    owner_reasons,
    people_ledger_key,
    person_member,
)
from sfprm.routing.match import Matcher
from sfprm.routing.values import (
    Batch,
    Code,
    Decision,
    Ledger,
    Load,
    Outcome,
    Reason,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sfprm.ids import PoolKey, RecordId
    from sfprm.programme.model import Pool, Programme, Rule
    from sfprm.routing.values import (
        Choice,
        EligibilityClass,
        LeadFacts,
        OwnerStanding,
        RuleTrial,
        Standing,
    )

__all__ = ["FIRST_WAIT", "decide", "ledger_keys", "retry_after"]

FIRST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=24)


def retry_after(tries: int) -> timedelta:
    """How long a lead is kept back after having been parked `tries` times in a row before:
    an hour, doubling up to a day."""
    return min(FIRST_WAIT * (1 << min(tries, 5)), LONGEST_WAIT)


def ledger_keys(programme: Programme) -> tuple[str, ...]:
    """All ledgers that decisions of this programme may move, sorted."""
    keys = set()
    for pool in programme.routing.pools.values():
        keys.add(ledger_key(pool.key))
        keys.update(
            people_ledger_key(pool.key, m.name) for m in pool.members if m.kind == "partner"
        )
    return tuple(sorted(keys))


def decide(
    programme: Programme,
    standing: Standing,
    ledgers: Mapping[str, Ledger],
    leads: Iterable[LeadFacts],
    now: datetime,
) -> Batch:
    """One decision a lead, in order of (created, id), whatever the order handed in.

    Each win counts at once: a batch cannot overshoot a cap, and a batch of k equals k calls with
    the same `now` and the standing and ledgers carried on. Raises BadRequest when a pool asks for a
    fairness that is not there.
    """
    for pool in programme.routing.pools.values():
        if pool.fairness is not Fairness.EQUAL_OPPORTUNITY:
            raise BadRequest(
                f"pool '{pool.key}' ({pool.origin}) asks for {pool.fairness.value}, "
                "which this version does not share out by.",
                hint="Write `fairness: equal-opportunity`, or leave the line out.",
            )
    work = _Work(programme, standing, ledgers, now)
    decisions = tuple(work.decide(lead) for lead in sorted(leads, key=lambda x: (x.created, x.id)))
    return Batch(decisions, work.standing(), work.ledgers())


class _Work:
    """A batch being decided."""

    def __init__(
        self,
        programme: Programme,
        standing: Standing,
        ledgers: Mapping[str, Ledger],
        now: datetime,
    ) -> None:
        self._programme = programme
        self._standing = standing
        self._ledgers = ledgers
        self._now = now
        self._books: dict[str, Book] = {}
        self._loads = dict(standing.loads)
        self._owners: dict[RecordId, frozenset[RecordId]] = {}
        self._matcher = Matcher(programme.routing.rules)
        self._eligibility = Eligibility(programme, standing, now)
        self._by_intake = {p.intake: p for p in programme.routing.pools.values() if p.intake}
        self._people = {person_member(k): k for k in programme.people}
        self._holders: dict[str, list[tuple[PoolKey, str]]] = {}
        for pool in programme.routing.pools.values():
            for member in pool.members:
                self._holders.setdefault(member.key.casefold(), []).append((pool.key, member.key))

    def decide(self, lead: LeadFacts) -> Decision:
        """Decide about one lead, and let it count."""
        pool = self._by_intake.get(lead.intake)
        if pool is not None:
            return self._by_pool(lead, pool, None, ())
        rule, trials = self._matcher.match(lead)
        if rule is None:
            return self._parked(lead, None, trials, (Reason(Code.NO_RULE, "no rule matches"),))
        match rule.target:
            case LeaveAlone():
                return self._left_alone(lead, rule, trials, "leaves it where it is")
            case ToUser(username):
                owner = self._standing.users.get(username.lower())
                return self._direct(lead, rule, trials, owner, username)
            case ToQueue(queue):
                owner = self._standing.queues.get(queue)
                return self._direct(lead, rule, trials, owner, queue)
            case ToPool(key):
                return self._by_pool(lead, self._programme.routing.pools[key], rule, trials)

    def standing(self) -> Standing:
        """The standing after the decisions made so far."""
        return replace(
            self._standing,
            loads=MappingProxyType(self._loads),
            previous_owners=MappingProxyType({**self._standing.previous_owners, **self._owners}),
        )

    def ledgers(self) -> Mapping[str, Ledger]:
        """All ledgers handed in, and those that were begun."""
        moved = {key: book.ledger() for key, book in self._books.items()}
        return MappingProxyType({**self._ledgers, **moved})

    def _direct(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        owner: OwnerStanding | None,
        name: str,
    ) -> Decision:
        if owner is not None and owner.owner_id == lead.owner_id:
            return self._left_alone(lead, rule, trials, f"wants it with {name}, where it is")
        reasons = owner_reasons(owner)
        if reasons or owner is None:
            named = tuple(
                r if name in r.detail else Reason(r.code, f"{name}: {r.detail or r.code.value}")
                for r in reasons
            )
            return self._parked(lead, rule, trials, named)
        kind = "user" if isinstance(rule.target, ToUser) else "queue"
        self._hold_one_more(f"{kind}:{name}")
        return self._assigned(lead, rule, trials, owner, notify=rule.notify)

    def _by_pool(
        self, lead: LeadFacts, pool: Pool, rule: Rule | None, trials: tuple[RuleTrial, ...]
    ) -> Decision:
        members = self._eligibility.members(pool, lead, self._loads)
        if all(c.reasons for c in members.candidates):
            return self._parked(lead, rule, trials, _nobody(members), pool.key)
        choices = [self._book(members.ledger).choose(members)]
        winner = choices[0].winner
        member = next(m for m in pool.members if m.key == winner)
        owner: OwnerStanding | None
        match member.kind:
            case "queue":
                owner = self._standing.queues.get(member.name)
            case "user":
                owner = self._standing.users.get(member.name.lower())
            case "partner":
                partner = PartnerKey(member.name)
                people = self._eligibility.people(pool, partner, lead)
                choices.append(self._book(people.ledger).choose(people))
                owner = self._standing.people.get(self._people[choices[1].winner])
        if owner is None:
            raise Bug(f"{winner} was chosen in pool {pool.key} but is not in the standing.")
        load = self._loads.get((pool.key, winner), Load())
        self._loads[(pool.key, winner)] = replace(load, wins=(*load.wins, self._now))
        self._hold_one_more(winner)
        notify = (rule.notify if rule is not None else None) or pool.notify
        return self._assigned(
            lead, rule, trials, owner, notify=notify, pool=pool.key, choices=tuple(choices)
        )

    def _assigned(
        self,
        lead: LeadFacts,
        rule: Rule | None,
        trials: tuple[RuleTrial, ...],
        owner: OwnerStanding,
        *,
        notify: str | None,
        pool: PoolKey | None = None,
        choices: tuple[Choice, ...] = (),
    ) -> Decision:
        if owner.owner_id is None:
            raise Bug(f"{owner.name} was chosen but has no id.")
        had = self._standing.previous_owners.get(lead.id, frozenset())
        self._owners[lead.id] = had | {owner.owner_id}
        return Decision(
            lead=lead,
            outcome=Outcome.ASSIGNED,
            decided_at=self._now,
            rule=rule.name if rule is not None else None,
            trials=trials,
            pool=pool,
            choices=choices,
            owner_id=owner.owner_id,
            owner_name=owner.name,
            notify=notify,
        )

    def _left_alone(
        self, lead: LeadFacts, rule: Rule, trials: tuple[RuleTrial, ...], words: str
    ) -> Decision:
        reason = Reason(Code.LEFT_ALONE, f"rule '{rule.name}' {words}")
        return Decision(lead, Outcome.LEFT_ALONE, self._now, rule.name, trials, reasons=(reason,))

    def _parked(
        self,
        lead: LeadFacts,
        rule: Rule | None,
        trials: tuple[RuleTrial, ...],
        reasons: tuple[Reason, ...],
        pool: PoolKey | None = None,
    ) -> Decision:
        return Decision(
            lead=lead,
            outcome=Outcome.PARKED,
            decided_at=self._now,
            rule=rule.name if rule is not None else None,
            trials=trials,
            pool=pool,
            reasons=reasons,
            next_try=self._now + FIRST_WAIT,
        )

    def _hold_one_more(self, member: str) -> None:
        """A lead is held by its owner, whichever pool or rule it came by: all caps on open leads of
        that member count it. Wins count in the pool that they were won in."""
        for key in self._holders.get(member.casefold(), ()):
            load = self._loads.get(key, Load())
            self._loads[key] = replace(load, open_held=load.open_held + 1)

    def _book(self, key: str) -> Book:
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = Book(self._ledgers.get(key, Ledger(key)))
        return book


def _nobody(members: EligibilityClass) -> tuple[Reason, ...]:
    """That nobody is eligible, then each member's first reason with its name."""
    each = tuple(
        Reason(c.reasons[0].code, f"{c.member}: {c.reasons[0].detail or c.reasons[0].code.value}")
        for c in members.candidates
    )
    return (Reason(Code.NO_ELIGIBLE_MEMBER, f"nobody in {members.ledger}"), *each)
