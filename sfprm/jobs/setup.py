"""`setup`: the one-time part, irreversible in the middle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block
from sfprm.errors import BadRequest, NotReady, PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.provisioning.setup import setup
from sfprm.provisioning.setup_acts import ActState, SetupResult, SetupReview
from sfprm.salesforce.identity import OrgIdentity
from sfprm.shipped import metadata_files


class SetupOptions(JobOptions):
    """Options of `setup`. `confirmed` is the org's name or 18-character id, typed by a person."""

    dry_run: bool = False
    confirmed: str | None = None
    max_mails: int = Field(0, ge=0)
    production: bool = False


@dataclass(frozen=True)
class SetupJobResult(JobResult):
    """What setup would do, or has done."""

    done: SetupResult

    @property
    def irreversible(self) -> bool:
        """Whether something that cannot be undone is still to do."""
        return bool(self.done.review.irreversible)

    def blocks(self) -> tuple[Block, ...]:
        return self.done.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.done.to_json() | {"review": self.done.review.to_json()}

    @property
    def exit_code(self) -> int:
        """1 when something is left to do, 68 when an act was refused midway."""
        if self.done.is_whole or self.done.dry_run:
            return 0
        failed = any(a.state is ActState.FAILED for a in self.done.acts)
        return PartlyDone.exit_code if failed else 1

    @property
    def counts(self) -> Mapping[str, int]:
        done = sum(1 for a in self.done.acts if a.state is ActState.DONE)
        return {"done": done, "left": len(self.done.failed)}


class SetupJob(Job[SetupOptions, SetupJobResult]):
    """Review, confirm, switch on, deploy, grant, prove, join."""

    name: ClassVar[str] = "setup"
    summary: ClassVar[str] = "turns partner management on and deploys what sfprm needs; once"
    writes: ClassVar[bool] = True
    options = SetupOptions

    def run(self, context: JobContext, options: SetupOptions) -> SetupJobResult:
        me = context.session.identity
        if not options.dry_run:
            _refuse_production(context, me, allowed=options.production)
        done = setup(
            context.session,
            context.store,
            context.programme,
            run=context.run,
            files=metadata_files(Path(context.settings.programme)),
            confirm=lambda review: _confirmed(review, me, options.confirmed),
            clock=context.clock,
            progress=context.progress,
            dry_run=options.dry_run,
            max_mails=options.max_mails,
        )
        return SetupJobResult(done)


def _confirmed(review: SetupReview, me: OrgIdentity, typed: str | None) -> bool:
    """What can be undone needs no word; what cannot needs the org's name or id."""
    if not review.irreversible:
        return True
    if typed is None:
        raise NotReady(
            f"setup turns partner management on in {me.org_name} ({me.org_id}): "
            "this cannot be undone, and was not confirmed. Nothing was done.",
            hint="Read `sfprm setup --dry-run`, then type the org's name when asked, or give "
            f"--yes-irreversible {me.org_id}.",
        )
    if typed not in (me.org_id, me.org_name):
        raise BadRequest(
            f"{typed!r} is not the name or id of this org ({me.org_name}, {me.org_id}). "
            "Nothing was done.",
            hint="Check which org the login leads to: `sfprm login`.",
        )
    return True


def _refuse_production(context: JobContext, me: OrgIdentity, *, allowed: bool) -> None:
    listed = {org[:15] for org in context.settings.production_orgs}
    if me.org_id[:15] in listed and not me.is_sandbox and not allowed:
        raise NotReady(
            f"{me.org_name} ({me.org_id}) is a production org. Nothing was done.",
            hint="Try setup in a sandbox or developer edition first; then add --production.",
        )
