"""Parts of a run over several workers: handed out, helped with, gathered. PostgreSQL only.

Parts are rows. Handing out invites other workers through the queue; whoever is free takes the next
part, and so does a thread of the process that hands them out, so a run without helpers ends just as
well. A part whose worker went silent is taken up by the next one. Everybody stands behind the
fence of the run: when that is taken over, its parts end with it, and whoever took over finds in the
journal what is left to do.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import structlog

import sfprm.errors
from sfprm.errors import Bug, Replaced, SfprmError, TryLater
from sfprm.jobs.frame import JobContext
from sfprm.jobs.hands import part_named
from sfprm.jobs.relay import Relay
from sfprm.programme.canonical import to_json
from sfprm.store.work import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.ids import RunId
    from sfprm.jobs.hands import Wanted
    from sfprm.jobs.presence import Fence
    from sfprm.jobs.relay import Turn
    from sfprm.jobs.starter import Starter
    from sfprm.programme.model import Programme

__all__ = ["Crew", "take_one"]

PACE_S = 0.05
"""Seconds between two looks at parts that others do."""
INVITE_EVERY_S = 1.0
"""Seconds between two invitations of the same run."""
MOST_TAKES = 5
"""Workers that may lose their life over one part."""


class Crew:
    """The hands of one run. `lead` says in which context its own hand works."""

    def __init__(self, starter: Starter, run: RunId, name: str, fence: Fence) -> None:
        self._starter, self._run, self._name, self._fence = starter, run, name, fence
        self._context: JobContext | None = None
        self._programme: Programme | None = None
        self._count = 0
        self._asked: float | None = None
        self._others = 0
        self._hand: threading.Thread | None = None
        self._ends = threading.Event()
        self._given = threading.Event()
        self._idle = threading.Event()
        self._trouble: BaseException | None = None

    def lead(self, context: JobContext) -> None:
        """The run's own context: its session, its store and its programme."""
        self._context = context
        context.hands = self

    @property
    def others(self) -> int:
        """Workers besides this one that might help."""
        mine = self._fence.presence.id
        found = self._starter.state().work.workers()
        return sum(1 for w in found if w.kind in ("daemon", "worker") and w.id != mine)

    def expect(self, programme: Programme | None = None) -> None:
        """Have others come and get ready for parts that are being made; they leave soon when none
        come."""
        self._keep(programme)
        self._invite()

    def give(self, kind: str, content: Any) -> None:
        """Hand a part out; returns at once. Raises what ended this process's own hand."""
        self.give_all([(kind, content, ())])

    def give_all(self, wanted: Sequence[Wanted], programme: Programme | None = None) -> None:
        """The same for several: what each is, and the places of those that must be done before,
        counted over all that were handed out since the last were gathered. `programme`: what they
        go by where it is not the run's; for all parts until they are gathered."""
        self._check()
        first = self._count
        self._keep(programme)
        self._count += len(wanted)
        self._starter.state().work.add_parts(
            [
                Part(f"{self._run}.{n}", self._run, n, kind, content,
                     after=tuple(after))
                for n, (kind, content, after) in enumerate(wanted, start=first)
            ]
        )  # fmt: skip
        self._idle.clear()
        self._given.set()
        if self._hand is None and wanted:
            held = contextvars.copy_context()
            self._hand = threading.Thread(target=held.run, args=(self._work,), name="own hand")
            self._hand.start()
        self._invite()

    def _keep(self, programme: Programme | None) -> None:
        """What the parts go by is there for whoever helps, until they are gathered."""
        if self._programme is None:
            assert self._context is not None
            self._programme = programme or self._context.programme
            self._starter.state().work.keep_files(self._run, to_json(self._programme))

    def gather(self) -> list[Any]:
        """Wait until every part is done, by whoever; the results, in the order of the parts.

        Raises the error of the first part that failed.
        """
        if not self._count:
            return []
        starter = self._starter
        work = starter.state().work
        while True:
            while not self._idle.wait(INVITE_EVERY_S):
                self._invite()  # its own hand is busy: the parts are not done yet
            self._check()
            states = work.parts_by_state(self._run)
            if states.get("failed"):
                raise _error(next(p for p in work.parts_of(self._run) if p.state == "failed"))
            if states.get("done", 0) >= self._count:
                break
            self._invite()
            starter.clock.sleep(PACE_S)
        found = work.results_of(self._run)
        self.close()
        return found

    def close(self) -> None:
        """The run has ended, and so do its parts; the one in hand is ended first."""
        self._ends.set()
        self._given.set()
        if self._hand is not None:
            self._hand.join()
        self._hand = None
        self._ends.clear()
        if self._programme is not None:
            self._count, self._programme = 0, None
            with contextlib.suppress(TryLater):
                self._starter.state().work.forget_parts(self._run)

    def _check(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _invite(self) -> None:
        """Ask those who might help, now and then: some are free only later, or had left when there
        was nothing to do."""
        now = self._starter.clock.monotonic()
        if self._asked is not None and now - self._asked < INVITE_EVERY_S:
            return
        self._asked = now
        assert self._programme is not None
        # before there are parts, everybody
        others = min(self._count, self.others) if self._count else self.others
        for number in range(1, others + 1):
            self._starter.hints().ask_help(
                {
                    "run": self._run,
                    "name": self._name,
                    "org": self._starter.org,
                    "leases": [[lease.name, lease.fence] for lease in self._fence.leases],
                    "digest": self._programme.digest,
                    "number": number,
                    "carried": self._carried(),
                }
            )

    def _carried(self) -> dict[str, str]:
        """What helpers' logs and traces need to be found by: the plan's id, the trace."""
        plan = structlog.contextvars.get_contextvars().get("plan")
        traces = self._starter.traces
        found = {} if traces is None else traces.carried()
        return found if plan is None else {**found, "plan": str(plan)}

    def _work(self) -> None:
        """This process's own hand. It stands behind the run's fence, as all the run does."""
        assert self._context is not None
        assert self._programme is not None
        starter, context, programme = self._starter, self._context, self._programme
        try:
            with Relay(lambda turn: take_one(starter, context, programme, turn)) as relay:
                while not self._ends.is_set():
                    self._given.clear()
                    if relay.step():
                        self._idle.clear()
                        continue
                    self._idle.set()
                    self._given.wait(PACE_S)
        except BaseException as trouble:  # noqa: BLE001 - handed to the thread that gathers
            self._trouble = trouble
            self._idle.set()


def take_one(
    starter: Starter,
    context: JobContext,
    programme: Programme,
    turn: Turn,
    around: Callable[[Part], contextlib.AbstractContextManager[None]] | None = None,
) -> bool:
    """Do one part of the context's run that is free, by the programme and in its turn; False when
    there is none. `around` opens what guards a part, and closes it. Raises Replaced when the part
    or the run is another's by now."""
    work = starter.state().work
    presence = starter.present()
    assert presence is not None
    part = work.take_part(context.run, worker=presence.id, seconds=presence.lease_seconds)
    if part is None:
        return False
    if part.fence > MOST_TAKES:
        work.finish_part(part, state="failed", result=None, message="its workers died")
        return True
    turn.may_take_ahead = lambda: work.may_take_ahead(part)
    bound = structlog.contextvars.bind_contextvars(run=part.run, part=part.number)
    try:
        with (
            presence.keeping(part.id),
            around(part) if around is not None else contextlib.nullcontext(),
            starter.traces.part(part.run, part.kind, part.number)
            if starter.traces is not None
            else contextlib.nullcontext(),
        ):
            result = part_named(part.kind)(
                _of_part(starter, context, programme, part, turn), part.content
            )
            work.finish_part(part, state="done", result=result)
    except Replaced:
        raise
    except SfprmError as error:
        said: Mapping[str, str] = {"error": error.name, "hint": error.hint}
        work.finish_part(part, state="failed", result=dict(said), message=error.message)
    finally:
        structlog.contextvars.reset_contextvars(**bound)
    return True


def _of_part(
    starter: Starter, context: JobContext, programme: Programme, part: Part, turn: Turn
) -> JobContext:
    return JobContext(
        settings=starter.settings,
        clock=starter.clock,
        store=starter.state(),
        progress=starter.progress,
        run=part.run,
        run_dir=context.run_dir,
        connect=starter.connect,
        load=lambda: programme,
        attempt=part.fence,
        before=part.before,
        turn=turn,
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
