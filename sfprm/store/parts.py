"""Parts of large runs: rows that whoever is free takes up, in their order, once those they wait for
are done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from sfprm.ids import RunId
from sfprm.store.book import Book
from sfprm.store.engine import reading, writing
from sfprm.store.work_tables import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Part", "PartBook"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run. `state`: waiting, running, done or failed; `fence` grows with each worker
    that takes it up."""

    id: str
    run: RunId
    number: int
    kind: str
    content: Any
    state: str
    fence: int
    worker: str | None = None
    result: Any = None
    message: str = ""


class PartBook(Book):
    """Parts by their run."""

    def add_parts(self, added: Sequence[Part]) -> None:
        """Store parts, waiting."""
        with writing(self._engine) as connection:
            connection.execute(
                parts.insert(),
                [
                    {
                        "id": part.id,
                        "run": part.run,
                        "number": part.number,
                        "kind": part.kind,
                        "content": part.content,
                        "state": part.state,
                        "fence": 0,
                        "message": "",
                    }
                    for part in added
                ],
            )

    def claim_part(self, id_: str, *, worker: str, seconds: float) -> Part | None:
        """Take a part up; None when it is done, gone, or another's whose lease holds."""
        with writing(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            row = connection.execute(
                select(parts).where(parts.c.id == id_).with_for_update()
            ).one_or_none()
            if row is None or row.state in ("done", "failed"):
                return None
            if row.state == "running" and row.until is not None and row.until > at:
                return None
            connection.execute(
                update(parts)
                .where(parts.c.id == id_)
                .values(
                    state="running",
                    worker=worker,
                    fence=row.fence + 1,
                    until=at + timedelta(seconds=seconds),
                )
            )
            return Part(
                id_, RunId(row.run), row.number, row.kind, row.content, "running", row.fence + 1
            )

    def free_part(self, run: RunId) -> str | None:
        """The first part of the run that nobody has, or whose worker has been silent too long."""
        with reading(self._engine) as connection:
            at = self._now(connection, datetime.now(UTC))
            query = (
                select(parts.c.id)
                .where(
                    parts.c.run == run,
                    (parts.c.state == "waiting")
                    | ((parts.c.state == "running") & (parts.c.until < at)),
                )
                .order_by(parts.c.number)
                .limit(1)
            )
            return connection.execute(query).scalar()

    def finish_part(self, part: Part, *, state: str, result: Any, message: str = "") -> bool:
        """End a part; False when another has taken it up meanwhile."""
        with writing(self._engine) as connection:
            done = connection.execute(
                update(parts)
                .where(parts.c.id == part.id, parts.c.fence == part.fence)
                .values(state=state, result=result, message=message, until=None)
            )
            return done.rowcount == 1

    def parts_of(self, run: RunId) -> list[Part]:
        """In order of number."""
        query = select(parts).where(parts.c.run == run).order_by(parts.c.number)
        with reading(self._engine) as connection:
            return [
                Part(
                    r.id, RunId(r.run), r.number, r.kind, r.content, r.state, r.fence, r.worker,
                    r.result, r.message,
                )
                for r in connection.execute(query)
            ]  # fmt: skip

    def forget_parts(self, run: RunId) -> None:
        """Drop the parts of a run that has ended."""
        with writing(self._engine) as connection:
            connection.execute(delete(parts).where(parts.c.run == run))
