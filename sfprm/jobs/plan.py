"""`plan`: the difference between files and org."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.outbound.mail_guard import MailPolicy, guarded, policy_from
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.plan import Plan

CHANGES_EXIT_CODE = 2


class PlanOptions(JobOptions):
    """Options of `plan`."""

    detailed_exitcode: bool = False


@dataclass(frozen=True)
class PlanResult(JobResult):
    """A plan, not carried out."""

    plan: Plan
    detailed_exitcode: bool = False

    def blocks(self) -> tuple[Block, ...]:
        return self.plan.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.plan.to_json() | {"changes": len(self.plan.steps)}

    @property
    def exit_code(self) -> int:
        """Under `--detailed-exitcode`: 0 nothing to do, 2 changes."""
        return CHANGES_EXIT_CODE if self.detailed_exitcode and self.plan.steps else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return self.plan.counts() | {"steps": len(self.plan.steps)}


def mail_policy(context: JobContext) -> MailPolicy:
    """What may go out of the context's org."""
    me = context.session.identity
    return policy_from(
        context.settings,
        org_id=me.org_id,
        is_sandbox=me.is_sandbox,
        is_embedded=me.is_embedded,
    )


def plan_of(context: JobContext) -> Plan:
    """The plan for the context's programme and org, under the mail guard in force."""
    policy = mail_policy(context)
    return make_plan(
        context.session,
        context.store,
        context.programme,
        progress=context.progress,
        guard=lambda address: guarded(address, policy),
    )


class PlanJob(Job[PlanOptions, PlanResult]):
    """Reads, compares, shows."""

    name: ClassVar[str] = "plan"
    summary: ClassVar[str] = "shows the difference between files and org"
    recorded: ClassVar[bool] = False
    options = PlanOptions

    def run(self, context: JobContext, options: PlanOptions) -> PlanResult:
        return PlanResult(plan_of(context), options.detailed_exitcode)
