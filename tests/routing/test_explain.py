"""Explanations: rule path with values, each member's part, and what decided."""

from __future__ import annotations

import pytest

from sfprm.programme.model import Criterion, LeaveAlone, Operator, Origin, Rule
from sfprm.routing.explain import explain_choice, explain_rules
from sfprm.routing.values import (
    UNIT,
    Candidate,
    Code,
    EligibilityClass,
    Ledger,
    Reason,
    RuleTrial,
)

HERE = Origin("routing.yaml", 1)
CAPPED = Reason(Code.CAP_WEEK, "cap of 25 a week reached")


def test_rules_show_each_criterion_with_value_and_verdict() -> None:
    """A rule that the programme no longer has keeps its name."""
    rule = Rule(
        "south",
        (
            Criterion("Country", Operator.EQUALS, ("PT", "ES"), "Country equals PT, ES", HERE),
            Criterion("Rating", Operator.EQUALS, ("Hot",), "Rating equals Hot", HERE),
        ),
        None,
        LeaveAlone(),
        HERE,
    )
    gone, south = explain_rules(
        [RuleTrial("gone", False, (1,)), RuleTrial("south", False, (2,))],
        [rule],
        {"Country": "PT", "Rating": "Cold"},
    )
    assert (gone.number, gone.name, gone.criteria) == (1, "gone", ())
    assert [(c.text, c.value, c.holds) for c in south.criteria] == [
        ("Country equals PT, ES", "PT", True),
        ("Rating equals Hot", "Cold", False),
    ]


def test_a_choice_shows_what_each_was_owed() -> None:
    """Before, share, after; the ineligible with its reason and no share."""
    before = Ledger("pool:p", {"a": UNIT // 2, "b": 0, "c": -UNIT // 2}, 0, {}, 4, 3)
    offered = EligibilityClass(
        "pool:p", (Candidate("a", 1, (CAPPED,)), Candidate("b", 3), Candidate("c", 1))
    )
    told = explain_choice(before, offered)
    assert [
        (m.member, m.eligible, m.owed_before, m.share, m.owed_after, m.chosen) for m in told.members
    ] == [
        ("a", False, UNIT // 2, 0, UNIT // 2, False),
        ("b", True, 0, UNIT * 3 // 4, UNIT * 3 // 4 - UNIT, True),
        ("c", True, -UNIT // 2, UNIT // 4, -UNIT // 4, False),
    ]
    assert (told.winner, told.because, told.margin) == ("b", "most owed", UNIT)
    assert told.members[0].reasons == (CAPPED,)


@pytest.mark.parametrize(
    ("last_won", "winner", "because"),
    [
        ({"a": 1}, "b", "owed as much as another, and never won before"),
        ({"a": 1, "b": 2}, "a", "owed as much as another, and longest since it last won"),
        ({}, "a", "owed as much as another, and first by name"),
    ],
)
def test_ties_are_told(last_won: dict[str, int], winner: str, because: str) -> None:
    """What decided between members that are owed the same."""
    before = Ledger("pool:p", {"a": 0, "b": 0}, 0, last_won, 2, 2)
    both = EligibilityClass("pool:p", (Candidate("a", 1), Candidate("b", 1)))
    told = explain_choice(before, both)
    assert (told.winner, told.because, told.margin) == (winner, because, 0)


def test_the_only_one_eligible() -> None:
    """No margin to speak of."""
    before = Ledger("pool:p")
    one = EligibilityClass("pool:p", (Candidate("a", 1), Candidate("b", 1, (CAPPED,))))
    assert explain_choice(before, one).because == "the only one eligible"
