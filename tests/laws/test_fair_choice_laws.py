"""The fair choice held against a plain model of it, and the laws of catching up.

The model is the definition in `docs/routing.md`, written without any of the ledger's short cuts.
"""

from __future__ import annotations

import os
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.routing.credits import CATCH_UP, Book, broken_laws, refund
from sfprm.routing.values import UNIT, Candidate, Code, EligibilityClass, Ledger, Reason

LONG = bool(os.environ.get("SFPRM_TEST_LONG"))
AWAY = (Reason(Code.ABSENT, "away"),)
NAMES = tuple(f"m{n}" for n in range(7))


def among(weights: dict[str, int], eligible: set[str], ledger: str = "pool:p") -> EligibilityClass:
    return EligibilityClass(
        ledger,
        tuple(Candidate(m, w, () if m in eligible else AWAY) for m, w in weights.items()),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[EligibilityClass]:
    """Leads of any eligibility and weights, among members who come and go, in any order."""
    found = []
    for _ in range(draw(st.integers(1, 25))):
        members = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True))
        weights = {m: draw(st.sampled_from([1, 2, 3, 1_000_000])) for m in members}
        found.append(among(weights, draw(st.sets(st.sampled_from(members), min_size=1))))
    return found


class Model:
    """The definition: shares, most owed, longest since, smallest key; exact integers."""

    def __init__(self) -> None:
        self.credits: dict[str, int] = {}
        self.house = 0
        self.won: dict[str, int] = {}
        self.turn = 0
        self.ever = 0

    def choose(self, lead: EligibilityClass) -> str:
        names = [c.member for c in lead.candidates]
        for gone in set(self.credits) - set(names):
            self.house += self.credits.pop(gone)
            self.won.pop(gone, None)
        for new in set(names) - set(self.credits):
            self.credits[new] = 0
            self.ever += 1
        eligible = [c for c in lead.candidates if not c.reasons]
        whole = sum(c.weight for c in eligible)
        shares = {c.member: UNIT * c.weight // whole for c in eligible}
        for member, share in shares.items():
            self.credits[member] += share
        winner = min(shares, key=lambda m: (-self.credits[m], self.won.get(m, 0), m))
        self.credits[winner] -= sum(shares.values())
        self.turn += 1
        self.won[winner] = self.turn
        return winner


@settings(max_examples=2_000 if LONG else 50, deadline=None)
@given(streams())
def test_the_ledger_is_its_definition(leads: list[EligibilityClass]) -> None:
    """Winners, credits, house, turns and members, after every lead; the proved bound is why the
    spread of catching up never shows in it."""
    book, model = Book(Ledger("pool:p")), Model()
    for lead in leads:
        choice = book.choose(lead)
        before = {m: model.credits.get(m, 0) for m in NAMES}
        assert choice.winner == model.choose(lead)
        assert choice.before == before[choice.winner]
        assert choice.after == model.credits[choice.winner]
        ledger = book.ledger()
        assert dict(ledger.credits) == model.credits
        assert (ledger.house, ledger.ever, ledger.sequence) == (model.house, model.ever, model.turn)
        assert dict(ledger.last_won) == {m: t for m, t in model.won.items() if m in model.credits}
        assert broken_laws(ledger) == []
    assert Book(ledger).ledger() == ledger


@settings(max_examples=500 if LONG else 25, deadline=None)
@given(streams(), st.data())
def test_classes_made_ready_are_not_mixed_up(
    leads: list[EligibilityClass], data: st.DataObject
) -> None:
    """A book that is handed what an earlier one made ready chooses as one that is not, wherever the
    ledger is taken up again."""
    ready: dict[int, object] = {}
    one = Book(Ledger("pool:p"), ready)  # type: ignore[arg-type]
    two = Book(Ledger("pool:p"))
    for lead in leads:
        if data.draw(st.booleans()):
            one = Book(one.ledger(), ready)  # type: ignore[arg-type]
        assert one.choose(lead) == two.choose(lead)
    assert one.ledger() == two.ledger()


COUNTS = "pool:p/counts"


@settings(max_examples=500 if LONG else 60, deadline=None)
@given(st.integers(2, 7), st.lists(st.sets(st.sampled_from(NAMES), min_size=1), max_size=60))
def test_equal_counts_keep_their_sum_and_their_clamp(n: int, sets: list[set[str]]) -> None:
    """Credits and house are 0 together; who is away is owed at most CATCH_UP and a share."""
    weights = dict.fromkeys(NAMES[:n], 1)
    book = Book(Ledger(COUNTS))
    for eligible in sets:
        here = eligible & set(weights)
        if not here:
            continue
        choice = book.choose(among(weights, here, COUNTS))
        assert choice.winner in here
        ledger = book.ledger()
        assert sum(ledger.credits.values()) + ledger.house == 0
        assert max(ledger.credits.values()) <= (CATCH_UP + 1) * UNIT
        assert broken_laws(ledger) == []


@pytest.mark.parametrize("weights", [[1, 1, 1, 1, 1], [1, 2, 3], [1, 1], [5, 1, 1, 1]])
@pytest.mark.parametrize("away", [1, 10, 500])
def test_equal_counts_catch_up_slowly_and_wholly(weights: list[int], away: int) -> None:
    """Back from absence: at most ceil(20·w/W) + 3 of any 20 leads (one of them the spread catching
    up, two the lead or so that anybody may be owed); in the end what it missed, up to CATCH_UP, is
    made good."""
    named = {f"m{n}": weight for n, weight in enumerate(weights)}
    whole = sum(weights)
    book = Book(Ledger(COUNTS))
    for _ in range(100):
        book.choose(among(named, set(named), COUNTS))
    for _ in range(away):
        book.choose(among(named, set(named) - {"m0"}, COUNTS))
    owed = book.ledger().credits["m0"]
    wins = [book.choose(among(named, set(named), COUNTS)).winner == "m0" for _ in range(2_000)]
    most = ceil(20 * weights[0] / whole) + 3
    assert max(sum(wins[at : at + 20]) for at in range(len(wins) - 20)) <= most
    assert abs(book.ledger().credits["m0"]) <= UNIT
    extra = sum(wins) - 2_000 * weights[0] / whole
    assert extra == pytest.approx(owed / UNIT, abs=1.01)
    assert owed <= (CATCH_UP + 1) * UNIT


def test_equal_counts_differ_by_one_when_nobody_is_away() -> None:
    """As with equal opportunity."""
    named = dict.fromkeys(NAMES[:5], 1)
    book = Book(Ledger(COUNTS))
    got = dict.fromkeys(named, 0)
    for _ in range(237):
        got[book.choose(among(named, set(named), COUNTS)).winner] += 1
        assert max(got.values()) - min(got.values()) <= 1


@pytest.mark.parametrize("n", [2, 3, 5])
def test_refunds_are_made_good_without_a_rush(n: int) -> None:
    """Thirty leads of one member turn out bad: it gets no more than ceil(20·w/W) + 3 of any 20 that
    follow, until it is owed two leads or so as others may be; the ledger stays exact."""
    named = dict.fromkeys(NAMES[:n], 1)
    lead = among(named, set(named))
    book = Book(Ledger("pool:p"))
    won = [book.choose(lead).winner for _ in range(40 * n)]
    ledger = book.ledger()
    for _ in range(30):
        ledger = refund(ledger, lead, "m0")
    assert won.count("m0") >= 30
    assert sum(ledger.credits.values()) + ledger.house == 0
    book = Book(ledger)
    wins = [book.choose(lead).winner == "m0" for _ in range(600)]
    assert max(sum(wins[at : at + 20]) for at in range(len(wins) - 20)) <= ceil(20 / n) + 3
    assert abs(book.ledger().credits["m0"]) <= 2 * UNIT
