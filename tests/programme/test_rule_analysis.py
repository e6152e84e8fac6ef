"""Rules that can decide nothing: known ones by hand, and no false word on random rule sets."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.logic_text import parse_logic
from sfprm.programme.meaning import criterion_holds
from sfprm.programme.model import Criterion, FieldValue, Operator, Origin, Rule, ToQueue
from sfprm.programme.rule_analysis import useless_rules

HERE = Origin("routing.yaml", 1)
EXAMPLES = 5_000 if os.environ.get("SFPRM_TEST_LONG") else 150


def rule(*when: str, logic: str | None = None, line: int = 1) -> Rule:
    criteria = []
    for text in when:
        made = parse_criterion(text)
        criteria.append(Criterion(made.field, made.operator, made.values, text, HERE))
    return Rule(
        f"rule {line}",
        tuple(criteria),
        parse_logic(logic) if logic else None,
        ToQueue("Q"),
        Origin("routing.yaml", line),
    )


NEVER = "can never match: its criteria contradict each other"


@pytest.mark.parametrize(
    "never",
    [
        rule("Country equals PT", "Country equals ES"),
        rule("Country equals PT", "Country notEqual pt"),
        rule("Country equals", "Country equals PT"),
        rule("Country equals PT", "Country startsWith E"),
        rule("AnnualRevenue greaterThan 100", "AnnualRevenue lessThan 50"),
        rule("AnnualRevenue greaterThan 100", "AnnualRevenue lessOrEqual 100"),
        rule("AnnualRevenue equals 10", "AnnualRevenue greaterThan 100"),
        rule("Title contains sales lead", "Title notContain sales"),
        rule("Country equals PT", "Country equals PT", logic="1 AND NOT 2"),
        rule(
            "Country equals PT", "Country equals ES", "Rating equals Hot", logic="(1 AND 2) AND 3"
        ),
    ],
)
def test_contradictions_are_found(never: Rule) -> None:
    """No value of some field meets all criteria."""
    assert useless_rules([never]) == [(0, NEVER)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule("Country equals PT, ES"), rule("Country equals PT", "Rating equals Hot")),
        (rule("Country equals PT, ES"), rule("Country equals es")),
        (rule("Country notEqual PT"), rule("Country equals ES")),
        (rule("Country notEqual"), rule("Country startsWith P")),
        (rule("AnnualRevenue greaterThan 10"), rule("AnnualRevenue greaterOrEqual 20")),
        (rule("AnnualRevenue lessOrEqual 10"), rule("AnnualRevenue lessThan 10")),
        (rule("AnnualRevenue greaterThan 10"), rule("AnnualRevenue equals 20, 30")),
        (rule("Title contains lead"), rule("Title contains sales lead, team lead")),
        (rule("Title notContain lead"), rule("Title notContain le")),
        (rule("PostalCode startsWith 1"), rule("PostalCode startsWith 10, 11")),
        (rule("Country equals PT", "Rating equals Hot", logic="1 OR 2"), rule("Rating equals Hot")),
        (
            rule("Country equals PT", "Country equals ES", logic="1 OR 2"),
            rule("Country equals ES", "Country equals PT", logic="1 OR 2"),
        ),
    ],
)
def test_shadows_are_found(first: Rule, second: Rule) -> None:
    """Whatever meets the second meets the first; the words say which."""
    assert useless_rules([first, second]) == [
        (1, "is never reached: 'rule 1' (line 1) takes all of its leads")
    ]


def test_several_rules_shadow_together() -> None:
    """Each part of the rule is taken by another."""
    rules = [
        rule("Country equals PT", line=1),
        rule("Country equals ES", line=2),
        rule("Country equals PT", "Country equals ES", logic="1 OR 2", line=3),
    ]
    assert useless_rules(rules) == [
        (2, "is never reached: 'rule 1' (line 1) and 'rule 2' (line 2) take all of its leads")
    ]


@pytest.mark.parametrize(
    "rules",
    [
        [rule("Country equals PT"), rule("Country equals PT, ES")],
        [rule("AnnualRevenue greaterThan 10"), rule("AnnualRevenue greaterOrEqual 10")],
        [rule("Country equals PT", "Rating equals Hot"), rule("Country equals PT")],
        # a membership of any campaign may be of several
        [rule("AnyCampaign.Name equals A", "AnyCampaign.Name equals B")],
        [rule("Title contains lead"), rule("Title contains le")],
    ],
)
def test_nothing_is_said_of_rules_that_may_decide(rules: list[Rule]) -> None:
    """What is not certain is not told."""
    assert useless_rules(rules) == []


TEXTS = ("a", "ab", "b", "10", "10.0", "2")
FIELDS = ("One", "Two")
criteria = st.builds(
    lambda field, operator, values: Criterion(field, operator, tuple(values), "", HERE),
    st.sampled_from(FIELDS),
    st.sampled_from([op for op in Operator if op is not Operator.WITHIN]),
    st.lists(st.sampled_from(TEXTS), max_size=2, unique=True),
)


@st.composite
def rules_drawn(draw: st.DrawFn) -> Rule:
    found = draw(st.lists(criteria, min_size=1, max_size=3))
    leaves: list[Logic] = [
        Not(Ref(n)) if draw(st.booleans()) else Ref(n) for n in range(1, len(found) + 1)
    ]
    logic = draw(st.sampled_from([None, Or(tuple(leaves)), And(tuple(leaves)), leaves[0]]))
    return Rule("drawn", tuple(found), logic, ToQueue("Q"), HERE)


def holds(logic: Logic, verdicts: list[bool]) -> bool:
    match logic:
        case Ref(number):
            return verdicts[number - 1]
        case Not(part):
            return not holds(part, verdicts)
        case And(parts):
            return all(holds(part, verdicts) for part in parts)
        case Or(parts):
            return any(holds(part, verdicts) for part in parts)


def meets(rule: Rule, lead: dict[str, FieldValue]) -> bool:
    verdicts = [criterion_holds(c, lead[c.field]) for c in rule.criteria]
    return all(verdicts) if rule.logic is None else holds(rule.logic, verdicts)


VALUES: tuple[FieldValue, ...] = (None, *TEXTS, "abc", "a;b", 10, 2, 3.5, 11)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(rules_drawn(), min_size=1, max_size=4))
def test_no_rule_that_decides_is_called_useless(rules: list[Rule]) -> None:
    """A rule said to decide nothing is never the first that any lead meets."""
    useless = {index for index, _ in useless_rules(rules)}
    for one in VALUES:
        for two in VALUES:
            lead = {"One": one, "Two": two}
            first = next((at for at, rule in enumerate(rules) if meets(rule, lead)), None)
            assert first not in useless
