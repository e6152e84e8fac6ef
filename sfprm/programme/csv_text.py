"""CSV text to rows that know their line; quoted line breaks counted right.

RFC 4180 with a header line; a list in a cell is written `PT; ES`.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.rows import Row, split_list
from sfprm.programme.spreadsheet import meant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.programme.source import Source

__all__ = ["Row", "Table", "csv_records", "parse_csv", "split_list"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Table:
    """A header and rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def parse_csv(
    source: Source,
    complaints: Complaints,
    *,
    known: tuple[str, ...],
    required: tuple[str, ...],
    extra: Callable[[str], bool],
) -> Table | None:
    """The table, without the rows complained about. None when the header is of no use.

    `extra` tells whether an unknown column is allowed all the same (`Account.Phone`).
    """
    records = csv_records(source, complaints)
    if not records:
        complaints.error(
            source.place(), "holds no header line.", f"Start it with: {','.join(known)}"
        )
        return None
    line, header = records[0]
    columns = tuple(cell.strip() for cell in header)
    if not _header_fits(source.place(line), columns, complaints, known, required, extra):
        return None
    rows = []
    for line, cells in records[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            complaints.error(
                source.place(line),
                f"{len(cells)} cells, but the header has {len(columns)} columns.",
                "A cell that holds a comma must stand in double quotes."
                if len(cells) > len(columns)
                else "Add the missing commas at the end of the line.",
            )
            continue
        trimmed = {column: meant(cell.strip()) for column, cell in zip(columns, cells, strict=True)}
        bad = next((column for column, cell in trimmed.items() if _CONTROL.search(cell)), None)
        if bad is not None:
            complaints.error(source.place(line), f"holds a control character (column {bad}).")
            continue
        rows.append(Row(source.file, line, trimmed))
    return Table(columns, tuple(rows))


def csv_records(source: Source, complaints: Complaints) -> list[tuple[int, list[str]]]:
    """Each record with the line it starts on; stops at a record that cannot be read."""
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return records
        except csv.Error as error:
            complaints.error(
                source.place(line),
                f"not CSV from here on: {error}.",
                'Quotes inside a quoted cell are doubled: "say ""yes""".',
            )
            return records
        if cells:
            records.append((line, cells))
        line = reader.line_num + 1


def _header_fits(
    place: Place,
    columns: tuple[str, ...],
    complaints: Complaints,
    known: tuple[str, ...],
    required: tuple[str, ...],
    extra: Callable[[str], bool],
) -> bool:
    if len(columns) == 1 and ";" in columns[0]:
        complaints.error(
            place, "the cells are separated by ';', not by ','.", "Save it as comma-separated CSV."
        )
        return False
    fits = True
    for index, column in enumerate(columns):
        if column in columns[:index]:
            complaints.error(place, f"column {column!r} stands twice.", "Keep one of the two.")
            fits = False
        elif column not in known and not extra(column):
            missing = [name for name in known if name not in columns]
            complaints.error(
                place,
                f"unknown column {column!r}." if column else "a column without a name.",
                did_you_mean(column, missing or known) or f"Known columns: {', '.join(known)}.",
            )
    for name in required:
        if name not in columns:
            complaints.error(
                place, f"column {name!r} is missing.", f"Known columns: {', '.join(known)}."
            )
            fits = False
    return fits
