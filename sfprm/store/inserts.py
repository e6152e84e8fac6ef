"""INSERT as both databases know it, with ON CONFLICT; and long lists of ids cut to size."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import LargeBinary, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection, Dialect, Table
    from sqlalchemy.types import TypeEngine

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


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most `ROOM`, each value once, in order of first appearance."""
    unique = list(dict.fromkeys(values))
    for at in range(0, len(unique), ROOM):
        yield unique[at : at + ROOM]
