"""A partner or person as written, wherever: a row of a CSV file, an entry of YAML, an overlay's.

The cells' names are those of the CSV columns (`csv_columns`). A cell that comes from elsewhere
than the rest of its row (an overlay, a template) knows its own place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.programme.model import FieldValue

__all__ = ["NULL", "Cell", "Row", "split_list"]

NULL = "#N/A"
"""In a field's cell: empty the field. Data Loader's word; an empty cell says nothing."""

Cell = str | int | float | bool | None | tuple[str, ...]
"""CSV gives text; YAML gives also numbers, truth values, lists, and None for `null`."""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column. `line` is where the row starts, from 1; `where` is its spot when more than
    file and line are known; `spots` are those of single cells."""

    file: str
    line: int
    cells: Mapping[str, Cell]
    where: Place | None = None
    spots: Mapping[str, Place] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """The row as a spot."""
        return self.where or Place(self.file, self.line)

    def at(self, column: str) -> Place:
        """The cell's own spot, else the row's."""
        return self.spots.get(column) or self.place

    def named(self, column: str) -> str:
        """` (column tier)` for a complaint about a cell; nothing where the spot shows it."""
        return "" if column in self.spots else f" (column {column})"

    def get(self, column: str) -> str:
        """The cell as text, '' when it or its column is missing."""
        cell = self.cells.get(column)
        if cell is None:
            return ""
        if isinstance(cell, tuple):
            return "; ".join(cell)
        if isinstance(cell, bool):
            return "true" if cell else "false"
        return str(cell)

    def many(self, column: str) -> tuple[str, ...]:
        """The cell as a list, each value once."""
        cell = self.cells.get(column)
        values = cell if isinstance(cell, tuple) else split_list(self.get(column))
        return tuple(dict.fromkeys(values))

    def says(self, column: str) -> bool:
        """Whether the cell says something; YAML's `null` does, an empty cell does not."""
        return column in self.cells and self.cells[column] not in ("", ())

    def value(self, column: str) -> FieldValue:
        """The cell as a field's value; None for `null` and `#N/A`."""
        cell = self.cells.get(column)
        if isinstance(cell, tuple):
            return ";".join(cell)
        return None if cell == NULL else cell

    def under(self, head: str) -> Iterable[str]:
        """Columns `head.…` that say something."""
        return [c for c in self.cells if c.startswith(f"{head}.") and self.says(c)]

    def over(self, other: Row) -> Row:
        """This row's cells where they say something, else the other's; the other's place.

        `null` here empties the other's cell.
        """
        cells = dict(other.cells)
        spots = dict(other.spots)
        for column in self.cells:
            if self.says(column):
                cells[column] = self.cells[column]
                spots[column] = self.at(column)
        return Row(other.file, other.line, cells, other.where, spots)

    def filled_from(self, template: Row) -> Row:
        """The row, and the template's cells where the row says nothing."""
        cells = dict(self.cells)
        spots = dict(self.spots)
        for column in template.cells:
            if template.says(column) and not self.says(column):
                cells[column] = template.cells[column]
                spots[column] = template.at(column)
        return Row(self.file, self.line, cells, self.where, spots)


def split_list(cell: str) -> tuple[str, ...]:
    """`PT; ES` → ("PT", "ES"); empty parts are dropped."""
    return tuple(part for part in (piece.strip() for piece in cell.split(";")) if part)
