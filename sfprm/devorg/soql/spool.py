"""Rows of a result, packed when they are many, so that open cursors stay small."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

__all__ = ["BLOCK", "LARGE", "Records", "Rows"]

BLOCK = 1_000
"""Rows that are packed together."""

LARGE = 10_000
"""Rows up to which none are packed."""

Row = tuple[Any, ...]
Record = dict[str, Any]


class Rows:
    """Rows as a statement gives them, to be added in blocks of BLOCK (the last may be shorter) and
    read from any place on.
    """

    def __init__(self) -> None:
        self._plain: list[list[Row]] = []
        self._packed: list[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, block: list[Row]) -> None:
        """Adds the next block."""
        self._count += len(block)
        self._plain.append(block)
        if self._count > LARGE:
            self._packed += [zlib.compress(marshal.dumps(one, 2), 1) for one in self._plain]
            self._plain.clear()

    def all(self) -> list[Row]:
        """Every row."""
        return list(self.between(0, self._count))

    def between(self, start: int, end: int) -> Iterator[Row]:
        """The rows from one place to before another."""
        for number in range(start // BLOCK, -(-end // BLOCK)):
            first = number * BLOCK
            yield from self._block(number)[max(start - first, 0) : end - first]

    def _block(self, number: int) -> list[Row]:
        if number < len(self._packed):
            rows: list[Row] = marshal.loads(zlib.decompress(self._packed[number]))  # noqa: S302
            return rows
        return self._plain[number - len(self._packed)]


class Records(Sequence[Record]):
    """The records of rows, each made when it is read."""

    def __init__(self, rows: Rows, made: Callable[[Row], Record]) -> None:
        self._rows = rows
        self._made = made

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Record]:
        return map(self._made, self._rows.between(0, len(self._rows)))

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...

    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            start, end, step = place.indices(len(self))
            return list(map(self._made, self._rows.between(start, max(start, end))))[::step]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        return self._made(next(self._rows.between(place, place + 1)))
