"""A process at work on a shared state: its heartbeat, and the fence before each call.

On PostgreSQL several machines work on one state. A process says every few seconds that it lives; a
run whose process is silent for longer than its lease is taken over. A process that was stopped
meanwhile must notice when it wakes, before it does anything: the fence is asked before each call to
the org and inside each transaction. Only the request already in flight may still land late, and it
writes what the journal holds.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select, text, tuple_, update

from sfprm.clock import Clock
from sfprm.errors import AnotherWriter, Replaced, SfprmError, TryLater
from sfprm.store.engine import at_once
from sfprm.store.lock import WRITING
from sfprm.store.work import Lease, Part, WorkBook, WorkerSeen
from sfprm.store.work_tables import leases, parts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Fence", "InHand", "Presence"]

PACE_S = 0.25
"""Seconds between two looks at a lease that another holds."""


class Presence:
    """This process, as the others see it. `take_over`: seconds after which a silent one is
    replaced; a lease is shorter, so that noticing and beginning anew fit in."""

    def __init__(self, work: WorkBook, clock: Clock, *, kind: str, take_over: float) -> None:
        self._work, self._clock = work, clock
        self.kind = kind
        self.lease_seconds = take_over * 0.7
        self.beat_seconds = take_over / 5
        self.id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.doing = ""
        self.trouble: SfprmError | None = None
        self._started = clock.now()
        self._until = 0.0
        self._kept: set[str] = set()
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Presence:
        self.beat()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join(self.lease_seconds)
        with suppress(SfprmError):
            self._work.leave(self.id)

    @property
    def lives(self) -> bool:
        """Whether the others still take this process for alive, by its own clock alone: time
        during which it was stopped counts."""
        return self._clock.monotonic() < self._until

    @contextmanager
    def keeping(self, name: str) -> Iterator[None]:
        """Renew the lease of a run, lock or part while inside, and only then: what could not be
        given back, because the database was away, lapses."""
        with self._lock:
            self._kept.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._kept.discard(name)

    def beat(self) -> None:
        """Say that this process lives. Raises TryLater when the database is away."""
        with self._lock:
            kept = frozenset(self._kept)
        began = self._clock.monotonic()
        seen = WorkerSeen(
            self.id, self.kind, socket.gethostname(), os.getpid(), self._started,
            self._clock.now(), self.doing,
        )  # fmt: skip
        self._work.beat(seen, self.lease_seconds, kept)
        self._until = began + self.lease_seconds
        self.trouble = None

    def _go_on(self) -> None:
        while not self._ends.wait(self.beat_seconds):
            try:
                self.beat()
            except SfprmError as trouble:
                self.trouble = trouble

    @contextmanager
    def holding(
        self, names: Sequence[str], *, run: str, words: str, wait: float, now: datetime
    ) -> Iterator[tuple[Lease, ...]]:
        """Hold all the names while inside, taken in order. Raises AnotherWriter naming the holder
        after `wait` seconds."""
        held: list[Lease] = []
        kept = ExitStack()
        said = f"{words}, process {os.getpid()} on {socket.gethostname()}"
        end = self._clock.monotonic() + wait
        try:
            for name in sorted(names):
                kept.enter_context(self.keeping(name))
                while True:
                    lease = self._work.take_lease(
                        name, worker=self.id, run=run, words=said,
                        seconds=self.lease_seconds, now=now,
                    )  # fmt: skip
                    if lease.fence:
                        held.append(lease)
                        break
                    left = end - self._clock.monotonic()
                    if left <= 0:
                        raise AnotherWriter(f"{WRITING}: {lease.holder}.")
                    self._clock.sleep(min(PACE_S, left))
            yield tuple(held)
        finally:
            kept.close()
            for lease in held:
                # a database that is away has nothing to be told: the lease lapses
                with suppress(TryLater):
                    self._work.drop_lease(lease)


class InHand:
    """The parts that a process does just now. Safe for threads."""

    def __init__(self) -> None:
        self._fences: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def holding(self, part: Part) -> Iterator[None]:
        """It is in hand while inside."""
        with self._lock:
            self._fences[part.id] = part.fence
        try:
            yield
        finally:
            with self._lock:
                self._fences.pop(part.id, None)

    @property
    def fences(self) -> dict[str, int]:
        """The fence of each part, by its id."""
        with self._lock:
            return dict(self._fences)


@dataclass(frozen=True, slots=True)
class Fence:
    """What a run stands on, or whoever helps with it: leases, and the parts in hand."""

    presence: Presence
    engine: Engine
    leases: tuple[Lease, ...]
    in_hand: InHand | None = None

    def before_call(self) -> int:
        """Pass, or raise Replaced: one statement, as it is asked before every call. Gives the API
        calls made under these leases, this one included."""
        if not self.presence.lives:
            # by our own clock the others have given us up: ask nobody, send nothing
            raise Replaced("This process was silent for longer than its lease.")
        held = [(lease.name, lease.fence) for lease in self.leases]
        passing = (
            update(leases)
            .where(
                tuple_(leases.c.name, leases.c.fence).in_(held),
                leases.c.until > func.clock_timestamp(),
            )
            .values(calls=leases.c.calls + 1)
            .returning(leases.c.name, leases.c.calls)
        )
        for part, fence in self._parts().items():
            passing = passing.where(exists().where(parts.c.id == part, parts.c.fence == fence))
        with at_once(self.engine) as connection:
            calls = {row.name: row.calls for row in connection.execute(passing)}
            gone = sorted({lease.name for lease in self.leases} - set(calls))
            if gone:
                self._check_parts(connection)
                raise Replaced(f"Another process has taken over: {', '.join(gone)}.")
        return max(calls.values(), default=0)

    def in_transaction(self, connection: Connection, own: bool) -> None:
        """The same inside a transaction: whoever takes over waits until it has ended, as taking a
        lease or a part locks its row whole; calls and heartbeats, which leave its key alone, do
        not wait. `own`: it writes nothing but rows of this run or part."""
        connection.execute(select(func.set_config("lock_timeout", "60s", True)))
        if not own:
            # one writer of the journal at a time, whatever rows it goes on to lock, and in which
            # order
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('sfprm journal'))"))
        rows = connection.execute(
            select(leases.c.name, leases.c.fence, leases.c.until > func.clock_timestamp())
            .where(leases.c.name.in_([lease.name for lease in self.leases]))
            .order_by(leases.c.name)
            .with_for_update(read=True, key_share=True)
        )
        standing = {(name, fence) for name, fence, stands in rows if stands}
        for lease in self.leases:
            if (lease.name, lease.fence) not in standing:
                raise Replaced(f"Another process has taken over: {lease.name}.")
        self._check_parts(connection)

    def _parts(self) -> dict[str, int]:
        return {} if self.in_hand is None else self.in_hand.fences

    def _check_parts(self, connection: Connection) -> None:
        held = self._parts()
        if not held:
            return
        query = select(parts.c.id, parts.c.fence).where(parts.c.id.in_(held)).order_by(parts.c.id)
        rows = connection.execute(query.with_for_update(read=True, key_share=True))
        found = {row.id: row.fence for row in rows}
        for part, fence in held.items():
            if found.get(part) != fence:
                raise Replaced(f"Another process has taken over part {part} of its run.")
