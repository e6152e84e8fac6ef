"""`setup`: the one-time part, irreversible in the middle; its export, its way back, its proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from sfprm.blocks import Block
from sfprm.errors import BadRequest, NotReady, PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.provisioning.communities import switch_on_package
from sfprm.provisioning.setup import setup
from sfprm.provisioning.setup_acts import ActState, SetupResult, SetupReview, VerifyResult
from sfprm.provisioning.setup_backup import Backup, RestoreResult, restore
from sfprm.provisioning.setup_export import ExportFormat, ExportResult, export
from sfprm.provisioning.setup_files import setup_files
from sfprm.provisioning.setup_review import SetupChoices, review_setup
from sfprm.provisioning.setup_verify import verify
from sfprm.provisioning.setup_window import read_window
from sfprm.salesforce.identity import OrgIdentity
from sfprm.shipped import metadata_files

_TRIALS = frozenset({"Developer Edition", "Base Edition"})
"""Editions that are never anybody's production [by their purpose]."""


class SetupOptions(JobOptions):
    """Options of `setup`. `confirmed` is the org's name or 18-character id, typed by a person.

    `convert`: names of findings to rewrite, or `all`. `restore`, `export`, `verify` are done in
    place of setup; one at a time.
    """

    dry_run: bool = False
    confirmed: str | None = None
    max_mails: int = Field(0, ge=0)
    hold_welcome_mail: bool = False
    production: bool = False
    convert: tuple[str, ...] = ()
    window: str | None = None
    restore: Path | None = None
    export: Path | None = None
    export_format: ExportFormat = ExportFormat.SOURCE
    verify: bool = False

    @model_validator(mode="after")
    def _one_at_a_time(self) -> SetupOptions:
        asked = [n for n in ("restore", "export", "verify") if getattr(self, n)]
        if len(asked) > 1:
            raise ValueError(f"{' and '.join('--' + n for n in asked)} do not go together")
        return self

    @property
    def writes(self) -> bool:
        """Whether the org is changed."""
        return not (self.dry_run or self.verify or self.export is not None)


Done = SetupResult | RestoreResult | ExportResult | VerifyResult


@dataclass(frozen=True)
class SetupJobResult(JobResult):
    """What setup would do, or has done; or what was exported, restored, verified."""

    done: Done

    @property
    def irreversible(self) -> bool:
        """Whether something that cannot be undone is still to do."""
        return isinstance(self.done, SetupResult) and bool(self.done.review.irreversible)

    def blocks(self) -> tuple[Block, ...]:
        return self.done.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.done.to_json()

    @property
    def exit_code(self) -> int:
        """1 when something is left to do or missing, 68 when an act was refused midway."""
        done = self.done
        if isinstance(done, VerifyResult):
            return 0 if done.is_whole else 1
        if not isinstance(done, SetupResult) or done.is_whole or done.dry_run:
            return 0
        failed = any(a.state is ActState.FAILED for a in done.acts)
        return PartlyDone.exit_code if failed else 1

    @property
    def counts(self) -> Mapping[str, int]:
        if not isinstance(self.done, SetupResult):
            return {}
        finished = sum(1 for a in self.done.acts if a.state is ActState.DONE)
        return {"done": finished, "left": len(self.done.failed)}


class SetupJob(Job[SetupOptions, SetupJobResult]):
    """Review, confirm, convert, switch on, deploy, grant, prove, join."""

    name: ClassVar[str] = "setup"
    summary: ClassVar[str] = "turns partner management on and deploys what sfprm needs; once"
    writes: ClassVar[bool] = True
    options = SetupOptions

    def is_dry(self, options: SetupOptions) -> bool:
        return not options.writes

    def run(self, context: JobContext, options: SetupOptions) -> SetupJobResult:
        me = context.session.identity
        if options.writes:
            _refuse_production(context, me, allowed=options.production)
        if options.restore is not None:
            return SetupJobResult(
                restore(
                    context.session,
                    options.restore,
                    clock=context.clock,
                    progress=context.progress,
                    dry_run=options.dry_run,
                )
            )
        files = metadata_files(Path(context.settings.programme))
        choices = SetupChoices(
            max_mails=options.max_mails,
            convert=options.convert,
            window=read_window(options.window) if options.window else None,
            hold_welcome_mail=options.hold_welcome_mail,
        )
        if options.export is not None:
            return SetupJobResult(_exported(context, options, files, choices))
        if options.verify:
            return SetupJobResult(
                verify(
                    context.session,
                    context.programme,
                    context.store.applied(),
                    files=files,
                    clock=context.clock,
                    choices=choices,
                )
            )
        done = setup(
            context.session,
            context.store,
            context.programme,
            run=context.run,
            files=files,
            confirm=lambda review: _confirmed(review, me, options.confirmed),
            clock=context.clock,
            progress=context.progress,
            backups=context.settings.state_dir / "backups",
            choices=choices,
            dry_run=options.dry_run,
        )
        return SetupJobResult(done)


def _exported(
    context: JobContext, options: SetupOptions, files: Mapping[str, bytes], choices: SetupChoices
) -> ExportResult:
    """The packages that setup would deploy, and the originals of what it would rewrite."""
    assert options.export is not None
    session = context.session
    review = review_setup(
        session, context.programme, context.store.applied(), clock=context.clock, choices=choices
    )
    version = session.api_version
    fitted = setup_files(files, context.programme.key_fields)
    packages: dict[str, Mapping[str, bytes]] = {"fields": fitted}
    backup = None
    if review.conversion is not None:
        packages["convert"] = review.conversion.package(version)
        backup = Backup(
            review.org.id,
            review.org.name,
            context.clock.now(),
            review.conversion.names,
            review.conversion.way_back(version),
        )
    if review.irreversible:
        packages["switch-on"] = switch_on_package(version)
    return export(
        options.export,
        packages,
        backup,
        format_=options.export_format,
        api_version=version,
        org=review.org.name,
    )


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


def is_production(me: OrgIdentity, listed: Iterable[str]) -> bool:
    """Whether somebody's business runs there: an org that is `listed`, and any that is neither
    sandbox (scratch orgs are sandboxes), nor embedded, nor a developer edition."""
    if me.is_sandbox or me.is_embedded:
        return False
    named = me.org_id[:15] in {org[:15] for org in listed}
    return named or me.organization_type not in _TRIALS


def _refuse_production(context: JobContext, me: OrgIdentity, *, allowed: bool) -> None:
    if is_production(me, context.settings.production_orgs) and not allowed:
        raise NotReady(
            f"{me.org_name} ({me.org_id}, {me.organization_type}) is a production org. "
            "Nothing was done.",
            hint="Try setup in a sandbox or developer edition first; then add --production.",
        )
