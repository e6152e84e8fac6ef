"""What `partners:` and `people:` name, as rows: CSV files, YAML files, and entries in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.csv_text import parse_csv
from sfprm.programme.layers import listed_files
from sfprm.programme.record_files import PartnersFile, PeopleFile
from sfprm.programme.rows import Cell, Row
from sfprm.programme.shape import shape
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import Tree, Value, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.programme.csv_columns import CsvColumns
    from sfprm.programme.file_base import File
    from sfprm.programme.source import Source

__all__ = ["Header", "Listed", "Reading", "entry_row"]

_SUFFIXES = (".csv", ".yaml", ".yml")
_OBJECTS = {"account": "Account", "contact": "Contact", "user": "User", "attributes": "partner"}
_SHAPES: dict[str, type[File]] = {"partners": PartnersFile, "people": PeopleFile}


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one CSV file."""

    place: Place
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows in the order of the files, duplicates among them, and the CSV files' headers."""

    rows: tuple[Row, ...]
    headers: tuple[Header, ...]


class Reading:
    """Reads the rows of one kind (`partners`, `people`)."""

    def __init__(
        self,
        root: Path,
        kind: str,
        columns: CsvColumns,
        complaints: Complaints,
        *,
        partial: bool = False,
    ) -> None:
        """`partial`: rows of an overlay, which need a key only."""
        self._root = root
        self._kind = kind
        self._columns = columns
        self._complaints = complaints
        self._partial = partial
        self._rows: list[Row] = []
        self._headers: list[Header] = []

    def read(self, forms: Iterable[Value]) -> Listed:
        """The rows of file names, mappings by key, and entries that hold their key."""
        for form in forms:
            if form.entries is None:
                if form.text:
                    self._files(form)
            elif "key" in form.entries and form.entries["key"][1].text:
                key = form.entries["key"][1]
                place = key.place
                rest = {k: v for k, v in form.entries.items() if k != "key"}
                entry = Value(form.place, None, entries=rest)
                self._mapping(Value(form.place, None, entries={key.text: (place, entry)}))
            else:
                self._mapping(form)
        return Listed(tuple(self._rows), tuple(self._headers))

    def _files(self, name: Value) -> None:
        folder = Path(name.place.file).parent
        hint = f"It is named by `{self._kind}:` ({name.place.origin})."
        for path in listed_files(self._root, folder, name, self._complaints, _SUFFIXES):
            source = read_source(path, str(path), self._complaints, hint=hint)
            if source is None:
                continue
            if path.suffix in (".yaml", ".yml"):
                tree = parse_yaml(source, self._complaints)
                if tree is not None:
                    self._shaped(tree.root, source)
            else:
                self._csv(source)

    def _csv(self, source: Source) -> None:
        table = parse_csv(
            source,
            self._complaints,
            known=self._columns.known,
            required=("key",) if self._partial else self._columns.required,
            extra=self._columns.extra,
        )
        if table is not None:
            self._headers.append(Header(source.place(1), table.columns))
            self._rows += table.rows

    def _mapping(self, value: Value) -> None:
        """Entries in place; they have been shaped with their file already, unless an overlay's."""
        if self._partial:
            self._shaped(value, None)
        else:
            self._entries(value)

    def _shaped(self, value: Value, source: Source | None) -> None:
        """Entries that nothing has checked yet."""
        from sfprm.programme.source import Source as Text

        given = source or Text(value.place.file, "", ())
        whole = Value(value.place, None, entries={self._kind: (value.place, value)})
        shaped = shape(Tree(given, whole), _SHAPES[self._kind], self._complaints)
        if shaped is not None:
            self._entries(shaped[1].at(self._kind))

    def _entries(self, value: Value) -> None:
        for key, (place, entry) in (value.entries or {}).items():
            if entry.entries is not None:
                self._rows.append(entry_row(key, place, entry))


def entry_row(key: str, place: Place, entry: Value) -> Row:
    """One entry of YAML as a row."""
    cells: dict[str, Cell] = {"key": key}
    spots: dict[str, Place] = {"key": place}
    for name, (at, value) in (entry.entries or {}).items():
        if name in _OBJECTS and value.entries is not None:
            for field_, (field_at, inner) in value.entries.items():
                column = f"{_OBJECTS[name]}.{field_}"
                cells[column] = _cell(inner)
                spots[column] = field_at
        elif name == "match" and value.entries is not None:
            cells[name] = "; ".join(f"{f}={v.text}" for f, (_, v) in value.entries.items())
            spots[name] = value.place
        else:
            cells[name] = _cell(value)
            spots[name] = value.place if value.text else at
    return Row(place.file, place.line, cells, place, spots)


def _cell(value: Value) -> Cell:
    if value.items is not None:
        return tuple(item.text.strip() for item in value.items)
    return value.plain.strip() if isinstance(value.plain, str) else value.plain
