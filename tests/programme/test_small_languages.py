"""Criteria, filter logic and conditions: what is read, and the column of what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.programme.condition_text import parse_condition
from sfprm.programme.conditions import Comparison, Constant, LeadField, PartnerAttribute
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.logic_text import numbers, parse_logic
from sfprm.programme.model import Operator
from sfprm.programme.text_error import TextError

CRITERIA = [
    ("Country equals PT, ES", "Country", Operator.EQUALS, ("PT", "ES")),
    ("Lead.Country equals PT", "Country", Operator.EQUALS, ("PT",)),
    ("Rating notEqual Cold", "Rating", Operator.NOT_EQUAL, ("Cold",)),
    ("AnnualRevenue greaterThan 50000000", "AnnualRevenue", Operator.GREATER_THAN, ("50000000",)),
    ("Email notEqual", "Email", Operator.NOT_EQUAL, ()),
    ("  Email   equals  ", "Email", Operator.EQUALS, ()),
    ('Company equals "Smith, Inc", Other', "Company", Operator.EQUALS, ("Smith, Inc", "Other")),
    ('Company equals "say ""yes"""', "Company", Operator.EQUALS, ('say "yes"',)),
    ("City startsWith São Paulo", "City", Operator.STARTS_WITH, ("São Paulo",)),
    ("Product__c includes A;B, C", "Product__c", Operator.INCLUDES, ("A;B", "C")),
]


@pytest.mark.parametrize(("text", "field", "operator", "values"), CRITERIA)
def test_criterion(text: str, field: str, operator: Operator, values: tuple[str, ...]) -> None:
    """Field, operator and values, quoted or not."""
    read = parse_criterion(text)
    assert (read.field, read.operator, read.values) == (field, operator, values)


BAD_CRITERIA = [
    ("", 0, "a criterion is empty"),
    ("Country", 7, "no operator after 'Country'"),
    ("Co-untry equals PT", 0, "'Co-untry' is not a field name"),
    ("Country equal PT", 8, "unknown operator 'equal'"),
    ("Country = PT", 8, "unknown operator '='"),
    ("Country contains", 16, "contains needs a value"),
    ("Country equals PT,,ES", 18, "a value is missing beside a comma"),
    ("Country equals PT,", 17, "a value is missing beside a comma"),
    ('Country equals "PT', 15, "a quote is not closed"),
    ('Country equals "PT" ES', 20, "text after a closing quote"),
    ('Country equals P"T', 16, "a quote inside a value"),
    ('Country equals "", PT', 15, "blank stands beside other values"),
    ("Address within 5", 8, "within (a distance) is not supported"),
]


@pytest.mark.parametrize(("text", "offset", "message"), BAD_CRITERIA)
def test_bad_criterion(text: str, offset: int, message: str) -> None:
    """The character at fault, counted from 0, and what is wrong."""
    with pytest.raises(TextError) as caught:
        parse_criterion(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)


LOGIC = [
    ("1", Ref(1)),
    ("1 AND 2", And((Ref(1), Ref(2)))),
    ("1 and (2 or 3)", And((Ref(1), Or((Ref(2), Ref(3)))))),
    ("NOT 1", Not(Ref(1))),
    ("1 OR NOT (2 AND 3)", Or((Ref(1), Not(And((Ref(2), Ref(3))))))),
    ("((1))", Ref(1)),
    ("1 AND 2 AND 3", And((Ref(1), Ref(2), Ref(3)))),
]


@pytest.mark.parametrize(("text", "logic"), LOGIC)
def test_logic(text: str, logic: Logic) -> None:
    """Salesforce's filter logic to a tree."""
    assert parse_logic(text) == logic


BAD_LOGIC = [
    ("", 0, "the logic ends where a number, NOT or ( is wanted"),
    ("1 AND", 5, "the logic ends where a number, NOT or ( is wanted"),
    ("1 2", 2, "'2' is not expected here"),
    ("1 AND 2 OR 3", 8, "AND and OR stand side by side"),
    ("(1 AND 2", 8, "a closing bracket is missing"),
    ("1 & 2", 2, "'&' does not belong in filter logic"),
    ("AND 1", 0, "'AND' stands where a number, NOT or ( is wanted"),
    ("(" * 60 + "1", 51, "too many brackets"),
]


@pytest.mark.parametrize(("text", "offset", "message"), BAD_LOGIC)
def test_bad_logic(text: str, offset: int, message: str) -> None:
    """The character at fault and what is wrong."""
    with pytest.raises(TextError) as caught:
        parse_logic(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)


def test_numbers_that_logic_names() -> None:
    """Each criterion once."""
    assert numbers(parse_logic("1 AND (2 OR NOT 1)")) == {1, 2}


TIER = PartnerAttribute("tier")
CONDITIONS = [
    (
        "partner.tier >= Silver",
        (Comparison(TIER, ">=", Constant("Silver"), "partner.tier >= Silver"),),
    ),
    (
        "Lead.Country not  in partner.territories",
        (
            Comparison(
                LeadField("Country"),
                "not in",
                PartnerAttribute("territories"),
                "Lead.Country not  in partner.territories",
            ),
        ),
    ),
    (
        "Lead.NumberOfEmployees<250 AND partner.segment=='small, fast'",
        (
            Comparison(
                LeadField("NumberOfEmployees"), "<", Constant(250), "Lead.NumberOfEmployees<250"
            ),
            Comparison(
                PartnerAttribute("segment"),
                "==",
                Constant("small, fast"),
                "partner.segment=='small, fast'",
            ),
        ),
    ),
    (
        "Lead.Score__c >= -1.5",
        (Comparison(LeadField("Score__c"), ">=", Constant(-1.5), "Lead.Score__c >= -1.5"),),
    ),
]


@pytest.mark.parametrize(("text", "comparisons"), CONDITIONS)
def test_condition(text: str, comparisons: tuple[Comparison, ...]) -> None:
    """Comparisons joined by `and`; each keeps its text."""
    assert parse_condition(text).comparisons == comparisons


BAD_CONDITIONS = [
    ("", 0, "the condition ends where a field, attribute or value is wanted"),
    ("partner.tier", 12, "the condition ends where an operator is wanted"),
    ("partner.tier = Gold", 13, "'=' stands where an operator is wanted"),
    ("partner.tier >= Gold or 1 == 1", 21, "'or' stands where 'and' is wanted"),
    (
        "partner.tier >= Gold and",
        24,
        "the condition ends where a field, attribute or value is wanted",
    ),
    ("1 == 1", 0, "compares two constants"),
    (
        "Lead.Boss.Name == x",
        0,
        "'Lead.Boss.Name' is neither partner.<attribute> nor Lead.<Field>",
    ),
    ("partner.tier == 'Gold", 16, "a quote is not closed"),
    ("partner.tier == $x", 16, "'$' does not belong here"),
    ("Lead.X__c > 99999999999999999999", 12, "the number is too large"),
]


@pytest.mark.parametrize(("text", "offset", "message"), BAD_CONDITIONS)
def test_bad_condition(text: str, offset: int, message: str) -> None:
    """The character at fault and what is wrong."""
    with pytest.raises(TextError) as caught:
        parse_condition(text)
    assert (caught.value.offset, caught.value.message) == (offset, message)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), min_size=1
    )
)
def test_quoted_values_come_back(values: list[str]) -> None:
    """Any texts, quoted with doubled quotes, are read as they are."""
    quoted = ", ".join('"' + value.replace('"', '""') + '"' for value in values)
    assert parse_criterion(f"Company equals {quoted}").values == tuple(values)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """No text makes a parser stumble; offsets stay inside it."""
    for parse in (parse_criterion, parse_logic, parse_condition):
        try:
            parse(text)
        except TextError as error:
            offset = error.offset
        else:
            continue
        assert 0 <= offset <= len(text)
