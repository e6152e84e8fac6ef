"""Rules against leads: every operator, blanks, lists, numbers, logic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sfprm.errors import Bug
from sfprm.ids import RecordId
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.model import Criterion, FieldValue, LeaveAlone, Operator, Origin, Rule
from sfprm.routing.match import criterion_holds, match
from sfprm.routing.values import LeadFacts, RuleTrial

HERE = Origin("routing.yaml", 1)
O = Operator  # noqa: E741 - a table of sixty rows reads better so


def criterion(operator: Operator, *values: str, field: str = "F") -> Criterion:
    return Criterion(field, operator, values, "", HERE)


def lead(**fields: FieldValue) -> LeadFacts:
    return LeadFacts(
        RecordId("00QKp00000AbCdE"),
        RecordId("00GKp00000AbCdE"),
        datetime(2026, 1, 1, tzinfo=UTC),
        "Web Leads",
        fields,
    )


@pytest.mark.parametrize(
    ("operator", "values", "value", "holds"),
    [
        (O.EQUALS, ("PT",), "PT", True),
        (O.EQUALS, ("pt",), "PT", True),
        (O.EQUALS, ("PT", "ES"), "ES", True),
        (O.EQUALS, ("PT", "ES"), "FR", False),
        (O.EQUALS, ("PT",), None, False),
        (O.EQUALS, ("NULL",), None, False),  # NULL is a word, not blank
        (O.EQUALS, (), None, True),
        (O.EQUALS, (), "", True),
        (O.EQUALS, (), "x", False),
        (O.EQUALS, (), 0, False),
        (O.EQUALS, ("5",), 5, True),
        (O.EQUALS, ("5.0",), 5, True),
        (O.EQUALS, ("5",), 5.0, True),
        (O.EQUALS, ("5",), "5.0", False),  # a text field is compared as text
        (O.EQUALS, ("USD 5",), 5, True),
        (O.EQUALS, ("True",), True, True),
        (O.EQUALS, ("False",), True, False),
        (O.EQUALS, ("1",), True, True),
        (O.NOT_EQUAL, ("PT",), "ES", True),
        (O.NOT_EQUAL, ("PT", "ES"), "ES", False),
        (O.NOT_EQUAL, ("PT",), None, True),
        (O.NOT_EQUAL, (), "x", True),
        (O.NOT_EQUAL, (), None, False),
        (O.LESS_THAN, ("10",), 9, True),
        (O.LESS_THAN, ("10",), 10, False),
        (O.LESS_THAN, ("10",), None, False),
        (O.LESS_THAN, ("9",), 10, False),  # numbers as numbers: 10 is not before 9
        (O.GREATER_THAN, ("50000000",), 50000000.5, True),
        (O.GREATER_THAN, ("50000000",), 50000000, False),
        (O.GREATER_THAN, ("10",), None, False),
        (O.GREATER_THAN, ("ten",), 11, False),
        (O.GREATER_THAN, ("2026-01-01",), "2026-02-01", True),
        (O.LESS_OR_EQUAL, ("10",), 10, True),
        (O.LESS_OR_EQUAL, ("10",), 11, False),
        (O.GREATER_OR_EQUAL, ("10",), 10, True),
        (O.GREATER_OR_EQUAL, ("10",), 9.99, False),
        (O.GREATER_OR_EQUAL, ("0",), None, False),
        (O.CONTAINS, ("PUMP",), "Two pumps", True),
        (O.CONTAINS, ("valve", "pump"), "Two pumps", True),
        (O.CONTAINS, ("pump",), None, False),
        (O.CONTAINS, (), "x", False),
        (O.NOT_CONTAIN, ("valve", "pump"), "Two pumps", False),
        (O.NOT_CONTAIN, ("valve",), "Two pumps", True),
        (O.NOT_CONTAIN, ("valve",), None, True),
        (O.STARTS_WITH, ("1", "2"), "2500-111", True),
        (O.STARTS_WITH, ("1", "2"), "4000", False),
        (O.STARTS_WITH, ("1",), None, False),
        (O.INCLUDES, ("Pumps",), "Drives;Pumps", True),
        (O.INCLUDES, ("Pumps", "Valves"), "Drives;Valves", True),
        (O.INCLUDES, ("Pump",), "Pumps", False),
        (O.INCLUDES, ("Pumps;Drives",), "Drives;Pumps;Valves", True),
        (O.INCLUDES, ("Pumps",), None, False),
        (O.EXCLUDES, ("Pumps",), "Drives;Pumps", False),
        (O.EXCLUDES, ("Pumps",), "Drives", True),
        (O.EXCLUDES, ("Pumps",), None, True),
    ],
)
def test_operator(
    operator: Operator, values: tuple[str, ...], value: FieldValue, holds: bool
) -> None:
    """Each operator on lists, blanks, numbers and case."""
    assert criterion_holds(criterion(operator, *values), value) is holds


def test_within_is_refused_at_loading_and_a_bug_here() -> None:
    """The distance operator cannot be evaluated; loading says so."""
    with pytest.raises(Bug, match="loading refuses it"):
        criterion_holds(criterion(O.WITHIN, "5"), 1)


A, B, C = (criterion(O.EQUALS, "1", field=f) for f in "abc")


@pytest.mark.parametrize(
    ("logic", "a", "b", "c", "matched"),
    [
        (None, 1, 1, 1, True),
        (None, 1, 0, 1, False),
        (And((Ref(1), Or((Ref(2), Ref(3))))), 1, 0, 1, True),
        (And((Ref(1), Or((Ref(2), Ref(3))))), 0, 1, 1, False),
        (And((Ref(1), Not(Ref(2)))), 1, 0, 0, True),
        (And((Ref(1), Not(Ref(2)))), 1, 1, 0, False),
        (Or((Not(Ref(1)), Ref(3))), 1, 1, 0, False),
    ],
)
def test_logic(logic: Logic | None, a: int, b: int, c: int, matched: bool) -> None:
    """No logic means all; else the tree decides."""
    rule = Rule("r", (A, B, C), logic, LeaveAlone(), HERE)
    found, _ = match([rule], lead(a=a, b=b, c=c))
    assert (found is rule) is matched


def test_the_first_match_wins_and_the_rules_before_it_say_what_failed() -> None:
    """Trials run up to the match; criteria are numbered from 1."""
    first = Rule("first", (A, B), None, LeaveAlone(), HERE)
    second = Rule("second", (), None, LeaveAlone(), HERE)
    third = Rule("third", (), None, LeaveAlone(), HERE)
    found, trials = match([first, second, third], lead(a=1, b=2))
    assert found is second
    assert trials == (RuleTrial("first", False, (2,)), RuleTrial("second", True))


def test_no_rule_matches() -> None:
    """None, with all trials."""
    rule = Rule("only", (A,), None, LeaveAlone(), HERE)
    assert match([rule], lead(a=2)) == (None, (RuleTrial("only", False, (1,)),))
