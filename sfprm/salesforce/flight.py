"""How many requests may be under way at once: fewer when the org is crowded, more again after.

Additive increase, multiplicative decrease, as TCP does it. The window is pure; the gate puts it
before threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

__all__ = ["Gate", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """The room for requests: `limit` from 1 to `most`, not whole while it grows.

    `epoch` counts the decreases: a request that began before the last one says nothing new when
    it finds the org crowded as well.
    """

    most: int
    limit: float
    epoch: int = 0

    @classmethod
    def open(cls, most: int) -> Self:
        """A window as wide as it may be."""
        return cls(most, float(most))

    @property
    def room(self) -> int:
        """Requests that may be under way."""
        return int(self.limit)

    def grown(self) -> Self:
        """After a request that went well: one more for each round of requests."""
        return replace(self, limit=min(float(self.most), self.limit + 1 / self.limit))

    def shrunk(self, epoch: int) -> Self:
        """After a lock or a limit, met by a request that began in `epoch`: half, at least one."""
        if epoch != self.epoch:
            return self
        return replace(self, limit=max(1.0, self.limit / 2), epoch=self.epoch + 1)


class Gate:
    """Lets at most `window.room` requests through at once. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._window = Window.open(most)
        self._flying = 0
        self._changed = threading.Condition()

    @property
    def room(self) -> int:
        """Requests that may be under way now."""
        return self._window.room

    @contextmanager
    def slot(self) -> Iterator[int]:
        """Wait for a place and hold it; gives the epoch, for `crowded`."""
        with self._changed:
            while self._flying >= self._window.room:
                self._changed.wait()
            self._flying += 1
            epoch = self._window.epoch
        try:
            yield epoch
        finally:
            with self._changed:
                self._flying -= 1
                self._changed.notify()

    def went_well(self) -> None:
        """A request was answered."""
        with self._changed:
            self._window = self._window.grown()
            self._changed.notify()

    def crowded(self, epoch: int | None = None) -> None:
        """A lock or a limit was met; None: by rows of an answer that has just come."""
        with self._changed:
            self._window = self._window.shrunk(self._window.epoch if epoch is None else epoch)
