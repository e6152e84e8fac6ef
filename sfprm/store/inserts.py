"""INSERT as both databases know it, with ON CONFLICT; and long lists of ids cut to size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Table

T = TypeVar("T")

ROOM = 500
"""Most values in one IN list; well under the databases' limits on bound values."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's database; the two share `on_conflict_*` in form."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most `ROOM`, each value once, in order of first appearance."""
    unique = list(dict.fromkeys(values))
    for at in range(0, len(unique), ROOM):
        yield unique[at : at + ROOM]
