"""Locks that lapse, each with a number that grows with its holder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, tuple_, update

from sfprm.store.book import Book
from sfprm.store.engine import reading, writing
from sfprm.store.inserts import insert
from sfprm.store.work_tables import leases

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lease", "Leases"]


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock held, or the words of who holds it. `fence` 0: not got."""

    name: str
    fence: int
    holder: str = ""


class Leases(Book):
    """Locks by name."""

    def take_lease(
        self, name: str, *, worker: str, run: str, words: str, seconds: float, now: datetime
    ) -> Lease:
        """Hold the name for `seconds`, with a fence of its own; or say who holds it."""
        with writing(self._engine) as connection:
            at = self._now(connection, now)
            connection.execute(
                insert(connection, leases)
                .values(name=name, fence=0, words="", calls=0)
                .on_conflict_do_nothing()
            )
            row = connection.execute(
                select(leases).where(leases.c.name == name).with_for_update()
            ).one()
            if row.until is not None and row.until > at:
                since = row.since.isoformat(timespec="seconds")
                return Lease(name, 0, f"{row.words}, since {since}")
            fence = row.fence + 1
            connection.execute(
                update(leases)
                .where(leases.c.name == name)
                .values(
                    fence=fence,
                    worker=worker,
                    run=run,
                    words=words,
                    since=at,
                    until=at + timedelta(seconds=seconds),
                    calls=0,
                )
            )
            return Lease(name, fence)

    def drop_lease(self, lease: Lease) -> None:
        """Let go, if it is still held."""
        with writing(self._engine) as connection:
            connection.execute(
                update(leases)
                .where(leases.c.name == lease.name, leases.c.fence == lease.fence)
                .values(until=None, worker=None)
            )

    def stands(self, held: Sequence[Lease]) -> bool:
        """Whether all of them are still held by who took them."""
        with reading(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            rows = connection.execute(
                select(leases.c.name, leases.c.fence).where(
                    leases.c.name.in_([lease.name for lease in held]), leases.c.until > at
                )
            )
            return {(row.name, row.fence) for row in rows} >= {(x.name, x.fence) for x in held}

    def calls_under(self, held: Sequence[Lease]) -> int:
        """API calls made under these leases, by whichever process, as long as nobody has taken
        them since."""
        mine = tuple_(leases.c.name, leases.c.fence).in_([(one.name, one.fence) for one in held])
        with reading(self._engine) as connection:
            found = connection.execute(select(func.max(leases.c.calls)).where(mine)).scalar_one()
            return int(found or 0)

    def leases(self) -> list[tuple[str, str, datetime]]:
        """Locks held now: name, holder in words, since when."""
        with reading(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            rows = connection.execute(
                select(leases).where(leases.c.until > at).order_by(leases.c.name)
            )
            return [(row.name, row.words, row.since) for row in rows]
