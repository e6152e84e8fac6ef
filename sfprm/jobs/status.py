"""`status`: latest runs, what is unconfirmed or parked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block
from sfprm.insight.status import Status, status
from sfprm.insight.work_now import WorkNow, work_now
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult


class StatusOptions(JobOptions):
    """`status` has no options."""


@dataclass(frozen=True)
class StatusJobResult(JobResult):
    """The state at one instant."""

    found: Status
    work: WorkNow

    def blocks(self) -> tuple[Block, ...]:
        first, *rest = self.found.blocks()
        return (first, *self.work.blocks(), *rest)

    def to_json(self) -> dict[str, Any]:
        return self.found.to_json() | {"work": self.work.to_json()}


class StatusJob(Job[StatusOptions, StatusJobResult]):
    """Reads the state alone; needs no org."""

    name: ClassVar[str] = "status"
    summary: ClassVar[str] = "latest runs, what is unconfirmed or parked"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = StatusOptions

    def run(self, context: JobContext, options: StatusOptions) -> StatusJobResult:
        now = context.clock.now()
        return StatusJobResult(status(context.store, now), work_now(context.store.work, now))
