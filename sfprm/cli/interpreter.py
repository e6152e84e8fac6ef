"""How Python itself is set for this program."""

from __future__ import annotations

import gc
import sys

__all__ = ["set_up_interpreter"]

COLLECT_AFTER = 50_000
"""Values made and still held between two rounds of the collector; Python's own default is 700."""

HAND_OVER_AFTER = 0.0005
"""Seconds that a busy thread goes on while another wants its turn; Python's default is 0.005."""


def set_up_interpreter() -> None:
    """Look for cycles less often, and never at what is loaded already: a batch of leads makes tens
    of thousands of values, hardly a cycle among them, and being looked at cost a fifth of deciding.

    Hand over sooner: a thread that waits for the org needs its turn several times a call, and one
    that decides or journals beside it would keep it waiting longer than the org does.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 25, 25)
    sys.setswitchinterval(HAND_OVER_AFTER)
