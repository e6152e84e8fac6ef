"""`plan`: the difference between files and org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import structlog

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest
from sfprm.events import Event
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.outbound.mail_guard import MailPolicy, guarded, policy_from
from sfprm.provisioning.drift import HandChange, drift, news
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.markdown import plan_markdown
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.plan_file import write_plan
from sfprm.provisioning.screen import plain_text, unmanaged_block
from sfprm.provisioning.target import targeted

_log = structlog.get_logger("sfprm.jobs")

CHANGES_EXIT_CODE = 2
PLAN_FILE = "plan.json"
"""In the folder of a run that carries a plan out."""


class PlanOptions(JobOptions):
    """Options of `plan`. `out`: where to save the plan for `apply`. `target`: a partner's key.
    `unmanaged` lists what stands in no file. `drift`: only what people changed by hand since it was
    last told, each change once. `format`: `text`, or `markdown` for a pull request."""

    detailed_exitcode: bool = False
    out: Path | None = None
    target: str | None = None
    unmanaged: bool = False
    drift: bool = False
    format: Literal["text", "markdown"] = "text"


@dataclass(frozen=True)
class PlanResult(JobResult):
    """A plan, not carried out."""

    plan: Plan
    detailed_exitcode: bool = False
    allowance: tuple[int, int] | None = None
    """API calls (used, of) in the org's last 24 hours."""
    room: int | None = None
    """API calls that the run could still make, by the budget."""
    saved: Path | None = None
    unmanaged: bool = False
    markdown: bool = False
    drift: tuple[HandChange, ...] | None = None
    """Hand changes told for the first time; None when drift was not asked for."""

    def blocks(self) -> tuple[Block, ...]:
        if self.drift is not None:
            if not self.drift:
                return (Text(("Nothing was changed by hand since it was last told.",)),)
            noun = "value was" if len(self.drift) == 1 else "values were"
            head = f"{len(self.drift)} {noun} changed by hand:"
            return (Text((head, *(f"  {plain_text(c.words)}" for c in self.drift))),)
        if self.markdown:
            return (Text(tuple(plan_markdown(self.plan).splitlines())),)
        out = self.plan.blocks()
        if self.unmanaged:
            out = (*out, unmanaged_block(self.plan))
        if self.allowance is not None:
            used, of = self.allowance
            said = f"API calls: {used:,} of {of:,} used in the last 24 hours"
            said += "." if self.room is None else f"; the budget leaves this run {self.room:,}."
            out = (*out, Text((said,)))
        if self.saved is not None:
            out = (*out, Text((f"Saved: {self.saved}   Run: sfprm apply {self.saved}",)))
        return out

    def to_json(self) -> dict[str, Any]:
        calls = None
        if self.allowance is not None:
            calls = {"used": self.allowance[0], "of": self.allowance[1], "room": self.room}
        body = self.plan.to_json() | {"changes": len(self.plan.steps), "calls": calls}
        told = None if self.drift is None else [asdict(change) for change in self.drift]
        saved = str(self.saved) if self.saved is not None else None
        return body | {"saved": saved, "drift": told}

    @property
    def exit_code(self) -> int:
        """Under `--detailed-exitcode`: 0 nothing to do, 2 changes (with `drift`: news of hand
        changes)."""
        news = self.plan.steps if self.drift is None else self.drift
        return CHANGES_EXIT_CODE if self.detailed_exitcode and news else 0

    @property
    def counts(self) -> Mapping[str, int]:
        found = self.plan.counts() | {"steps": len(self.plan.steps)}
        left = [seat.left_after for seat in self.plan.seats if seat.total]
        return found | ({"licences_left": min(left)} if left else {})


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
        plan = plan_of(context)
        if options.target is not None:
            plan = targeted(plan, context.programme, options.target)
        if options.out is not None:
            save(options.out, plan)
        told: tuple[HandChange, ...] | None = None
        if options.drift:
            applied = context.store.applied()
            told, kept = news(drift(plan.comparison, applied), applied)
            context.store.record_applied(kept, context.run, context.clock.now())
        calls = context.session.calls
        return PlanResult(
            plan,
            options.detailed_exitcode,
            calls.allowance,
            calls.room,
            saved=options.out,
            unmanaged=options.unmanaged,
            markdown=options.format == "markdown",
            drift=told,
        )


def save(path: Path, plan: Plan, lines: Sequence[str] | None = None) -> str:
    """Write the plan to a file; its id. `lines`: its steps, as `step_lines` made them. Raises
    BadRequest when it cannot be written."""
    try:
        return write_plan(path, plan, lines)
    except OSError as error:
        raise BadRequest(f"The plan cannot be written to {path}: {error}.") from error


def keep(context: JobContext, plan: Plan, lines: Sequence[str] | None = None) -> None:
    """Write the plan that a run is about to carry out beside the run; from here on the run's log
    events carry its id. `lines` as for `save`. Raises BadRequest when it cannot be written."""
    tell_plan(save(context.run_dir / PLAN_FILE, plan, lines), plan)


def tell_plan(made: str, plan: Plan) -> None:
    """From here on the log events of the run carry the plan's id; its end takes it off again."""
    structlog.contextvars.bind_contextvars(plan=made)
    _log.info(Event.PLAN_MADE, steps=len(plan.steps))
