"""Many credits in one integer."""

from __future__ import annotations

from functools import cache
from itertools import compress
from struct import Struct, pack
from typing import TYPE_CHECKING

from sfprm.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BIAS", "Lanes", "Reading"]

BIAS = 1 << 62
"""What is added to each credit in its lane."""


FEW = 40
"""Lanes up to which it is quicker to read them as integers."""


@cache
def _of(count: int) -> Struct:
    """What reads and writes so many lanes."""
    return Struct(f"<{count}q")


class Lanes:
    """Credits of all members in one integer, 64 bits each, so that a share of everybody's is one
    addition however many they are. Each lane is biased by 2^62, so that none is ever negative and
    nothing carries over; a credit of 2^61 (two million leads) is out of the question."""

    __slots__ = ("count", "whole")

    def __init__(self, count: int) -> None:
        self.count = count
        self.whole = _of(count)

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


class Reading:
    """Reads some of the lanes: those whose place is true in `which`."""

    __slots__ = ("_doubles", "_few", "_whole", "places")

    def __init__(self, which: Sequence[bool]) -> None:
        self.places = tuple(compress(range(len(which)), which))
        """Places of the lanes that are read."""
        runs = "".join(["d" if read else "8x" for read in which])
        self._doubles = Struct(f"<{runs}")
        self._few = len(self.places) <= FEW
        self._whole: Struct | None = None

    def _integers(self, lanes: bytes) -> tuple[int, ...]:
        if self._whole is None:  # where there are many it is seldom asked for
            self._whole = Struct(self._doubles.format.replace("d", "q"))
        return self._whole.unpack(lanes)

    def highest(self, lanes: bytes) -> tuple[int, int | None]:
        """The highest lane, and its place; None when another may be level with it.

        Where there are many, they are read as doubles, which cost half of what integers do: with
        their first bit 0 and not all bits of the exponent 1, doubles are in the order of their bits
        (IEEE 754). There is no arithmetic on them.
        """
        if self._few:
            read = self._integers(lanes)
            most: int = max(read)
            return most, self.places[read.index(most)] if read.count(most) == 1 else None
        bits = pack("<d", max(self._doubles.unpack(lanes)))
        at = lanes.find(bits)
        alone = lanes.find(bits, at + 1) < 0
        return int.from_bytes(bits, "little"), at // 8 if alone else None

    def level(self, lanes: bytes, lane: int) -> list[int]:
        """Places of those that are that high."""
        read = zip(self.places, self._integers(lanes), strict=True)
        return [at for at, each in read if each == lane]

    def all(self, lanes: bytes) -> dict[int, int]:
        """The lanes by place."""
        return dict(zip(self.places, self._integers(lanes), strict=True))
