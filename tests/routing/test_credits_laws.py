"""The laws of the credit ledger, each as a property."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import Bug
from sfprm.routing.credits import (
    Book,
    broken_laws,
    choose,
    drift,
    join,
    leave,
    refund,
    shares,
    sync_members,
)
from sfprm.routing.replay import ReplayMismatch, replay
from sfprm.routing.values import UNIT, Candidate, Code, EligibilityClass, Ledger, Reason

AWAY = (Reason(Code.CONDITION, "away"),)


def among(weights: dict[str, int], eligible: set[str], ledger: str = "pool:p") -> EligibilityClass:
    return EligibilityClass(
        ledger,
        tuple(Candidate(m, w, () if m in eligible else AWAY) for m, w in weights.items()),
    )


@st.composite
def streams(draw: st.DrawFn, members: int | None = None) -> list[EligibilityClass]:
    """A run of leads: any eligibility, any weights, both changing from lead to lead."""
    n = members or draw(st.integers(1, 8))
    names = [f"m{i}" for i in range(n)]
    some = st.sets(st.sampled_from(names), min_size=1)
    weights = st.fixed_dictionaries({m: st.integers(1, 1_000_000) for m in names})
    fixed = draw(weights)
    changing = draw(st.booleans())
    leads = draw(st.lists(some, min_size=1, max_size=60))
    return [among(draw(weights) if changing else fixed, eligible) for eligible in leads]


def run(classes: list[EligibilityClass], ledger: Ledger | None = None) -> list[Ledger]:
    states = [ledger or Ledger("pool:p")]
    for one in classes:
        states.append(choose(states[-1], one)[1])
    return states


@settings(max_examples=150, deadline=None)
@given(streams())
def test_credits_and_house_add_up_to_nothing(classes: list[EligibilityClass]) -> None:
    """The sum is 0 to the last bit after every lead."""
    for ledger in run(classes):
        assert sum(ledger.credits.values()) + ledger.house == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 200))
def test_equal_members_always_eligible_differ_by_at_most_one(n: int, leads: int) -> None:
    """Constant eligibility and equal weights: counts differ by at most 1 at every prefix."""
    weights = {f"m{i}": 1 for i in range(n)}
    always = among(weights, set(weights))
    book = Book(Ledger("pool:p"))
    got = dict.fromkeys(weights, 0)
    for _ in range(leads):
        got[book.choose(always).winner] += 1
        assert max(got.values()) - min(got.values()) <= 1


@settings(max_examples=200, deadline=None)
@given(streams())
def test_nobody_is_further_from_entitlement_than_the_proved_bound(
    classes: list[EligibilityClass],
) -> None:
    """|credit| <= (n - 1)/2 and the m most owed together at most m(n - m)/2, after every lead."""
    for ledger in run(classes):
        n = ledger.ever
        running = 0
        for m, credit in enumerate(sorted(ledger.credits.values(), reverse=True), start=1):
            running += credit
            assert 2 * running <= m * (n - m) * UNIT
            assert 2 * abs(credit) <= (n - 1) * UNIT
        assert broken_laws(ledger) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9))
def test_the_bound_holds_against_an_adversary(n: int) -> None:
    """Offering always the two members nearest in credit does not break the bound."""
    weights = {f"m{i}": 1 for i in range(n)}
    ledger = sync_members(Ledger("pool:p"), weights)
    for _ in range(300):
        order = sorted(ledger.credits, key=lambda m: (ledger.credits[m], m))
        pair = min(pairwise(order), key=lambda p: ledger.credits[p[1]] - ledger.credits[p[0]])
        ledger = choose(ledger, among(weights, set(pair)))[1]
        assert broken_laws(ledger) == []


@pytest.mark.parametrize("seed", range(4))
def test_random_eligibility_stays_within_two_leads(seed: int) -> None:
    """Ten members eligible with .9 to .2, 5,000 leads: worst drift at most 2."""
    chances = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2)
    chance = random.Random(seed)
    weights = {f"m{i}": 1 for i in range(10)}
    book = Book(Ledger("pool:p"))
    worst = 0.0
    for _ in range(5_000):
        open_to = {m for m, p in zip(weights, chances, strict=True) if chance.random() < p}
        if open_to:
            book.choose(among(weights, open_to))
            worst = max(worst, drift(book.ledger()))
    assert worst <= 2


@settings(max_examples=80, deadline=None)
@given(streams())
def test_the_winner_is_eligible(classes: list[EligibilityClass]) -> None:
    """Only candidates without a reason against them win."""
    book = Book(Ledger("pool:p"))
    for one in classes:
        assert book.choose(one).winner in shares(one)


@settings(max_examples=80, deadline=None)
@given(streams(members=5))
def test_ineligible_time_moves_no_credit(classes: list[EligibilityClass]) -> None:
    """Who is not eligible for a lead keeps exactly the credit it had."""
    ledger = Ledger("pool:p")
    for one in classes:
        after = choose(ledger, one)[1]
        for candidate in one.candidates:
            if candidate.reasons:
                assert after.credits[candidate.member] == ledger.credits.get(candidate.member, 0)
        ledger = after


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=6),
    st.integers(0, 200),
    st.integers(0, 400),
)
def test_a_returner_does_not_catch_up_in_a_rush(weights: list[int], before: int, away: int) -> None:
    """Back from any absence it gets at most ceil(20·w/W) + 1 of the next 20."""
    by = {f"m{i}": w for i, w in enumerate(weights)}
    book = Book(Ledger("pool:p"))
    everybody, others = among(by, set(by)), among(by, set(by) - {"m0"})
    for one in [everybody] * before + [others] * away:
        book.choose(one)
    got = sum(book.choose(everybody).winner == "m0" for _ in range(20))
    assert got <= -(-20 * weights[0] // sum(weights)) + 1


@settings(max_examples=120, deadline=None)
@given(streams(), st.data())
def test_a_refund_is_the_exact_inverse(
    classes: list[EligibilityClass], data: st.DataObject
) -> None:
    """Refunding the last choice gives the credits before it; the house is untouched."""
    before = run(classes[:-1])[-1]
    before = sync_members(before, [c.member for c in classes[-1].candidates])
    choice, after = choose(before, classes[-1])
    back = refund(after, classes[-1], choice.winner)
    assert (back.credits, back.house) == (before.credits, before.house)


@settings(max_examples=80, deadline=None)
@given(streams(members=4), st.sampled_from(["m0", "m1", "m2", "m3"]))
def test_a_refund_after_a_member_left_goes_to_the_house(
    classes: list[EligibilityClass], gone: str
) -> None:
    """What was the leaver's goes to the house, and nothing is lost."""
    before = run(classes[:-1])[-1]
    before = sync_members(before, [c.member for c in classes[-1].candidates])
    choice, after = choose(before, classes[-1])
    back = refund(leave(after, gone), classes[-1], choice.winner)
    assert back.house == before.house + before.credits[gone]
    assert sum(back.credits.values()) + back.house == 0


@settings(max_examples=80, deadline=None)
@given(streams(members=4))
def test_renaming_members_permutes_the_outcome(classes: list[EligibilityClass]) -> None:
    """With names that keep their order, so that exact ties fall alike, all else follows."""
    new = {f"m{i}": f"z{i}" for i in range(4)}
    renamed = [
        EligibilityClass(
            c.ledger, tuple(Candidate(new[x.member], x.weight, x.reasons) for x in c.candidates)
        )
        for c in classes
    ]
    first, second = Book(Ledger("pool:p")), Book(Ledger("pool:p"))
    for old, other in zip(classes, renamed, strict=True):
        assert new[first.choose(old).winner] == second.choose(other).winner


@settings(max_examples=60, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    classes: list[EligibilityClass], chance: random.Random
) -> None:
    """Moving a member's line in the files changes no choice."""
    first, second = Book(Ledger("pool:p")), Book(Ledger("pool:p"))
    for one in classes:
        shuffled = list(one.candidates)
        chance.shuffle(shuffled)
        other = EligibilityClass(one.ledger, tuple(shuffled))
        assert first.choose(one).winner == second.choose(other).winner
    assert first.ledger() == second.ledger()


@settings(max_examples=60, deadline=None)
@given(streams(members=3))
def test_a_replay_gives_the_same_ledger(classes: list[EligibilityClass]) -> None:
    """Classes and winners are all that a replay needs."""
    ledger = Ledger("pool:p")
    journal = []
    for one in classes:
        choice, ledger = choose(ledger, one)
        journal.append((one, choice.winner))
    assert replay(Ledger("pool:p"), journal) == ledger


def test_a_replay_names_the_choice_that_does_not_fit() -> None:
    """A journal that names another winner is told by its number."""
    both = among({"a": 1, "b": 1}, {"a", "b"})
    with pytest.raises(ReplayMismatch) as caught:
        replay(Ledger("pool:p"), [(both, "a"), (both, "a")])
    assert caught.value.message == ("pool:p, choice 2: the journal says a, the replay gives b.")


def test_weights_are_followed() -> None:
    """Weights 2 to 1 give two leads of three."""
    both = among({"a": 2, "b": 1}, {"a", "b"})
    book = Book(Ledger("pool:p"))
    won = [book.choose(both).winner for _ in range(9)]
    assert (won.count("a"), won.count("b")) == (6, 3)


def test_the_winner_pays_exactly_what_was_shared_out() -> None:
    """Three do not divide a unit: the winner pays three shares, not the unit."""
    three = among({"a": 1, "b": 1, "c": 1}, {"a", "b", "c"})
    choice, ledger = choose(Ledger("pool:p"), three)
    share = UNIT // 3
    assert dict(ledger.credits) == {"a": -2 * share, "b": share, "c": share}
    assert (choice.before, choice.after, choice.sequence) == (0, -2 * share, 1)


def test_ties_go_to_who_never_won_then_to_who_waited_longest() -> None:
    """Equal credit: never won first, then the longest since, then the key."""
    three = among({"a": 1, "b": 1, "c": 1}, {"a", "b", "c"})
    book = Book(Ledger("pool:p", {"a": 0, "b": 0, "c": 0}, 0, {"a": 2, "b": 1}, 2, 3))
    assert [book.choose(three).winner for _ in range(3)] == ["c", "b", "a"]


def test_a_member_joins_at_zero_and_leaves_its_credit_to_the_house() -> None:
    """Joining counts in the bound's n; leaving keeps it there."""
    both = among({"a": 1, "b": 1}, {"a", "b"})
    ledger = choose(Ledger("pool:p"), both)[1]
    joined = join(ledger, "c")
    assert (joined.credits["c"], joined.ever) == (0, 3)
    left = leave(joined, "b")
    assert (dict(left.credits), left.house, left.ever) == (
        {"a": -UNIT // 2, "c": 0},
        UNIT // 2,
        3,
    )


def test_choosing_from_nobody_is_a_mistake_of_ours() -> None:
    """The caller parks the lead instead."""
    with pytest.raises(Bug, match="nobody is eligible"):
        choose(Ledger("pool:p"), among({"a": 1}, set()))


def test_broken_laws_are_named() -> None:
    """A tampered ledger is told from a sound one."""
    assert broken_laws(Ledger("pool:p", {"a": 5, "b": 0}, 0, {}, 1, 3)) == [
        "pool:p: credits and house add up to 5, not to 0."
    ]
    worst = broken_laws(Ledger("pool:p", {"a": UNIT, "b": -UNIT}, 0, {}, 2, 2))
    assert worst[0] == "pool:p: the 1 most owed are owed 1.000 leads together, more than 0.5."


def test_entitlement_is_what_was_got_and_the_credit() -> None:
    """got + credit is the sum of shares, but for the rounding of one 2^-40 a lead."""
    weights = {"a": 3, "b": 2, "c": 2}
    chance = random.Random(3)
    book = Book(Ledger("pool:p"))
    got = dict.fromkeys(weights, 0)
    entitled = dict.fromkeys(weights, Fraction(0))
    for _ in range(500):
        open_to = {m for m in weights if chance.random() < 0.7}
        if not open_to:
            continue
        got[book.choose(among(weights, open_to)).winner] += 1
        whole = sum(weights[m] for m in open_to)
        for m in open_to:
            entitled[m] += Fraction(weights[m], whole)
    for m, credit in book.ledger().credits.items():
        assert abs(got[m] + Fraction(credit, UNIT) - entitled[m]) < Fraction(1, 10**6)
