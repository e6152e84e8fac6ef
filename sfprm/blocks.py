"""What a result shows to a person, apart from any terminal: tables and lines of text.

Results of jobs and questions give `blocks()`; the one renderer in `sfprm.cli` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Block", "Table", "Text"]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of ready text. `right` holds the indexes of right-aligned columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    right: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Lines shown as they are."""

    lines: tuple[str, ...]


Block = Table | Text
