"""Criteria on partners in a rule: what is left of them once the lead's own verdicts are known.

A rule's logic may join criteria on the lead with criteria on partners. The lead is the same for all
partners, so its verdicts are put in first: what is left is false (the rule is not met), true (it is
met by any partner), or a condition on partners, which narrows who may have the lead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.conditions import Condition
from sfprm.programme.logic import And, Logic, Not, Or, Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.model import Rule

__all__ = ["narrowed", "open_logic"]


def open_logic(rule: Rule, verdicts: Sequence[bool]) -> Logic | bool:
    """What is left of the rule's logic. `verdicts` of `rule.criteria`, in order; what is left
    numbers `rule.partner_criteria` from 1 on."""
    of_partner = len(rule.partner_criteria)
    logic = rule.logic
    if logic is None:
        every = len(verdicts) + of_partner
        logic = And(tuple(Ref(number) for number in range(1, every + 1)))
    return _left(logic, verdicts)


def _left(logic: Logic, verdicts: Sequence[bool]) -> Logic | bool:
    match logic:
        case Ref(number):
            known = len(verdicts)
            return verdicts[number - 1] if number <= known else Ref(number - known)
        case Not(part):
            inner = _left(part, verdicts)
            return not inner if isinstance(inner, bool) else Not(inner)
        case And(parts) | Or(parts):
            deciding = isinstance(logic, Or)
            rest: list[Logic] = []
            for part in parts:
                inner = _left(part, verdicts)
                if not isinstance(inner, bool):
                    rest.append(inner)
                elif inner is deciding:
                    return deciding
            if not rest:
                return not deciding
            if len(rest) == 1:
                return rest[0]
            return Or(tuple(rest)) if deciding else And(tuple(rest))


def narrowed(rule: Rule, verdicts: Sequence[bool]) -> Condition | None:
    """Who may have a lead by a rule that it meets, with `eligible_when`; None: the whole pool."""
    own = rule.eligible_when
    left = open_logic(rule, verdicts)
    if isinstance(left, bool):
        return own
    comparisons = tuple(line.comparison for line in rule.partner_criteria)
    if own is not None:
        count = len(comparisons)
        comparisons += own.comparisons
        left = And((left, *(Ref(n) for n in range(count + 1, len(comparisons) + 1))))
    return Condition(comparisons, "; ".join(c.text for c in comparisons), left)
