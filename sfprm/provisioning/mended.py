"""An error file that somebody has mended, back onto the steps it came from. Pure but for reading.

Rows are known by kind and key. Only the columns of fields count; a cell that still says what was
sent changes nothing. Rows that were taken out of the file are run as they were planned.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.provisioning.result import FIXED_COLUMNS, cell_of, unharmed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.steps import PlannedStep

__all__ = ["Mended", "mend", "read_errors"]

Cells = dict[tuple[str, str], dict[str, str]]
_TRUE = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Mended:
    """The plan with mended values, and what was mended: `label: Field old → new`."""

    plan: Plan
    changes: tuple[str, ...]


def read_errors(path: Path) -> Cells:
    """(kind, key) → field → cell. Raises BadRequest when it is no error file of sfprm's."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"kind", "key"} <= set(reader.fieldnames or ()):
                raise BadRequest(
                    f"{path} is no error file: it has no columns kind and key.",
                    hint="Mend the file that apply wrote (runs/<run>/errors.csv); keep its header.",
                )
            return {
                (unharmed(row["kind"]), unharmed(row["key"])): {
                    name: unharmed(value)
                    for name, value in row.items()
                    if name and name not in FIXED_COLUMNS and value is not None
                }
                for row in reader
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"The error file {path} cannot be read: {error}.") from error


def mend(plan: Plan, cells: Cells) -> Mended:
    """The plan with the cells' values in place of those that were sent. Raises BadRequest for a
    row that is no step of the plan."""
    known = {(s.kind, s.key) for s in plan.steps}
    strange = next((at for at in cells if at not in known), None)
    if strange is not None:
        raise BadRequest(
            f"The error file has a row {strange[0]} {strange[1]}, which the plan does not hold.",
            hint="Mend the values only; kind and key tell which row it is.",
        )
    said: list[str] = []
    steps = tuple(_mended(s, cells.get((s.kind, s.key), {}), said) for s in plan.steps)
    return Mended(replace(plan, steps=steps), tuple(said))


def _mended(step: PlannedStep, cells: Mapping[str, str], said: list[str]) -> PlannedStep:
    new: dict[str, FieldValue] = {}
    for name, old in step.after.items():
        cell = cells.get(name)
        if cell is None or cell == cell_of(old):
            continue
        new[name] = _typed(cell, old)
        said.append(f"{step.label}: {name} {cell_of(old)} → {cell}")
    if not new:
        return step
    remember = {**step.remember, **{n: v for n, v in new.items() if n in step.remember}}
    return replace(step, after={**step.after, **new}, remember=remember)


def _typed(cell: str, old: FieldValue) -> FieldValue:
    """The cell as the kind of value that it replaces; empty is null."""
    if cell == "":
        return None
    if isinstance(old, bool):
        return _TRUE.get(cell.strip().lower(), cell)
    if isinstance(old, int | float):
        try:
            return int(cell) if cell.strip().lstrip("-").isdigit() else float(cell)
        except ValueError:
            return cell
    return cell
