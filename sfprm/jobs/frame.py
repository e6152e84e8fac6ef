"""What a job is: a name, a typed model of options, and split → run → join.

The command line runs a job now, the daemon on a schedule. The run record, the lock, dry run,
progress and rendering are written once, around this frame (`sfprm.jobs.runner`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sfprm.blocks import Block
    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.jobs.hands import Hands
    from sfprm.jobs.relay import Turn
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.settings import Settings
    from sfprm.store.api import StoreWriter

__all__ = ["Job", "JobContext", "JobOptions", "JobResult", "Limits", "Scope"]


class Scope(StrEnum):
    """What a job writes of an org. On PostgreSQL, runs of different scopes go side by side; on
    SQLite one run writes at a time."""

    ACCOUNTS = "accounts"
    """Partners, people, queues and their members."""
    LEADS = "leads"
    """Owners and offers of leads."""
    SETUP = "setup"
    """The org's own set-up."""


EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Limits:
    """The brakes of one run: most API calls, and seconds after which it stops before a call."""

    api_calls: int | None = None
    seconds: float | None = None


class JobOptions(BaseModel):
    """Base of every job's options: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class JobResult(ABC):
    """Base of every job's result."""

    @abstractmethod
    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What a machine reads; plain JSON values."""

    @property
    def exit_code(self) -> int:
        """0 done · 1 not ready · 68 partly done; see `sfprm.errors`."""
        return 0

    @property
    def counts(self) -> Mapping[str, int]:
        """What the run did, for the run's row."""
        return {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that a reader should not miss."""
        return ()


class JobContext:
    """What a job may use. The org is logged in to, and the files are read, only when asked for."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        store: StoreWriter,
        progress: Progress,
        run: RunId,
        run_dir: Path,
        connect: Callable[[], Session],
        load: Callable[[], Programme],
        hands: Hands | None = None,
        attempt: int = 1,
        before: tuple[Any, ...] = (),
        turn: Turn | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.progress = progress
        self.run = run
        self.run_dir = run_dir
        self.hands = hands
        """Other workers that take parts of this run; None: this process does it all."""
        self.attempt = attempt
        """From 1; more for a part of a run that another worker may have begun."""
        self.before = before
        """What the parts that this one waited for brought."""
        self.turn = turn
        """The part's place between others that this process does; None: it stands alone."""
        self._connect = connect
        self._load = load

    @property
    def session(self) -> Session:
        """The open session; the same one throughout the run."""
        return self._connect()

    @cached_property
    def programme(self) -> Programme:
        """The declared programme. Raises BadFiles."""
        return self._load()


O = TypeVar("O", bound=JobOptions)  # noqa: E741
R = TypeVar("R", bound=JobResult)


class Job(ABC, Generic[O, R]):
    """One thing to run. `writes` jobs take the org's lock; `recorded` ones leave a run row."""

    name: ClassVar[str]
    summary: ClassVar[str]
    writes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = EVERYTHING
    """What it may write; runs that share a scope never overlap."""
    recorded: ClassVar[bool] = True
    offline: ClassVar[bool] = False
    """True when the job needs no org at all."""
    needs_programme: ClassVar[bool] = True
    options: type[O]
    """The model of the options; job files are checked by it."""

    def split(self, options: O) -> Sequence[O]:
        """The shards of a run; one, unless the job says otherwise."""
        return (options,)

    @abstractmethod
    def run(self, context: JobContext, options: O) -> R:
        """Run one shard."""

    def join(self, results: Sequence[R]) -> R:
        """The result of the whole, from those of its shards."""
        if len(results) != 1:
            raise ValueError(f"job {self.name} has {len(results)} shards and no join")
        return results[0]

    def is_dry(self, options: O) -> bool:
        """Whether these options write nothing, so that no lock is needed."""
        return bool(getattr(options, "dry_run", False))
