"""`sfprm record`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sfprm.cli.commands.record import add

ROOT = Path(__file__).parents[2]


@pytest.fixture
def program() -> typer.Typer:
    """A program with this command alone."""
    app = typer.Typer()
    add(app)
    return app


SCENARIO = """
import pytest, requests

@pytest.mark.salesforce_recording("versions", story="empty")
def test_versions(salesforce_recording):
    assert requests.get(salesforce_recording.login_url + "/services/data", timeout=30).json()
"""


def test_a_scenario_is_recorded(
    program: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by name, into a folder of one's own; the file is named in the answer."""
    monkeypatch.chdir(ROOT)
    (tmp_path / "test_theirs.py").write_text(SCENARIO)
    places = ["--tests", str(tmp_path), "--into", str(tmp_path / "told")]
    done = CliRunner().invoke(program, ["versions", *places, "--quiet", "--json"])
    assert done.exit_code == 0, done.output
    written = str(tmp_path / "told/versions.yaml")
    assert json.loads(done.stdout)["result"] == {"recorded": [written]}
    assert Path(written).is_file()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--org", "prod"], "it is devorg or live"),
        (["--tests", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_asked_wrongly(program: typer.Typer, asked: list[str], said: str) -> None:
    """Exit 2 and a sentence."""
    done = CliRunner().invoke(program, asked)
    assert done.exit_code == 2
    assert said in done.stderr
