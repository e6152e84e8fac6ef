"""Whether a condition of a pool or rule holds for a member's partner and a lead; if not, why.

A missing value makes a comparison false, so that a gap in the files never widens who is eligible;
but nothing is in a list that is missing, so `not in` it holds. Tiers compare by their order in the
programme. Text is compared without case; numbers as numbers. A list meets `==` by any of its values
and `!=` by none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.conditions import Constant, LeadField, PartnerAttribute
from sfprm.programme.logic import And, Not, Or, Ref
from sfprm.programme.logic_text import numbers
from sfprm.programme.meaning import SEVERAL, may_hold_several, number_of, text_of
from sfprm.routing.values import Code, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.conditions import Comparison, ComparisonOp, Condition, Operand
    from sfprm.programme.logic import Logic
    from sfprm.programme.model import FieldValue, Partner

__all__ = ["why_not"]

Scalar = str | int | float | bool
_TIER = PartnerAttribute("tier")
_CONTRARY: Mapping[ComparisonOp, str] = {
    "==": "is not",
    "!=": "is",
    ">=": "is below",
    "<=": "is above",
    ">": "is not above",
    "<": "is not below",
    "in": "not in",
    "not in": "in",
}


def why_not(
    condition: Condition | None,
    partner: Partner | None,
    lead: Mapping[str, FieldValue],
    tiers: Sequence[str],
) -> tuple[Reason, ...]:
    """A reason for each comparison that stands in the way; empty when the condition holds.

    `partner` is None for members that are queues or users: they have no attributes.
    """
    if condition is None:
        return ()
    found = [_why_not(c, partner, lead, tiers) for c in condition.comparisons]
    if condition.logic is not None:
        found = _against(condition.logic, condition, found)
    return tuple(Reason(Code.CONDITION, words) for words in dict.fromkeys(found) if words)


def _against(logic: Logic, condition: Condition, found: Sequence[str]) -> list[str]:
    """What stands in the way of the logic; empty when it holds. `found`: of each comparison."""
    match logic:
        case Ref(number):
            return [found[number - 1]] if found[number - 1] else []
        case And(parts):
            return [words for part in parts for words in _against(part, condition, found)]
        case Or(parts):
            each = [_against(part, condition, found) for part in parts]
            if not all(each):
                return []
            return [", and ".join(dict.fromkeys(words for part in each for words in part))]
        case Not(part):
            if _against(part, condition, found):
                return []
            named = (condition.comparisons[n - 1].text for n in sorted(numbers(part)))
            return [f"not wanted: {', '.join(named)}"]


def _why_not(
    comparison: Comparison,
    partner: Partner | None,
    lead: Mapping[str, FieldValue],
    tiers: Sequence[str],
) -> str:
    left = _values(comparison.left, partner, lead)
    right = _values(comparison.right, partner, lead)
    if not left or (not right and comparison.op != "not in"):
        return f"{_name(comparison.right if left else comparison.left)} is missing"
    if comparison.op in (">=", "<=", ">", "<") and _TIER in (comparison.left, comparison.right):
        ranks = [_rank(left[0], tiers), _rank(right[0], tiers)]
        if -1 in ranks:
            unknown = (left, right)[ranks.index(-1)][0]
            return f"{unknown} is not a tier of the programme"
        holds = _ordered(comparison.op, ranks[0], ranks[1])
    else:
        holds = _holds(comparison.op, left, right)
    return "" if holds else _words(comparison, left, right)


def _words(comparison: Comparison, left: Sequence[Scalar], right: Sequence[Scalar]) -> str:
    listed = ", ".join(str(v) for v in left)
    who = listed if isinstance(comparison.left, Constant) else f"{_name(comparison.left)} {listed}"
    against = ", ".join(str(v) for v in right) or "nothing"
    if not isinstance(comparison.right, Constant):
        against = f"{_name(comparison.right)} ({against})"
    return f"{who} {_CONTRARY[comparison.op]} {against}"


def _name(operand: Operand) -> str:
    match operand:
        case PartnerAttribute(name) | LeadField(name):
            return name
        case Constant(value):
            return repr(value)


def _values(
    operand: Operand, partner: Partner | None, lead: Mapping[str, FieldValue]
) -> tuple[Scalar, ...]:
    """The operand's values without blanks; empty when it is missing."""
    found: FieldValue | tuple[str, ...]
    match operand:
        case Constant(value):
            found = value
        case LeadField(name):
            found = lead.get(name)
        case PartnerAttribute(name):
            found = None if partner is None else _attribute(partner, name)
    listed = found if isinstance(found, tuple) else _each(operand, found)
    return tuple(v for v in listed if v is not None and text_of(v))


def _each(operand: Operand, value: FieldValue) -> tuple[FieldValue, ...]:
    """The values that one holds: of several campaigns, of a look-up's list, of a multi-select
    picklist (`Pumps;Valves`, in custom fields)."""
    if isinstance(operand, LeadField) and isinstance(value, str):
        if may_hold_several(operand.name):
            return tuple(value.split(SEVERAL))
        if operand.name.endswith("__c") and ";" in value:
            return tuple(value.split(";"))
    return (value,)


def _attribute(partner: Partner, name: str) -> FieldValue | tuple[str, ...]:
    match name:
        case "tier":
            return partner.tier
        case "key" | "name" | "manager":
            return str(getattr(partner, name))
        case _:
            return partner.attributes.get(name)


def _rank(value: Scalar, tiers: Sequence[str]) -> int:
    """The tier's place, lowest 0; -1 when it is not a tier."""
    names = [text_of(t) for t in tiers]
    text = text_of(value)
    return names.index(text) if text in names else -1


def _holds(op: ComparisonOp, left: Sequence[Scalar], right: Sequence[Scalar]) -> bool:
    match op:
        case "==" | "in":
            return _meet(left, right)
        case "!=" | "not in":
            return not _meet(left, right)
        case _:
            return any(_compared(op, a, b) for a in left for b in right)


def _meet(left: Sequence[Scalar], right: Sequence[Scalar]) -> bool:
    """Whether some value is on both sides: the same text, or the same number where one of the two
    is a number and not text."""
    one, other = [text_of(a) for a in left], [text_of(b) for b in right]
    if not set(one).isdisjoint(other):
        return True
    return any(
        (x := number_of(one[i])) is not None and x == number_of(other[j])
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if isinstance(a, int | float) or isinstance(b, int | float)
    )


def _compared(op: ComparisonOp, a: Scalar, b: Scalar) -> bool:
    x, y = number_of(text_of(a)), number_of(text_of(b))
    if x is not None and y is not None:
        return _ordered(op, x, y)
    if x is not None or y is not None:
        return False
    return _ordered(op, text_of(a), text_of(b))


def _ordered(op: ComparisonOp, a: float | str, b: float | str) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        key = (str(a) > str(b)) - (str(a) < str(b))
    else:
        key = (a > b) - (a < b)
    match op:
        case ">=":
            return key >= 0
        case "<=":
            return key <= 0
        case ">":
            return key > 0
        case _:
            return key < 0
