"""What an apply has done, row by row, and the error file of what it could not do."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sfprm.ids import RecordId

__all__ = [
    "FIXED_COLUMNS",
    "ApplyResult",
    "FailedRow",
    "cell_of",
    "kind_words",
    "unharmed",
    "write_errors",
]

FIXED_COLUMNS = ("kind", "object", "key", "label", "state", "code", "message", "fix")
"""Columns of the error file before those of the fields that were sent, by API name."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|")


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A step that was refused by the org (`failed`), whose record has moved since the plan was
    made (`moved`), that was left out because of another (`skipped`), or waits for its window
    (`waiting`).

    `values` are those that were sent, so that the row can be mended."""

    number: int
    kind: str
    object: str
    key: str
    label: str
    state: str
    code: str
    message: str
    fix: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """Every step of the plan is in exactly one of done, failed, skipped.

    `done` counts steps by kind; `already` those of a saved plan that were found done; `ids` are the
    records made or changed, by ref; `calls` counts the API calls of the apply alone; `locks` the
    chunks that met a lock to the end; `user_seconds` the time that creating users took."""

    done: Mapping[str, int]
    failed: tuple[FailedRow, ...]
    skipped: tuple[FailedRow, ...]
    ids: Mapping[str, RecordId]
    calls: int
    seconds: float
    adopted: tuple[str, ...] = ()
    already: int = 0
    waiting: tuple[FailedRow, ...] = ()
    locks: int = 0
    user_seconds: float = 0.0

    @property
    def changed(self) -> int:
        """How many steps were carried out."""
        return sum(self.done.values())

    @property
    def is_whole(self) -> bool:
        """Whether nothing failed or was left out; otherwise the job ends partly done."""
        return not self.failed and not self.skipped

    @property
    def errors(self) -> tuple[FailedRow, ...]:
        """What belongs into the error file."""
        return tuple(sorted((*self.failed, *self.skipped), key=lambda r: r.number))

    def counts(self) -> dict[str, int]:
        """`changed`, `failed`, `skipped`, and each kind of step; `users_ms` is what creating
        `CreateUser` users took, from which the next plan estimates."""
        sums = {"changed": self.changed, "failed": len(self.failed), "skipped": len(self.skipped)}
        pace = {"users_ms": round(self.user_seconds * 1000)} if "CreateUser" in self.done else {}
        return {**sums, **self.done, **pace}

    def blocks(self) -> tuple[Block, ...]:
        """A table of what was done, then each failure with its fix."""
        out: list[Block] = []
        if self.done:
            rows = tuple((kind_words(kind), str(count)) for kind, count in self.done.items())
            out.append(Table(("step", "done"), rows, right=(1,)))
        lines = []
        for row in self.failed:
            lines.append(f"! {kind_words(row.kind)} {row.label}: {row.message}")
            lines.append(f"  fix: {row.fix}")
        if self.skipped:
            lines.append(f"{len(self.skipped)} more wait for these.")
        summary = f"{self.changed} changed, written in {self.calls} API calls, {self.seconds:.1f} s"
        if not self.is_whole:
            summary += f", {len(self.failed)} failed, {len(self.skipped)} left out"
        if self.already:
            summary += f", {self.already} found done already"
        if self.waiting:
            summary += f", {len(self.waiting)} wait for the window"
        if self.locks:
            summary += f", lock waits {self.locks}"
        out.append(Text((*lines, f"{summary}.")))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "done": dict(self.done),
            "changed": self.changed,
            "failed": [_row_json(row) for row in self.failed],
            "skipped": [_row_json(row) for row in self.skipped],
            "waiting": [_row_json(row) for row in self.waiting],
            "already": self.already,
            "adopted": list(self.adopted),
            "ids": dict(self.ids),
            "calls": self.calls,
            "seconds": round(self.seconds, 3),
        }


def kind_words(kind: str) -> str:
    """`CreateAccount` → `create account`."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind).strip()


def _row_json(row: FailedRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "kind": row.kind,
        "object": row.object,
        "key": row.key,
        "label": row.label,
        "code": row.code,
        "message": row.message,
        "fix": row.fix,
        "values": dict(row.values),
    }


def write_errors(path: Path, rows: Sequence[FailedRow]) -> None:
    """Write the rows as CSV (UTF-8 with a mark, so that spreadsheets read every script): what
    failed and why, then each field that was sent, to be mended in place.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV
    injection). Makes the folder. Raises OSError."""
    fields = sorted({name for row in rows for name in row.values})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*FIXED_COLUMNS, *fields))
        for row in rows:
            cells = (row.kind, row.object, row.key, row.label, row.state, row.code)
            sent = (cell_of(row.values[name]) if name in row.values else "" for name in fields)
            writer.writerow([_harmless(c) for c in (*cells, row.message, row.fix, *sent)])


def cell_of(value: Any) -> str:
    """A field's value as a cell says it; null is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def unharmed(cell: str) -> str:
    """The cell without the apostrophe that `write_errors` put before a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
