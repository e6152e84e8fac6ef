"""`why`: what was decided about a lead, why each other did not get it, and the proof.

Everything is told as of then: the rules by the programme that decided, the credits by replaying the
ledger from its nearest checkpoint. The replay takes the journalled eligibility as given; it proves
the match (while the lead's facts are kept) and the choice.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug, NotReady
from sfprm.insight.supposed import Supposed, supposed
from sfprm.insight.why_result import DecisionExplained, Happening, Proof, Why
from sfprm.programme.canonical import from_json
from sfprm.routing.explain import ChoiceExplained, RuleExplained, explain_choice, explain_rules
from sfprm.routing.match import match, told_truly
from sfprm.routing.values import ALGORITHM, LeadFacts
from sfprm.store.replay import ledger_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.store.api import StoreReader
    from sfprm.store.records import JournalChoice, JournalEntry

__all__ = ["DecisionExplained", "Happening", "Proof", "Why", "why"]


def why(
    reader: StoreReader,
    lead: RecordId,
    *,
    as_of: datetime | None = None,
    suppose: Sequence[str] = (),
    happened: Mapping[int, Sequence[Happening]] = MappingProxyType({}),
) -> Why:
    """Why the lead went where it went.

    `as_of`: what was known of it then. `suppose`: what else should have held when it was last
    routed, see `sfprm.routing.suppose`. `happened`: what became of the offers that journal entries
    made. Raises NotReady when nothing was decided about it, BadRequest for a supposition that makes
    no sense.
    """
    entries = [e for e in reader.entries(lead=lead) if as_of is None or e.decided_at <= as_of]
    if not entries:
        then = "" if as_of is None else f" by {as_of.isoformat(timespec='seconds')}"
        raise NotReady(
            f"sfprm has decided nothing about the lead {lead}{then}.",
            hint="Check the id, and that this is the state of its org; a lead that waits in an "
            "intake queue is decided by the next `sfprm route`.",
        )
    programmes: dict[str, Programme | None] = {}
    explained = []
    for entry in entries:
        if entry.programme not in programmes:
            text = reader.programme_json(entry.programme)
            programmes[entry.programme] = None if text is None else from_json(text)
        since = [h for h in happened.get(entry.sequence, ()) if as_of is None or h.at <= as_of]
        explained.append(
            replace(_explained(reader, entry, programmes[entry.programme]), happened=tuple(since))
        )
    parked = None
    if as_of is None:
        parked = next((held for held in reader.parked() if held.lead == lead), None)
    label = next((entry.label for entry in reversed(entries) if entry.label), "")
    return Why(
        lead,
        label,
        tuple(explained),
        parked,
        _supposed(reader, entries, programmes, suppose) if suppose else None,
        as_of,
    )


def _supposed(
    reader: StoreReader,
    entries: Sequence[JournalEntry],
    programmes: Mapping[str, Programme | None],
    suppose: Sequence[str],
) -> Supposed:
    for entry in reversed(entries):
        programme = programmes[entry.programme]
        if programme is not None and (entry.trials or entry.pool is not None):
            return supposed(reader, entry, programme, suppose)
    raise NotReady(
        "No rule or pool of sfprm decided about this lead; there is nothing to suppose.",
        hint="A person ordered its moves: `sfprm why` without --if lists them.",
    )


def _explained(
    reader: StoreReader, entry: JournalEntry, programme: Programme | None
) -> DecisionExplained:
    rules: tuple[RuleExplained, ...] = ()
    if programme is not None and entry.trials:
        facts = None if entry.created is None else entry.facts
        rules = explain_rules(entry.trials, programme.routing.all_rules, facts)
    if entry.refunds is not None or not (entry.choices or entry.trials):
        return DecisionExplained(entry, programme, rules, (), Proof.NOTHING)
    if entry.algorithm != ALGORITHM:
        return DecisionExplained(
            entry,
            programme,
            rules,
            (),
            Proof.DIFFERENT,
            f"it was chosen by algorithm {entry.algorithm}, which this version does not replay",
        )
    try:
        choices = tuple(_replayed(reader, entry, choice) for choice in entry.choices)
    except (Bug, KeyError) as error:
        return DecisionExplained(entry, programme, rules, (), Proof.DIFFERENT, str(error))
    difference = _difference(entry, programme, choices)
    proof = Proof.DIFFERENT if difference else Proof.SAME
    return DecisionExplained(entry, programme, rules, choices, proof, difference)


def _replayed(reader: StoreReader, entry: JournalEntry, choice: JournalChoice) -> ChoiceExplained:
    return explain_choice(
        ledger_before(reader, choice.ledger, entry.sequence),
        reader.eligibility(choice.class_digest),
    )


def _difference(
    entry: JournalEntry, programme: Programme | None, choices: tuple[ChoiceExplained, ...]
) -> str:
    """What the replay finds otherwise, in words; empty when it is the same."""
    for journalled, replayed in zip(entry.choices, choices, strict=True):
        if replayed.winner != journalled.winner:
            return f"the journal says {journalled.winner}, the replay gives {replayed.winner}"
        won = next(member for member in replayed.members if member.chosen)
        if (won.owed_before, won.owed_after, replayed.sequence) != (
            journalled.before,
            journalled.after,
            journalled.sequence,
        ):
            return f"the replay gives {journalled.winner} other credits"
    # a purged lead has no facts to match again; one found in a pool's own intake had no trials;
    # what was moved by hand or offered again was not matched
    if programme is None or entry.created is None or not entry.trials or entry.kind != "route":
        return ""
    facts = LeadFacts(
        entry.lead, entry.owner_seen, entry.created, entry.intake, entry.facts, entry.label
    )
    rules = programme.routing.rules_for(entry.intake)
    if told_truly(rules, facts, entry.trials, entry.rule):
        return ""
    rule, _ = match(rules, facts)
    met = f'rule "{rule.name}"' if rule else "no rule"
    return f"matched again, the lead meets {met}"
