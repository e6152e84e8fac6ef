"""Settings by environment, file and option, as the program takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Program

SECRET = "Sup3rS3cretValue"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"SFPRM_LOGIN_ULR": "x"}, "Did you mean SFPRM_LOGIN_URL?"),
        ({"SFPRM_READ_TIMEOUT": "soon"}, "SFPRM_READ_TIMEOUT"),
        ({"SFPRM_MAIL_ALLOW": "example.com"}, 'Write it as ["one", "two"].'),
        ({"SFPRM_LOG_LEVEL": "loud"}, "SFPRM_LOG_LEVEL"),
        ({"SFPRM_LOGIN_URL": "http://example.com", "SFPRM_CLIENT_ID": "x"}, "https://example.com"),
        ({"SFPRM_LOGIN_URL": "https://example.com"}, "SFPRM_CLIENT_ID"),
        ({"SFPRM_CLIENT_SECRET_FILE": "/nonexistent"}, "/nonexistent"),
        ({"SFPRM_ENV_FILE": "/nonexistent/env"}, "no such env file"),
    ],
)
def test_a_bad_setting_is_named(sfprm: Program, env: dict[str, str], words: str) -> None:
    """Exit 2, the key, and what to write; never the secret."""
    answer = sfprm("login", env={"SFPRM_CLIENT_SECRET": SECRET, **env})
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert SECRET not in answer.err
    assert "Traceback" not in answer.err


def test_a_secret_file_open_to_others_is_refused(sfprm: Program, tmp_path: Path) -> None:
    """With the command that closes it."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o644)
    answer = sfprm("login", env={"SFPRM_CLIENT_SECRET_FILE": str(path)})
    assert answer.code == 2
    assert f"chmod 600 {path}" in answer.err


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    sfprm: Program, tmp_path: Path
) -> None:
    """Option, environment, file, in that order."""
    file = tmp_path / "env"
    file.write_text(f"SFPRM_STATE_DIR={tmp_path / 'a'}\nSFPRM_PROGRAMME={tmp_path / 'p'}\n")
    env = {"SFPRM_STATE_DIR": str(tmp_path / "b"), "SFPRM_ENV_FILE": str(file)}
    assert sfprm("status", "--state-dir", str(tmp_path / "c"), env=env).code == 0
    assert sfprm("status", env=env).code == 0
    assert sfprm("status", "--env-file", str(file)).code == 0
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"a", "b", "c"}
    bad = sfprm("programme", "validate", env=env)
    assert str(tmp_path / "p" / "programme.yaml") in bad.err


def test_the_working_folders_env_file_is_read(sfprm: Program, tmp_path: Path) -> None:
    """`.env`, as `init` suggests."""
    (tmp_path / ".env").write_text("SFPRM_STATE_DIR=here\n")
    assert sfprm("status", cwd=tmp_path).code == 0
    assert (tmp_path / "here" / "state.db").is_file()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////proc/nope/state.db", "Name a writable folder"),
        ("postgresql+psycopg://u:hidden-pw@127.0.0.1:1/x", "SFPRM_DATABASE_URL"),
    ],
)
def test_a_state_that_cannot_be_opened(sfprm: Program, url: str, words: str) -> None:
    """One sentence and the fix; no password."""
    answer = sfprm("status", env={"SFPRM_DATABASE_URL": url})
    assert answer.code in (1, 2)
    assert words in answer.err
    assert "hidden-pw" not in answer.err
    assert "Traceback" not in answer.err


def test_a_state_that_is_no_database(sfprm: Program, tmp_path: Path) -> None:
    """Never overwritten."""
    path = tmp_path / "state.db"
    path.write_text("something else")
    answer = sfprm("status", "--json", env={"SFPRM_STATE_DIR": str(tmp_path)})
    assert (answer.code, answer.json["name"]) == (1, "NotReady")
    assert path.read_text() == "something else"
