"""The day's calls of the embedded org, counted over restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfprm.devorg.calls import AHEAD, CallLog

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@given(st.lists(st.integers(0, 60), max_size=40))
def test_what_is_kept_is_never_less_and_hardly_more(costs: list[int]) -> None:
    """Killed behind any call, the next process has counted that call."""
    kept: list[dict[str, Any]] = []
    calls = CallLog(kept.append)
    for cost in costs:
        used = calls.charge(cost, NOW)
        again = CallLog(kept=kept[-1] if kept else None).charge(0, NOW)
        assert used <= again <= used + AHEAD


def test_closed_in_order_it_is_exact() -> None:
    """The number goes on where it was, and begins anew with the next day."""
    kept: list[dict[str, Any]] = []
    calls = CallLog(kept.append)
    calls.charge(7, NOW)
    calls.keep()
    again = CallLog(kept=kept[-1])
    assert again.charge(1, NOW + timedelta(hours=23)) == 8
    assert again.charge(1, NOW + timedelta(hours=24)) == 1
