"""What every part of the model is made of: a place in the files and a field's value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FieldValue", "Origin"]

FieldValue = str | int | float | bool | None
"""A Salesforce field's value as JSON carries it. Dates and datetimes are ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the files something is declared. `line` starts at 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"
