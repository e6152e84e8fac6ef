"""`programme validate --org`: the files' names and values against the org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block, Text
from sfprm.errors import BadFiles
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.lead_fields import lead_complaints
from sfprm.provisioning.type_check import type_complaints

__all__ = ["ValidateJob", "ValidateOptions", "ValidateResult"]


class ValidateOptions(JobOptions):
    """`programme validate --org` has no options."""


@dataclass(frozen=True)
class ValidateResult(JobResult):
    """Files that fit the org; what does not fit is an error (BadFiles, exit 2)."""

    programme: str
    digest: str
    environment: str
    org: str
    org_id: str

    def blocks(self) -> tuple[Block, ...]:
        return (Text((f"{self.org} ({self.org_id}) has all that the files name.",)),)

    def to_json(self) -> dict[str, Any]:
        return {
            "programme": self.programme,
            "digest": self.digest,
            "environment": self.environment,
            "org": {"id": self.org_id, "name": self.org},
        }


class ValidateJob(Job[ValidateOptions, ValidateResult]):
    """Reads only; leaves no run."""

    name: ClassVar[str] = "validate"
    summary: ClassVar[str] = "holds the files' names and values against the org"
    recorded: ClassVar[bool] = False
    options = ValidateOptions

    def run(self, context: JobContext, options: ValidateOptions) -> ValidateResult:
        programme, session = context.programme, context.session
        complaints = [*type_complaints(session, programme), *lead_complaints(context)]
        if complaints:
            raise BadFiles(
                complaints,
                hint="Mend the files (or the org, where it is the org's to have), and run the "
                "command again. Nothing was changed.",
            )
        who = session.identity
        return ValidateResult(
            programme.name, programme.digest, programme.environment, who.org_name, who.org_id
        )
