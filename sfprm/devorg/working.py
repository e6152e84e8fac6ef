"""Work that the org does by itself, between requests: Bulk jobs.

One task on the server's event loop. It sleeps until a request has left work behind or the next job
is due by its org's clock; then it lets each org with work go one slice, in a thread and under the
org's lock, so that requests come in between. What a test needs at a certain moment does not wait
for it: a poll of a job goes on with the work itself."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.orgs import Orgs

__all__ = ["Worker", "work_once"]

_PATIENCE = 0.05  # seconds; a clock that stands still brings no job nearer


def work_once(org: Org) -> float | None:
    """Let an org's waiting work go one slice. The seconds of its clock until there is more to do,
    0 for now; None when nothing waits."""
    with org.lock:
        if org.closed:
            return None
        org.bulk.settle(slices=1)
        return org.bulk.due_in()


class Worker:
    """Works for all orgs of a process until it is stopped."""

    def __init__(self, orgs: Orgs) -> None:
        self._orgs = orgs
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop; work left by a killed process is taken up."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End behind the slice under way."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def look(self, org: Org) -> None:
        """A request of the org was answered: there may be work now, or the clock was moved."""
        if org.bulk.waiting:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            waits = [
                await run_in_threadpool(work_once, org)
                for org in self._orgs.all()
                if org.bulk.waiting
            ]
            soonest = min((wait for wait in waits if wait is not None), default=None)
            if soonest == 0:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), soonest and max(soonest, _PATIENCE))
