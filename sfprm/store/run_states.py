"""The life of a run, as a table. A move that is not here is a bug."""

from __future__ import annotations

from enum import StrEnum

from sfprm.errors import Bug
from sfprm.store.records import RunState

__all__ = ["ENDINGS", "RUN_MOVES", "RunEvent", "move"]


class RunEvent(StrEnum):
    """What can happen to a run."""

    STARTED = "started"
    FINISHED = "finished"
    FINISHED_WITH_FAILURES = "finished with failures"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    PROCESS_DIED = "its process died"
    NEWER_DUE = "a newer slot is due"
    COULD_NOT_BEGIN = "could not begin"


RUN_MOVES: dict[tuple[RunState, RunEvent], RunState] = {
    (RunState.DUE, RunEvent.STARTED): RunState.RUNNING,
    (RunState.DUE, RunEvent.FAILED): RunState.FAILED,  # refused before it could begin
    (RunState.DUE, RunEvent.INTERRUPTED): RunState.INTERRUPTED,
    (RunState.DUE, RunEvent.NEWER_DUE): RunState.SUPERSEDED,
    # the org is away, or another holds the lock: it is due still
    (RunState.RUNNING, RunEvent.COULD_NOT_BEGIN): RunState.DUE,
    (RunState.RUNNING, RunEvent.FINISHED): RunState.DONE,
    (RunState.RUNNING, RunEvent.FINISHED_WITH_FAILURES): RunState.PARTLY,
    (RunState.RUNNING, RunEvent.FAILED): RunState.FAILED,
    (RunState.RUNNING, RunEvent.INTERRUPTED): RunState.INTERRUPTED,
    (RunState.RUNNING, RunEvent.PROCESS_DIED): RunState.LOST,
    # a run that only reads holds no lock: given up by a writer, it may turn up alive
    (RunState.LOST, RunEvent.FINISHED): RunState.DONE,
    (RunState.LOST, RunEvent.FINISHED_WITH_FAILURES): RunState.PARTLY,
    (RunState.LOST, RunEvent.FAILED): RunState.FAILED,
    (RunState.LOST, RunEvent.INTERRUPTED): RunState.INTERRUPTED,
}

ENDINGS: dict[RunState, RunEvent] = {
    RunState.DONE: RunEvent.FINISHED,
    RunState.PARTLY: RunEvent.FINISHED_WITH_FAILURES,
    RunState.FAILED: RunEvent.FAILED,
    RunState.INTERRUPTED: RunEvent.INTERRUPTED,
}
"""Which event a run ends by, by the state that it ends in."""


def move(state: RunState, event: RunEvent) -> RunState:
    """The state after the event. Raises Bug when a run in that state cannot meet it."""
    try:
        return RUN_MOVES[state, event]
    except KeyError:
        raise Bug(f"A run that is {state.value} cannot be {event.value!r}.") from None
