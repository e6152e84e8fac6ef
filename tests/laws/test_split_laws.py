"""Laws of sharing out a whole set: floor or ceiling for everybody, caps kept, nothing lost."""

from __future__ import annotations

import os
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import BadRequest
from sfprm.routing.split import Group, entitlements, split

EXAMPLES = 3_000 if os.environ.get("SFPRM_TEST_LONG") else 150
MEMBERS = tuple("abcdefg")

groups = st.lists(
    st.builds(
        Group,
        st.integers(0, 40),
        st.dictionaries(st.sampled_from(MEMBERS), st.integers(1, 9), max_size=len(MEMBERS)),
    ),
    max_size=8,
)
caps = st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 30))


@settings(max_examples=EXAMPLES, deadline=None)
@given(groups)
def test_everybody_gets_floor_or_ceiling_of_its_entitlement(drawn: list[Group]) -> None:
    """Whatever the groups and weights, when no cap is in the way."""
    found = split(drawn)
    for member, entitled in entitlements(drawn).items():
        assert floor(entitled) <= found.got(member) <= ceil(entitled)
    assert found.worst < 1
    assert all(not left or not group.weights for group, left in zip(drawn, found.left, strict=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(groups, caps)
def test_no_lead_is_lost_and_no_cap_broken(drawn: list[Group], most: dict[str, int]) -> None:
    """Given and left are the whole group; only who is eligible gets; what is left nobody had room
    for."""
    found = split(drawn, most)
    for group, given_, left in zip(drawn, found.given, found.left, strict=True):
        assert sum(given_.values()) + left == group.count
        assert set(given_) <= set(group.weights)
        assert all(count > 0 for count in given_.values())
        if left:
            assert all(found.got(m) == most.get(m, -1) for m in group.weights)
    for member, cap in most.items():
        assert found.got(member) <= cap


@settings(max_examples=EXAMPLES, deadline=None)
@given(groups, caps)
def test_a_cap_that_is_not_reached_changes_nothing_for_others(
    drawn: list[Group], most: dict[str, int]
) -> None:
    """As long as every cap is at or above the ceiling of the entitlement, all keep theirs."""
    entitled = entitlements(drawn)
    wide = {m: max(cap, ceil(entitled.get(m, Fraction(0)))) for m, cap in most.items()}
    found = split(drawn, wide)
    assert all(abs(found.got(m) - e) < 1 for m, e in entitled.items())


@settings(max_examples=EXAMPLES, deadline=None)
@given(groups, caps)
def test_the_order_of_members_does_not_matter(drawn: list[Group], most: dict[str, int]) -> None:
    """Weights written in another order give the same split."""
    turned = [Group(g.count, dict(sorted(g.weights.items(), reverse=True))) for g in drawn]
    assert split(turned, most) == split(drawn, most)


def test_what_a_cap_keeps_goes_to_the_others_evenly() -> None:
    """90 leads, three members, one capped at 10: the others have 40 each."""
    found = split([Group(90, {"a": 1, "b": 1, "c": 1})], {"a": 10})
    assert [found.got(m) for m in "abc"] == [10, 40, 40]
    assert found.left == (0,)


def test_leads_swap_so_that_everybody_has_its_own() -> None:
    """b may only take of the second group: a gives up its part there for the first."""
    found = split([Group(3, {"a": 1}), Group(3, {"a": 1, "b": 1})])
    assert (found.got("a"), found.got("b")) in ((4, 2), (5, 1))
    assert found.given[0] == {"a": 3}


def test_wrong_numbers_are_refused() -> None:
    """A weight of 0 means not eligible, and is left out by whoever asks."""
    with pytest.raises(BadRequest):
        split([Group(1, {"a": 0})])
    with pytest.raises(BadRequest):
        split([Group(-1, {"a": 1})])
    with pytest.raises(BadRequest):
        split([Group(1, {"a": 1})], {"a": -1})
