"""What a result shows to a person, apart from any terminal: tables and lines of text.

Results of jobs and questions give `blocks()`; the one renderer in `sfprm.cli` draws them. What they
give to machines (`to_json()`) becomes text here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Bars", "Block", "Table", "Text", "json_text"]

READ_BY_PEOPLE = 200_000
"""Bytes of JSON up to which it is laid out in lines; laying out costs fifty times the rest."""
_AS_JSON_DOES = (
    orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
)


def json_text(body: Any, indent: int) -> str:
    """The body as JSON, in indented lines unless it is too long to be read by eye."""
    try:
        text = orjson.dumps(body, default=str, option=_AS_JSON_DOES)
    except TypeError:  # half a surrogate pair, a whole number of more than 64 bits
        return json.dumps(body, ensure_ascii=False, indent=indent, default=str)
    if len(text) > READ_BY_PEOPLE:
        return text.decode()
    return json.dumps(body, ensure_ascii=False, indent=indent, default=str)


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


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart: for each row its label and one number a series, all in one unit."""

    title: str
    unit: str
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    def as_table(self, width: int = 26) -> Table:
        """The same as a table; one series gets bars of blocks."""
        most = max((value for _, values in self.rows for value in values), default=0)
        alone = len(self.series) == 1
        bar = ("",) if alone else ()
        return Table(
            columns=("", *self.series, *bar),
            rows=tuple(
                (
                    label,
                    *(f"{value:,.0f}" for value in values),
                    *(("█" * round(width * values[0] / most) if most else "",) if alone else ()),
                )
                for label, values in self.rows
            ),
            title=f"{self.title} ({self.unit})",
            right=tuple(range(1, len(self.series) + 1)),
        )


Block = Table | Text | Bars
