"""A job of the user's own that does nothing, in time: each of its slots must be done once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfprm.jobs.frame import JobContext


def beat(context: JobContext) -> None:
    """Done."""
    assert context.run


beat.writes = False  # type: ignore[attr-defined]
