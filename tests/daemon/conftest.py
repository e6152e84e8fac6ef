"""A programme to spoil while a daemon runs, and a door that opens late."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy_of_sample(tmp_path: Path) -> Callable[[], Path]:
    """A copy of the sample programme."""

    def copy() -> Path:
        return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))

    return copy
