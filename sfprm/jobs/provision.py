"""`provision`: makes the org match the files (`sfprm apply`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.clock import Clock
from sfprm.errors import BadRequest, PartlyDone
from sfprm.estate.reader import read_estate
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope
from sfprm.jobs.plan import PLAN_FILE, keep, plan_of
from sfprm.programme.calendar_model import Calendar
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.text_error import TextError
from sfprm.provisioning.again import said_for
from sfprm.provisioning.apply import Brakes, apply
from sfprm.provisioning.by_workers import call_for_help, share_out
from sfprm.provisioning.deployments import DEPLOYMENT_WAIT, await_deployments
from sfprm.provisioning.make_plan import sends_welcome
from sfprm.provisioning.members_seen import known_of
from sfprm.provisioning.mended import mend, read_errors
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.plan_file import read_plan, refuse_another, step_lines
from sfprm.provisioning.result import ApplyResult, write_errors
from sfprm.provisioning.standing import Stand, stand
from sfprm.provisioning.steps import CreateUser
from sfprm.provisioning.target import targeted
from sfprm.routing.calendar import next_open, open_at

ERRORS_FILE = "errors.csv"


class ProvisionOptions(JobOptions):
    """Options of `provision`. `plan`: a saved plan, carried out exactly; `resume`: a run whose
    plan is gone on with; `retry`: a mended error file. `window`: local times in which steps that
    move roles may run, `Mon-Fri 20:00-06:00 Europe/Lisbon` (`always`: at any time); none: those of
    the programme. `deployment_wait`: seconds for which
    a metadata deployment in the org is waited for."""

    plan: Path | None = None
    resume: str | None = None
    retry: Path | None = None
    target: str | None = None
    max_changes: int | None = Field(None, ge=0)
    stop_on_error: bool = False
    window: tuple[str, ...] = ()
    deployment_wait: float = Field(DEPLOYMENT_WAIT, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class ProvisionResult(JobResult):
    """A plan and what became of it. `applied` None: nothing to do, or a dry run."""

    plan: Plan
    applied: ApplyResult | None
    errors_file: Path | None = None
    run: str = ""
    mended: tuple[str, ...] = ()
    unmailed: str = ""
    """The site that went down meanwhile, so that Salesforce mailed nobody; else empty."""
    opens: str = ""
    """When the window opens that steps wait for; else empty."""

    def blocks(self) -> tuple[Block, ...]:
        if self.applied is None or not self.plan.steps:
            return self.plan.blocks()
        out = self.applied.blocks()
        if self.errors_file is not None:
            lines: tuple[str, ...] = (
                f"Rows that failed: {self.errors_file}",
                f"Mend them there, then: sfprm apply --resume {self.run}",
            )
            out = (*out, Text(lines))
        if self.opens:
            words = f"What moves roles waits until {self.opens}: apply again then."
            out = (*out, Text((words,)))
        blocked = self.plan.comparison.blocked
        if blocked:
            lines = tuple(
                f"! {d.kind.value} {d.label}: {d.why}  Fix: {said_for('sfprm apply', d.fix)}"
                for d in blocked
            )
            out = (*out, Text(lines))
        return out

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan.to_json(),
            "applied": self.applied.to_json() if self.applied is not None else None,
            "window_opens": self.opens or None,
            "errors_file": str(self.errors_file) if self.errors_file is not None else None,
            "mended": list(self.mended),
        }

    @property
    def exit_code(self) -> int:
        """68 when a row failed or a declared record is blocked."""
        whole = self.applied is None or self.applied.is_whole
        return 0 if whole and not self.plan.comparison.blocked else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return self.applied.counts() if self.applied is not None else {"changed": 0}

    @property
    def warnings(self) -> tuple[str, ...]:
        said = []
        if self.mended:
            said.append(
                f"{len(self.mended)} values were mended in the error file only; put them into the "
                f"programme's files too, or the next plan takes them back: {'; '.join(self.mended)}"
            )
        if self.unmailed:
            said.append(
                f"The site {self.unmailed} is no longer Live: people made in this run may have got "
                "no welcome mail. When it is Live again, `sfprm invite` mails those who are due."
            )
        return tuple(said)


class ProvisionJob(Job[ProvisionOptions, ProvisionResult]):
    """Plans, then does exactly that; or carries out a saved plan."""

    name: ClassVar[str] = "provision"
    summary: ClassVar[str] = "makes the org match the files: partners, people, queues"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ACCOUNTS})
    options = ProvisionOptions

    def run(self, context: JobContext, options: ProvisionOptions) -> ProvisionResult:
        saved = _saved(context, options)
        windows = _windows(context, options)
        mended: tuple[str, ...] = ()
        stands: tuple[Stand, ...] | None = None
        if saved is None:
            plan = plan_of(context)
        else:
            plan, errors = read_plan(saved.plan), saved.errors
            me = context.session.identity
            refuse_another(
                plan, org_id=me.org_id, org_name=me.org_name, digest=context.programme.digest
            )
            if errors is not None:
                told = mend(plan, read_errors(errors))
                plan, mended = told.plan, told.changes
        if options.target is not None:
            plan = targeted(plan, context.programme, options.target)
        if saved is not None:
            stands = _stands(context, plan)
        # values that were written by a run that died before it could remember them
        to_remember = bool(plan.comparison.baseline)
        if options.dry_run or not (plan.steps or to_remember):
            return ProvisionResult(plan, None, run=context.run, mended=mended)
        brakes = Brakes(
            options.max_changes,
            options.stop_on_error,
            is_open(windows, context.clock),
        )
        brakes.check(plan)
        await_deployments(
            context.session,
            plan.steps,
            clock=context.clock,
            progress=context.progress,
            most=options.deployment_wait,
        )
        shared = stands is None and not (windows or options.stop_on_error)
        if shared:
            call_for_help(context.hands, plan, context.programme)
        lines = step_lines(plan)
        if plan.steps:
            keep(context, plan, lines)
        applied = None
        if shared:
            applied = share_out(
                context.hands,
                context.store,
                plan,
                context.programme,
                run=context.run,
                clock=context.clock,
                lines=lines,
                torn=context.session.gate.room == 1,
            )
        if applied is None:
            applied = apply(
                context.session,
                context.store,
                plan,
                run=context.run,
                clock=context.clock,
                progress=context.progress,
                brakes=brakes,
                stands=stands,
                programme=context.programme,
            )
        errors_file = None
        if applied.errors:
            errors_file = context.run_dir / ERRORS_FILE
            write_errors(errors_file, applied.errors)
        unmailed = ""
        if plan.mails and CreateUser.__name__ in applied.done:
            still = sends_welcome(context.session, context.programme)
            unmailed = "" if still else context.programme.site
        opens = _opens(context, windows) if applied.waiting else ""
        return ProvisionResult(plan, applied, errors_file, context.run, mended, unmailed, opens)


def is_open(windows: tuple[Calendar, ...], clock: Clock) -> Callable[[], bool] | None:
    """Whether one of the windows is open at the instant of asking; None: there is none."""
    if not windows:
        return None
    return lambda: any(open_at(window, clock.now()) for window in windows)


def _windows(context: JobContext, options: ProvisionOptions) -> tuple[Calendar, ...]:
    """Those of the options, else the programme's. Raises BadRequest for one that is none."""
    if not options.window:
        return context.programme.windows
    found = []
    for text in options.window:
        try:
            found.append(parse_hours(text))
        except TextError as error:
            raise BadRequest(
                f"--window {text!r}: {error.message}.",
                hint=error.advice or "Write it as 'Mon-Fri 20:00-06:00 Europe/Lisbon', or always.",
            ) from error
    return tuple(found)


def _opens(context: JobContext, windows: tuple[Calendar, ...]) -> str:
    """The next opening, in the window's own time; empty when none opens any more."""
    now = context.clock.now()
    times = [(at, w.zone) for w in windows if (at := next_open(w, now)) is not None]
    if not times:
        return ""
    at, zone = min(times)
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M} {zone}"


@dataclass(frozen=True, slots=True)
class _Saved:
    """A plan to be carried out as it was saved, and the error file that mends it."""

    plan: Path
    errors: Path | None = None


def _saved(context: JobContext, options: ProvisionOptions) -> _Saved | None:
    """What the options name. Raises BadRequest when there is no such plan."""
    if options.plan is not None and (options.resume or options.retry):
        raise BadRequest("Name a plan, or a run to go on with, not both.")
    if options.plan is not None:
        return _Saved(options.plan)
    if options.resume is None and options.retry is None:
        return None
    folder = (
        context.settings.state_dir / "runs" / options.resume
        if options.resume is not None
        else (options.retry or Path()).parent
    )
    if not (folder / PLAN_FILE).is_file():
        raise BadRequest(
            f"There is no plan in {folder}.",
            hint="`sfprm status` lists the runs of apply; name one with --resume. "
            "Plain `sfprm apply` goes on as well: it plans anew.",
        )
    errors = options.retry or folder / ERRORS_FILE
    return _Saved(folder / PLAN_FILE, errors if options.retry or errors.is_file() else None)


def _stands(context: JobContext, plan: Plan) -> tuple[Stand, ...]:
    """Where the steps of a saved plan stand in the org now."""
    programme = context.programme
    known = known_of(context.store.applied())
    estate = read_estate(context.session, programme, sites=False, known=known)
    return stand(plan.steps, estate, programme)
