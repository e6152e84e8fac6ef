"""`report`: what the channel team wants to see of its partners' leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block
from sfprm.distribution.open_leads import read_open_leads
from sfprm.insight.report import (
    ChannelReport,
    FairnessReport,
    OpenLead,
    channel_report,
    fairness,
)
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult


class ReportOptions(JobOptions):
    """`report` has no options."""


@dataclass(frozen=True)
class ReportJobResult(JobResult):
    """Open leads and fairness."""

    channel: ChannelReport
    fairness: FairnessReport

    def blocks(self) -> tuple[Block, ...]:
        return (*self.channel.blocks(), *self.fairness.blocks())

    def to_json(self) -> dict[str, Any]:
        return self.channel.to_json() | {"fairness": self.fairness.to_json()}

    @property
    def counts(self) -> Mapping[str, int]:
        return {"open": self.channel.total}


class ReportJob(Job[ReportOptions, ReportJobResult]):
    """Reads open leads from the org and credits from the state."""

    name: ClassVar[str] = "report"
    summary: ClassVar[str] = "open leads by partner and age, queue depth, fairness"
    recorded: ClassVar[bool] = False
    options = ReportOptions

    def run(self, context: JobContext, options: ReportOptions) -> ReportJobResult:
        programme = context.programme
        leads = [
            OpenLead(lead, created, partner, queue)
            for lead, created, partner, queue in read_open_leads(context.session, programme)
        ]
        channel = channel_report(leads, tuple(programme.queues), context.clock.now(), programme)
        return ReportJobResult(channel, fairness(context.store, None, programme))
