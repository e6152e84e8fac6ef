"""What both migrations have in common: the mapping beside the file, findings, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfprm.blocks import Table
from sfprm.errors import BadRequest
from sfprm.provisioning.migrate_draft import Finding
from sfprm.provisioning.migrate_mapping import Guess, Mapping_, missing_targets

__all__ = [
    "SHOWN",
    "checked",
    "columns_table",
    "findings_json",
    "findings_table",
    "guessed_json",
    "mapping_path",
    "named",
    "save_mapping",
]

SHOWN = 20
"""Findings that are printed; all of them stand in report.csv."""
_OTHERWISE = {"partners": "Leave out --leads.", "leads": "Add --leads."}
"""What to type for a mapping of that kind."""


def mapping_path(file: Path, given: Path | None) -> Path:
    """Where the mapping is kept."""
    return given or file.with_name(f"{file.stem}.mapping.yaml")


def save_mapping(path: Path, text: str) -> None:
    """Write a mapping. Raises BadRequest when it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadRequest(
            f"The mapping cannot be written to {path}: {error.strerror or error}.",
            hint="Name another place with --mapping.",
        ) from error


def checked(
    mapping: Mapping_, path: Path, guesses: Mapping[str, Guess], kind: str
) -> Mapping_ | None:
    """The mapping when it is enough to load by; None when a guess was not enough. Raises BadRequest
    for one of another kind, and when a person's mapping lacks something."""
    if mapping.kind != kind:
        raise BadRequest(f"{path} is a mapping of {mapping.kind}.", hint=_OTHERWISE[mapping.kind])
    missing = missing_targets(mapping)
    if not missing:
        return mapping
    if guesses:
        return None
    raise BadRequest(f"{path}: no column is {', '.join(missing)}.", hint="Name it in the mapping.")


def columns_table(file: Path, guesses: Mapping[str, Guess]) -> Table:
    """Each column and what it was taken for."""
    rows = tuple(
        (column, guess.target, f"{guess.sureness} %" if guess.sureness else "")
        for column, guess in guesses.items()
    )
    title = f"Columns of {file.name}, as guessed"
    return Table(("column", "is", "sure"), rows, title=title, right=(2,))


def findings_table(title: str, findings: Sequence[Finding]) -> Table:
    """The first findings, those that hold a row before the others."""
    more = f", the first {SHOWN} of {len(findings)}" if len(findings) > SHOWN else ""
    rows = tuple(
        (str(f.row), f.column, f.what, f.advice)
        for f in sorted(findings, key=lambda f: (not f.held, f.row))[:SHOWN]
    )
    return Table(("row", "column", "what", "advice"), rows, title=f"{title}{more}", right=(0,))


def guessed_json(guesses: Mapping[str, Guess]) -> dict[str, Any]:
    """Columns as guessed, for machines."""
    return {c: {"is": g.target, "sure": g.sureness} for c, g in guesses.items()}


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """All findings, for machines."""
    return [
        {
            "row": f.row,
            "column": f.column,
            "code": f.code,
            "what": f.what,
            "advice": f.advice,
            "held": f.held,
        }
        for f in findings
    ]


def named(**files: Path | None) -> dict[str, Path]:
    """The files that were written, by what they are."""
    return {what: path for what, path in files.items() if path is not None}
