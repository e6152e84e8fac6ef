"""What is due, who is at work, who holds which lock, what is paused: one transaction a question.

Leases and heartbeats go by the database's clock, so that workers with skewed clocks agree. Each
concept has a book of its own; `WorkBook` is all of them on one database.
"""

from __future__ import annotations

from sqlalchemy import func, select, text

from sfprm.store.at_work import AtWork, WorkerSeen
from sfprm.store.due_runs import DueRuns
from sfprm.store.engine import reading
from sfprm.store.leases import Lease, Leases
from sfprm.store.parts import Part, PartBook
from sfprm.store.pauses import ALL, Pause, Pauses
from sfprm.store.tables import runs as runs_table

__all__ = ["ALL", "Lease", "Part", "Pause", "WorkBook", "WorkerSeen"]


class WorkBook(DueRuns, Pauses, AtWork, Leases, PartBook):
    """Work under way, on a database. May be used by several threads at once."""

    def size(self) -> dict[str, int]:
        """Rows of the tables that grow: runs and journal entries."""
        with reading(self._engine) as connection:
            counted = connection.execute(select(func.count()).select_from(runs_table)).scalar_one()
            entries = connection.execute(
                text("SELECT coalesce(max(sequence), 0) FROM journal")
            ).scalar_one()
            return {"runs": int(counted), "journal": int(entries)}
