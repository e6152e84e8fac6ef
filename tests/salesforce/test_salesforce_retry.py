"""Which failures are repeated: the table cell by cell, and the waits."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.clock import FakeClock
from sfprm.errors import OutcomeUnknown, SfprmError, TryLater
from sfprm.salesforce.refusals import Refusal
from sfprm.salesforce.retry import AFTER, Cause, Failed, Next, Patience, cause_of, keep_trying

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def failing(cause: Cause, times: int, retry_after: float = 0.0) -> Callable[[int], int]:
    """An attempt that fails so many times, then gives its own number."""

    def attempt(number: int) -> int:
        if number <= times:
            raise Failed(cause, TryLater("the org said no"), retry_after)
        return number

    return attempt


def run(attempt: Callable[[int], int], clock: FakeClock, repeatable: bool = True) -> int:
    """The loop, with patience for 6 attempts and seeded jitter."""
    return keep_trying(
        attempt,
        repeatable=repeatable,
        clock=clock,
        patience=Patience(),
        chance=random.Random(7),
    )


CELLS = [(cause, repeatable) for cause in Cause for repeatable in (True, False)]


def test_the_table_has_every_cell() -> None:
    """No combination is left to chance."""
    assert set(AFTER) == set(CELLS)


@pytest.mark.parametrize(("cause", "repeatable"), CELLS)
def test_each_cell_does_what_it_says(cause: Cause, repeatable: bool) -> None:
    """Again: done at the second try. Raise: at once. Unknown: OutcomeUnknown at once."""
    clock = FakeClock(NOON)
    if AFTER[cause, repeatable] is Next.AGAIN:
        assert run(failing(cause, 1), clock, repeatable) == 2
        assert len(clock.slept) == 1
        return
    with pytest.raises(SfprmError) as raised:
        run(failing(cause, 1), clock, repeatable)
    assert isinstance(raised.value, OutcomeUnknown) == (AFTER[cause, repeatable] is Next.UNKNOWN)
    assert clock.slept == []


def test_a_create_that_may_have_happened_is_never_repeated() -> None:
    """The two causes after which the org may have done the work."""
    unsafe = {cause for cause in Cause if AFTER[cause, False] is Next.UNKNOWN}
    assert unsafe == {Cause.NO_ANSWER, Cause.GATEWAY}


def test_patience_ends_with_the_last_error() -> None:
    """Six attempts, five waits, then the org's own error."""
    clock = FakeClock(NOON)
    with pytest.raises(TryLater, match="the org said no"):
        run(failing(Cause.LOCK, 99), clock)
    assert len(clock.slept) == 5


def test_the_deadline_ends_it_sooner() -> None:
    """A wait that would pass the deadline is not begun."""
    clock = FakeClock(NOON)
    with pytest.raises(TryLater):
        run(failing(Cause.BUSY, 99, retry_after=200.0), clock)
    assert clock.slept == [200.0]


def test_retry_after_is_kept() -> None:
    """Never sooner than the answer asked for."""
    clock = FakeClock(NOON)
    run(failing(Cause.BUSY, 1, retry_after=17.0), clock)
    assert clock.slept == [17.0]


@settings(max_examples=50)
@given(st.integers(), st.sampled_from([Cause.LOCK, Cause.GATEWAY]))
def test_waits_stay_under_a_doubling_bound(seed: int, cause: Cause) -> None:
    """Full jitter: between nothing and 1, 2, 4, 8, 16 s for a lock, half of it otherwise."""
    clock = FakeClock(NOON)
    first = 1.0 if cause is Cause.LOCK else 0.5
    with pytest.raises(TryLater):
        keep_trying(
            failing(cause, 99),
            repeatable=True,
            clock=clock,
            patience=Patience(),
            chance=random.Random(seed),
        )
    assert all(0 <= w <= first * 2**n for n, w in enumerate(clock.slept))


def test_the_bound_has_a_ceiling() -> None:
    """At most 30 s between two tries."""
    assert Patience().bound(Cause.LOCK, 20) == 30.0


@pytest.mark.parametrize(
    ("status", "refusal", "cause"),
    [
        (400, Refusal.LOCK, Cause.LOCK),
        (500, Refusal.LOCK, Cause.LOCK),
        (403, Refusal.BUSY, Cause.BUSY),
        (403, Refusal.ALLOWANCE, Cause.FINAL),
        (401, Refusal.SESSION, Cause.SESSION),
        (500, Refusal.PASSING, Cause.GATEWAY),
        (500, Refusal.PERMANENT, Cause.FINAL),
        (400, Refusal.DUPLICATE, Cause.FINAL),
        (401, None, Cause.SESSION),
        (403, None, Cause.FINAL),
        (404, None, Cause.FINAL),
        (420, None, Cause.BUSY),
        (429, None, Cause.BUSY),
        (500, None, Cause.GATEWAY),
        (502, None, Cause.GATEWAY),
        (503, None, Cause.GATEWAY),
        (504, None, Cause.GATEWAY),
    ],
)
def test_an_answer_has_a_cause(status: int, refusal: Refusal | None, cause: Cause) -> None:
    """The code decides before the status."""
    assert cause_of(status, refusal) is cause
