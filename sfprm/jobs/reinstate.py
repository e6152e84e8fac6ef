"""`reinstate`: somebody who was offboarded comes back, on the same user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.errors import PartlyDone
from sfprm.ids import RecordId
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.offboard import EVIDENCE, OffboardJob
from sfprm.provisioning.deployments import DEPLOYMENT_WAIT, await_quiet
from sfprm.provisioning.offboard import (
    Leaver,
    Leavers,
    Membership,
    NotDone,
    activate,
    add_members,
    find_leavers,
    freeze,
)
from sfprm.store.records import RunState


class ReinstateOptions(JobOptions):
    """Options of `reinstate`. `target`: a partner's or a person's key. `deployment_wait`: seconds
    for which a metadata deployment in the org is waited for."""

    target: str
    deployment_wait: float = Field(DEPLOYMENT_WAIT, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class ReinstateResult(JobResult):
    """Who came back. `memberships` are those that the offboarding took away."""

    leavers: Leavers
    back: tuple[Leaver, ...]
    memberships: tuple[Membership, ...]
    not_done: tuple[NotDone, ...]
    evidence: Path | None
    dry_run: bool = False
    cleared: bool = False
    """The offboarding cleared the partner flag."""

    def blocks(self) -> tuple[Block, ...]:
        one = len(self.back) == 1
        verb = "would be" if self.dry_run else "is" if one else "are"
        users = "1 user" if one else f"{len(self.back)} users"
        lines = [f"{users} of {self.leavers.target} {verb} active again:"]
        lines += [f"  {u.username}" for u in self.back]
        if self.memberships:
            groups = sorted({m.group_name for m in self.memberships})
            lines.append(f"  in {', '.join(groups)}")
        if self.evidence is None:
            lines.append("No offboarding of theirs is known here: every user was taken.")
        for item in self.not_done:
            lines.append(f"! {item.what}: {item.why}")
            if item.fix:
                lines.append(f"  fix: {item.fix}")
        lines.append("Leads that were handed on stay where they are.")
        if self.cleared:
            lines.append(
                "The partner flag was cleared: the next apply sets it again, and its roles are "
                "new. What was shared with the old ones is not shared with them."
            )
        lines.append("Run `sfprm plan`: what the files say of them is compared again.")
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.leavers.target,
            "dry_run": self.dry_run,
            "users": [asdict(u) for u in self.back],
            "memberships": [asdict(m) for m in self.memberships],
            "not_done": [asdict(n) for n in self.not_done],
            "evidence": str(self.evidence) if self.evidence is not None else None,
        }

    @property
    def exit_code(self) -> int:
        return PartlyDone.exit_code if self.not_done else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"users": len(self.back), "not_done": len(self.not_done)}


class ReinstateJob(Job[ReinstateOptions, ReinstateResult]):
    """Active, let go, back into queues and groups."""

    name: ClassVar[str] = "reinstate"
    summary: ClassVar[str] = "somebody who was offboarded comes back, on the same user"
    writes: ClassVar[bool] = True
    options = ReinstateOptions

    def run(self, context: JobContext, options: ReinstateOptions) -> ReinstateResult:
        session = context.session
        leavers = find_leavers(session, context.programme, options.target)
        files = _evidence(context, options.target)
        told = [json.loads(path.read_text("utf-8")) for path in files]
        active = {u["id"] for one in told for u in one["users"] if u["active"]}
        back = tuple(u for u in leavers.users if not told or u.id in active)
        held = _memberships(told, {u.id for u in leavers.users})
        cleared = any((one.get("partner_flag_after") or {}).get("is_set") is False for one in told)
        evidence = files[0] if files else None
        shown = ReinstateResult(leavers, back, held, (), evidence, dry_run=True, cleared=cleared)
        if options.dry_run:
            return shown
        if held or not all(u.active for u in back):
            await_quiet(
                session,
                clock=context.clock,
                progress=context.progress,
                most=options.deployment_wait,
            )
        not_done = activate(session, back)
        refused = {n.what for n in not_done}
        alive = [u for u in back if u.username not in refused]
        not_done += freeze(session, alive, frozen=False)
        there = {u.id for u in alive} | {m.member for m in held if not m.member.startswith("005")}
        not_done += add_members(session, [m for m in held if m.member in there])
        return replace(shown, not_done=tuple(not_done), dry_run=False)


def _memberships(told: Sequence[Any], users: Set[RecordId]) -> tuple[Membership, ...]:
    """Who was taken out of what, each pair once: roles too, of the users those still there."""
    found = {
        (m["group"], m["member"]): Membership(
            RecordId(m["row"]), RecordId(m["group"]), m["group_name"], RecordId(m["member"])
        )
        for one in told
        for m in one["memberships_left"]
        if not m["member"].startswith("005") or m["member"] in users
    }
    return tuple(found.values())


def _evidence(context: JobContext, target: str) -> list[Path]:
    """The offboardings of that target that took anything from an active user, latest first: all
    since it was last reinstated, for one that was stopped or blocked is finished by another."""
    store, folder = context.store, context.settings.state_dir / "runs"
    runs = [*store.runs(job=OffboardJob.name, limit=500), *store.runs(job=ReinstateJob.name)]
    found: list[Path] = []
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        if run.options.get("target") != target:
            continue
        if run.job == ReinstateJob.name:
            if found and run.state is RunState.DONE:
                break
            continue
        path = folder / run.id / EVIDENCE
        if path.is_file() and any(
            u["active"] for u in json.loads(path.read_text("utf-8"))["users"]
        ):
            found.append(path)
    return found
