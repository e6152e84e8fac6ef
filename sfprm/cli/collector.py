"""How often this process looks for cycles of values that nobody holds any more."""

from __future__ import annotations

import gc

__all__ = ["collect_seldom"]

COLLECT_AFTER = 50_000
"""Values made and still held between two rounds of the collector; Python's own default is 700."""


def collect_seldom() -> None:
    """Look less often, and never at what is loaded already: a batch of leads makes tens of
    thousands of values, hardly a cycle among them, and being looked at cost a fifth of deciding."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 25, 25)
