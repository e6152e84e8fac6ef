"""`lookups:` of routing.yaml: CSV files to look-up tables."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.csv_text import parse_csv
from sfprm.programme.lookup_model import BETWEEN, Lookup, folded
from sfprm.programme.meaning import SEVERAL
from sfprm.programme.paths import Source, path_of
from sfprm.programme.rows import split_list
from sfprm.programme.source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.csv_text import Table
    from sfprm.programme.hours_files import LookupFile
    from sfprm.programme.sheet import Sheet

__all__ = ["build_lookups"]


def build_lookups(written: Mapping[str, LookupFile], sheet: Sheet) -> dict[str, Lookup]:
    """The tables by name, as far as they are right. Files are found from the YAML file's folder."""
    found = {}
    for name, file in written.items():
        table = _lookup(name, file, sheet)
        if table is None:
            sheet.broken.add(name)
        else:
            found[name] = table
    return found


def _lookup(name: str, file: LookupFile, sheet: Sheet) -> Lookup | None:
    place = sheet.tree.key("lookups", name)
    if not (name.isidentifier() and name.isascii()):
        sheet.complaints.error(
            place, f"{name!r} cannot be a look-up's name.", "Use letters, digits and '_'."
        )
        return None
    written = (file.key,) if isinstance(file.key, str) else tuple(file.key)
    where = sheet.tree.at("lookups", name, "key").place
    paths = [path_of(key) for key in written]
    if not written or any(p is None or p.source not in (Source.LEAD, Source.PARENT) for p in paths):
        sheet.complaints.error(
            where, f"look-up {name!r}: its keys must be Lead fields.", "Such as: key: PostalCode"
        )
        return None
    at = sheet.tree.at("lookups", name, "file").place
    path = Path(at.file).parent / file.file
    source = read_source(
        path, str(path), sheet.complaints, hint=f"It is named by `lookups:` ({at.origin})."
    )
    if source is None:
        return None
    table = parse_csv(
        source, sheet.complaints, known=written, required=written, extra=lambda _: True
    )
    if table is None:
        return None
    columns = tuple(c for c in table.columns if c not in written)
    if not columns:
        sheet.complaints.error(
            source.place(1), "the table tells nothing: all its columns are keys.", "Add a column."
        )
        return None
    return Lookup(
        name=name,
        keys=tuple(p.text for p in paths if p is not None),
        columns=columns,
        longest_prefix=file.longest_prefix,
        content=hashlib.sha256(source.text.encode()).hexdigest(),
        origin=place.origin,
        rows=MappingProxyType(_rows(table, written, columns, file, sheet)),
    )


def _rows(
    table: Table, keys: tuple[str, ...], columns: tuple[str, ...], file: LookupFile, sheet: Sheet
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    for row in table.rows:
        parts = [folded(row.get(key), prefix=False) for key in keys[:-1]]
        parts.append(folded(row.get(keys[-1]), prefix=file.longest_prefix))
        if "" in parts:
            sheet.complaints.error(
                row.place, "a key is empty.", "Write * for everything that no other row names."
            )
            continue
        key = BETWEEN.join(parts)
        if key in found:
            sheet.complaints.error(
                row.place, f"the same key as on line {lines[key]}.", "Keep one of the two rows."
            )
            continue
        lines[key] = row.line
        found[key] = tuple(SEVERAL.join(split_list(row.get(column))) for column in columns)
    return found
