"""The parts of a large run that moves leads: ranges of the journal to be carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.distribution.by_workers import carry_range

if TYPE_CHECKING:
    from sfprm.jobs.frame import JobContext

__all__ = ["carry"]


def carry(context: JobContext, content: Any) -> Any:
    """Carry out one range of the journal."""
    return carry_range(
        context.session,
        context.store,
        context.clock,
        context.progress,
        context.programme,
        first=content["first"],
        last=content["last"],
        again=context.attempt > 1,
        tell_all=content.get("tell_all", False),
    )
