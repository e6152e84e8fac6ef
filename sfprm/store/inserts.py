"""INSERT as both databases know it, with ON CONFLICT; and long lists of ids cut to size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection, Table

T = TypeVar("T")

ROOM = 500
"""Most values in one IN list; well under the databases' limits on bound values."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's database; the two share `on_conflict_*` in form."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns. On SQLite values are made ready a column at a
    time, and handed to the driver as they are: SQLAlchemy's work on each cost twice the insert."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(table.insert(), list(rows))
        return
    names = tuple(rows[0])
    columns = []
    for name in names:
        values: Iterable[Any] = [row[name] for row in rows]
        ready = (
            table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        )
        columns.append(values if ready is None else map(ready, values))
    listed, marks = ", ".join([f'"{name}"' for name in names]), ", ".join("?" * len(names))
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})',  # noqa: S608  (our own names)
        list(zip(*columns, strict=True)),
    )


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most `ROOM`, each value once, in order of first appearance."""
    unique = list(dict.fromkeys(values))
    for at in range(0, len(unique), ROOM):
        yield unique[at : at + ROOM]
