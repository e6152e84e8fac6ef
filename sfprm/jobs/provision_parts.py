"""The parts of a large provisioning run: groups of partners with their people."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sfprm.jobs.plan import plan_of
from sfprm.provisioning.apply import apply
from sfprm.provisioning.by_workers import PART, group_of, groups_for
from sfprm.provisioning.steps import PHASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.jobs.frame import JobContext
    from sfprm.provisioning.plan import Plan

__all__ = ["partners", "share_out", "together"]

NUMBERS = 1_000_000
"""Step numbers set apart for each part, and each time that one is taken up."""


def share_out(context: JobContext, plan: Plan) -> Mapping[str, int]:
    """Have the partners of a large plan done by whoever is free; steps done, by kind. Nothing where
    there are no other workers or the plan is small."""
    hands = context.hands
    groups = groups_for(plan)
    if hands is None or groups == 0 or not hands.others:
        return {}
    for number in range(groups):
        hands.give(PART, {"number": number, "of": groups})
    done: Counter[str] = Counter()
    for told in hands.gather():
        done.update(told)
    return done


def together(whole: Plan, rest: Plan) -> Plan:
    """The plan as it was shared out, and what came up after: what `undo` and `--resume` read."""
    there = {(s.kind, s.key) for s in whole.steps}
    more = [s for s in rest.steps if (s.kind, s.key) not in there]
    rank = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
    steps = sorted((*whole.steps, *more), key=lambda s: rank[type(s)])
    return replace(whole, steps=tuple(steps))


def partners(context: JobContext, content: Any) -> Any:
    """Plan and apply one group; steps done, by kind. What is refused here is tried once more, and
    told, with the rest of the plan."""
    number, of = content["number"], content["of"]
    plan = group_of(plan_of(context), number, of)
    if not plan.steps:
        return {}
    applied = apply(
        context.session,
        context.store,
        plan,
        run=context.run,
        clock=context.clock,
        progress=context.progress,
        programme=context.programme,
        first=NUMBERS * (1 + number + of * context.attempt) + 1,
    )
    return dict(applied.done)
