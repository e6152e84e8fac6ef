"""Decide about a batch of leads: match, eligible, choose. Everything that it needs is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.routing.deciding import Work
from sfprm.routing.eligibility import (
    Declared,
    Eligibility,
    people_ledger_key,
    person_member,
    pool_ledger,
)
from sfprm.routing.facts import Completer
from sfprm.routing.loads import CapRules
from sfprm.routing.match import Matcher
from sfprm.routing.values import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.routing.credits import Book, Sharing
    from sfprm.routing.values import LeadFacts, Ledger, Standing

__all__ = ["Decider", "decide", "ledger_keys"]


def ledger_keys(programme: Programme) -> tuple[str, ...]:
    """All ledgers that decisions of this programme may move, sorted."""
    keys = set()
    for pool in programme.routing.pools.values():
        keys.add(pool_ledger(pool))
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
    the same `now` and the standing and ledgers carried on. The lead of a decision carries what
    look-ups and known companies said of it.

    For many batches of one programme, `Decider` remembers between them.
    """
    return Decider(programme).decide(standing, ledgers, leads, now)


class Decider:
    """One programme made ready for many batches. It remembers what the programme alone says, and
    what it found of a standing for as long as that is handed in again: the answers are those of
    `decide`. For one thread at a time."""

    def __init__(self, programme: Programme) -> None:
        routing = programme.routing
        self.programme = programme
        self.matcher = Matcher(routing.rules)
        self.matcher_for = {
            name: Matcher(each.rules) for each in routing.rule_sets for name in each.intake_names
        }
        self.completer = Completer(routing)
        self.declared = Declared(programme)
        self.caps = CapRules(programme)
        self.ready: dict[str, dict[int, Sharing]] = {}
        self.eligibility: Eligibility | None = None
        self.books: dict[str, tuple[Ledger, Book]] = {}
        """Each with the ledger that it stands at, as the last batch gave it back."""
        self.by_intake = {p.intake: p for p in routing.pools.values() if p.intake}
        self.alone: dict[RecordId, frozenset[RecordId]] = {}
        """Each owner as a set of its own."""
        self.people = {person_member(k): k for k in programme.people}
        self.members = {p.key: {m.key: m for m in p.members} for p in routing.pools.values()}

    def decide(
        self,
        standing: Standing,
        ledgers: Mapping[str, Ledger],
        leads: Iterable[LeadFacts],
        now: datetime,
    ) -> Batch:
        """As the function `decide`."""
        if self.declared.forget():
            # these go by the identity of the classes that are gone now, and by what they hang on
            self.ready.clear()
            self.books.clear()
            self.caps.states.clear()
            self.eligibility = None
        if self.eligibility is None or not self.eligibility.goes_on(standing, now):
            self.eligibility = Eligibility(self.programme, standing, now, self.declared)
        work = Work(self, self.eligibility, standing, ledgers, now)
        ordered = sorted(leads, key=lambda lead: (lead.created, lead.id))
        decisions = tuple([work.decide(lead) for lead in ordered])
        return Batch(decisions, work.standing(), work.ledgers())
