"""docs/testing.md: its files, written out and run as a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sfprm.cli.commands.init import copy_sample

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"
_FILE = re.compile(r"```python\n# (?P<path>\S+\.py)\n(?P<text>.*?)```", re.S)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample programme with the guide's files beside it."""
    folder = tmp_path_factory.mktemp("guide") / "channel"
    copy_sample(folder)
    for found in _FILE.finditer(GUIDE.read_text(encoding="utf-8")):
        path = folder / found["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(found["text"], encoding="utf-8")
    return folder


def pytest_in(folder: Path, *arguments: str) -> str:
    """The last line that pytest says there; all of it when a test failed."""
    env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guides_tests_pass_as_they_stand(channel: Path) -> None:
    """Recorded once in an embedded org, then everything: files, rules, fairness, the programme in
    an org, and the replay."""
    assert len(list(channel.glob("tests/test_*.py"))) == 4
    only = "tests/test_recorded_leads.py"
    assert "1 passed" in pytest_in(channel, only, "--sfprm-mode", "devorg", "--sfprm-record")
    assert "9 passed" in pytest_in(channel)


def test_a_misspelt_certification_is_found(channel: Path) -> None:
    """What the guide promises of its last assertion about fairness."""
    partners = channel / "config" / "partners.csv"
    before = partners.read_text(encoding="utf-8")
    partners.write_text(before.replace(",PT; ES,Pumps; Valves; Sensors,,", ",PT; ES,Pumsp,,", 1))
    try:
        with pytest.raises(AssertionError, match="Sulcom never gets a lead"):
            pytest_in(channel, "tests/test_fairness.py")
    finally:
        partners.write_text(before, encoding="utf-8")
