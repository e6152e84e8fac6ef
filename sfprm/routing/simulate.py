"""Forecast: what rules and pools would do with leads, before they do it.

Leads come in order of their creation, in steps; each step is decided as a pass of `route` would
decide it, with the wins, the open leads and the credits of the steps before. A lead that is parked
is tried again when its next try is due. Pure: nothing is journalled or written.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PoolKey, RecordId
from sfprm.programme.model import Presence
from sfprm.routing.credits import shares
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.offers import plain_time, terms_for
from sfprm.routing.values import LeadFacts, Ledger, Load, Outcome, OwnerStanding, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from sfprm.programme.model import Programme
    from sfprm.routing.offers import Count
    from sfprm.routing.values import Decision, EligibilityClass

__all__ = [
    "EVERYBODY_CAN",
    "MemberForecast",
    "OwnerForecast",
    "Simulation",
    "simulate",
    "standing_of",
]

STEP = timedelta(hours=1)
OPEN_FOR = timedelta(days=14)

EVERYBODY_CAN = "everybody who is declared active counts as able to own leads"
"""What a forecast on `standing_of` takes for granted."""


@dataclass(frozen=True, slots=True)
class MemberForecast:
    """A pool's member: `got` leads; `entitled` is the sum of its shares, in UNIT."""

    pool: str
    member: str
    got: int
    entitled: int


@dataclass(frozen=True, slots=True)
class OwnerForecast:
    """Someone who would own leads. `member` is the pool member it would be by, empty for a rule's
    own target. `busiest`: most leads of one day; `due`: most deadlines of one day."""

    name: str
    member: str
    leads: int
    busiest: int
    due: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would happen. `rules`: (rule or pool intake, leads, of them parked at the end).

    `parked` is by reason, of leads that are parked at the end; `tries` counts attempts that parked
    a lead; `owner_of` tells who would own each lead, by name.
    """

    leads: int
    assigned: int
    left_alone: int
    rules: tuple[tuple[str, int, int], ...]
    members: tuple[MemberForecast, ...]
    owners: tuple[OwnerForecast, ...]
    parked: tuple[tuple[str, int], ...]
    tries: int
    owner_of: Mapping[RecordId, str]

    @property
    def parked_leads(self) -> int:
        """Leads that nobody would have at the end."""
        return sum(count for _, count in self.parked)


def standing_of(programme: Programme) -> Standing:
    """A standing without an org: everybody declared active may own leads, nobody holds any."""
    names = {
        *(q for q in programme.queues),
        *(m.name for p in programme.routing.pools.values() for m in p.members if m.kind == "queue"),
        *(target for target in _named(programme, "queue")),
    }
    users = {
        *(
            m.name.lower()
            for p in programme.routing.pools.values()
            for m in p.members
            if m.kind == "user"
        ),
        *(target.lower() for target in _named(programme, "username")),
    }
    return Standing(
        people=MappingProxyType(
            {
                person.key: OwnerStanding(
                    _made_up("005", number), f"{person.first_name} {person.last_name}".strip()
                )
                for number, person in enumerate(programme.people.values(), start=1)
                if person.state is Presence.ACTIVE
            }
        ),
        users=MappingProxyType(
            {
                name: OwnerStanding(_made_up("005", 900_000 + number), name)
                for number, name in enumerate(sorted(users))
            }
        ),
        queues=MappingProxyType(
            {
                name: OwnerStanding(_made_up("00G", number), name)
                for number, name in enumerate(sorted(names), start=1)
            }
        ),
    )


def _named(programme: Programme, attribute: str) -> list[str]:
    targets = [rule.target for rule in programme.routing.all_rules]
    inner = [t for target in targets for t in getattr(target, "targets", (target,))]
    return [name for t in inner if isinstance(name := getattr(t, attribute, None), str)]


def _made_up(prefix: str, number: int) -> RecordId:
    return RecordId(f"{prefix}{number:012d}")


def simulate(
    programme: Programme,
    standing: Standing,
    ledgers: Mapping[str, Ledger],
    leads: Iterable[LeadFacts],
    *,
    step: timedelta = STEP,
    open_for: timedelta = OPEN_FOR,
    count: Count = plain_time,
) -> Simulation:
    """Decide about all leads, step by step.

    `ledgers`: the credits to begin with; those missing begin at nothing. A lead is taken to stay
    open, for caps on open leads, for `open_for`. `count` adds a span in the owner's hours.
    """
    run = _Run(
        programme,
        standing,
        {key: ledgers.get(key, Ledger(key)) for key in ledger_keys(programme)},
        open_for,
        count,
    )
    waiting: list[LeadFacts] = []
    end: datetime | None = None
    for lead in sorted(leads, key=lambda x: (x.created, x.id)):
        if end is not None and lead.created >= end:
            run.decide(waiting, end)
            waiting = []
            end = None
        if end is None:
            end = lead.created + step
        waiting.append(lead)
    if end is not None:
        run.decide(waiting, end)
    return run.result()


@dataclass
class _Tally:
    leads: Counter[str] = field(default_factory=Counter)
    rules: dict[RecordId, str] = field(default_factory=dict)
    got: Counter[tuple[str, str]] = field(default_factory=Counter)
    entitled: Counter[tuple[str, str]] = field(default_factory=Counter)
    owned: Counter[tuple[str, str]] = field(default_factory=Counter)
    days: Counter[tuple[str, str, date]] = field(default_factory=Counter)
    due: Counter[tuple[str, str, date]] = field(default_factory=Counter)


class _Run:
    """One forecast under way."""

    def __init__(
        self,
        programme: Programme,
        standing: Standing,
        ledgers: Mapping[str, Ledger],
        open_for: timedelta,
        count: Count,
    ) -> None:
        self._programme = programme
        self._standing = standing
        self._ledgers = ledgers
        self._open_for = open_for
        self._count = count
        self._tally = _Tally()
        self._shares: dict[int, tuple[EligibilityClass, dict[str, int]]] = {}
        self._parked: dict[RecordId, Decision] = {}
        self._tries = 0
        self._held: list[tuple[datetime, str]] = []
        self._owner_of: dict[RecordId, str] = {}
        self._terms = dict(programme.routing.offer_terms())
        self._holders: dict[str, list[tuple[PoolKey, str]]] = {}
        for pool in programme.routing.pools.values():
            for member in pool.members:
                self._holders.setdefault(member.key, []).append((pool.key, member.key))

    def decide(self, leads: list[LeadFacts], now: datetime) -> None:
        """One pass: these leads, and the parked ones whose next try is due."""
        again = [
            d.lead for d in self._parked.values() if d.next_try is not None and d.next_try <= now
        ]
        self._let_go(now)
        batch = decide(self._programme, self._standing, self._ledgers, [*again, *leads], now)
        self._standing, self._ledgers = batch.standing, batch.ledgers
        for decision in batch.decisions:
            self._note(decision, now)

    def result(self) -> Simulation:
        """What came of it."""
        tally = self._tally
        by_rule = Counter(tally.rules.values())
        parked_by_rule = Counter(tally.rules[lead] for lead in self._parked)
        why = Counter(_words(decision) for decision in self._parked.values())
        most: dict[tuple[str, str], int] = {}
        due: dict[tuple[str, str], int] = {}
        for days, found in ((tally.days, most), (tally.due, due)):
            for (name, member, _), number in days.items():
                found[name, member] = max(found.get((name, member), 0), number)
        return Simulation(
            leads=len(tally.rules),
            assigned=sum(tally.owned.values()),
            left_alone=tally.leads[Outcome.LEFT_ALONE],
            rules=tuple(
                (rule, by_rule[rule], parked_by_rule[rule]) for rule in self._order(by_rule)
            ),
            members=tuple(
                MemberForecast(
                    pool.key,
                    member.key,
                    tally.got[pool.key, member.key],
                    tally.entitled[pool.key, member.key],
                )
                for pool in self._programme.routing.pools.values()
                for member in pool.members
            ),
            owners=tuple(
                OwnerForecast(name, member, number, most[name, member], due.get((name, member), 0))
                for (name, member), number in sorted(
                    tally.owned.items(), key=lambda item: (-item[1], item[0])
                )
            ),
            parked=tuple(sorted(why.items(), key=lambda item: (-item[1], item[0]))),
            tries=self._tries,
            owner_of=MappingProxyType(self._owner_of),
        )

    def _order(self, found: Counter[str]) -> list[str]:
        """Rules in the order of the files, then pools' own intakes, then what no rule took."""
        declared = [rule.name for rule in self._programme.routing.all_rules]
        return [*declared, *sorted(found.keys() - set(declared))]

    def _note(self, decision: Decision, now: datetime) -> None:
        tally, lead = self._tally, decision.lead.id
        by = decision.rule or (f"intake of {decision.pool}" if decision.pool else "no rule")
        tally.rules[lead] = by
        self._parked.pop(lead, None)
        if decision.outcome is Outcome.PARKED:
            self._parked[lead] = decision
            self._tries += 1
            return
        if decision.outcome is Outcome.LEFT_ALONE:
            tally.leads[Outcome.LEFT_ALONE] += 1
            return
        member = ""
        if decision.choices and decision.pool is not None:
            member = decision.choices[0].winner
            tally.got[decision.pool, member] += 1
            for key, share in self._parts(decision.choices[0].eligibility).items():
                tally.entitled[decision.pool, key] += share
        name = decision.owner_name
        tally.owned[name, member] += 1
        tally.days[name, member, decision.lead.created.date()] += 1
        self._owner_of[lead] = name
        if member:
            heapq.heappush(self._held, (now + self._open_for, member))
        self._note_deadline(decision, name, member, now)

    def _note_deadline(self, decision: Decision, name: str, member: str, now: datetime) -> None:
        found = self._terms.get(f"rule:{decision.rule}") or self._terms.get(f"pool:{decision.pool}")
        if not found:
            return
        at = terms_for(found, decision.lead.fields)
        if at is not None and (within := found[at].accept_within) is not None:
            self._tally.due[name, member, self._count(now, within).date()] += 1

    def _parts(self, eligibility: EligibilityClass) -> dict[str, int]:
        known = self._shares.get(id(eligibility))
        if known is None:
            known = self._shares[id(eligibility)] = (eligibility, shares(eligibility))
        return known[1]

    def _let_go(self, now: datetime) -> None:
        """Leads that have been open long enough no longer count for caps."""
        loads = dict(self._standing.loads)
        while self._held and self._held[0][0] <= now:
            _, member = heapq.heappop(self._held)
            for key in self._holders.get(member, ()):
                load = loads.get(key, Load())
                loads[key] = replace(load, open_held=max(0, load.open_held - 1))
        self._standing = replace(self._standing, loads=MappingProxyType(loads))


def _words(decision: Decision) -> str:
    reason = decision.reasons[0] if decision.reasons else None
    return "no reason" if reason is None else reason.detail or reason.code.value
