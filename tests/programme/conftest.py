"""A copy of the sample programme that a test may spoil, and a loader that answers in lines."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sfprm.errors import BadFiles, Complaint
from sfprm.programme.load import load

SAMPLE = Path(__file__).parents[2] / "config"
FILES = ("programme.yaml", "routing.yaml", "partners.csv", "people.csv")

Spoil = Callable[..., list[Complaint]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The four files of the sample programme in a folder of the test's own."""
    root = tmp_path / "config"
    root.mkdir()
    for name in FILES:
        shutil.copy(SAMPLE / name, root / name)
    return root


@pytest.fixture
def spoil(copy: Path) -> Spoil:
    """Replace texts in a file of the copy and load it: its complaints, [] when there are none."""

    def act(file: str, *changes: tuple[str, str], warnings: bool = False) -> list[Complaint]:
        path = copy / file
        text = path.read_text("utf-8")
        for old, new in changes:
            assert old in text, f"{old!r} is not in the sample's {file}"
            text = text.replace(old, new, 1)
        path.write_text(text, "utf-8")
        try:
            loaded = load(copy)
        except BadFiles as error:
            return list(error.complaints)
        return list(loaded.warnings) if warnings else []

    return act
