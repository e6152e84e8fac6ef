"""The parts of a large provisioning run: shards of its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.provisioning.by_workers import apply_shard

if TYPE_CHECKING:
    from sfprm.jobs.frame import JobContext

__all__ = ["steps"]


def steps(context: JobContext, content: Any) -> Any:
    """Carry one shard out."""
    return apply_shard(
        context.session,
        context.store,
        context.programme,
        run=context.run,
        clock=context.clock,
        progress=context.progress,
        content=content,
        before=context.before,
        again=context.attempt > 1,
        turn=context.turn,
    )
