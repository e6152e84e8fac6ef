"""What is under way and what waits: runs, workers, pauses, trouble. Part of `status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.insight.names import span_text
from sfprm.store.records import RunState

if TYPE_CHECKING:
    from datetime import datetime

    from sfprm.store.records import Run
    from sfprm.store.work import Pause, WorkBook, WorkerSeen

__all__ = ["WorkNow", "work_now"]


@dataclass(frozen=True, slots=True)
class WorkNow:
    """Work at one instant. `troubles`: what was told of, or is about to be, with its beginning."""

    at: datetime
    running: tuple[Run, ...]
    due: tuple[Run, ...]
    pauses: tuple[Pause, ...]
    workers: tuple[WorkerSeen, ...]
    troubles: tuple[tuple[str, datetime], ...]

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads; nothing where nothing is to be said."""
        lines = [
            f"{run.job} has been running for {span_text(self.at - run.started)}"
            + (f" on {run.worker.partition(':')[0]}" if run.worker else "")
            + "."
            for run in self.running
        ]
        late = [run for run in self.due if (run.not_before or self.at) <= self.at]
        if late:
            first = min(run.not_before or self.at for run in late)
            names = ", ".join(sorted({run.job for run in late}))
            lines.append(f"Due, and waiting for {span_text(self.at - first)}: {names}.")
        for pause in self.pauses:
            why = f": {pause.why}" if pause.why else ""
            since = span_text(self.at - pause.since)
            lines.append(f"{pause.name or 'Everything'} is paused by {pause.by} ({since}){why}.")
        if self.workers:
            kinds = ", ".join(f"{w.kind} {w.process} on {w.host}" for w in self.workers)
            lines.append(f"At work: {kinds}.")
        out: list[Block] = [Text(tuple(lines))] if lines else []
        if self.troubles:
            rows = tuple((title, span_text(self.at - since)) for title, since in self.troubles)
            out.append(Table(("trouble", "for"), rows))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "running": [{"run": r.id, "job": r.job, "worker": r.worker} for r in self.running],
            "due": [{"run": r.id, "job": r.job, "due_at": r.due_at} for r in self.due],
            "paused": [
                {"name": p.name, "since": p.since, "by": p.by, "why": p.why} for p in self.pauses
            ],
            "workers": [{"id": w.id, "kind": w.kind, "doing": w.doing} for w in self.workers],
            "troubles": [{"title": title, "since": since} for title, since in self.troubles],
        }


def work_now(work: WorkBook, now: datetime) -> WorkNow:
    """The work of a state as it stands."""
    runs = work.open_runs()
    return WorkNow(
        at=now,
        running=tuple(run for run in runs if run.state is RunState.RUNNING),
        due=tuple(run for run in runs if run.state is RunState.DUE),
        pauses=tuple(work.pauses().values()),
        workers=tuple(work.workers()),
        troubles=tuple(work.troubles()),
    )
