"""`sfprm login`, as a person and as a script see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result


@pytest.fixture
def login(devorg: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command with the embedded org's settings and those given."""
    from sfprm.cli.main import app

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **settings: str) -> Result:
        env = devorg.env(tmp_path) | {f"SFPRM_{k}": v for k, v in settings.items()}
        return CliRunner().invoke(app, ["login", *arguments], env=env)

    return run


def test_a_person_reads_who_where_and_what_is_missing(login: Any) -> None:
    """The user, the org, edition, version, flow; a permission with the step that needs it."""
    done = login()
    assert done.exit_code == 0
    for words in (
        "sfprm.agent@alder.example.com in Alder Systems (embedded org, Developer Edition",
        "login flow client-credentials",
        "Update Records with Inactive Owners",
        "offboard: moves records",
        "sfprm_run",
    ):
        assert words in " ".join(done.output.split()), done.output


def test_a_script_reads_the_same(login: Any) -> None:
    """One JSON object."""
    told = json.loads(login("--json").stdout)["result"]
    assert told["organization_type"] == "Developer Edition"
    assert told["login_flow"] == "client-credentials"
    missing = [entry["permission"] for entry in told["missing"] if entry["why"] == "not granted"]
    assert missing == ["UpdateWithInactiveOwner"]


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"CLIENT_SECRET": "hush"}, 1, "Check SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET"),
        ({"LOGIN_FLOW": "jwt"}, 2, "SFPRM_PRIVATE_KEY"),
        ({"LOGIN_URL": "http://acme.example.com"}, 2, "https://acme.example.com"),
        ({"LOGIN_FLOW": "magic"}, 2, "SFPRM_LOGIN_FLOW"),
    ],
)
def test_a_wrong_setting_says_what_to_do(
    login: Any, settings: dict[str, str], code: int, said: str
) -> None:
    """The exit code of its family, the fix, no secret."""
    done = login(**settings)
    assert done.exit_code == code
    assert said in " ".join(done.output.split()), done.output
    assert "hush" not in done.output
