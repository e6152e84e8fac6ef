"""Records into the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sfprm.devorg.ddl import quoted
from sfprm.devorg.storage.reading import Reading

__all__ = ["Writing"]

_LOADED_AT_ONCE = 5_000


class Writing(Reading):
    """Inserts, changes and deletes records. Rows that come one after another with the same fields
    in the same order are written by one statement.
    """

    def insert(self, object_: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Inserts records and gives their ids, in order; a record without Id gets a new one.
        Computed columns given are left out.

        Raises KeyError for a field that the object does not have, and sqlite3.IntegrityError for
        an Id that is there already.
        """
        with self.unit():
            return self._insert(object_, list(rows))

    def load(self, object_: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Loads many records, all or none, and says how many; indexes are made afterwards. `rows`
        may be a generator: memory stays flat. As `insert` else, but that the ids are not told.
        """
        count = 0
        left = iter(rows)
        with self.savepoint():
            indexes = self.execute(
                "SELECT name FROM sqlite_master "
                "WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
                (object_,),
            )
            for (name,) in indexes:
                self._run(f"DROP INDEX {quoted(name)}")
            while chunk := list(islice(left, _LOADED_AT_ONCE)):
                self._insert(object_, chunk)
                count += len(chunk)
            self._create_indexes(object_)
        if self._depth == 0:
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _insert(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        self._wrote(object_)
        ids: list[Any] = [row.get("Id") for row in rows]
        wanted = ids.count(None)
        if wanted:
            new_ids = iter(self.next_ids(self._prefixes[object_], wanted))
            ids = [next(new_ids) if id_ is None else id_ for id_ in ids]
            rows = [{**row, "Id": id_} for row, id_ in zip(rows, ids, strict=True)]
        computed = self._computed[object_]
        for keys, group in groupby(rows, key=tuple):
            names = [key for key in keys if key not in computed]
            lines = list(map(_picker(names), group))
            marks = ", ".join(self._marks(object_, names, lines))
            self._connection.executemany(
                f"INSERT INTO {quoted(object_)} "  # noqa: S608
                f"({', '.join(map(quoted, names))}) VALUES ({marks})",
                lines,
            )
        return ids

    def update(self, object_: str, id_: str, values: Mapping[str, Any]) -> bool:
        """Changes the given fields of one record. False when there is no such record."""
        with self._lock:
            return self._update(object_, [(id_, values)]) == 1

    def update_all(self, object_: str, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Changes the given fields of records, given by their ids; how many there are. Computed
        columns and Id are left out; raises KeyError for a field that the object does not have.
        """
        with self.unit():
            return self._update(object_, changes)

    def _update(self, object_: str, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        self._wrote(object_)
        done = 0
        for keys, group in groupby(changes, key=lambda one: tuple(one[1])):
            computed = self._computed[object_]
            names = [key for key in keys if key != "Id" and key not in computed]
            if not names:
                done += sum(self.get(object_, id_) is not None for id_, _ in group)
                continue
            pick = _picker(names)
            lines = [(*pick(values), id_) for id_, values in group]
            marks = self._marks(object_, names, lines)
            sets = ", ".join(
                f"{quoted(name)} = {mark}" for name, mark in zip(names, marks, strict=True)
            )
            done += self._connection.executemany(
                f'UPDATE {quoted(object_)} SET {sets} WHERE "Id" = ?',  # noqa: S608
                lines,
            ).rowcount
        return done

    def delete(self, object_: str, id_: str) -> bool:
        """Removes a record for good. False when there was none."""
        with self._lock:
            self._wrote(object_)
            done = self._connection.execute(
                f'DELETE FROM {quoted(object_)} WHERE "Id" = ?',  # noqa: S608
                (id_,),
            )
            return done.rowcount == 1

    def _marks(
        self, object_: str, names: Sequence[str], lines: Sequence[tuple[Any, ...]]
    ) -> list[str]:
        """Where the values of these lines go, made into what is stored."""
        other = "nullif(?, '')" if any("" in line for line in lines) else "?"
        return [
            "coalesce(?, 0)" if self._known(object_, name).type == "boolean" else other
            for name in names
        ]


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Takes the values of these names from a row."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)
