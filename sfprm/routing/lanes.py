"""Many credits in one integer."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sfprm.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BIAS", "Lanes"]

BIAS = 1 << 62
"""What is added to each credit in its lane."""


class Lanes:
    """Credits of all members in one integer, 64 bits each, so that a share of everybody's is one
    addition however many they are. Each lane is biased by 2^62, so that none is ever negative and
    nothing carries over; a credit of 2^61 (two million leads) is out of the question."""

    __slots__ = ("count", "whole")

    def __init__(self, count: int) -> None:
        self.count = count
        self.whole = Struct(f"<{count}q")

    def lump(self, values: Sequence[int]) -> int:
        """Values from 0 on, packed."""
        return int.from_bytes(self.whole.pack(*values), "little")

    def pack(self, credits: Sequence[int]) -> int:
        """Credits, packed. Raises Bug for one beyond all reason."""
        if any(abs(credit) >= BIAS // 2 for credit in credits):
            raise Bug("A credit is beyond two million leads: the ledger is damaged.")
        return self.lump([credit + BIAS for credit in credits])

    def unpack(self, packed: int) -> list[int]:
        """The credits again."""
        found = self.whole.unpack(packed.to_bytes(8 * self.count, "little"))
        return [lane - BIAS for lane in found]
