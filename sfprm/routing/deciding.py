"""A batch being decided: each lead by its rule, its target and who of a pool may have it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.ids import PartnerKey
from sfprm.programme.model import (
    InTurn,
    LeaveAlone,
    SameCompany,
    ToCompany,
    ToPool,
    ToQueue,
    ToUser,
)
from sfprm.routing.conditions import why_not
from sfprm.routing.credits import Book
from sfprm.routing.eligibility import owner_reasons
from sfprm.routing.loads import Loads
from sfprm.routing.values import Code, Decision, Ledger, Outcome, Reason
from sfprm.routing.waits import FIRST_WAIT, LONGEST_WAIT, at_company, nobody, waits_for_hours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import PoolKey, RecordId
    from sfprm.programme.conditions import Condition
    from sfprm.programme.model import Pool, Rule
    from sfprm.routing.decide import Decider
    from sfprm.routing.eligibility import Eligibility
    from sfprm.routing.values import (
        Choice,
        EligibilityClass,
        LeadFacts,
        OwnerStanding,
        RuleTrial,
        Standing,
    )

__all__ = ["Work"]


class Work:
    """One batch on its way: each lead decided counts for those after it."""

    def __init__(
        self,
        ready: Decider,
        eligibility: Eligibility,
        standing: Standing,
        ledgers: Mapping[str, Ledger],
        now: datetime,
    ) -> None:
        programme = ready.programme
        self._programme = programme
        self._standing = standing
        self._ledgers = ledgers
        self._now = now
        self._books: dict[str, Book] = {}
        # by identity: the list holds the classes, so that an id stays its class's own
        self._empty: dict[int, bool] = {}
        self._held: list[EligibilityClass] = []
        self._opening: dict[PoolKey, datetime | None] = {}
        self._loads = Loads(programme, standing.loads, now, ready.caps)
        self._owners: dict[RecordId, frozenset[RecordId]] = {}
        self._ready = ready.ready
        self._kept = ready.books
        self._matcher_for = ready.matcher_for
        self._matcher = ready.matcher
        self._completer = ready.completer
        self._completes = not ready.completer.idle
        self._alone = ready.alone
        self._eligibility = eligibility
        self._by_intake = ready.by_intake
        self._people = ready.people
        self._members = ready.members

    def decide(self, lead: LeadFacts) -> Decision:
        """Decide about one lead, and let it count."""
        if self._completes:
            lead = self._completer.complete(lead, self._standing.at_work.get(lead.id, ()))
        pool = self._by_intake.get(lead.intake)
        if pool is not None:
            return self._by_pool(lead, pool, None, ())
        matcher = self._matcher_for.get(lead.intake, self._matcher)
        way = matcher.way(lead)
        passed: tuple[int, ...] = ()
        at, trials = way.first
        while at < len(matcher.rules):
            rule = matcher.rules[at]
            also = rule.eligible_when
            if rule.partner_criteria:
                also = matcher.narrowing(at, trials[-1].failed)
            decision = self._by_rule(lead, rule, trials, also)
            if decision is not None:
                return decision
            passed = (*passed, at)
            at, trials = way.next_rule(at + 1, passed)
        return self._parked(lead, None, trials, (Reason(Code.NO_RULE, "no rule matches"),))

    def _by_rule(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        also: Condition | None,
    ) -> Decision | None:
        """What the rule makes of the lead; None when it is passed over. `also`: who may have it by
        what the rule says of partners."""
        match rule.target:
            case LeaveAlone():
                return self._left_alone(lead, rule, trials, "leaves it where it is")
            case InTurn(targets):
                return self._in_turn(lead, rule, trials, targets, also)
            case target:
                return self._by_target(lead, rule, trials, target, also)

    def _by_target(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        target: ToUser | ToQueue | ToPool | ToCompany,
        also: Condition | None,
    ) -> Decision | None:
        match target:
            case ToPool(key):
                pool = self._programme.routing.pools[key]
                if also is not None and not self._eligibility.meets(pool, lead, also):
                    return None
                return self._by_pool(lead, pool, rule, trials, also)
            case ToUser(username):
                owner = self._standing.users.get(username.lower())
                return self._direct(lead, rule, trials, owner, f"user:{username}")
            case ToQueue(queue):
                owner = self._standing.queues.get(queue)
                return self._direct(lead, rule, trials, owner, f"queue:{queue}")
            case ToCompany():
                return self._by_company(lead, rule, trials, target, also)

    def _in_turn(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        targets: tuple[ToUser | ToQueue | ToPool | ToCompany, ...],
        also: Condition | None,
    ) -> Decision | None:
        """The first target that takes the lead; parked with the reasons of all when none does.
        A conflict at the company stops the search: that is for a person to settle."""
        parked: list[Decision] = []
        for target in targets:
            found = self._by_target(lead, rule, trials, target, also)
            if found is None:
                continue
            if found.outcome is not Outcome.PARKED:
                return found
            parked.append(found)
            if found.reasons[0].code is Code.SAME_COMPANY:
                break
        if not parked:
            return None
        return replace(
            parked[-1],
            reasons=tuple(reason for decision in parked for reason in decision.reasons),
            next_try=min(d.next_try for d in parked if d.next_try is not None),
        )

    def _by_company(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        target: ToCompany,
        also: Condition | None,
    ) -> Decision | None:
        """To the partner that works the company already, most surely known first; a rule's criteria
        on partners hold for it too."""
        programme = self._programme
        at_work = self._standing.at_work.get(lead.id, ())
        for way in target.by:
            for found in at_work:
                if way not in found.by or not found.partner:
                    continue
                if rule.partner_criteria and why_not(
                    also, programme.partners.get(found.partner), lead.fields, programme.tiers
                ):
                    continue
                person = self._eligibility.person_for_company(found.partner, found.owner_id)
                if person is None:
                    continue
                owner = self._standing.people[person.key]
                member = f"partner:{found.partner}"
                paid = self._paid(lead, member, target.counts_in)
                if paid is None:
                    self._loads.took(member)
                    return self._assigned(lead, rule, trials, owner, notify=rule.notify)
                pool, choice = paid
                self._loads.took(member, pool.key)
                return self._assigned(
                    lead,
                    rule,
                    trials,
                    owner,
                    notify=rule.notify or pool.notify,
                    pool=pool.key,
                    choices=(choice,),
                )
        return None

    def _paid(
        self, lead: LeadFacts, member: str, counts_in: PoolKey | None
    ) -> tuple[Pool, Choice] | None:
        """The member pays for a lead that goes to it anyway, as if it had been chosen in the pool;
        None when it is none there. Whoever else could have had the lead leaves it to the member,
        and is owed its share."""
        pool = None if counts_in is None else self._programme.routing.pools.get(counts_in)
        if pool is None or member not in self._members[pool.key]:
            return None
        members = self._eligibility.members(pool, lead, self._loads)
        forced = self._eligibility.yielding(members, member)
        return pool, self._book(forced.ledger).choose(forced)

    def standing(self) -> Standing:
        """The standing after the decisions made so far."""
        return replace(
            self._standing,
            loads=self._loads.result(),
            previous_owners=MappingProxyType({**self._standing.previous_owners, **self._owners}),
        )

    def ledgers(self) -> Mapping[str, Ledger]:
        """All ledgers handed in, and those that were begun."""
        moved = {key: book.ledger() for key, book in self._books.items()}
        self._kept.update({key: (moved[key], book) for key, book in self._books.items()})
        return MappingProxyType({**self._ledgers, **moved})

    def _direct(
        self,
        lead: LeadFacts,
        rule: Rule,
        trials: tuple[RuleTrial, ...],
        owner: OwnerStanding | None,
        member: str,
    ) -> Decision:
        name = member.partition(":")[2]
        if owner is not None and owner.owner_id == lead.owner_id:
            return self._left_alone(lead, rule, trials, f"wants it with {name}, where it is")
        reasons = owner_reasons(owner)
        if reasons or owner is None:
            named = tuple(
                r if name in r.detail else Reason(r.code, f"{name}: {r.detail or r.code.value}")
                for r in reasons
            )
            return self._parked(lead, rule, trials, named)
        self._loads.took(member)
        return self._assigned(lead, rule, trials, owner, notify=rule.notify)

    def _by_pool(
        self,
        lead: LeadFacts,
        pool: Pool,
        rule: Rule | None,
        trials: tuple[RuleTrial, ...],
        also: Condition | None = None,
    ) -> Decision:
        if pool.same_company is SameCompany.PARK:
            at_work = self._standing.at_work.get(lead.id)
            if at_work:
                return self._parked(
                    lead, rule, trials, at_company(at_work, self._programme.partners), pool.key
                )
        members = self._eligibility.members(pool, lead, self._loads, also)
        if self._nobody_in(members):
            opens = self._opens(pool) if waits_for_hours(members) else None
            return self._parked(lead, rule, trials, nobody(members), pool.key, opens)
        choice = self._book(members.ledger).choose(members)
        choices: tuple[Choice, ...] = (choice,)
        winner = choice.winner
        member = self._members[pool.key][winner]
        owner: OwnerStanding | None
        match member.kind:
            case "partner":
                people = self._eligibility.people(pool, PartnerKey(member.name), lead)
                person = self._book(people.ledger).choose(people)
                choices = (choice, person)
                owner = self._standing.people.get(self._people[person.winner])
            case "queue":
                owner = self._standing.queues.get(member.name)
            case "user":
                owner = self._standing.users.get(member.name.lower())
        if owner is None:
            raise Bug(f"{winner} was chosen in pool {pool.key} but is not in the standing.")
        self._loads.took(winner, pool.key)
        notify = (rule.notify if rule is not None else None) or pool.notify
        return self._assigned(
            lead, rule, trials, owner, notify=notify, pool=pool.key, choices=choices
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
        alone = self._alone.get(owner.owner_id)
        if alone is None:
            alone = self._alone[owner.owner_id] = frozenset({owner.owner_id})
        had = self._standing.previous_owners.get(lead.id)
        self._owners[lead.id] = alone if had is None else had | alone
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
        opens: datetime | None = None,
    ) -> Decision:
        wait = self._now + FIRST_WAIT
        if opens is not None and self._now < opens <= self._now + LONGEST_WAIT:
            wait = opens
        return Decision(
            lead=lead,
            outcome=Outcome.PARKED,
            decided_at=self._now,
            rule=rule.name if rule is not None else None,
            trials=trials,
            pool=pool,
            reasons=reasons,
            next_try=wait,
        )

    def _nobody_in(self, members: EligibilityClass) -> bool:
        found = self._empty.get(id(members))
        if found is None:
            found = self._empty[id(members)] = all(c.reasons for c in members.candidates)
            self._held.append(members)
        return found

    def _opens(self, pool: Pool) -> datetime | None:
        """When the lead is worth another try: at the next opening, where hours are in the way."""
        if pool.key not in self._opening:
            self._opening[pool.key] = self._eligibility.opens(pool)
        return self._opening[pool.key]

    def _book(self, key: str) -> Book:
        book = self._books.get(key)
        if book is None:
            ledger = self._ledgers.get(key)
            # kept no longer from here on: it moves, and is its ledger's again when the batch ends
            at, kept = self._kept.pop(key, (None, None))
            if kept is not None and at is ledger:
                book = kept
            else:
                book = Book(ledger or Ledger(key), self._ready.setdefault(key, {}))
            self._books[key] = book
        return book
