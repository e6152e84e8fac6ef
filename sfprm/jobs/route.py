"""`route`: one pass over the intake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.route import RouteResult, route
from sfprm.errors import PartlyDone
from sfprm.insight.names import leads_text
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope
from sfprm.jobs.lead_fields import refuse_unknown_fields
from sfprm.jobs.owners_moved import (
    leads_counted,
    notice_lines,
    settled_json,
    settled_lines,
    taken_up_lines,
)
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.outlets import outlets_from
from sfprm.routing.fairness import PoolShare
from sfprm.routing.values import UNIT, Reason


class RouteOptions(JobOptions):
    """Options of `route`."""

    dry_run: bool = False
    limit: int | None = Field(None, ge=1)


def fairness_table(pool: PoolShare) -> Table:
    """Entitled, got and difference of each member, in leads."""
    rows = tuple(
        (
            m.name,
            str(m.weight),
            f"{float(m.entitled):,.2f}",
            f"{m.got:,}",
            leads_text(round(m.difference * UNIT), sign=True),
        )
        for m in pool.members
    )
    return Table(
        ("member", "weight", "entitled", "got", "difference"),
        rows,
        title=f"Pool {pool.pool}: worst difference {float(pool.worst):.2f} leads, "
        + ("no proved bound" if pool.bound is None else f"proved bound {float(pool.bound):.1f}"),
        right=(1, 2, 3, 4),
    )


def _words(reason: Reason) -> str:
    return reason.detail or reason.code.value


@dataclass(frozen=True)
class RouteJobResult(JobResult):
    """What a pass did."""

    done: RouteResult

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        verb = "would get" if done.dry_run else "got"
        looked_at = leads_counted(done.looked_at)
        lines = [f"{looked_at}: {done.owned:,} {verb} an owner, {done.parked:,} parked."]
        if done.left_alone:
            lines.append(f"{done.left_alone:,} left alone, as their rule says.")
        if done.waiting:
            lines.append(f"{done.waiting:,} parked earlier wait for their next try.")
        lines += taken_up_lines(done.taken_up)
        lines += notice_lines(done.mails)
        out: list[Block] = [Text(tuple(lines))]
        if done.by_target:
            targets = tuple((rule, to, f"{n:,}") for (rule, to), n in done.by_target.items())
            out.append(Table(("rule", "to", "leads"), targets, right=(2,)))
        if done.parked_by_reason:
            reasons = tuple((why, f"{n:,}") for why, n in done.parked_by_reason.items())
            out.append(Table(("parked because", "leads"), reasons, right=(1,)))
        out += [fairness_table(pool) for pool in done.pools]
        if done.left_out:
            rows = tuple((o.name, ", ".join(_words(r) for r in o.reasons)) for o in done.left_out)
            out.append(Table(("left out of routing", "because"), rows))
        problems = settled_lines(done.refused, done.overtaken)
        if problems:
            out.append(Text(problems))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "dry_run": done.dry_run,
            "leads": {
                "looked_at": done.looked_at,
                "owned": done.owned,
                "parked": done.parked,
                "left_alone": done.left_alone,
                "waiting": done.waiting,
            },
            "taken_up": done.taken_up,
            "by_target": [
                {"rule": rule, "to": to, "leads": n} for (rule, to), n in done.by_target.items()
            ],
            "parked_by_reason": dict(done.parked_by_reason),
            "pools": [
                {
                    "pool": pool.pool,
                    "worst": float(pool.worst),
                    "bound": None if pool.bound is None else float(pool.bound),
                    "members": [
                        {
                            "member": m.member,
                            "name": m.name,
                            "weight": m.weight,
                            "entitled": float(m.entitled),
                            "got": m.got,
                            "difference": float(m.difference),
                        }
                        for m in pool.members
                    ],
                }
                for pool in done.pools
            ],
            "left_out": [
                {"name": o.name, "id": o.owner_id, "reasons": [r.code.value for r in o.reasons]}
                for o in done.left_out
            ],
            "worst_drift": done.worst_drift,
            "refused": settled_json(done.refused),
            "overtaken": settled_json(done.overtaken),
        }

    @property
    def exit_code(self) -> int:
        """68 when the org refused a lead: it is parked with the org's words."""
        return PartlyDone.exit_code if self.done.refused or self.done.overtaken else 0

    @property
    def counts(self) -> Mapping[str, int]:
        done = self.done
        return {
            "looked_at": done.looked_at,
            "owned": done.owned,
            "parked": done.parked,
            "refused": len(done.refused),
            "overtaken": len(done.overtaken),
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.done.mails.not_sent


class RouteJob(Job[RouteOptions, RouteJobResult]):
    """Match, choose, journal, write, confirm."""

    name: ClassVar[str] = "route"
    summary: ClassVar[str] = "hands the leads in the intake queues to their owners"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.LEADS})
    options = RouteOptions

    def run(self, context: JobContext, options: RouteOptions) -> RouteJobResult:
        refuse_unknown_fields(context)
        done = route(
            context.session,
            context.store,
            context.programme,
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            dry_run=options.dry_run,
            limit=options.limit,
            policy=outlets_from(context.settings, mail_policy(context)),
            hands=context.hands,
        )
        return RouteJobResult(done)
