"""What is held back: a job file, or everything of an org; and what is wrong just now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from sfprm.store.book import Book
from sfprm.store.engine import reading, writing
from sfprm.store.inserts import insert
from sfprm.store.work_tables import alerts, held

__all__ = ["ALL", "Pause", "Pauses"]

ALL = ""
"""The pause that holds everything of the org."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A job file (or, with an empty name, the whole org) that is not started until resumed."""

    name: str
    since: datetime
    by: str
    why: str = ""


class Pauses(Book):
    """Pauses by name."""

    def pause(self, pause: Pause) -> None:
        """Hold a job file, or with an empty name everything."""
        with writing(self._engine) as connection:
            connection.execute(
                insert(connection, held)
                .values(name=pause.name, since=pause.since, by=pause.by, why=pause.why)
                .on_conflict_do_nothing()
            )

    def resume(self, name: str) -> bool:
        """False when it was not paused."""
        with writing(self._engine) as connection:
            gone = connection.execute(delete(held).where(held.c.name == name))
            return gone.rowcount > 0

    def pauses(self) -> dict[str, Pause]:
        """What is held, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(held).order_by(held.c.name))
            return {r.name: Pause(r.name, r.since, r.by, r.why) for r in rows}

    def troubles(self) -> list[tuple[str, datetime]]:
        """What is wrong just now, by its title, and since when."""
        query = select(alerts).where(alerts.c.ended.is_(None)).order_by(alerts.c.since)
        with reading(self._engine) as connection:
            return [(row.title, row.since) for row in connection.execute(query)]
