"""What is asked before each call of a run: is it still ours to make, and may it be made now?"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.errors import BudgetSpent, TimeSpent, TryLater
from sfprm.jobs.frame import Limits
from sfprm.salesforce.calls import FREE_KINDS

if TYPE_CHECKING:
    from sfprm.clock import Clock
    from sfprm.jobs.presence import Fence
    from sfprm.store.lanes import Lanes

__all__ = ["Brakes", "Disk"]


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that holds the state: what can no longer be journalled must not be done."""

    folder: Path
    reserve_mb: int

    def check(self) -> None:
        """Raises TryLater when less than the reserve is free."""
        try:
            free = shutil.disk_usage(self.folder).free // 1_000_000
        except OSError:  # no state is kept here
            return
        if free < self.reserve_mb:
            raise TryLater(
                f"The disk of {self.folder} has {free:,} MB left, less than the "
                f"{self.reserve_mb:,} MB kept for the journal; nothing more is written to the org.",
                hint="Make room (old files in runs/ and backups/ may go), or lower "
                "SFPRM_DISK_RESERVE_MB.",
            )


class Brakes:
    """The guard of one run's calls: its limits, its fence, and the org's lanes. Safe for threads.

    `most` is the bound of API calls that all parts of the run keep together.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        *,
        fence: Fence | None = None,
        lanes: Lanes | None = None,
        most: int | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._disk = disk
        self._clock, self._limits, self._fence, self._lanes = clock, limits, fence, lanes
        bounds = [n for n in (limits.api_calls, most) if n is not None]
        self._most = min(bounds) if bounds else None
        self._began = clock.monotonic()
        self._calls = 0
        self._lock = threading.Lock()
        self.passed = 0
        """Calls that were asked for behind the fence, by this process."""

    @contextmanager
    def __call__(self, kind: str) -> Iterator[None]:
        """Around one call; raises TimeSpent, BudgetSpent or Replaced instead of letting it pass."""
        seconds = self._limits.seconds
        if seconds is not None and self._clock.monotonic() - self._began > seconds:
            raise TimeSpent(f"The run's {seconds / 60:g} minutes are over; no call was sent.")
        if self._disk is not None:
            self._disk.check()
        if self._lanes is None:
            self._pass(kind)
            yield
            return
        with self._lanes.one():
            self._pass(kind)
            yield

    def _pass(self, kind: str) -> None:
        if self._fence is not None:
            calls = self._fence.before_call()
            with self._lock:
                self.passed += 1
        else:
            with self._lock:
                self._calls += kind not in FREE_KINDS
                calls = self._calls
        if self._most is not None and calls > self._most:
            raise BudgetSpent(
                f"The {self._most:,} API calls that this run may make are spent; no call was sent.",
                hint="The next run goes on from here; raise `limits: api_calls` if need be.",
            )
