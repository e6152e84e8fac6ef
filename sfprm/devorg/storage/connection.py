"""One SQLite database: transactions, statements, copies of the whole.

With a file the database is in WAL mode, so what was committed survives the death of the process.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sfprm.devorg.functions import SQL_FUNCTIONS

__all__ = ["Connection", "Snapshot"]

_CACHE_KIB = 65_536
"""Memory that pages of a file may take."""

_CHANGING = ("UPDATE", "DELETE")

_WAL_PAGES = 8_000
"""Pages (4 KiB) that the log may hold before they are brought into the file. Fewer would write the
same pages of the indexes again and again, and wait for the disk each time."""


class Snapshot:
    """A copy of a whole database, made by `Storage.snapshot` and given back to `restore`."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None = None) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def of_file(cls, path: Path) -> Snapshot:
        """The copy in a file that nobody writes."""
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        opened = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        return cls(opened, path)

    def moved(self, path: Path) -> Snapshot:
        """The same copy under another name. This one is closed."""
        assert self._path is not None
        self.close()
        return Snapshot.of_file(self._path.replace(path))

    def close(self) -> None:
        """Frees the copy."""
        self._connection.close()


class Connection:
    """The database. Every method may be called from any thread; a transaction keeps the others out
    until it ends.
    """

    def __init__(self, path: str | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path if path is not None else ":memory:",
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        self._depth = 0
        if path is not None:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        for name, (arguments, function) in SQL_FUNCTIONS.items():
            self._connection.create_function(name, arguments, function, deterministic=True)

    def close(self) -> None:
        """Closes the database. What was committed stays in the file."""
        with self._lock:
            self._connection.close()

    @property
    def changes(self) -> int:
        """How many rows were written so far: as long as it stands, nothing has changed."""
        return self._connection.total_changes

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one it is a savepoint."""
        with self.savepoint():
            yield

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What happens inside is undone when an exception leaves the block. Nests."""
        with self._lock:
            name = f"level{self._depth}"
            outermost = self._depth == 0
            self._connection.execute("BEGIN IMMEDIATE" if outermost else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._undone()
                if outermost:
                    self._connection.execute("ROLLBACK")
                else:
                    self._connection.execute(f"ROLLBACK TO {name}")
                    self._connection.execute(f"RELEASE {name}")
                raise
            else:
                self._connection.execute("COMMIT" if outermost else f"RELEASE {name}")
            finally:
                self._depth -= 1

    def _undone(self) -> None:
        """Records or settings changed past the other methods: forget what was known of them."""

    @contextmanager
    def unit(self) -> Iterator[None]:
        """All or nothing by the transaction that is open already, which must not go on after an
        exception; by one of its own when none is. A savepoint would copy each page that is changed.
        """
        with self._lock:
            if self._depth:
                yield
            else:
                with self.savepoint():
                    yield

    # Statements

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Runs one statement and gives all its rows, values as stored."""
        with self._lock:
            if sql.startswith(_CHANGING):
                self._undone()
            return self._connection.execute(sql, parameters).fetchall()

    def stream(
        self,
        sql: str,
        parameters: Sequence[Any],
        size: int,
        take: Callable[[list[tuple[Any, ...]]], None],
    ) -> None:
        """Runs one statement and hands its rows on, `size` at a time."""
        with self._lock:
            cursor = self._connection.execute(sql, parameters)
            while rows := cursor.fetchmany(size):
                take(rows)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(sql, parameters)

    # Copies

    def snapshot(self) -> Snapshot:
        """A copy of everything, in memory."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with self._lock:
            self._connection.backup(copy)
        return Snapshot(copy)

    def snapshot_into(self, path: Path) -> Snapshot:
        """A copy of everything, in a file; one that is there already is overwritten."""
        path.unlink(missing_ok=True)
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            copy.execute("PRAGMA synchronous=OFF")
            with self._lock:
                self._connection.backup(copy)
        finally:
            copy.close()
        return Snapshot.of_file(path)

    def _become(self, snapshot: Snapshot) -> None:
        self._undone()
        snapshot._connection.backup(self._connection)
