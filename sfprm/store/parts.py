"""Parts of large runs: rows that whoever is free takes up, in their order, once those they wait for
are done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Interval, delete, exists, func, literal, select, update

from sfprm.ids import RunId
from sfprm.store.book import Book
from sfprm.store.engine import at_once, reading, writing
from sfprm.store.records import RunState
from sfprm.store.tables import runs
from sfprm.store.work_tables import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import ColumnElement, Connection, Row

__all__ = ["Part", "PartBook"]


FILES = -1
"""The number of the row that holds what the parts go by."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run. `state`: waiting, running, done or failed; `fence` grows with each worker
    that takes it up. `after`: numbers of the parts that must be done before it, `before`: what they
    brought, once it is taken up."""

    id: str
    run: RunId
    number: int
    kind: str
    content: Any
    state: str = "waiting"
    fence: int = 0
    worker: str | None = None
    result: Any = None
    message: str = ""
    after: tuple[int, ...] = ()
    before: tuple[Any, ...] = ()


class PartBook(Book):
    """Parts by their run."""

    def add_parts(self, added: Sequence[Part]) -> None:
        """Store parts of one run, waiting; those that they wait for are among them, or were stored
        before."""
        then: dict[int, list[int]] = {}
        for part in added:
            for number in part.after:
                then.setdefault(number, []).append(part.number)
        earlier = {n: then[n] for n in then.keys() - {part.number for part in added}}
        with writing(self._engine) as connection:
            done = _told_to_free(connection, added[0].run, earlier) if earlier else frozenset()
            connection.execute(
                parts.insert(),
                [
                    {
                        "id": part.id,
                        "run": part.run,
                        "number": part.number,
                        "kind": part.kind,
                        "content": part.content,
                        "state": "waiting",
                        "fence": 0,
                        "message": "",
                        "after": list(part.after),
                        "then": then.get(part.number, []),
                        "waits": len(set(part.after) - done),
                    }
                    for part in added
                ],
            )

    def keep_files(self, run: RunId, programme: str) -> None:
        """Keep the programme that the run's parts go by, as JSON, while there are parts."""
        with writing(self._engine) as connection:
            connection.execute(
                parts.insert().values(
                    id=f"{run}.files",
                    run=run,
                    number=FILES,
                    kind="files",
                    content=programme,
                    state="files",
                    fence=0,
                    message="",
                )
            )

    def files_of(self, run: RunId) -> str | None:
        """The programme that the run's parts go by; None when it has none any more."""
        query = select(parts.c.content).where(parts.c.run == run, parts.c.number == FILES)
        with reading(self._engine) as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
            return found

    def take_part(self, run: RunId, *, worker: str, seconds: float) -> Part | None:
        """Take up the first part of the run that may begin and that nobody has, or whose worker has
        been silent for too long, for `seconds`; None when there is none just now.

        One statement, as it is asked often in vain.
        """
        now, until = self._from_now(seconds)
        free = (
            select(parts.c.id)
            .where(
                parts.c.run == run,
                parts.c.waits == 0,
                (parts.c.state == "waiting")
                | ((parts.c.state == "running") & (parts.c.until <= now)),
            )
            .order_by(parts.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        take = (
            update(parts)
            .where(parts.c.id == free)
            .values(state="running", worker=worker, fence=parts.c.fence + 1, until=until)
            .returning(*parts.c)
        )
        with self._at_once() as connection:
            row = connection.execute(take).one_or_none()
            if row is None:
                return None
            return replace(_part(row), before=_brought(connection, run, row.after))

    def _at_once(self) -> AbstractContextManager[Connection]:
        return at_once(self._engine) if self.shared else writing(self._engine)

    def _from_now(self, seconds: float) -> tuple[ColumnElement[datetime], ColumnElement[datetime]]:
        """Now, and so many seconds from now, by the clock that leases go by."""
        if self.shared:
            now = func.clock_timestamp(type_=parts.c.until.type)
            return now, now + literal(timedelta(seconds=seconds), Interval())
        at = datetime.now(UTC)
        later = at + timedelta(seconds=seconds)
        return literal(at, parts.c.until.type), literal(later, parts.c.until.type)

    def finish_part(self, part: Part, *, state: str, result: Any, message: str = "") -> bool:
        """End a part; False when another has taken it up meanwhile."""
        with writing(self._engine) as connection:
            ended = connection.execute(
                update(parts)
                .where(parts.c.id == part.id, parts.c.fence == part.fence)
                .values(state=state, result=result, message=message, until=None)
                .returning(parts.c.then)
            ).one_or_none()
            if ended is not None and ended.then and state == "done":
                connection.execute(
                    update(parts)
                    .where(parts.c.run == part.run, parts.c.number.in_(ended.then))
                    .values(waits=parts.c.waits - 1)
                )
            return ended is not None

    def may_take_ahead(self, part: Part) -> bool:
        """Whether whoever is about to end the part should take another before: not when the end
        frees one that others wait for in turn, as whoever ends it takes that up at once, and not
        when there are fewer to take than workers who will come for them."""
        mine = parts.c.run == part.run, parts.c.number > FILES
        free = (parts.c.state == "waiting") & (parts.c.waits == 0)
        numbers = select(parts.c.then).where(parts.c.id == part.id)
        counts = select(
            func.count().filter(free).label("free"),
            func.count().filter(parts.c.state == "running").label("running"),
        )
        with self._at_once() as connection:
            then = connection.execute(numbers).scalar_one_or_none() or []
            last = parts.c.number.in_(then) & (parts.c.waits == 1)
            if connection.execute(select(exists().where(*mine, last))).scalar_one():
                return False
            found = connection.execute(counts.where(*mine)).one()
            return bool(found.free >= found.running)

    def parts_by_state(self, run: RunId) -> dict[str, int]:
        """How many parts of the run are in each state."""
        query = (
            select(parts.c.state, func.count().label("many"))
            .where(parts.c.run == run, parts.c.number > FILES)
            .group_by(parts.c.state)
        )
        with self._at_once() as connection:
            return {row.state: row.many for row in connection.execute(query)}

    def results_of(self, run: RunId) -> list[Any]:
        """What the parts of the run brought, in order of number."""
        query = select(parts.c.result).where(parts.c.run == run, parts.c.number > FILES)
        with reading(self._engine) as connection:
            return list(connection.execute(query.order_by(parts.c.number)).scalars())

    def parts_of(self, run: RunId) -> list[Part]:
        """In order of number."""
        query = select(parts).where(parts.c.run == run, parts.c.number > FILES)
        with reading(self._engine) as connection:
            return [_part(row) for row in connection.execute(query.order_by(parts.c.number))]

    def forget_parts(self, run: RunId) -> None:
        """Drop the parts of a run that has ended."""
        with writing(self._engine) as connection:
            connection.execute(delete(parts).where(parts.c.run == run))

    def forget_orphans(self) -> None:
        """Drop the parts of runs that are not under way: their process died."""
        under_way = exists().where(runs.c.id == parts.c.run, runs.c.state == RunState.RUNNING.value)
        with writing(self._engine) as connection:
            connection.execute(delete(parts).where(~under_way))


def _told_to_free(
    connection: Connection, run: RunId, then: Mapping[int, Sequence[int]]
) -> frozenset[int]:
    """Have parts that are not done yet free those that wait for them, by number; which are done. A
    part that is being finished meanwhile is waited for: its row is locked."""
    query = (
        select(parts.c.id, parts.c.number, parts.c.state, parts.c.then)
        .where(parts.c.run == run, parts.c.number.in_(then))
        .order_by(parts.c.number)
        .with_for_update()
    )
    done = set()
    for row in connection.execute(query).all():
        if row.state == "done":
            done.add(row.number)
            continue
        told = [*(row.then or ()), *then[row.number]]
        connection.execute(update(parts).where(parts.c.id == row.id).values(then=told))
    return frozenset(done)


def _brought(connection: Connection, run: str, numbers: Sequence[int] | None) -> tuple[Any, ...]:
    if not numbers:
        return ()
    query = select(parts.c.result).where(parts.c.run == run, parts.c.number.in_(numbers))
    return tuple(connection.execute(query.order_by(parts.c.number)).scalars())


def _part(row: Row[Any]) -> Part:
    return Part(
        id=row.id,
        run=RunId(row.run),
        number=row.number,
        kind=row.kind,
        content=row.content,
        state=row.state,
        fence=row.fence,
        worker=row.worker,
        result=row.result,
        message=row.message,
        after=tuple(row.after or ()),
    )
