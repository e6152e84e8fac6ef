"""Taking back what an apply did to partners, people, queues and groups, as far as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import PartlyDone
from sfprm.estate.reader import read_estate
from sfprm.ids import RunId
from sfprm.jobs.frame import JobContext, JobResult
from sfprm.jobs.provision import PLAN_FILE
from sfprm.provisioning.apply import apply
from sfprm.provisioning.members_seen import known_of
from sfprm.provisioning.plan_file import read_plan, refuse_another
from sfprm.provisioning.result import ApplyResult
from sfprm.provisioning.standing import Standing, stand
from sfprm.provisioning.undo import CannotUndo, Inverse, inverse

__all__ = ["ProvisionUndone", "plan_of_run", "undo_provision"]

MOST_SHOWN = 20


@dataclass(frozen=True)
class ProvisionUndone(JobResult):
    """What went back, what could not, and what has moved since."""

    of: str
    inverse: Inverse
    applied: ApplyResult | None
    would: int

    def blocks(self) -> tuple[Block, ...]:
        lines = []
        if self.applied is None:
            lines.append(f"{self.would} steps of {self.of} would be taken back.")
        else:
            lines.append(f"{self.applied.changed} steps of {self.of} were taken back.")
            if self.applied.already:
                lines.append(f"{self.applied.already} were back already.")
            lines += [f"! {r.label}: stays: {r.message}" for r in self.applied.errors]
        if self.inverse.only_deactivated:
            lines.append(
                f"{self.inverse.only_deactivated} users that it made are deactivated only: "
                "Salesforce deletes no users."
            )
        lines.append("The files still say what they said: the next plan shows it again.")
        out: tuple[Block, ...] = (Text(tuple(lines)),)
        cannot = self.inverse.cannot
        if cannot:
            rows = tuple((c.label, c.kind, c.why) for c in cannot[:MOST_SHOWN])
            more = f" ({len(cannot)} in all)" if len(cannot) > MOST_SHOWN else ""
            out = (*out, Table(("stays", "step", f"why{more}"), rows))
        return out

    def to_json(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "dry_run": self.applied is None,
            "would": self.would,
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
        """68 when something stays that the run did."""
        whole = self.applied is None or self.applied.is_whole
        return 0 if whole and not self.inverse.cannot else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "changed": self.applied.changed if self.applied is not None else 0,
            "cannot": len(self.inverse.cannot),
        }


def plan_of_run(context: JobContext, run: str) -> Path | None:
    """The plan that a run carried out; None when it was no apply."""
    path = context.settings.state_dir / "runs" / run / PLAN_FILE
    return path if path.is_file() else None


def undo_provision(
    context: JobContext, run: RunId, plan_file: Path, *, dry_run: bool
) -> ProvisionUndone:
    """Take a run of apply back. Raises NotReady when it was of another org."""
    plan = read_plan(plan_file)
    me = context.session.identity
    refuse_another(plan, org_id=me.org_id, org_name=me.org_name, digest=plan.digest)
    back = inverse(plan, context.store.steps(run))
    programme = context.programme
    known = known_of(context.store.applied())
    estate = read_estate(context.session, programme, sites=False, known=known)
    stands = stand(back.plan.steps, estate, programme)
    would = sum(1 for s in stands if s.standing is Standing.BEFORE)
    if dry_run:
        return ProvisionUndone(run, back, None, would)
    applied = apply(
        context.session,
        context.store,
        back.plan,
        run=context.run,
        clock=context.clock,
        progress=context.progress,
        stands=stands,
        programme=programme,
    )
    return ProvisionUndone(run, back, applied, would)
