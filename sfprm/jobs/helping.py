"""Helping with another process's run: its parts, done behind its fence."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import structlog

from sfprm.errors import Replaced
from sfprm.events import Event
from sfprm.jobs.brakes import Brakes, Disk
from sfprm.jobs.crew import PACE_S, take_one
from sfprm.jobs.frame import JobContext, Limits
from sfprm.jobs.presence import Fence, InHand
from sfprm.jobs.relay import Relay
from sfprm.programme.canonical import from_json
from sfprm.store.lanes import Lanes
from sfprm.store.work import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from sfprm.ids import RunId
    from sfprm.jobs.relay import Turn
    from sfprm.jobs.starter import Starter
    from sfprm.programme.model import Programme
    from sfprm.store.work import WorkBook

__all__ = ["help_run"]

_log = structlog.get_logger("sfprm.jobs")

LINGER_S = 1.5
"""Seconds that a helper waits for more parts before it is free for something else."""


def help_run(
    starter: Starter,
    invitation: Mapping[str, Any],
    *,
    known: dict[str, Programme],
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Do parts of another's run until there are no more, or `stopped` says so; how many. Ends
    quietly when the run does.

    Goes by the run's programme, whatever files this machine has: `known` holds programmes by their
    digest, and is given the run's when that is not among them.
    """
    run, name = invitation["run"], invitation["name"]
    leases = tuple(Lease(lease, fence) for lease, fence in invitation["leases"])
    presence = starter.present()
    store = starter.state()
    if presence is None or not _may_come(store.work, run) or not store.work.stands(leases):
        return 0
    programme = known.get(invitation["digest"])
    if programme is None:
        kept = store.work.files_of(run)
        if kept is None:  # the run has ended
            return 0
        programme = from_json(kept)
        known.clear()
        known[programme.digest] = programme
    context = JobContext(
        settings=starter.settings,
        clock=starter.clock,
        store=store,
        progress=starter.progress,
        run=run,
        run_dir=starter.settings.state_dir / "runs" / run,
        connect=starter.connect,
        load=lambda: programme,
    )
    session = starter.connect()
    lanes = Lanes(
        store.engine, session.identity.org_id, starter.settings.calls_in_flight, starter.clock
    )
    in_hand = InHand()
    fence = Fence(presence, store.engine, leases, in_hand)
    before = store.fence, session.guard
    store.fence = fence.in_transaction
    session.guard = Brakes(
        starter.clock,
        Limits(),
        fence=fence,
        lanes=lanes,
        most=starter.settings.call_budget,
        disk=Disk(starter.settings.state_dir, starter.settings.disk_reserve_mb),
    )
    carried = invitation.get("carried", {})  # not there: from an older version
    presence.doing = f"parts of {name} {run}"
    try:
        with _told_of(starter, run, name, carried):
            done = _until_idle(starter, context, programme, leases, in_hand, stopped)
        if done:
            _log.info(Event.RUN_HELPED, run=run, job=name, parts=done)
        return done
    except Replaced as over:
        _log.info(Event.PART_DROPPED, run=run, job=name, why=over.message)
        return 0
    finally:
        store.fence, session.guard = before
        presence.doing = ""
        lanes.close()


@contextmanager
def _told_of(starter: Starter, run: RunId, name: str, carried: Mapping[str, str]) -> Iterator[None]:
    """Logs and spans inside are those of the run that is helped."""
    with ExitStack() as held:
        if "plan" in carried:
            held.enter_context(structlog.contextvars.bound_contextvars(plan=carried["plan"]))
        if starter.traces is not None:
            held.enter_context(starter.traces.help(run, name, carried))
        yield


def _open(work: WorkBook, run: RunId) -> bool:
    """Whether there are parts that are not done."""
    return bool(work.parts_by_state(run).keys() - {"done"})


def _may_come(work: WorkBook, run: RunId) -> bool:
    """Whether there are parts to do, or none were handed out yet."""
    found = work.parts_by_state(run)
    return not found or bool(found.keys() - {"done"})


def _until_idle(
    starter: Starter,
    context: JobContext,
    programme: Programme,
    leases: tuple[Lease, ...],
    in_hand: InHand,
    stopped: Callable[[], bool],
) -> int:
    clock, work = starter.clock, starter.state().work
    done, idle = 0, clock.monotonic()

    def take(turn: Turn) -> bool:
        return take_one(starter, context, programme, turn, in_hand.holding)

    with Relay(take) as relay:
        while not stopped():
            if relay.step():
                done, idle = done + 1, clock.monotonic()
                continue
            if clock.monotonic() - idle > LINGER_S:
                if not _open(work, context.run) or not work.stands(leases):
                    return done
                idle = clock.monotonic()  # the rest waits for what others have in hand
            clock.sleep(PACE_S)
    return done
