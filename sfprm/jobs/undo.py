"""`undo`: takes back what a run did to owners of leads, or to partners, people and queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.undo import UndoResult, undo
from sfprm.errors import BadRequest, PartlyDone
from sfprm.ids import RunId
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.owners_moved import (
    MOST_SHOWN,
    leads_counted,
    moves_json,
    moves_table,
    settled_json,
    settled_lines,
)
from sfprm.jobs.undo_leads import moved_leads, undo_leads
from sfprm.jobs.undo_provision import plan_of_run, undo_provision


class UndoOptions(JobOptions):
    """Options of `undo`. `undone` is the run to take back."""

    undone: str
    dry_run: bool = False


@dataclass(frozen=True)
class UndoJobResult(JobResult):
    """What was taken back, and what could not be."""

    done: UndoResult

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        verb = "would go back" if done.dry_run else "went back"
        count = len(done.moves) if done.dry_run else done.moved
        lines = [f"{leads_counted(count)} {verb} to whom they were with before {done.of}."]
        if done.back_already:
            lines.append(f"{done.back_already:,} were back already.")
        lines += settled_lines(done.refused, done.overtaken)
        out: tuple[Block, ...] = (*moves_table(done.moves), Text(tuple(lines)))
        if done.cannot:
            rows = tuple((c.label or c.lead, c.why) for c in done.cannot[:MOST_SHOWN])
            more = f" ({len(done.cannot)} in all)" if len(done.cannot) > MOST_SHOWN else ""
            out = (*out, Table(("stays where it is", f"why{more}"), rows))
        return out

    def to_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "dry_run": done.dry_run,
            "of": done.of,
            "moved": done.moved,
            "moves": moves_json(done.moves),
            "back_already": done.back_already,
            "cannot": [{"lead": c.lead, "label": c.label, "why": c.why} for c in done.cannot],
            "refused": settled_json(done.refused),
            "overtaken": settled_json(done.overtaken),
        }

    @property
    def exit_code(self) -> int:
        done = self.done
        return PartlyDone.exit_code if done.refused or done.overtaken or done.cannot else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"moved": self.done.moved, "cannot": len(self.done.cannot)}


class UndoJob(Job[UndoOptions, JobResult]):
    """Owners back, credits back; or the steps of an apply turned round."""

    name: ClassVar[str] = "undo"
    summary: ClassVar[str] = "takes back what a run did, as far as it can be"
    writes: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = UndoOptions

    def run(self, context: JobContext, options: UndoOptions) -> JobResult:
        plan_file = plan_of_run(context, options.undone)
        if plan_file is not None:
            run = RunId(options.undone)
            return undo_provision(context, run, plan_file, dry_run=options.dry_run)
        if moved_leads(context, RunId(options.undone)):
            return undo_leads(context, RunId(options.undone), dry_run=options.dry_run)
        _refuse_others(context, RunId(options.undone))
        done = undo(
            context.session,
            context.store,
            None,
            of=RunId(options.undone),
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            dry_run=options.dry_run,
        )
        return UndoJobResult(done)


_OTHERWISE = {
    "offboard": "`sfprm reinstate {target}` gives the same users back; leads stay with whom they "
    "went to.",
    "reinstate": "`sfprm offboard {target}` takes them out again.",
    "invite": "A mail that was sent cannot be taken back.",
    "setup": "What setup turned on cannot be turned off; `sfprm setup --restore` brings rewritten "
    "sharing back.",
    "migrate": "Partners and people that it made stay; `sfprm offboard` takes their access away.",
}
"""Jobs that have another way back, or none."""


def _refuse_others(context: JobContext, of: RunId) -> None:
    """Raises BadRequest for a run that this job has no inverse of."""
    run = context.store.run(of)
    words = _OTHERWISE.get(run.job.partition(" ")[0]) if run is not None else None
    if run is not None and words is not None:
        target = run.options.get("target", "KEY")
        raise BadRequest(
            f"{of} was a run of {run.job}: undo has no way back from it.",
            hint=words.format(target=target),
        )
