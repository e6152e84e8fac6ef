"""What the program says when the org cannot be used: one sentence, the fix, no trace, no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Answer, DevOrg, Program


@pytest.fixture
def env(quiet_org: DevOrg, tmp_path: Path) -> dict[str, str]:
    """Settings that reach the org."""
    return quiet_org.env(tmp_path / "state")


def holds_its_tongue(answer: Answer, env: dict[str, str]) -> None:
    """At most a sentence and a hint, nothing on stdout, no secret anywhere."""
    assert answer.out == ""
    assert len(answer.err.splitlines()) <= 2, answer.err
    assert "Traceback" not in answer.err
    assert env["SFPRM_CLIENT_SECRET"] not in answer.err


@pytest.mark.parametrize(
    ("change", "words", "fix"),
    [
        ({"SFPRM_CLIENT_SECRET": "not-the-secret"}, "refused the login", "SFPRM_CLIENT_SECRET"),
        ({"SFPRM_CLIENT_ID": "nobody"}, "refused the login", "SFPRM_CLIENT_ID"),
        ({"SFPRM_LOGIN_URL": "http://127.0.0.1:1"}, "connection refused", "SFPRM_LOGIN_URL"),
        ({"SFPRM_LOGIN_URL": "https://nowhere.invalid"}, "no such host name", "SFPRM_LOGIN_URL"),
        ({"SFPRM_CA_BUNDLE": ""}, "is not trusted", "SFPRM_CA_BUNDLE"),
    ],
)
def test_an_org_that_cannot_be_reached(
    sfprm: Program, env: dict[str, str], change: dict[str, str], words: str, fix: str
) -> None:
    """Exit 1."""
    env |= change
    answer = sfprm("apply", env=env)
    assert answer.code == 1
    assert words in answer.err.splitlines()[0]
    assert fix in answer.err.splitlines()[1]
    holds_its_tongue(answer, env)


def test_the_error_as_json(sfprm: Program, env: dict[str, str]) -> None:
    """One object on stdout, with the keys of the `sf` CLI's."""
    env["SFPRM_CLIENT_SECRET"] = "not-the-secret"
    answer = sfprm("plan", "--json", env=env)
    assert (answer.code, answer.err) == (1, "")
    assert answer.json["name"] == "LoginRefused"
    assert set(answer.json) == {"status", "name", "message", "exitCode", "actions", "warnings"}
    assert "not-the-secret" not in answer.out


def test_the_login_is_told(sfprm: Program, env: dict[str, str]) -> None:
    """Who, where, and no secret, not even in the debug log."""
    answer = sfprm("login", "--json", env=env | {"SFPRM_LOG_LEVEL": "debug"})
    assert answer.code == 0
    assert answer.json["result"]["org_name"] == "Alder Systems"
    assert env["SFPRM_CLIENT_SECRET"] not in answer.out + answer.err


@pytest.mark.parametrize(
    ("command", "says"),
    [("check", None), ("setup", "not confirmed"), ("apply", "Partner_Key__c")],
)
def test_an_org_before_setup(
    sfprm: Program, devorg: DevOrg, tmp_path: Path, command: str, says: str | None
) -> None:
    """Not ready is exit 1, with what to do first."""
    answer = sfprm(command, env=devorg.env(tmp_path))
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert says is None or says in answer.err
    assert says is not None or "Not ready" in answer.out


def test_a_user_who_may_not_set_up(sfprm: Program, devorg: DevOrg, tmp_path: Path) -> None:
    """A missing permission is named; an agent who is no administrator."""
    env = devorg.env(tmp_path)
    login = sfprm("login", "--json", env=env).json["result"]
    fields = {"ProfileId": profile_id(env, "Standard User")}
    devorg.event("person-edits", object="User", id=login["user_id"], fields=fields)
    answer = sfprm("setup", "--yes-irreversible", login["org_id"], env=env)
    assert answer.code == 1
    assert "ermission" in answer.err
    holds_its_tongue(answer, env)


def test_a_user_who_was_deactivated(sfprm: Program, devorg: DevOrg, tmp_path: Path) -> None:
    """The login is refused."""
    env = devorg.env(tmp_path)
    login = sfprm("login", "--json", env=env).json["result"]
    devorg.event("person-edits", object="User", id=login["user_id"], fields={"IsActive": False})
    answer = sfprm("apply", env=env)
    assert answer.code == 1
    assert "refused" in answer.err
    holds_its_tongue(answer, env)


def profile_id(env: dict[str, str], name: str) -> str:
    """A profile by its name."""
    from sfprm.clock import SystemClock
    from sfprm.salesforce.query import select_all
    from sfprm.salesforce.session import open_session
    from sfprm.settings import load_settings

    with open_session(load_settings(env), SystemClock()) as session:
        [row] = select_all(session, f"SELECT Id FROM Profile WHERE Name = '{name}'")
    return str(row["Id"])
