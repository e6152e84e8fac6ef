"""The objects' tables: one an object, one real column a field. Deployed objects and fields are kept
in the database, which gives them to the schema again when it is opened.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from sfprm.devorg.ddl import NAME_OF_PARTS, column_sql, indexes_sql, is_indexed, quoted
from sfprm.devorg.schema import ChildRelationship, FieldDef, ObjectDef, Schema
from sfprm.devorg.schema.keeping import field_of, object_of, object_text
from sfprm.devorg.storage.connection import Snapshot
from sfprm.devorg.storage.meta import Meta

__all__ = ["Tables"]

_NARROW = "History"
"""Short rows, written with every lead: they stand in the tree of their ids, not beside it."""


class Tables(Meta):
    """A database that knows its objects' columns."""

    def __init__(self, path: str | None) -> None:
        super().__init__(path)
        self._tables: dict[str, dict[str, FieldDef]] = {}
        self._computed: dict[str, frozenset[str]] = {}
        self._prefixes: dict[str, str] = {}
        self._flags: dict[str, set[str]] = {}
        with self.transaction():
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
        self._wrote(definition.name)
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
        kind = " WITHOUT ROWID" if name.endswith(_NARROW) else ""
        self._run(
            f"CREATE TABLE IF NOT EXISTS {quoted(name)} "
            f'({", ".join(columns)}, PRIMARY KEY ("Id")){kind}'
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
            self._wrote(object_)
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
            self._wrote(object_)
            self._tables[object_].pop(field)
            self._flags[object_].discard(field)

    def added_fields(self) -> list[tuple[str, FieldDef]]:
        """The fields that were deployed into this database, as (object, field)."""
        rows = self.execute('SELECT object, definition FROM "_added" ORDER BY rowid')
        return [(object_, field_of(json.loads(text))) for object_, text in rows]

    def restore(self, snapshot: Snapshot, schema: Schema) -> None:
        """Goes back to a snapshot. `schema` is a freshly loaded one; it is given the fields that
        were deployed when the snapshot was made, and must replace the one in use.
        """
        with self._lock:
            self._become(snapshot)
            self._learn(schema)

    def _wrote(self, object_: str) -> None:
        """The object's records or columns are not what they were."""

    def _known(self, object_: str, name: str) -> FieldDef:
        """The column of that name. Raises KeyError."""
        field = self._tables[object_].get(name)
        if field is None:
            raise KeyError(f"{object_} has no column {name}")
        return field
