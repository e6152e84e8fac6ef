"""`provision`: makes the org match the files (`sfprm apply`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.errors import PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.plan import plan_of
from sfprm.provisioning.apply import apply
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.result import ApplyResult, write_errors


class ProvisionOptions(JobOptions):
    """Options of `provision`."""

    max_changes: int | None = Field(None, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class ProvisionResult(JobResult):
    """A plan and what became of it. `applied` None: nothing to do, or a dry run."""

    plan: Plan
    applied: ApplyResult | None
    errors_file: Path | None = None

    def blocks(self) -> tuple[Block, ...]:
        if self.applied is None or not self.plan.steps:
            return self.plan.blocks()
        out = self.applied.blocks()
        if self.errors_file is not None:
            out = (*out, Text((f"Rows that failed: {self.errors_file}",)))
        blocked = self.plan.comparison.blocked
        if blocked:
            lines = tuple(f"! {d.kind.value} {d.label}: {d.why}  Fix: {d.fix}" for d in blocked)
            out = (*out, Text(lines))
        return out

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan.to_json(),
            "applied": self.applied.to_json() if self.applied is not None else None,
            "errors_file": str(self.errors_file) if self.errors_file is not None else None,
        }

    @property
    def exit_code(self) -> int:
        """68 when a row failed or a declared record is blocked."""
        whole = self.applied is None or self.applied.is_whole
        return 0 if whole and not self.plan.comparison.blocked else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return self.applied.counts() if self.applied is not None else {"changed": 0}


class ProvisionJob(Job[ProvisionOptions, ProvisionResult]):
    """Plans, then does exactly that."""

    name: ClassVar[str] = "provision"
    summary: ClassVar[str] = "makes the org match the files: partners, people, queues"
    writes: ClassVar[bool] = True
    options = ProvisionOptions

    def run(self, context: JobContext, options: ProvisionOptions) -> ProvisionResult:
        plan = plan_of(context)
        # values that were written by a run that died before it could remember them
        to_remember = bool(plan.comparison.baseline)
        if options.dry_run or not (plan.steps or to_remember):
            return ProvisionResult(plan, None)
        applied = apply(
            context.session,
            context.store,
            plan,
            run=context.run,
            clock=context.clock,
            progress=context.progress,
            max_changes=options.max_changes,
        )
        errors_file = None
        if applied.errors:
            errors_file = context.run_dir / "errors.csv"
            write_errors(errors_file, applied.errors)
        return ProvisionResult(plan, applied, errors_file)
