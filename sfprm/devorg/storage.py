"""Records in SQLite: one table an object, one real column a field.

Values as they are stored: text; booleans 0 or 1, never null; `int` INTEGER; double, currency and
percent REAL; instants as text `YYYY-MM-DDTHH:MM:SS.000+0000`; dates `YYYY-MM-DD`; ids of 18
characters; an empty string is stored as null, as Salesforce does. Compound fields (addresses) have
no column; the Name of a person is computed from its parts by the table itself.

With a file the database is in WAL mode, so what was committed survives the death of the process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sfprm.devorg.ddl import NAME_OF_PARTS, column_sql, indexes_sql, is_indexed, quoted
from sfprm.devorg.functions import SQL_FUNCTIONS
from sfprm.devorg.ids import mint
from sfprm.devorg.schema import ChildRelationship, FieldDef, ObjectDef, Schema
from sfprm.devorg.schema.keeping import field_of, object_of, object_text

__all__ = ["Snapshot", "Storage", "quoted"]

Row = dict[str, Any]

_CACHE_KIB = 65_536
"""Memory that pages of a file may take."""

_WAL_PAGES = 8_000
"""Pages (4 KiB) that the log may hold before they are brought into the file. Fewer would write the
same pages of the indexes again and again, and wait for the disk each time."""

_LOADED_AT_ONCE = 5_000

_ANY_OF = "(SELECT value FROM json_each(?))"


class Snapshot:
    """A copy of a whole database, made by `Storage.snapshot` and given back to `restore`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Frees the copy."""
        self._connection.close()


class Storage:
    """One org's records. Every method may be called from any thread; a transaction keeps the
    others out until it ends.
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
        self._tables: dict[str, dict[str, FieldDef]] = {}
        self._computed: dict[str, frozenset[str]] = {}
        self._prefixes: dict[str, str] = {}
        self._flags: dict[str, set[str]] = {}
        if path is not None:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        for name, (arguments, function) in SQL_FUNCTIONS.items():
            self._connection.create_function(name, arguments, function, deterministic=True)
        with self.transaction():
            self._run('CREATE TABLE IF NOT EXISTS "_meta" (key TEXT PRIMARY KEY, value TEXT)')
            self._run('CREATE TABLE IF NOT EXISTS "_serial" (prefix TEXT PRIMARY KEY, last INT)')
            self._run(
                'CREATE TABLE IF NOT EXISTS "_added" (object TEXT, field TEXT, definition TEXT, '
                "PRIMARY KEY (object, field))"
            )
            self._run(
                'CREATE TABLE IF NOT EXISTS "_objects" (name TEXT PRIMARY KEY, definition TEXT)'
            )
            self._run(
                'CREATE TABLE IF NOT EXISTS "_children" (parent TEXT, child TEXT, field TEXT, '
                "definition TEXT, PRIMARY KEY (parent, child, field))"
            )

    def close(self) -> None:
        """Closes the database. What was committed stays in the file."""
        with self._lock:
            self._connection.close()

    @property
    def changes(self) -> int:
        """How many rows were written so far: as long as it stands, nothing has changed."""
        return self._connection.total_changes

    # Tables

    def create(self, schema: Schema) -> None:
        """Makes the tables, columns and indexes that are not there yet, and gives the schema the
        objects and fields that were deployed into this database before.
        """
        with self.transaction():
            self._learn(schema)
            for definition in schema.objects():
                self._create_table(definition)

    def _learn(self, schema: Schema) -> None:
        """Keeps in mind which columns there are, deployed ones included."""
        self._tables.clear()
        for definition in schema.objects():
            self._know(definition)
        for (text,) in self.execute('SELECT definition FROM "_objects" ORDER BY rowid'):
            added = object_of(text)
            schema.put_object(added)
            self._know(added)
        for object_, field in self.added_fields():
            schema.add_field(object_, field)
            self._tables[object_][field.name] = field
            if field.type == "boolean":
                self._flags[object_].add(field.name)
        for parent, text in self.execute('SELECT parent, definition FROM "_children"'):
            schema.add_child(parent, ChildRelationship(**json.loads(text)))

    def _know(self, definition: ObjectDef) -> None:
        """Notes an object's columns; those that it had before stay columns."""
        name = definition.name
        stored = {one.name: one for one in definition.fields if not one.is_compound}
        computed = {one.name for one in definition.fields if one.is_compound}
        if definition.name_is_made_of_parts:
            computed.add("Name")
        self._tables[name] = {**self._tables.get(name, {}), **stored}
        self._computed[name] = frozenset(computed)
        self._prefixes[name] = definition.key_prefix
        self._flags[name] = {n for n, one in self._tables[name].items() if one.type == "boolean"}

    def _create_table(self, definition: ObjectDef) -> None:
        name = definition.name
        columns = [
            NAME_OF_PARTS if one.name in self._computed[name] else column_sql(one)
            for one in self._tables[name].values()
        ]
        self._run(
            f'CREATE TABLE IF NOT EXISTS {quoted(name)} ({", ".join(columns)}, PRIMARY KEY ("Id"))'
        )
        self._add_new_columns(name)
        self._create_indexes(name)

    def _add_new_columns(self, object_: str) -> None:
        """A table made with an older definition gets the columns that came since."""
        rows = self.execute("SELECT name FROM pragma_table_xinfo(?)", (object_,))
        there = {name.lower() for (name,) in rows}
        for name, field in self._tables[object_].items():
            if name.lower() not in there:
                self._run(f"ALTER TABLE {quoted(object_)} ADD COLUMN {column_sql(field)}")

    def _create_indexes(self, object_: str) -> None:
        for field in self._tables[object_].values():
            if is_indexed(field):
                self._create_index(object_, field)

    def _create_index(self, object_: str, field: FieldDef) -> None:
        for statement in indexes_sql(object_, field, self._tables[object_]):
            self._run(statement)

    def add_object(self, schema: Schema, definition: ObjectDef) -> None:
        """Adds a deployed object to the schema and the database, which keeps its definition; one
        of the same name is replaced, its records and columns stay.
        """
        with self.transaction():
            self._know(definition)
            self._create_table(definition)
            self._run('DELETE FROM "_added" WHERE object = ?', (definition.name,))
            self._run(
                'INSERT OR REPLACE INTO "_objects" VALUES (?, ?)',
                (definition.name, object_text(definition)),
            )
        schema.put_object(definition)

    def add_child(self, schema: Schema, parent: str, relationship: ChildRelationship) -> None:
        """Adds a deployed child relationship to the schema and keeps it in the database. Raises
        KeyError when there is no such parent.
        """
        schema.add_child(parent, relationship)
        self.execute(
            'INSERT OR REPLACE INTO "_children" VALUES (?, ?, ?, ?)',
            (parent, relationship.child, relationship.field, json.dumps(asdict(relationship))),
        )

    def add_column(self, object_: str, field: FieldDef) -> None:
        """Adds a deployed field's column, and keeps its definition in the database; a field that
        is there already only gets the new definition.
        """
        with self.transaction():
            if field.name not in self._tables[object_]:
                self._run(f"ALTER TABLE {quoted(object_)} ADD COLUMN {column_sql(field)}")
            self._tables[object_][field.name] = field
            if field.type == "boolean":
                self._flags[object_].add(field.name)
            if is_indexed(field):
                self._create_index(object_, field)
            self._run(
                'INSERT OR REPLACE INTO "_added" VALUES (?, ?, ?)',
                (object_, field.name, json.dumps(asdict(field))),
            )

    def drop_column(self, object_: str, field: str) -> None:
        """Removes a deployed field's column with its values."""
        with self.transaction():
            indexes = self.execute(
                "SELECT DISTINCT l.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i "
                "WHERE i.name = ?",
                (object_, field),
            )
            for (name,) in indexes:
                self._run(f"DROP INDEX {quoted(name)}")
            self._run(f"ALTER TABLE {quoted(object_)} DROP COLUMN {quoted(field)}")
            self._run('DELETE FROM "_added" WHERE object = ? AND field = ?', (object_, field))
            self._tables[object_].pop(field)

    def added_fields(self) -> list[tuple[str, FieldDef]]:
        """The fields that were deployed into this database, as (object, field)."""
        rows = self.execute('SELECT object, definition FROM "_added" ORDER BY rowid')
        return [(object_, field_of(json.loads(text))) for object_, text in rows]

    # Records

    def insert(self, object_: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Inserts records and gives their ids, in order; a record without Id gets a new one.
        Computed columns given are left out.

        Raises KeyError for a field that the object does not have, and sqlite3.IntegrityError for
        an Id that is there already.
        """
        by_fields: dict[tuple[str, ...], list[list[Any]]] = {}
        ids = []
        with self.savepoint():
            stored = [self._stored(object_, row) for row in rows]
            wanted = sum(values.get("Id") is None for values in stored)
            new_ids = iter(self.next_ids(self._prefixes[object_], wanted) if wanted else ())
            for values in stored:
                if values.get("Id") is None:
                    values["Id"] = next(new_ids)
                ids.append(values["Id"])
                by_fields.setdefault(tuple(values), []).append(list(values.values()))
            for names, values_list in by_fields.items():
                columns = ", ".join(map(quoted, names))
                marks = ", ".join("?" * len(names))
                self._connection.executemany(
                    f"INSERT INTO {quoted(object_)} ({columns}) VALUES ({marks})",  # noqa: S608
                    values_list,
                )
        return ids

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
                self._load_chunk(object_, chunk)
                count += len(chunk)
            self._create_indexes(object_)
        if self._depth == 0:
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _load_chunk(self, object_: str, chunk: Sequence[Mapping[str, Any]]) -> None:
        wanted = sum(row.get("Id") is None for row in chunk)
        ids = iter(self.next_ids(self._prefixes[object_], wanted) if wanted else ())
        for keys, rows in groupby(chunk, key=tuple):
            names = [key for key in keys if key != "Id" and key not in self._computed[object_]]
            for name in names:
                self._known(object_, name)
            known = self._tables[object_]
            marks = [
                "coalesce(?, 0)" if known[name].type == "boolean" else "nullif(?, '')"
                for name in names
            ]
            columns = ", ".join(map(quoted, ["Id", *names]))
            pick = _picker(names)
            self._connection.executemany(
                f"INSERT INTO {quoted(object_)} ({columns}) "  # noqa: S608
                f"VALUES ({', '.join(['?', *marks])})",
                ((row.get("Id") or next(ids), *pick(row)) for row in rows),
            )

    def update(self, object_: str, id_: str, values: Mapping[str, Any]) -> bool:
        """Changes the given fields of one record. False when there is no such record."""
        stored = self._stored(object_, values)
        stored.pop("Id", None)
        if not stored:
            return self.get(object_, id_) is not None
        changes = ", ".join(f"{quoted(name)} = ?" for name in stored)
        with self._lock:
            done = self._connection.execute(
                f'UPDATE {quoted(object_)} SET {changes} WHERE "Id" = ?',  # noqa: S608
                (*stored.values(), id_),
            )
            return done.rowcount == 1

    def get(self, object_: str, id_: str) -> Row | None:
        """One record with all its columns, booleans as bool; None when there is none."""
        found = self.find(object_, Id=id_)
        return found[0] if found else None

    def find(
        self, object_: str, where: Mapping[str, Any] | None = None, /, **equals: Any
    ) -> list[Row]:
        """The records whose fields equal all of these, by Id; None finds null, and a list, tuple
        or set finds any of its values. Text compares without regard to case.
        """
        conditions, parameters = [], []
        for name, value in {**(where or {}), **equals}.items():
            self._known(object_, name)
            if isinstance(value, (list, tuple, set, frozenset)):
                conditions.append(f"{quoted(name)} IN {_ANY_OF}")
                parameters.append(json.dumps([_plain(one) for one in value]))
            else:
                plain = _plain(value)
                conditions.append(f"{quoted(name)} {'IS' if plain is None else '='} ?")
                parameters.append(plain)
        condition = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._lock:
            cursor = self._connection.execute(
                f'SELECT * FROM {quoted(object_)}{condition} ORDER BY "Id"',  # noqa: S608
                parameters,
            )
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, values, strict=True)) for values in cursor]
        for row in rows:
            for name in self._flags[object_]:
                row[name] = bool(row[name])
        return rows

    def delete(self, object_: str, id_: str) -> bool:
        """Removes a record for good. False when there was none."""
        with self._lock:
            done = self._connection.execute(
                f'DELETE FROM {quoted(object_)} WHERE "Id" = ?',  # noqa: S608
                (id_,),
            )
            return done.rowcount == 1

    def _stored(self, object_: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a row as they are stored, without computed columns."""
        computed = self._computed[object_]
        values = {name: value for name, value in row.items() if name not in computed}
        unknown = values.keys() - self._tables[object_].keys()
        if unknown:
            raise KeyError(f"{object_} has no column {min(unknown)}")
        for name in self._flags[object_] & values.keys():
            values[name] = 1 if values[name] else 0
        if "" in values.values():
            values = {name: None if value == "" else value for name, value in values.items()}
        return values

    def _known(self, object_: str, name: str) -> None:
        if name not in self._tables[object_]:
            raise KeyError(f"{object_} has no column {name}")

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

    # Serials and settings

    def next_id(self, prefix: str) -> str:
        """A new id for objects with this key prefix. Never given twice, unless rolled back."""
        return self.next_ids(prefix, 1)[0]

    def next_ids(self, prefix: str, count: int) -> list[str]:
        """That many new ids, in order."""
        rows = self.execute(
            'INSERT INTO "_serial" VALUES (?, ?) ON CONFLICT (prefix) '
            "DO UPDATE SET last = last + excluded.last RETURNING last",
            (prefix, count),
        )
        last = int(rows[0][0])
        return [mint(prefix, serial) for serial in range(last - count + 1, last + 1)]

    def meta_get(self, key: str, default: Any = None) -> Any:
        """A kept setting (any JSON value), or the default."""
        rows = self.execute('SELECT value FROM "_meta" WHERE key = ?', (key,))
        return json.loads(rows[0][0]) if rows else default

    def meta_set(self, key: str, value: Any) -> None:
        """Keeps a setting (any JSON value)."""
        self.execute('INSERT OR REPLACE INTO "_meta" VALUES (?, ?)', (key, json.dumps(value)))

    # SQL

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Runs one statement and gives all its rows, values as stored."""
        with self._lock:
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

    # Snapshots

    def snapshot(self) -> Snapshot:
        """A copy of everything, in memory."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with self._lock:
            self._connection.backup(copy)
        return Snapshot(copy)

    def restore(self, snapshot: Snapshot, schema: Schema) -> None:
        """Goes back to a snapshot. `schema` is a freshly loaded one; it is given the fields that
        were deployed when the snapshot was made, and must replace the one in use.
        """
        with self._lock:
            snapshot._connection.backup(self._connection)
            self._learn(schema)


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Takes the values of these names from a row."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]


def _plain(value: Any) -> Any:
    if value == "":
        return None
    if isinstance(value, bool):
        return int(value)
    return value
