"""Which rule a lead meets; what a criterion means is in `sfprm.programme.meaning`.

Rules are tried from the top, and every criterion of a rule that is tried has its verdict, for
explanations. So that this is quick, all verdicts on one field's value are one number (a bit a
criterion), kept by value; leads with the same numbers go the same way through the rules.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.meaning import Test, criterion_holds, is_blank, number_of, text_of
from sfprm.programme.model import Operator
from sfprm.routing.narrowing import narrowed, open_logic
from sfprm.routing.values import RuleTrial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.conditions import Condition
    from sfprm.programme.model import Criterion, FieldValue, Rule
    from sfprm.routing.values import LeadFacts

__all__ = [
    "Matcher",
    "Test",
    "criterion_holds",
    "is_blank",
    "logic_holds",
    "match",
    "number_of",
    "text_of",
    "told_truly",
]

MOST_KEPT = 50_000
"""Values, and ways through the rules, that are remembered; then all are forgotten."""


def logic_holds(logic: Logic, verdicts: Sequence[bool]) -> bool:
    """Whether filter logic holds, given each criterion's verdict in order."""
    match logic:
        case Ref(number):
            return verdicts[number - 1]
        case Not(part):
            return not logic_holds(part, verdicts)
        case And(parts):
            return all(logic_holds(part, verdicts) for part in parts)
        case Or(parts):
            return any(logic_holds(part, verdicts) for part in parts)


_EQUAL = frozenset({Operator.EQUALS, Operator.NOT_EQUAL})
_ORDERED = _EQUAL | {
    Operator.LESS_THAN,
    Operator.GREATER_THAN,
    Operator.LESS_OR_EQUAL,
    Operator.GREATER_OR_EQUAL,
}


class _Field:
    """All tests on one field. `verdicts` gives a number whose bit `at` is test `at`'s verdict.

    Two short cuts, as leads are many and values may all differ: texts are looked up in one table
    for all tests on equality, and numbers hang only on where they lie between the numbers that the
    tests name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.tests: list[Test] = []
        self.texts: dict[FieldValue, int] = {}
        """Verdicts on texts, and on None, that are known. No other value is a key."""
        self._table: dict[str, int] = {}
        self._blank = 0
        self._turned = 0
        self._slow: list[tuple[int, Test]] = []
        self._marks: list[float] | None = []
        # True, 1 and 1.0 are one key of a dict, but not one value
        self._others: dict[tuple[object, ...], int] = {}

    def add(self, criterion: Criterion) -> int:
        """One test more; the number with its bit."""
        test, bit = Test(criterion), 1 << len(self.tests)
        self.tests.append(test)
        if criterion.operator in _EQUAL and not test.several:
            for text in test.texts:
                self._table[text] = self._table.get(text, 0) | bit
            if not test.texts:
                self._blank |= bit
            if criterion.operator is Operator.NOT_EQUAL:
                self._turned |= bit
        else:
            self._slow.append((bit, test))
        if criterion.operator not in _ORDERED:
            self._marks = None
        elif self._marks is not None:
            found = {n for n in test.numbers if n is not None}
            self._marks = sorted(found.union(self._marks))
        return bit

    def look(self, value: FieldValue) -> int:
        """The verdicts on a value that is not among `texts`."""
        if value is None or isinstance(value, str):
            if len(self.texts) >= MOST_KEPT:
                self.texts.clear()
            found = self.texts[value] = self._of_text(value)
            return found
        key: tuple[object, ...] = (value.__class__, value)
        marks = self._marks
        if marks is not None and value.__class__ is not bool and value == value:
            key = (bisect_left(marks, value), bisect_right(marks, value))
        mask = self._others.get(key)
        if mask is None:
            if len(self._others) >= MOST_KEPT:
                self._others.clear()
            mask = self._others[key] = sum(
                1 << at for at, test in enumerate(self.tests) if test.holds(value)
            )
        return mask

    def _of_text(self, value: str | None) -> int:
        text = text_of(value)
        mask = (self._table.get(text, 0) if text else self._blank) ^ self._turned
        for bit, test in self._slow:
            if test.holds(value):
                mask |= bit
        return mask


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule and, for each of its criteria, the field's place and the bit that tells."""

    rule: Rule
    bits: tuple[tuple[int, int], ...]


class Way:
    """One way through the rules: which rule leads of this kind meet, looked for only as far as
    asked."""

    def __init__(self, matcher: Matcher, masks: tuple[int, ...]) -> None:
        self._matcher = matcher
        self._masks = masks
        self._trials: list[RuleTrial] = []
        self._first: tuple[int, tuple[RuleTrial, ...]] | None = None
        self._paths: dict[tuple[int, tuple[int, ...]], tuple[int, tuple[RuleTrial, ...]]] = {}

    @property
    def first(self) -> tuple[int, tuple[RuleTrial, ...]]:
        """`next_rule(0)`, which most leads need no more than."""
        found = self._first
        if found is None:
            found = self._first = self.next_rule(0)
        return found

    def next_rule(
        self, start: int, passed: tuple[int, ...] = ()
    ) -> tuple[int, tuple[RuleTrial, ...]]:
        """Place of the first rule from `start` on that is met, and all trials from the first rule
        to it; the place is the number of rules when none is. `passed` are places of rules that were
        met but passed over: their trials say that they do not match."""
        key = (start, passed)
        found = self._paths.get(key)
        if found is None:
            found = self._paths[key] = self._look(start, passed)
        return found

    def _look(self, start: int, passed: tuple[int, ...]) -> tuple[int, tuple[RuleTrial, ...]]:
        count = len(self._matcher.rules)
        at = start
        while at < count and not self._trial(at).matched:
            at += 1
        tried = [
            RuleTrial(t.rule, False, t.failed) if place in passed else t
            for place, t in enumerate(self._trial(n) for n in range(min(at + 1, count)))
        ]
        return at, tuple(tried)

    def _trial(self, at: int) -> RuleTrial:
        while len(self._trials) <= at:
            self._trials.append(self._matcher.trial(len(self._trials), self._masks))
        return self._trials[at]


class Matcher:
    """A rule set made ready to match many leads. Remembers, but what it answers hangs on the lead
    alone; equal trials are one object."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        fields: dict[str, _Field] = {}
        self._ready: list[_Ready] = []
        for rule in rules:
            bits = []
            for criterion in rule.criteria:
                field = fields.setdefault(criterion.field, _Field(criterion.field))
                place = list(fields).index(criterion.field)
                bits.append((place, field.add(criterion)))
            self._ready.append(_Ready(rule, tuple(bits)))
        self._fields = tuple([(field.name, field.texts, field.look) for field in fields.values()])
        self._ways: dict[tuple[int, ...], Way] = {}
        self._trials: dict[tuple[int, bool, tuple[int, ...]], RuleTrial] = {}
        self._narrowings: dict[tuple[int, tuple[int, ...]], Condition | None] = {}

    def way(self, lead: LeadFacts) -> Way:
        """The lead's way through the rules."""
        value_of = lead.fields.get
        found_of = []
        for name, texts, look in self._fields:
            value = value_of(name)
            mask = texts.get(value)
            found_of.append(look(value) if mask is None else mask)
        masks = tuple(found_of)
        found = self._ways.get(masks)
        if found is None:
            if len(self._ways) >= MOST_KEPT:
                self._ways.clear()
            found = self._ways[masks] = Way(self, masks)
        return found

    def trial(self, at: int, masks: tuple[int, ...]) -> RuleTrial:
        """How the rule at that place fares with those verdicts."""
        ready = self._ready[at]
        verdicts = [masks[field] & bit != 0 for field, bit in ready.bits]
        logic = ready.rule.logic
        if ready.rule.partner_criteria:
            matched = open_logic(ready.rule, verdicts) is not False
        else:
            matched = all(verdicts) if logic is None else logic_holds(logic, verdicts)
        failed = tuple(n for n, holds in enumerate(verdicts, start=1) if not holds)
        key = (at, matched, failed)
        trial = self._trials.get(key)
        if trial is None:
            trial = self._trials[key] = RuleTrial(ready.rule.name, matched, failed)
        return trial

    def narrowing(self, at: int, failed: tuple[int, ...]) -> Condition | None:
        """Who may have a lead that meets the rule at that place, by what the rule says of partners;
        None: everybody. `failed`: its criteria on the lead that do not hold. Equal ones are one
        object."""
        rule = self.rules[at]
        if not rule.partner_criteria:
            return rule.eligible_when
        key = (at, failed)
        if key not in self._narrowings:
            verdicts = [number not in failed for number in range(1, len(rule.criteria) + 1)]
            self._narrowings[key] = narrowed(rule, verdicts)
        return self._narrowings[key]

    def match(self, lead: LeadFacts) -> tuple[Rule | None, tuple[RuleTrial, ...]]:
        """The first rule that the lead meets, and all rules tried up to it, in order."""
        at, tried = self.way(lead).first
        return (self.rules[at] if at < len(self.rules) else None), tried


def told_truly(
    rules: Sequence[Rule], lead: LeadFacts, told: Sequence[RuleTrial], rule: str | None
) -> bool:
    """Whether matching the lead again gives the trials told, and the rule. A rule that may be
    passed over, for what it is matched with beside the lead's facts, is believed when it was."""
    way = Matcher(rules).way(lead)
    passed: tuple[int, ...] = ()
    at, trials = way.first
    while at < len(rules) and at < len(told) and not told[at].matched and rules[at].may_pass_over:
        passed = (*passed, at)
        at, trials = way.next_rule(at + 1, passed)
    met = rules[at].name if at < len(rules) else None
    return trials == tuple(told) and met == rule


def match(rules: Sequence[Rule], lead: LeadFacts) -> tuple[Rule | None, tuple[RuleTrial, ...]]:
    """The first of the rules that the lead meets, and all rules tried up to it, in order."""
    return Matcher(rules).match(lead)
