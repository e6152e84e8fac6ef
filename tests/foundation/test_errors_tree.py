"""The error tree: families, exit codes, and the next step in every one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import sfprm
from sfprm import errors
from sfprm.errors import BadFiles, Complaint, SfprmError

EXIT_CODES = {
    "BadRequest": 2,
    "BadFiles": 2,
    "BadSettings": 2,
    "NotReady": 1,
    "OrgRefused": 1,
    "LoginRefused": 1,
    "PermissionMissing": 1,
    "RowRefused": 1,
    "TryLater": 1,
    "OrgUnreachable": 1,
    "OutcomeUnknown": 1,
    "BudgetSpent": 1,
    "AnotherWriter": 1,
    "PartlyDone": 68,
    "StillWorking": 69,
    "Interrupted": 130,
    "Bug": 20,
}


SIGNALS = {"Failed"}
"""Exceptions that never leave their room: they carry an error of the tree."""


def all_errors() -> list[type[Exception]]:
    """Every exception class that sfprm defines outside its islands, private ones left out."""
    found: list[type[Exception]] = []
    for module in pkgutil.walk_packages(sfprm.__path__, "sfprm."):
        if module.name.startswith(("sfprm.devorg", "sfprm.store.migrations")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if (
                inspect.isclass(value)
                and issubclass(value, Exception)
                and value.__module__ == module.name
                and not name.startswith("_")
                and name not in SIGNALS
            ):
                found.append(value)
    return found


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_each_family_has_its_exit_code(name: str, code: int) -> None:
    """Exit codes are those of the design."""
    assert getattr(errors, name).exit_code == code


@pytest.mark.parametrize("error", all_errors(), ids=lambda e: e.__name__)
def test_every_error_is_of_the_tree_and_ends_with_the_next_step(error: type[Exception]) -> None:
    """No unrelated bases, none without a hint."""
    assert issubclass(error, SfprmError)
    assert error.hint.strip()


def test_complaints_are_sorted_and_counted() -> None:
    """All complaints of one run, in the order of the files."""
    bad = BadFiles(
        [
            Complaint("b.yaml", 3, "second"),
            Complaint("a.yaml", 9, "first", "mend it", 5, "  x: 1"),
        ]
    )
    assert [c.message for c in bad.complaints] == ["first", "second"]
    assert str(bad).startswith("a.yaml:9:5: error: first\n    9 |   x: 1\n")
    assert str(bad).endswith("2 errors.")
