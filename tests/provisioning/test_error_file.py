"""The error file of an apply."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sfprm.provisioning.result import ApplyResult, FailedRow, write_errors


def row(label: str = "Acme", number: int = 1) -> FailedRow:
    """A failed creation of a user."""
    return FailedRow(
        number, "CreateUser", "User", "ines", label, "failed", "CODE", "words", "fix", {"A": label}
    )


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "|x"])
def test_formulas_are_made_harmless(tmp_path: Path, cell: str) -> None:
    """A spreadsheet must not run what a name holds."""
    write_errors(tmp_path / "errors.csv", [row(cell)])
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert read[0]["label"] == "'" + cell


@pytest.mark.parametrize("cell", ["Inês, “Lda”", 'say "x"', "two\nlines", "日本 🙂", "a" * 255])
def test_any_text_comes_back(tmp_path: Path, cell: str) -> None:
    """Commas, quotes, line breaks, every script."""
    write_errors(tmp_path / "deep" / "errors.csv", [row(cell)])
    with (tmp_path / "deep" / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert read[0]["label"] == cell


def test_failed_and_skipped_rows_are_in_order_of_the_plan() -> None:
    """Every row that was not done, each once."""
    result = ApplyResult({}, (row(number=2),), (row(number=1),), {}, 3, 1.0)
    assert [r.number for r in result.errors] == [1, 2]
    assert not result.is_whole
