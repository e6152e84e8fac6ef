"""INSERT as both databases know it, with ON CONFLICT; and long lists of ids cut to size."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import LargeBinary, TypeDecorator, select
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Dialect, Table
    from sqlalchemy.types import TypeEngine

T = TypeVar("T")

LONG = 16
"""Numbers of a run from which it is named by its ends."""

ROOM = 500
"""Most values in one IN list; well under the databases' limits on bound values."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's database; the two share `on_conflict_*` in form."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns."""
    if rows:
        names = tuple(rows[0])
        insert_rows(connection, table, names, [tuple(row[name] for name in names) for row in rows])


def insert_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows given as tuples, in the order of `names`. On SQLite values are made ready a
    column at a time, and handed to the driver as they are: SQLAlchemy's work on each cost twice
    the insert."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
        return
    columns: list[Iterable[Any]] = []
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        ready = _made_ready(table.c[name].type, connection.dialect)
        columns.append(values if ready is None else map(ready, values))
    listed, marks = ", ".join([f'"{name}"' for name in names]), ", ".join("?" * len(names))
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})',  # noqa: S608  (our own names)
        list(zip(*columns, strict=True)),
    )


def _made_ready(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What is done to each value of the kind; None: nothing. Bytes SQLite takes as they are."""
    if isinstance(kind, LargeBinary):
        return None
    if isinstance(kind, TypeDecorator) and isinstance(kind.impl_instance, LargeBinary):
        return partial(kind.process_bind_param, dialect=dialect)
    return kind.dialect_impl(dialect).bind_processor(dialect)


def known_among(connection: Connection, column: Column[T], values: Iterable[T]) -> list[T]:
    """Those of the values that an indexed column holds, each once. Cheap where most are not there:
    on SQLite the values go to the driver as they are, under a text that it knows already."""
    found: dict[T, None] = {}
    table, name = column.table.name, column.name
    sqlite_ = connection.dialect.name == "sqlite"
    ready = _made_ready(column.type, connection.dialect) or _as_it_is
    for piece in pieces(values):
        if not sqlite_:
            found.update(
                dict.fromkeys(connection.execute(select(column).where(column.in_(piece))).scalars())
            )
            continue
        marks = ", ".join("?" * len(piece))
        by_value = dict(zip(map(ready, piece), piece, strict=True))
        query = f'SELECT "{name}" FROM "{table}" WHERE "{name}" IN ({marks})'  # noqa: S608
        for (value,) in connection.exec_driver_sql(query, tuple(by_value)):
            found[by_value[value]] = None
    return list(found)


def _as_it_is(value: Any) -> Any:
    return value


def runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The numbers as first and last of each unbroken run, in order: entries of a batch nearly are
    one, and a database finds a run faster than each of its numbers."""
    ordered = iter(sorted(set(numbers)))
    first = last = next(ordered, None)
    if first is None or last is None:
        return
    for number in ordered:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def among(column: ColumnElement[int], numbers: Iterable[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for those numbers, each once: by runs where they are long, by
    lists else."""
    rest: list[int] = []
    for first, last in runs(numbers):
        if last - first >= LONG:
            yield column.between(first, last)
        else:
            rest.extend(range(first, last + 1))
    for piece in pieces(rest):
        yield column.in_(piece)


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most `ROOM`, each value once, in order of first appearance."""
    unique = list(dict.fromkeys(values))
    for at in range(0, len(unique), ROOM):
        yield unique[at : at + ROOM]
