"""Calls in flight to one org, over all machines: a fixed number of lanes, one call in each.

A lane is an advisory lock of PostgreSQL, held by a connection that each process keeps for this: it
is free again the moment its process or machine is gone.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sfprm.store.engine import translated

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from sfprm.clock import Clock

__all__ = ["Lanes"]

PACE_S = 0.02
"""Seconds between two looks for a free lane."""


class Lanes:
    """At most `count` calls at once to the org. Safe for threads, each of which takes a lane of its
    own."""

    def __init__(self, engine: Engine, org: str, count: int, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        digest = hashlib.sha256(f"sfprm lanes {org}".encode()).digest()
        self._key = int.from_bytes(digest[:4], "big", signed=True)
        self._count = count
        self._mine: set[int] = set()
        self._last = 0
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a lane and hold it. Raises TryLater when the database is away."""
        while (lane := self._take()) is None:
            self._clock.sleep(PACE_S)
        try:
            yield
        finally:
            self._leave(lane)

    def close(self) -> None:
        """Let go of the connection, and of every lane with it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._mine.clear()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
        return self._connection

    def _take(self) -> int | None:
        with self._lock, translated():
            try:
                connection = self._open()
                # the one held last is most likely free: others keep to theirs
                order: list[int] = [*range(self._last, self._count), *range(self._last)]
                for lane in order:
                    # a session that holds a lock would be given it again
                    if lane in self._mine:
                        continue
                    if connection.execute(
                        text("SELECT pg_try_advisory_lock(:key, :lane)"),
                        {"key": self._key, "lane": lane},
                    ).scalar_one():
                        self._mine.add(lane)
                        self._last = lane
                        return lane
            except DBAPIError:
                self._drop()
                raise
        return None

    def _leave(self, lane: int) -> None:
        with self._lock:
            self._mine.discard(lane)
            if self._connection is None:
                return
            try:
                self._connection.execute(
                    text("SELECT pg_advisory_unlock(:key, :lane)"),
                    {"key": self._key, "lane": lane},
                )
            except DBAPIError:  # the server let go when the connection broke
                self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.invalidate()
                self._connection.close()
        self._connection = None
        self._mine.clear()
