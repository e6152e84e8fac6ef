"""The answer of `why`, as values, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.insight.names import instant_text, leads_text, member_name, reasons_text
from sfprm.routing.eligibility import pool_of
from sfprm.routing.values import Code, Outcome
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.insight.supposed import Supposed
    from sfprm.programme.model import FieldValue, Programme
    from sfprm.routing.explain import (
        ChoiceExplained,
        CriterionExplained,
        MemberExplained,
        RuleExplained,
    )
    from sfprm.store.records import JournalEntry, Parked

__all__ = ["DecisionExplained", "Happening", "Proof", "Why"]


class Proof(StrEnum):
    """What the replay says of one journal entry."""

    SAME = "same"
    DIFFERENT = "different"
    NOTHING = "nothing to prove"
    """A person ordered it, or a refund recorded it: no rule and no choice."""


_STATES = {
    WriteState.DECIDED: "not yet confirmed in the org",
    WriteState.CONFIRMED: "confirmed",
    WriteState.REFUSED: "refused by the org",
    WriteState.OVERTAKEN: "overtaken: someone or something else changed the owner",
    WriteState.NOTHING_TO_WRITE: "",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that became of an offer."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class DecisionExplained:
    """One journal entry of the lead. `choices`: the pool's, then the person's; empty when no fair
    choice was made or it cannot be replayed. `difference` says what the replay found."""

    entry: JournalEntry
    programme: Programme | None
    rules: tuple[RuleExplained, ...]
    choices: tuple[ChoiceExplained, ...]
    proof: Proof
    difference: str = ""
    happened: tuple[Happening, ...] = ()

    def blocks(self) -> Iterator[Block]:
        """Headline, rule path, a table a choice, proof."""
        yield Text((self._headline(), *self._path()))
        if self.entry.outcome == Outcome.PARKED and len(self.entry.reasons) > 1:
            yield self._nobody()
        for level, choice in enumerate(self.choices):
            yield self._table(choice, level)
        if self.happened:
            yield Text(tuple(f"{instant_text(h.at)}: {h.words}." for h in self.happened))
        lines = self._proof()
        if lines:
            yield Text(lines)

    def to_json(self) -> dict[str, Any]:
        """Credits in UNIT, as integers: leads times 2^40."""
        entry = self.entry
        return {
            "sequence": entry.sequence,
            "kind": entry.kind,
            "chain": entry.chain,
            "hash": entry.hash,
            "run": entry.run,
            "offer": entry.offer,
            "decided_at": entry.decided_at.isoformat(),
            "outcome": entry.outcome,
            "state": entry.state.value,
            "message": entry.message,
            "owner_seen": entry.owner_seen,
            "owner_new": entry.owner_new,
            "owner_name": entry.owner_name,
            "rule": entry.rule,
            "pool": entry.pool,
            "refunds": entry.refunds,
            "reasons": [[reason.code.value, reason.detail] for reason in entry.reasons],
            "rules": [_rule_json(rule) for rule in self.rules],
            "choices": [self._choice_json(choice) for choice in self.choices],
            "proof": self.proof.value,
            "difference": self.difference,
            "happened": [{"at": h.at.isoformat(), "what": h.words} for h in self.happened],
        }

    def sentence(self, lead: str) -> str:
        """What can be said to a partner: no other lead, no credit, nobody's reason but its own."""
        entry = self.entry
        at = instant_text(entry.decided_at)
        if entry.outcome == Outcome.PARKED:
            return f"On {at} {lead} was kept back: {reasons_text(entry.reasons[:1])}."
        if not self.choices:
            owner = entry.owner_name or "its owner"
            rule = f' by the rule "{entry.rule}"' if entry.rule else ""
            return f"On {at} {lead} was given to {owner}{rule}."
        pool = self.choices[0]
        able = sum(m.eligible for m in pool.members)
        winner = member_name(pool.winner, self.programme)
        share = next(m for m in pool.members if m.chosen)
        given = f"On {at} {lead} was given to {winner}"
        if any(r.code is Code.YIELDS for m in pool.members for r in m.reasons):
            return f"{given}, which works its company already."
        if able == 1:
            return f"{given}, the only member who could take it."
        owed = share.owed_before + share.share
        due = f", having been entitled to {leads_text(owed)} more leads than it had got"
        return (
            f"{given}: of the {able} members who could take it, {winner} was "
            f"{_PLAIN.get(pool.because, pool.because)}{due if owed > 0 else ''}."
        )

    def _headline(self) -> str:
        entry = self.entry
        at = instant_text(entry.decided_at)
        if entry.refunds is not None:
            return f"{at}: the credits of journal entry {entry.refunds:,} were given back."
        if entry.outcome == Outcome.PARKED:
            again = "" if entry.next_try is None else f", next try {instant_text(entry.next_try)}"
            return f"Parked, {at}: {reasons_text(entry.reasons[:1])}{again}."
        if entry.outcome == Outcome.LEFT_ALONE:
            return f"Left where it was, {at}."
        owner = entry.owner_name or entry.owner_new or "nobody"
        if entry.choices and entry.choices[0].winner.startswith("partner:"):
            owner = f"{member_name(entry.choices[0].winner, self.programme)} ({owner})"
        how = "" if entry.kind == "route" else f", by {entry.kind}"
        state = _STATES[entry.state]
        state = f", {state}" if state else ""
        words = f": {entry.message}" if entry.message else ""
        return f"→ {owner}, {at}, offer {entry.offer}{how}{state}{words}."

    def _nobody(self) -> Table:
        """Whoever was in question for a parked lead, and what spoke against them."""
        rows = []
        for reason in self.entry.reasons[1:]:
            member, _, detail = reason.detail.partition(": ")
            named = detail and ":" in member
            rows.append(
                (member_name(member, self.programme), detail)
                if named
                else ("", reason.detail or reason.code.value)
            )
        return Table(("member", "because"), tuple(rows))

    def _path(self) -> Iterator[str]:
        if self.entry.kind == "reassign" and self.entry.pool is not None:
            yield f"Shared out over pool {self.entry.pool} by hand."
            return
        if self.entry.kind == "recall" and self.entry.pool is not None:
            yield f"Offered again in pool {self.entry.pool}; no rule was asked."
            return
        for rule in self.rules:
            met = "met" if rule.matched else "not met"
            criteria = "  ".join(
                f"{c.text} (of each partner)"
                if c.of_partners
                else f"{c.text} {'✓' if c.holds else '✗'} ({_value(c)})"
                for c in rule.criteria
            )
            yield f'Rule {rule.number} "{rule.name}", {met}: {criteria or "no criteria"}'
        if self.entry.trials and not self.rules:
            yield f"Rule {self.entry.rule or 'none'}; the programme of then is not kept."
        if self.entry.pool is not None and not self.entry.trials:
            yield f"Found in the intake of pool {self.entry.pool} ({self.entry.intake})."

    def _table(self, choice: ChoiceExplained, level: int) -> Table:
        people = level > 0
        who = choice.ledger.rpartition("/partner:")[2] if people else pool_of(choice.ledger)
        if people:
            who = member_name(f"partner:{who}", self.programme)
        count = len(choice.members)
        what = (
            ("person" if count == 1 else "people")
            if people
            else ("member" if count == 1 else "members")
        )
        return Table(
            columns=(
                "person" if people else "member",
                "eligible",
                "owed before",
                "share",
                "owed after",
                "",
            ),
            rows=tuple(self._row(member, choice) for member in choice.members),
            title=f"{'People of' if people else 'Pool'} {who}, {count} {what}",
            right=(2, 3, 4),
        )

    def _row(self, member: MemberExplained, choice: ChoiceExplained) -> tuple[str, ...]:
        return (
            member_name(member.member, self.programme),
            "yes" if member.eligible else "no",
            leads_text(member.owed_before, sign=True),
            leads_text(member.share) if member.eligible or member.share else "",
            leads_text(member.owed_after, sign=True),
            f"← chosen: {choice.because}" if member.chosen else reasons_text(member.reasons),
        )

    def _proof(self) -> tuple[str, ...]:
        entry = self.entry
        where = f"Proof: journal {entry.sequence:,} of chain {entry.chain}"
        if self.proof is Proof.SAME:
            return (f"{where}, replayed: same result.",)
        if self.proof is Proof.DIFFERENT:
            return (
                f"{where}, replayed: DIFFERENT. {self.difference}.",
                "Run `sfprm state verify`; if it finds no tampering, please report a bug.",
            )
        return ()

    def _choice_json(self, choice: ChoiceExplained) -> dict[str, Any]:
        return {
            "ledger": choice.ledger,
            "sequence": choice.sequence,
            "winner": choice.winner,
            "because": choice.because,
            "members": [
                {
                    "member": member.member,
                    "name": member_name(member.member, self.programme),
                    "weight": member.weight,
                    "eligible": member.eligible,
                    "reasons": [[reason.code.value, reason.detail] for reason in member.reasons],
                    "owed_before": member.owed_before,
                    "share": member.share,
                    "owed_after": member.owed_after,
                    "chosen": member.chosen,
                }
                for member in choice.members
            ],
        }


def _rule_json(rule: RuleExplained) -> dict[str, Any]:
    return {
        "number": rule.number,
        "name": rule.name,
        "matched": rule.matched,
        "criteria": [
            {"text": c.text, "of_partners": True}
            if c.of_partners
            else {"text": c.text, "holds": c.holds, "forgotten": True}
            if c.forgotten
            else {"text": c.text, "value": c.value, "holds": c.holds}
            for c in rule.criteria
        ],
    }


def _value(criterion: CriterionExplained) -> str:
    return "forgotten" if criterion.forgotten else _shown(criterion.value)


def _shown(value: FieldValue) -> str:
    if value is None or value == "":
        return "blank"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


_PLAIN = {
    "most owed": "the one furthest behind its share",
    "the only one eligible": "the only one",
}


@dataclass(frozen=True, slots=True)
class Why:
    """All that was decided about one lead, newest last. `parked` when it is kept back now;
    `supposed` when it was asked what else would have become of it; `as_of` when it was asked about
    a moment that is past."""

    lead: RecordId
    label: str
    decisions: tuple[DecisionExplained, ...]
    parked: Parked | None
    supposed: Supposed | None = None
    as_of: datetime | None = None

    def sentence(self) -> str:
        """The last routing decision, in a sentence that can be pasted to a partner."""
        name = f'the lead "{self.label}"' if self.label else f"the lead {self.lead}"
        routed = [d for d in self.decisions if d.choices or d.rules or d.entry.trials]
        return (routed or self.decisions)[-1].sentence(name)

    @property
    def proof(self) -> Proof:
        """The worst of all entries."""
        proofs = {decision.proof for decision in self.decisions}
        return next(p for p in (Proof.DIFFERENT, Proof.SAME, Proof.NOTHING) if p in proofs)

    def replays(self) -> tuple[str, ...]:
        """A line for each decision: what its replay from the journal gives, and its hash."""
        return tuple(
            f"{d.entry.sequence:,}  {d.entry.hash[:16]}…  {d.proof.value}"
            + (f": {d.difference}" if d.difference else "")
            for d in self.decisions
        )

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        name = f'Lead "{self.label}" ({self.lead})' if self.label else f"Lead {self.lead}"
        found: list[Block] = [Text((name,))]
        for decision in self.decisions:
            found.extend(decision.blocks())
        kept = tuple(self._kept_back())
        if kept:
            found.append(Text(kept))
        if self.supposed is not None:
            found.extend(self.supposed.blocks())
        return tuple(found)

    def _kept_back(self) -> Iterator[str]:
        """Since when, how often tried and when again. Tries that end as the one before are counted
        with the lead, and are no entries of the journal: of a past moment their end is known, their
        number is not."""
        decided = [d.entry for d in self.decisions if d.entry.refunds is None]
        last = decided[-1]
        if self.parked is None:
            if self.as_of is not None and last.outcome == Outcome.PARKED:
                begun = next(
                    (at for at, e in enumerate(decided[::-1]) if e.outcome != Outcome.PARKED),
                    len(decided),
                )
                yield (
                    f"As of {instant_text(self.as_of)}: kept back since "
                    f"{instant_text(decided[-begun].decided_at)}; no try after "
                    f"{instant_text(last.decided_at)} had ended otherwise."
                )
            return
        kept = self.parked
        since = f"{'Kept back' if kept.waits else 'Left there'} since {instant_text(kept.since)}"
        if kept.tries == 1:
            yield f"{since}, 1 try."
            return
        tried = "" if kept.tried is None else f", the last {instant_text(kept.tried)}"
        again = (
            "not tried again by itself"
            if kept.next_try is None
            else f"next try {instant_text(kept.next_try)}"
        )
        yield f"{since}, {kept.tries:,} tries{tried}; {again}."
        same = [r.code for r in last.reasons] == [r.code for r in kept.reasons]
        if same and kept.tried is not None and kept.tried > last.decided_at:
            yield f"Every try after {instant_text(last.decided_at)} ended the same way."

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        parked = self.parked
        return {
            "lead": self.lead,
            "label": self.label,
            "proof": self.proof.value,
            "sentence": self.sentence(),
            "supposed": None if self.supposed is None else self.supposed.to_json(),
            "decisions": [decision.to_json() for decision in self.decisions],
            "parked": None
            if parked is None
            else {
                "since": parked.since.isoformat(),
                "tries": parked.tries,
                "last_try": None if parked.tried is None else parked.tried.isoformat(),
                "next_try": None if parked.next_try is None else parked.next_try.isoformat(),
                "reasons": [[reason.code.value, reason.detail] for reason in parked.reasons],
            },
        }
