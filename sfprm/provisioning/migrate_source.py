"""A table of somebody else's, read as text: CSV of any usual kind, Excel, Parquet.

Rows keep their number and their cells as they were read, so that they can be given back. A cell
that was made harmless for spreadsheets (`'=…`) is read as what was meant.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.spreadsheet import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["OURS", "SourceRow", "SourceTable", "read_source_table"]

OURS = "sfprm_"
"""Columns that begin so were added by sfprm: an error file may be given back as it is."""
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row. `number` as a spreadsheet counts, the header being 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Columns and rows; every row has as many cells as there are columns."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]


def read_source_table(path: Path, sheet: str | None = None) -> SourceTable:
    """The table in the file. Raises BadRequest with what is wrong and what to do."""
    if not path.is_file():
        raise BadRequest(f"There is no file {path}.", hint="Name a .csv, .xlsx or .parquet file.")
    suffix = path.suffix.lower()
    try:
        if suffix in (".xlsx", ".xlsm"):
            columns, rows = _excel(path, sheet)
        elif suffix == ".parquet":
            columns, rows = _parquet(path)
        else:
            columns, rows = _csv(path)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror or error}.") from error
    return _table(path, columns, rows)


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> SourceTable:
    names = [name.strip() for name in columns]
    while names and not names[-1]:
        names.pop()
    keep = [at for at, name in enumerate(names) if not name.startswith(OURS)]
    names = [names[at] for at in keep]
    if not names:
        raise BadRequest(f"{path} has no header line.", hint="Name the columns in the first row.")
    if "" in names:
        where = names.index("") + 1
        raise BadRequest(f"{path}: column {where} has no name.", hint="Name it, or take it out.")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise BadRequest(f"{path}: two columns are called {twice!r}.", hint="Rename one of them.")
    out = []
    for number, row in enumerate(rows, 2):
        if any(cell.strip() for cell in row):
            cells = tuple(row[at] if at < len(row) else "" for at in keep)
            if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
                raise BadRequest(
                    f"{path}, row {number}: {len(row)} cells, but {len(columns)} columns.",
                    hint="A cell that holds the separator must stand in double quotes.",
                )
            out.append(SourceRow(number, cells))
        if number > MOST_ROWS:
            raise BadRequest(f"{path} has more than {MOST_ROWS:,} rows.", hint="Split the file.")
    return SourceTable(str(path), tuple(names), tuple(out))


def _csv(path: Path) -> tuple[Sequence[str], list[list[str]]]:
    text = _decoded(path)
    first = text.partition("\n")[0]
    separator = max(",;\t|", key=first.count) if first else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise BadRequest(
            f"{path} is not CSV: {error}.",
            hint='Quotes inside a quoted cell are doubled: "say ""yes""".',
        ) from error
    if not rows:
        raise BadRequest(f"{path} is empty.")
    return rows[0], [[meant(cell) for cell in row] for row in rows[1:]]


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadRequest(
            f"{path}, line {line}: not UTF-8 (byte 0x{raw[error.start]:02x}).",
            hint="Save it again as UTF-8 (in Excel: 'CSV UTF-8'), or give the .xlsx itself.",
        ) from error


def _excel(path: Path, sheet: str | None) -> tuple[Sequence[str], list[list[str]]]:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise BadRequest(
            "Excel files need the library openpyxl.", hint="pip install 'sfprm[excel]'"
        ) from error
    from zipfile import BadZipFile

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise BadRequest(f"{path} is no Excel workbook: {error}.") from error
    try:
        if sheet is not None and sheet not in book.sheetnames:
            listed = f"Its sheets: {', '.join(book.sheetnames)}."
            hint = did_you_mean(sheet, book.sheetnames) or listed
            raise BadRequest(f"{path} has no sheet {sheet!r}.", hint=hint)
        page = book[sheet] if sheet is not None else book[book.sheetnames[0]]
        others = [name for name in book.sheetnames if name != page.title]
        rows = [[_text(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    finally:
        book.close()
    if not any(any(row) for row in rows):
        other = f"--sheet names another: {', '.join(others)}." if others else None
        raise BadRequest(f"{path}: sheet {page.title!r} is empty.", hint=other)
    return rows[0], rows[1:]


def _parquet(path: Path) -> tuple[Sequence[str], list[list[str]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise BadRequest(
            "Parquet files need the library pyarrow.", hint="pip install 'sfprm[parquet]'"
        ) from error
    try:
        table = parquet.read_table(path)
    except ArrowException as error:
        raise BadRequest(f"{path} is no Parquet file: {error}.") from error
    names = [str(name) for name in table.column_names]
    columns = [column.to_pylist() for column in table.columns]
    return names, [[_text(value) for value in row] for row in zip(*columns, strict=True)]


def _text(value: Any) -> str:
    """A cell's value as text; whole numbers without point, dates in ISO form, lists with `;`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "; ".join(_text(item) for item in value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
