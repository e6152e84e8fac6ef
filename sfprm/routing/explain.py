"""Why a decision came out as it did, as a value that any renderer can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.routing.credits import choose, shares_in
from sfprm.routing.match import criterion_holds
from sfprm.routing.values import UNIT, Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.model import FieldValue, Rule
    from sfprm.routing.values import EligibilityClass, Ledger, Reason, RuleTrial

__all__ = [
    "ChoiceExplained",
    "CriterionExplained",
    "MemberExplained",
    "RuleExplained",
    "explain_choice",
    "explain_rules",
    "in_leads",
]


@dataclass(frozen=True, slots=True)
class CriterionExplained:
    """One criterion as written, the lead's value, and whether it holds. `of_partners`: it is tried
    for each partner; it holds when the rule is met. `forgotten`: the value was purged."""

    text: str
    value: FieldValue
    holds: bool
    of_partners: bool = False
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """One rule that was tried. `number` is its place, from 1. No criteria: the rule is no longer
    in the programme at hand, or has none."""

    number: int
    name: str
    matched: bool
    criteria: tuple[CriterionExplained, ...]


@dataclass(frozen=True, slots=True)
class MemberExplained:
    """One member's part in one choice. Credits and share are in UNIT; who is not eligible has a
    share of 0, but in equal counts."""

    member: str
    weight: int
    eligible: bool
    owed_before: int
    share: int
    owed_after: int
    chosen: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ChoiceExplained:
    """One fair choice. `because` says what decided it; `margin` (UNIT) is what the winner was owed
    more than the next, when it decided."""

    ledger: str
    sequence: int
    winner: str
    because: str
    margin: int
    members: tuple[MemberExplained, ...]


def in_leads(credit: int) -> float:
    """Credit as a number of leads."""
    return credit / UNIT


def explain_rules(
    trials: Sequence[RuleTrial], rules: Sequence[Rule], facts: Mapping[str, FieldValue] | None
) -> tuple[RuleExplained, ...]:
    """The rule path, each criterion with the lead's value and its verdict. `facts` None: they were
    purged, and the verdicts are those of then."""
    by_name = {rule.name: rule for rule in rules}
    found = []
    for number, trial in enumerate(trials, start=1):
        rule = by_name.get(trial.rule)
        criteria = () if rule is None else rule.criteria
        of_partners = () if rule is None else rule.partner_criteria
        found.append(
            RuleExplained(
                number,
                trial.rule,
                trial.matched,
                tuple(
                    CriterionExplained(c.text, None, at not in trial.failed, forgotten=True)
                    if facts is None
                    else CriterionExplained(
                        c.text, facts.get(c.field), criterion_holds(c, facts.get(c.field))
                    )
                    for at, c in enumerate(criteria, start=1)
                )
                + tuple(
                    CriterionExplained(c.text, None, trial.matched, of_partners=True)
                    for c in of_partners
                ),
            )
        )
    return tuple(found)


def explain_choice(before: Ledger, eligibility: EligibilityClass) -> ChoiceExplained:
    """Choose again from the ledger as it was, and say what each member was owed, before and after.

    Raises Bug when nobody is eligible in the class.
    """
    choice, after = choose(before, eligibility)
    parts = shares_in(before, eligibility)
    members = tuple(
        MemberExplained(
            member=c.member,
            weight=c.weight,
            eligible=not c.reasons,
            owed_before=before.credits.get(c.member, 0),
            share=parts.get(c.member, 0),
            owed_after=after.credits[c.member],
            chosen=c.member == choice.winner,
            reasons=c.reasons,
        )
        for c in eligibility.candidates
    )
    because, margin = _because(before, members, choice.winner)
    return ChoiceExplained(
        eligibility.ledger, choice.sequence, choice.winner, because, margin, members
    )


def _because(before: Ledger, members: Sequence[MemberExplained], winner: str) -> tuple[str, int]:
    if any(r.code is Code.YIELDS for m in members for r in m.reasons):
        return "works the lead's company already", 0
    owed = {m.member: m.owed_before + m.share for m in members if m.eligible}
    others = [credit for member, credit in owed.items() if member != winner]
    if not others:
        return "the only one eligible", 0
    margin = owed[winner] - max(others)
    if margin > 0:
        return "most owed", margin
    level = [m for m, credit in owed.items() if credit == owed[winner] and m != winner]
    if winner not in before.last_won and any(m in before.last_won for m in level):
        return "owed as much as another, and never won before", 0
    if all(before.last_won.get(m, 0) > before.last_won.get(winner, 0) for m in level):
        return "owed as much as another, and longest since it last won", 0
    return "owed as much as another, and first by name", 0
