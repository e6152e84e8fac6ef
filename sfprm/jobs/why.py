"""`why`: who got a lead, and why each other did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block
from sfprm.ids import RecordId
from sfprm.insight.why import why
from sfprm.insight.why_result import Why
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult


class WhyOptions(JobOptions):
    """Options of `why`."""

    lead: str


@dataclass(frozen=True)
class WhyJobResult(JobResult):
    """The answer."""

    answer: Why

    def blocks(self) -> tuple[Block, ...]:
        return self.answer.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.answer.to_json()


class WhyJob(Job[WhyOptions, WhyJobResult]):
    """Reads the journal alone; needs no org."""

    name: ClassVar[str] = "why"
    summary: ClassVar[str] = "says who got a lead and why, replayed from the journal"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = WhyOptions

    def run(self, context: JobContext, options: WhyOptions) -> WhyJobResult:
        return WhyJobResult(why(context.store, RecordId(options.lead)))
