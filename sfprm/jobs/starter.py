"""What runs share: settings, clock, an open session and store; on PostgreSQL also a heartbeat."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from sfprm.clock import Clock
from sfprm.events import Progress
from sfprm.jobs.presence import Presence
from sfprm.jobs.queue import Queue
from sfprm.jobs.traces import Traces
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.salesforce.calls import CallDone, log_call
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings
from sfprm.store.database import open_store
from sfprm.store.writer import Store

__all__ = ["Starter"]

LONGEST_ANSWER = 0.6
"""Part of the take-over time that one request may wait for its answer, where several machines
work: a request must be over before another worker does the same."""


@dataclass(slots=True)
class Starter:
    """What runs share.

    A starter that is given no session or store opens them when a job first asks, and closes what
    it opened. `kind` is what this process is called among the workers.
    """

    settings: Settings
    clock: Clock
    progress: Progress
    started_by: str = "cli"
    wait: float = 0.0
    session: Session | None = None
    store: Store | None = None
    load: Callable[[], Programme] | None = None
    kind: str = "command"
    on_call: Callable[[CallDone], None] = log_call
    traces: Traces | None = None
    """Where runs and calls are traced; None: nowhere."""
    on_rows: Callable[[str, str, int, int], None] | None = None
    presence: Presence | None = None
    org: str = ""
    """Which of several orgs: the name of its env file."""
    queue: Queue | None = None
    """The hints to other workers; where several machines work. Made on first use."""
    _opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def connect(self) -> Session:
        """The session, opened on first use."""
        if self.session is None:
            settings = self.settings
            if self.state().work.shared:
                longest = settings.take_over_seconds * LONGEST_ANSWER
                settings = settings.model_copy(
                    update={"read_timeout": min(settings.read_timeout, longest)}
                )
            self.session = open_session(settings, self.clock, on_call=self._called)
            self.session.on_rows = self.on_rows
            self._opened.callback(self.session.close)
        return self.session

    def _called(self, done: CallDone) -> None:
        self.on_call(done)
        if self.traces is not None:
            self.traces.call(done)

    def state(self) -> Store:
        """The store, opened on first use."""
        if self.store is None:
            store = open_store(self.settings.database)
            self._opened.callback(store.close)
            self.store = store
        return self.store

    def present(self) -> Presence | None:
        """This process's heartbeat, begun on first use; None where one machine works alone."""
        if self.presence is None and self.state().work.shared:
            presence = Presence(
                self.state().work,
                self.clock,
                kind=self.kind,
                take_over=self.settings.take_over_seconds,
            )
            self.presence = self._opened.enter_context(presence)
        return self.presence

    def hints(self) -> Queue:
        """Where other workers hear of runs."""
        if self.queue is None:
            self.queue = Queue(self.settings.database)
            self._opened.callback(self.queue.close)
        return self.queue

    def programme(self) -> Programme:
        """The declared programme, read anew."""
        if self.load is not None:
            return self.load()
        return load_programme(self.settings.programme, self.settings.environment)

    def at_close(self, act: Callable[[], None]) -> None:
        """Do this as well when this is closed."""
        self._opened.callback(act)

    def close(self) -> None:
        """Close what was opened."""
        self._opened.close()
        self.session = self.store = self.presence = self.queue = None

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
