"""A programme folder to spoil, and an org that hears nothing of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import DevOrg

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def quiet_org(devorg_process: DevOrg) -> DevOrg:
    """The embedded org after setup; the tests of a module share it."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    return devorg_process


@pytest.fixture
def spoilt(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the sample programme with (file, what stands there, what is put there) changed;
    None for what stands there is the whole file."""

    def spoil(*changes: tuple[str, str | None, str | bytes]) -> Path:
        folder = tmp_path / "config"
        shutil.copytree(ROOT / "config", folder)
        for name, old, new in changes:
            path = folder / name
            if isinstance(new, bytes):
                path.write_bytes(new)
            elif old is None:
                path.write_text(new, encoding="utf-8")
            else:
                text = path.read_text(encoding="utf-8")
                assert text.count(old) >= 1
                path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return spoil
