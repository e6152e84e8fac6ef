"""Requests in flight and calls allowed: laws of the pure parts, and threads at the gate."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import BudgetSpent
from sfprm.salesforce.budget import CallBudget
from sfprm.salesforce.calls import CallCount
from sfprm.salesforce.failures import retry_after
from sfprm.salesforce.flight import Gate, Window

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@settings(max_examples=100)
@given(st.integers(1, 16), st.lists(st.booleans(), max_size=200))
def test_the_window_stays_between_one_and_its_most(most: int, went_well: list[bool]) -> None:
    """Whatever happens, and in whichever order."""
    window = Window.open(most)
    for well in went_well:
        window = window.grown() if well else window.shrunk(window.epoch)
        assert 1 <= window.room <= most
        assert window.limit <= most


@settings(max_examples=50)
@given(st.integers(1, 16), st.integers(0, 12))
def test_a_window_grows_back(most: int, crowded: int) -> None:
    """After any number of decreases, some hundred answers bring all of it back."""
    window = Window.open(most)
    for _ in range(crowded):
        window = window.shrunk(window.epoch)
    for _ in range(most * most + most):
        window = window.grown()
    assert window.room == most


@settings(max_examples=50)
@given(st.integers(1, 16), st.integers(1, 16))
def test_one_crowd_shrinks_the_window_once(most: int, together: int) -> None:
    """Requests that flew together tell of the same crowd."""
    window = Window.open(most)
    epoch = window.epoch
    for _ in range(together):
        window = window.shrunk(epoch)
    assert window.limit == max(1.0, most / 2)


def test_the_growth_is_one_a_round() -> None:
    """A window of four grows to five after about four answers."""
    window = Window(16, 4.0)
    for _ in range(5):
        window = window.grown()
    assert window.room == 5


def test_the_gate_lets_no_more_through_than_there_is_room() -> None:
    """Sixteen threads, four places; all get through in the end."""
    gate, lock = Gate(4), threading.Lock()
    inside = worst = 0

    def fly(_: int) -> None:
        nonlocal inside, worst
        with gate.slot():
            with lock:
                inside += 1
                worst = max(worst, inside)
            with lock:
                inside -= 1
        gate.went_well()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(fly, range(400)))
    assert 1 <= worst <= 4


def test_a_narrower_gate_holds_new_requests_back() -> None:
    """One place left after two crowds; a second request waits until the first is through."""
    gate = Gate(4)
    gate.crowded()
    gate.crowded()
    assert gate.room == 1
    entered = threading.Event()

    def second() -> None:
        with gate.slot():
            entered.set()

    with gate.slot():
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.05)
    thread.join(5)
    assert entered.is_set()


@pytest.mark.parametrize(
    ("budget", "spent", "allowance", "left", "stopped"),
    [
        (CallBudget(), 10**6, (14_999, 15_000), 10, ""),
        (CallBudget(5), 4, None, None, ""),
        (CallBudget(5), 5, None, None, "budget of 5 API calls"),
        (CallBudget(share_of_day=0.95), 0, (14_249, 15_000), None, ""),
        (CallBudget(share_of_day=0.95), 0, (14_250, 15_000), None, "14,250 of its 15,000"),
        (CallBudget(share_of_left=0.5), 99, (0, 200), 200, ""),
        (CallBudget(share_of_left=0.5), 100, (0, 200), 200, "its share (50%) of the 200"),
        (CallBudget(share_of_left=0.5), 100, None, None, ""),
        (CallBudget(share_of_day=0.95), 0, (0, 0), None, ""),
    ],
)
def test_each_bound_stops_at_its_edge(
    budget: CallBudget,
    spent: int,
    allowance: tuple[int, int] | None,
    left: int | None,
    stopped: str,
) -> None:
    """The last call before a bound is let through, the next one is not, and says why."""
    verdict = budget.verdict(spent, allowance, left)
    assert stopped in verdict.stop
    assert bool(verdict.stop) == bool(stopped) == bool(verdict.hint)


@pytest.mark.parametrize(
    ("budget", "spent", "allowance", "left", "room"),
    [
        (CallBudget(), 7, None, None, None),
        (CallBudget(), 7, (100, 15_000), 14_907, 14_900),
        (CallBudget(50), 7, (100, 15_000), 14_907, 43),
        (CallBudget(50), 60, None, None, 0),
        (CallBudget(share_of_day=0.5), 7, (100, 15_000), 14_907, 7_400),
        (CallBudget(share_of_left=0.1), 7, (107, 15_000), 15_000, 1_493),
        (CallBudget(), 7, (0, 0), None, None),
    ],
)
def test_what_a_run_may_still_spend(
    budget: CallBudget,
    spent: int,
    allowance: tuple[int, int] | None,
    left: int | None,
    room: int | None,
) -> None:
    """The nearest of the bounds; None while none is known."""
    assert budget.room(spent, allowance, left) == room


@settings(max_examples=100)
@given(st.integers(1, 100_000), st.floats(0.05, 0.99), st.integers(0, 100_000))
def test_calls_slow_down_before_they_stop(day: int, share: float, used: int) -> None:
    """No pause under nine tenths of the share, a growing one above, at most five seconds."""
    budget = CallBudget(share_of_day=share)
    verdict = budget.verdict(0, (used, day), None)
    assert 0 <= verdict.pause <= 5
    assert bool(verdict.stop) == (used >= day * share)
    if used <= 0.9 * day * share:
        assert verdict.pause == 0
    more = budget.verdict(0, (used + 1, day), None)
    assert more.stop or more.pause >= verdict.pause


def test_logging_in_is_never_held_back() -> None:
    """The org does not charge it."""
    calls = CallCount(CallBudget(1, share_of_day=0.5))
    calls.watch("api-usage=90/100")
    assert calls.spend("login") == 0
    with pytest.raises(BudgetSpent, match="90 of its 100"):
        calls.spend("query")


def test_a_run_has_a_share_of_what_was_left_at_its_start() -> None:
    """The next run has a share of what is left then."""
    calls = CallCount(CallBudget(share_of_left=0.5))
    calls.watch("api-usage=96/100")
    calls.spend("query")
    calls.spend("query")
    with pytest.raises(BudgetSpent, match="of the 4 that were left"):
        calls.spend("query")
    calls.watch("api-usage=98/100")
    calls.begin_run()
    calls.spend("query")
    with pytest.raises(BudgetSpent, match="of the 2 that were left"):
        calls.spend("query")


def test_a_new_run_asks_whether_the_day_has_moved_on() -> None:
    """What stopped the last run does not stop a daemon for ever: one call is sent, and its answer
    decides."""
    calls = CallCount(CallBudget(share_of_day=0.9, share_of_left=0.5))
    calls.watch("api-usage=100/100")
    with pytest.raises(BudgetSpent, match="of the 0 that were left"):
        calls.spend("query")
    calls.begin_run()
    assert calls.spend("query") == 0
    with pytest.raises(BudgetSpent):
        calls.spend("query")
    calls.watch("api-usage=20/100")
    assert calls.spend("query") == 0
    assert calls.room == 38


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("17", 17.0),
        ("900", 60.0),
        ("-3", 0.0),
        ("soon", 0.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 18:00:00 GMT", 60.0),
    ],
)
def test_retry_after_in_each_form(header: str | None, seconds: float) -> None:
    """A number, a date, nonsense; never longer than a minute."""
    assert retry_after(header, NOON) == seconds
