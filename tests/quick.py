"""Waits for the embedded org. It does in milliseconds what takes Salesforce seconds, so tests that
are not about waiting need not look at Salesforce's pace: they look as often, and sooner."""

from __future__ import annotations

from sfprm.clock import SystemClock

__all__ = ["QUICK", "quick_clock"]

WAITS = 0.05
"""How long a wait is beside one of the program's own."""

QUICK = {"SFPRM_TEST_WAITS": str(WAITS)}
"""The same for the program as a process."""


def quick_clock() -> SystemClock:
    """The machine's clock, with short waits."""
    return SystemClock(waits=WAITS)
