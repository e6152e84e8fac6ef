"""Taking back what an apply did to partners, people, queues and groups, as far as it can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import PartlyDone
from sfprm.estate.reader import read_estate
from sfprm.ids import RunId
from sfprm.jobs.frame import JobContext, JobResult
from sfprm.jobs.plan import PLAN_FILE, keep
from sfprm.jobs.provision import is_open
from sfprm.provisioning.apply import Brakes, apply
from sfprm.provisioning.deployments import DEPLOYMENT_WAIT, await_deployments
from sfprm.provisioning.members_seen import known_of
from sfprm.provisioning.owned import count_owned
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.plan_file import read_plan, refuse_another
from sfprm.provisioning.result import ApplyResult, kind_words
from sfprm.provisioning.screen import shown
from sfprm.provisioning.standing import Stand, Standing
from sfprm.provisioning.steps import DeactivateUser, PlannedStep
from sfprm.provisioning.undo import CannotUndo, Inverse, as_it_stands, inverse, keeping

__all__ = ["ProvisionUndone", "plan_of_run", "undo_provision"]

MOST_SHOWN = 20
MOST_NAMED = 3


@dataclass(frozen=True)
class ProvisionUndone(JobResult):
    """What went back, what could not, and what has moved since. `turned` are the steps that were
    (or would be) carried out."""

    of: str
    inverse: Inverse
    applied: ApplyResult | None
    turned: tuple[PlannedStep, ...]
    already: int

    def blocks(self) -> tuple[Block, ...]:
        out: list[Block] = []
        failed = set()
        if self.applied is not None:
            failed = {r.number for r in (*self.applied.errors, *self.applied.waiting)}
        numbers = {id(s): n for n, s in enumerate(self.inverse.plan.steps, start=1)}
        back = [s for s in self.turned if numbers[id(s)] not in failed]
        if back:
            plan = self.inverse.plan
            rows = tuple((s.label, kind_words(s.kind), _values(s, plan)) for s in back[:MOST_SHOWN])
            head = "would go back" if self.applied is None else "went back"
            out.append(Table((f"{head}{_of_many(back)}", "by", "values"), rows))
        if self.inverse.cannot:
            out.append(Table(("stays", "step", "why"), tuple(_stays(self.inverse.cannot))))
        out.append(Text(tuple(self._lines(len(back)))))
        return tuple(out)

    def _lines(self, back: int) -> Iterator[str]:
        if self.applied is None:
            yield f"{_steps(back)} of {self.of} would be taken back."
        else:
            yield f"{_steps(back)} of {self.of} {_were(back)} taken back."
        if self.already:
            yield f"{self.already} {_were(self.already)} back already."
        if self.inverse.found:
            many = self.inverse.found
            yield f"{many} {_were(many)} found done by that run: undo the run that did them."
        if self.applied is not None:
            if self.applied.waiting:
                many = len(self.applied.waiting)
                yield f"{many} move roles and wait for their window: undo again then."
            for row in self.applied.errors:
                yield f"! {row.label}: stays: {row.message}"
                yield f"  fix: {row.fix}"
        if self.inverse.only_deactivated:
            many = self.inverse.only_deactivated
            noun = "user that it made is" if many == 1 else "users that it made are"
            yield f"{many} {noun} deactivated only: Salesforce deletes no users."
        yield "The files still say what they said: the next plan shows it again."

    def to_json(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "dry_run": self.applied is None,
            "would": len(self.turned),
            "steps": [
                {
                    "kind": s.kind,
                    "object": s.object,
                    "key": s.key,
                    "id": s.record_id,
                    "before": dict(s.before),
                    "after": dict(s.after),
                }
                for s in self.turned
            ],
            "already": self.already,
            "found_done_by_that_run": self.inverse.found,
            "applied": self.applied.to_json() if self.applied is not None else None,
            "cannot": [asdict(c) for c in self.inverse.cannot],
            "only_deactivated": self.inverse.only_deactivated,
        }

    @property
    def cannot(self) -> tuple[CannotUndo, ...]:
        """Steps that stay as they were done."""
        return self.inverse.cannot

    @property
    def exit_code(self) -> int:
        """68 when something stays that the run did; a dry run is done all the same."""
        if self.applied is None:
            return 0
        whole = self.applied.is_whole and not self.inverse.cannot
        return 0 if whole else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "changed": self.applied.changed if self.applied is not None else 0,
            "cannot": len(self.inverse.cannot),
        }


def _stays(cannot: tuple[CannotUndo, ...]) -> Iterator[tuple[str, str, str]]:
    """What stays for one and the same reason, in one row."""
    alike: dict[tuple[str, str], list[str]] = {}
    for item in cannot:
        alike.setdefault((item.kind, item.why), []).append(item.label)
    for (kind, why), labels in alike.items():
        named = ", ".join(labels[:MOST_NAMED])
        more = len(labels) - MOST_NAMED
        yield (f"{named} and {more} more" if more > 0 else named, kind_words(kind), why)


def _of_many(items: Any) -> str:
    return f" (the first {MOST_SHOWN} of {len(items)})" if len(items) > MOST_SHOWN else ""


def _steps(many: int) -> str:
    return "1 step" if many == 1 else f"{many} steps"


def _were(many: int) -> str:
    return "was" if many == 1 else "were"


_PAIR = frozenset({"GroupId", "UserOrGroupId", "AssigneeId", "PermissionSetId"})
"""Fields of memberships and assignments, which the label says."""


def _values(step: PlannedStep, plan: Plan) -> str:
    """`Phone +351 1 → nothing`; empty for what merely comes or goes."""
    return ", ".join(
        f"{name} {shown(plan, step.before.get(name))} → {shown(plan, value)}"
        for name, value in step.after.items()
        if name not in _PAIR
    )


def plan_of_run(context: JobContext, run: str) -> Path | None:
    """The plan that a run carried out; None when it was no apply."""
    path = context.settings.state_dir / "runs" / run / PLAN_FILE
    return path if path.is_file() else None


def undo_provision(
    context: JobContext, run: RunId, plan_file: Path, *, dry_run: bool
) -> ProvisionUndone:
    """Take a run of apply back. Raises NotReady when it was of another org.

    Each step is looked at in the org first, so the same command again finishes what a stop left,
    and what somebody changed since stays."""
    plan = read_plan(plan_file)
    me = context.session.identity
    refuse_another(plan, org_id=me.org_id, org_name=me.org_name, digest=plan.digest)
    programme = context.programme
    # every member is read: the files may name other queues now than when the run was made
    known = replace(known_of(context.store.applied()), stamps={}, members={})
    estate = read_estate(context.session, programme, sites=False, known=known)
    back = inverse(plan, context.store.steps(run), estate, programme)
    back, stands = as_it_stands(back, estate, programme)
    leaving = [
        s.record_id
        for s, found in zip(back.plan.steps, stands, strict=True)
        if isinstance(s, DeactivateUser) and s.record_id and found.standing is Standing.BEFORE
    ]
    if leaving:
        leads = count_owned(context.session, leaving, ["Lead"]).counts.get("Lead", {})
        back, stands = as_it_stands(keeping(back, leads), estate, programme)
    todo = _standing(back, stands, Standing.BEFORE)
    already = len(back.plan.steps) - len(todo)
    if dry_run:
        return ProvisionUndone(run, back, None, todo, already)
    await_deployments(
        context.session,
        todo,
        clock=context.clock,
        progress=context.progress,
        most=DEPLOYMENT_WAIT,
    )
    keep(context, back.plan)
    applied = apply(
        context.session,
        context.store,
        back.plan,
        run=context.run,
        clock=context.clock,
        progress=context.progress,
        stands=stands,
        programme=programme,
        brakes=Brakes(open_now=is_open(programme.windows, context.clock)),
    )
    return ProvisionUndone(run, back, applied, todo, already)


def _standing(back: Inverse, stands: tuple[Stand, ...], where: Standing) -> tuple[PlannedStep, ...]:
    pairs = zip(back.plan.steps, stands, strict=True)
    return tuple(s for s, found in pairs if found.standing is where)
