"""Parts of a run over several workers: handed out, helped with, gathered. PostgreSQL only.

Parts are rows. Handing out invites other workers through the queue; whoever is free takes the next
part, and so does the one that handed them out, so a run without helpers ends just as well. A part
whose worker went silent is taken up by the next one. Everybody stands behind the fence of the run:
when that is taken over, its parts end with it, and whoever took over finds in the journal what is
left to do.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import structlog

import sfprm.errors
from sfprm.errors import Bug, Replaced, SfprmError, TryLater
from sfprm.events import Event
from sfprm.jobs.brakes import Brakes
from sfprm.jobs.frame import JobContext, Limits
from sfprm.jobs.hands import part_named
from sfprm.jobs.presence import Fence
from sfprm.store.lanes import Lanes
from sfprm.store.work import Lease, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RunId
    from sfprm.jobs.starter import Starter

__all__ = ["Crew", "help_run"]

_log = structlog.get_logger("sfprm.jobs")

PACE_S = 0.1
"""Seconds between two looks at parts that others do."""
MOST_TAKES = 5
"""Workers that may lose their life over one part."""


class Crew:
    """The hands of one run."""

    def __init__(self, starter: Starter, run: RunId, name: str, fence: Fence) -> None:
        self._starter, self._run, self._name, self._fence = starter, run, name, fence
        self._count = 0
        self._invited = 0

    @property
    def others(self) -> int:
        """Workers besides this one that might help."""
        mine = self._fence.presence.id
        found = self._starter.state().work.workers()
        return sum(1 for w in found if w.kind in ("daemon", "worker") and w.id != mine)

    def give(self, kind: str, content: Any) -> None:
        """Hand a part out; returns at once."""
        number = self._count
        self._count += 1
        part = Part(f"{self._run}.{number}", self._run, number, kind, content, "waiting", 0)
        work = self._starter.state().work
        work.add_parts([part])
        if self._invited < min(self._count, self.others):
            self._invited += 1
            self._starter.hints().ask_help(
                {
                    "run": self._run,
                    "name": self._name,
                    "org": self._starter.org,
                    "leases": [[lease.name, lease.fence] for lease in self._fence.leases],
                    "number": self._invited,
                }
            )

    def gather(self) -> list[Any]:
        """Help until every part is done; the results, in the order of the parts.

        Raises the error of the first part that failed.
        """
        if not self._count:
            return []
        starter = self._starter
        work = starter.state().work
        while True:
            while _take_one(starter, self._run, self._fence.leases):
                pass
            found = work.parts_of(self._run)
            failed = next((p for p in found if p.state == "failed"), None)
            if failed is not None:
                raise _error(failed)
            if all(part.state == "done" for part in found):
                self._count = 0
                work.forget_parts(self._run)
                return [part.result for part in found]
            starter.clock.sleep(PACE_S)

    def close(self) -> None:
        """The run has ended: so have its parts."""
        if self._count:
            with contextlib.suppress(TryLater):
                self._starter.state().work.forget_parts(self._run)


def help_run(starter: Starter, run: RunId, name: str, leases: tuple[Lease, ...]) -> int:
    """Do parts of another's run until none is free; how many. Ends quietly when the run does."""
    done = 0
    presence = starter.present()
    if presence is None:
        return done
    presence.doing = f"parts of {name} {run}"
    try:
        while _take_one(starter, run, leases):
            done += 1
    except Replaced as over:
        _log.info(Event.PART_DROPPED, run=run, job=name, why=over.message)
    finally:
        presence.doing = ""
    return done


def _take_one(starter: Starter, run: RunId, leases: tuple[Lease, ...]) -> bool:
    """Do one part that is free; False when there is none."""
    work = starter.state().work
    presence = starter.present()
    assert presence is not None
    free = work.free_part(run)
    if free is None:
        return False
    part = work.claim_part(free, worker=presence.id, seconds=presence.lease_seconds)
    if part is None:
        return True  # another was quicker; there may be more
    if part.fence > MOST_TAKES:
        work.finish_part(part, state="failed", result=None, message="its workers died")
        return True
    _do(starter, part, leases)
    return True


def _do(starter: Starter, part: Part, leases: tuple[Lease, ...]) -> None:
    store = starter.state()
    presence = starter.present()
    assert presence is not None
    fence = Fence(presence, store.engine, leases, part)
    session = starter.connect()
    before = (store.fence, session.guard)
    lanes = Lanes(
        store.engine, session.identity.org_id, starter.settings.calls_in_flight, starter.clock
    )
    bound = structlog.contextvars.bind_contextvars(run=part.run, part=part.number)
    try:
        store.fence = fence.in_transaction
        session.guard = Brakes(
            starter.clock,
            Limits(),
            fence=fence,
            lanes=lanes,
            most=starter.settings.call_budget,
        )
        result = part_named(part.kind)(_context(starter, part), part.content)
        store.work.finish_part(part, state="done", result=result)
    except Replaced:
        raise
    except SfprmError as error:
        said: Mapping[str, str] = {"error": error.name, "hint": error.hint}
        store.work.finish_part(part, state="failed", result=dict(said), message=error.message)
    finally:
        store.fence, session.guard = before
        lanes.close()
        structlog.contextvars.reset_contextvars(**bound)


def _context(starter: Starter, part: Part) -> JobContext:
    return JobContext(
        settings=starter.settings,
        clock=starter.clock,
        store=starter.state(),
        progress=starter.progress,
        run=part.run,
        run_dir=starter.settings.state_dir / "runs" / part.run,
        connect=starter.connect,
        load=starter.programme,
        attempt=part.fence,
    )


def _error(part: Part) -> SfprmError:
    """What a part failed of, as the error that it was."""
    said = part.result if isinstance(part.result, dict) else {}
    kind = getattr(sfprm.errors, str(said.get("error", "")), None)
    hint = str(said.get("hint", "")) or None
    if isinstance(kind, type) and issubclass(kind, TryLater):
        return kind(part.message, hint=hint)
    if kind is None:
        return Bug(f"Part {part.number} failed: {part.message}.")
    return TryLater(part.message, hint=hint)
