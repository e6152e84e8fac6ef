"""`check`: whether org and files are ready, item by item with the fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sfprm.blocks import Block
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.lead_fields import refuse_unknown_fields, refuse_unknown_notice_fields
from sfprm.jobs.plan import mail_policy
from sfprm.provisioning.check import CheckResult, check
from sfprm.salesforce.permissions import Need, needs_in
from sfprm.shipped import metadata_files

_RUN = "sfprm_run"


class CheckOptions(JobOptions):
    """`check` has no options."""


@dataclass(frozen=True)
class CheckJobResult(JobResult):
    """All items."""

    found: CheckResult

    def blocks(self) -> tuple[Block, ...]:
        return self.found.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.found.to_json()

    @property
    def exit_code(self) -> int:
        """1 when something must be mended first."""
        return 0 if self.found.is_ready else 1

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "problems": len(self.found.problems),
            "warnings": len(self.found.warnings),
            "by_hand": len(self.found.manual),
        }


class CheckJob(Job[CheckOptions, CheckJobResult]):
    """Reads only."""

    name: ClassVar[str] = "check"
    summary: ClassVar[str] = "says whether org and files are ready, each with its fix"
    recorded: ClassVar[bool] = False
    options = CheckOptions

    def run(self, context: JobContext, options: CheckOptions) -> CheckJobResult:
        refuse_unknown_fields(context)
        refuse_unknown_notice_fields(context)
        found = check(
            context.session,
            context.store,
            context.programme,
            policy=mail_policy(context),
            clock=context.clock,
            progress=context.progress,
            needs=_needs(Path(context.settings.programme)),
        )
        return CheckJobResult(found)


def _needs(programme: Path) -> tuple[Need, ...]:
    """What the agent's daily permission set grants: the programme's own, or the shipped one."""
    content = metadata_files(programme).get(f"permissionsets/{_RUN}.permissionset", b"")
    return needs_in(content.decode("utf-8", errors="replace"), _RUN)
