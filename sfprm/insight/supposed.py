"""`why --if`: what would have become of a lead had something been otherwise.

Who was able to own leads is taken from the journal as it was then, credits from the replay; the
rules and conditions are tried again with what is supposed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Text
from sfprm.errors import NotReady
from sfprm.ids import PoolKey
from sfprm.insight.names import member_name, reasons_text
from sfprm.routing.decide import decide
from sfprm.routing.eligibility import candidates, ledgers_of
from sfprm.routing.explain import ChoiceExplained, explain_choice
from sfprm.routing.simulate import standing_of
from sfprm.routing.suppose import (
    Supposition,
    merged,
    parse,
    supposed_facts,
    supposed_programme,
)
from sfprm.routing.values import Candidate, EligibilityClass, LeadFacts, Outcome, Reason
from sfprm.store.replay import ledger_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.model import Programme
    from sfprm.routing.values import Decision
    from sfprm.store.api import StoreReader
    from sfprm.store.records import JournalEntry

__all__ = ["Supposed", "supposed"]


@dataclass(frozen=True, slots=True)
class Supposed:
    """What would have happened. `choice` is the pool's, when there would have been one; `reasons`
    when the lead would have been parked."""

    suppositions: tuple[Supposition, ...]
    programme: Programme
    rule: str | None
    outcome: Outcome
    owner: str
    same: bool
    choice: ChoiceExplained | None = None
    reasons: tuple[Reason, ...] = ()

    def blocks(self) -> tuple[Block, ...]:
        """A sentence, and each member's part."""
        changes = ", ".join(s.text for s in self.suppositions)
        rule = f' by rule "{self.rule}"' if self.rule else ""
        if self.outcome is Outcome.PARKED:
            end = f"would have been parked{rule}: {reasons_text(self.reasons)}"
        elif self.outcome is Outcome.LEFT_ALONE:
            end = f"would have been left where it was{rule}"
        else:
            end = f"would have gone to {self.owner}{rule}"
        lines = [f"If {changes}: the lead {end}{', as it did' if self.same else ''}."]
        if self.choice is not None:
            for m in self.choice.members:
                name = member_name(m.member, self.programme)
                if m.chosen:
                    lines.append(f"  {name}: chosen, {self.choice.because}")
                elif m.eligible:
                    lines.append(f"  {name}: eligible, owed less")
                else:
                    lines.append(f"  {name}: {reasons_text(m.reasons)}")
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "if": [s.text for s in self.suppositions],
            "rule": self.rule,
            "outcome": self.outcome.value,
            "owner": self.owner or None,
            "same": self.same,
            "winner": None if self.choice is None else self.choice.winner,
            "because": None if self.choice is None else self.choice.because,
            "reasons": [[reason.code.value, reason.detail] for reason in self.reasons],
        }


def supposed(
    reader: StoreReader, entry: JournalEntry, programme: Programme, texts: Sequence[str]
) -> Supposed:
    """Decide a journalled decision again, otherwise. Raises BadRequest for a supposition that makes
    no sense, NotReady when the lead's facts were purged."""
    suppositions = parse(texts, programme)
    if entry.created is None:
        raise NotReady(
            f"The facts of the lead {entry.lead} were purged; nothing can be supposed of it.",
            hint="What it was decided on can still be proved: leave out --if.",
        )
    lead = LeadFacts(
        entry.lead, entry.owner_seen, entry.created, entry.intake, entry.facts, entry.label
    )
    changed = supposed_programme(programme, suppositions)
    other = replace(lead, fields=supposed_facts(lead.fields, suppositions))
    standing = standing_of(changed)
    decision = decide(changed, standing, MappingProxyType({}), [other], entry.decided_at)
    return _told(
        reader, entry, programme, changed, lead, other, decision.decisions[0], suppositions
    )


def _told(
    reader: StoreReader,
    entry: JournalEntry,
    programme: Programme,
    changed: Programme,
    lead: LeadFacts,
    other: LeadFacts,
    decision: Decision,
    suppositions: tuple[Supposition, ...],
) -> Supposed:
    told = Supposed(
        suppositions,
        changed,
        decision.rule,
        decision.outcome,
        decision.owner_name,
        same=decision.outcome.value == entry.outcome and decision.owner_name == entry.owner_name,
        reasons=decision.reasons,
    )
    if decision.pool is None:
        return told
    pool = changed.routing.pools[decision.pool]
    declared = candidates(changed, pool, other, standing_of(changed), entry.decided_at)
    was = programme.routing.pools.get(decision.pool)
    before = (
        None
        if was is None
        else candidates(programme, was, lead, standing_of(programme), entry.decided_at)
    )
    journalled = _journalled(reader, entry, declared.ledger)
    eligibility = merged(journalled, before, declared, suppositions)
    if all(c.reasons for c in eligibility.candidates):
        every = tuple(r for c in eligibility.candidates for r in c.reasons[:1])
        return replace(
            told, outcome=Outcome.PARKED, owner="", reasons=every, same=not entry.choices
        )
    choice = explain_choice(ledger_before(reader, declared.ledger, entry.sequence), eligibility)
    same = bool(entry.choices) and entry.choices[0].winner == choice.winner
    return replace(
        told,
        outcome=Outcome.ASSIGNED,
        owner=member_name(choice.winner, changed),
        reasons=(),
        same=same,
        choice=choice,
    )


def _journalled(reader: StoreReader, entry: JournalEntry, ledger: str) -> EligibilityClass | None:
    """Who was eligible there: as journalled with the entry, else at the last choice before it."""
    for choice in entry.choices:
        if choice.ledger == ledger:
            return reader.eligibility(choice.class_digest)
    parked = _of_parked(entry, ledger)
    if parked is not None:
        return parked
    start = reader.checkpoint(ledger, before=entry.sequence).journal
    moves = reader.moves_of(ledger, after=start, upto=entry.sequence)
    moves = moves or reader.moves_of(ledger, after=0, upto=entry.sequence)
    return reader.eligibility(moves[-1].class_digest) if moves else None


def _of_parked(entry: JournalEntry, ledger: str) -> EligibilityClass | None:
    """A parked lead's reasons name each member of its pool: `partner:acme: holds 40 open leads`."""
    if (
        entry.pool is None
        or ledger not in ledgers_of(PoolKey(entry.pool))
        or len(entry.reasons) < 2
    ):
        return None
    found = []
    for reason in entry.reasons[1:]:
        kind, _, rest = reason.detail.partition(":")
        name, _, detail = rest.partition(": ")
        found.append(Candidate(f"{kind}:{name}", 1, (Reason(reason.code, detail),)))
    return EligibilityClass(ledger, tuple(found))
