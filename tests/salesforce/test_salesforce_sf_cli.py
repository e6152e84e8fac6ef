"""Reusing a login of the `sf` CLI: every shape of its answers, by a program that plays `sf`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from sfprm.clock import FakeClock
from sfprm.errors import BadSettings, LoginRefused, SfprmError
from sfprm.salesforce.credentials import SfCli
from sfprm.salesforce.session import Session
from sfprm.salesforce.sf_cli import ask

HOST = "https://acme.my.salesforce.com"
TOKEN = "00D000000000001EAA!AQ.from.sf"
REDACTED = "[REDACTED] Use 'sf org auth show-access-token' to view"
DISPLAY = {"username": "agent@example.com", "instanceUrl": HOST, "id": "00D000000000001EAA"}
UNKNOWN_COMMAND = {"status": 2, "name": "CommandNotFound", "message": "is not a sf command"}


class FakeSf:
    """A program that answers by its second-last words, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sf"
        self._asked = folder / "asked"
        self._answers = folder / "answers.json"
        self.path.write_text(
            f"#!{sys.executable} -IS\n"
            "import json, os, sys\n"
            f"open({str(self._asked)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"answers = json.load(open({str(self._answers)!r}))\n"
            "words = ' '.join(a for a in sys.argv[1:4] if not a.startswith('-'))\n"
            "body = next((b for k, b in answers.items() if words.startswith(k)), None)\n"
            "if os.environ.get('FORCE_COLOR', '0') != '0': print('\\x1b[31m')\n"
            "if isinstance(body, str): print(body); sys.exit(0)\n"
            "if body is None: body = answers['*']\n"
            "print(' Warning: an update is available')\n"
            "print(json.dumps(body)); sys.exit(body.get('status', 0))\n"
        )
        self.path.chmod(0o700)

    def answers(self, **by_words: Any) -> SfCli:
        """`org_display={…}` and the like; anything else is an unknown command."""
        told = {key.replace("_", " "): body for key, body in by_words.items()}
        self._answers.write_text(json.dumps({**told, "*": UNKNOWN_COMMAND}))
        return SfCli("dev", str(self.path))

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in self._asked.read_text().splitlines()]


@pytest.fixture
def sf(tmp_path: Path) -> FakeSf:
    """A program that plays `sf`."""
    return FakeSf(tmp_path)


def ok(**result: Any) -> dict[str, Any]:
    return {"status": 0, "result": result, "warnings": []}


def test_an_older_cli_shows_the_token_itself(sf: FakeSf) -> None:
    """One question."""
    told = ask(sf.answers(org_display=ok(**DISPLAY, accessToken=TOKEN)))
    assert (told.instance_url, told.token and told.token.get_secret_value()) == (HOST, TOKEN)
    assert sf.asked == [["org", "display", "--target-org", "dev", "--json"]]


@pytest.mark.parametrize("shown", [{"accessToken": REDACTED}, {}])
def test_a_newer_cli_is_asked_for_the_token(sf: FakeSf, shown: dict[str, str]) -> None:
    """Blotted out or left out: the second command tells it, without a prompt."""
    given = sf.answers(
        org_display=ok(**DISPLAY, **shown), org_auth_show=ok(accessToken=TOKEN, username="x")
    )
    told = ask(given)
    assert told.token is not None
    assert told.token.get_secret_value() == TOKEN
    assert sf.asked[1] == [
        *("org", "auth", "show-access-token", "--target-org", "dev", "--no-prompt", "--json")
    ]


def test_the_auth_url_is_the_last_way(sf: FakeSf) -> None:
    """No token is told: the refresh token is taken from the auth URL."""
    given = sf.answers(
        org_display=ok(**DISPLAY, accessToken=REDACTED),
        **{
            "org_auth_show-access-token": UNKNOWN_COMMAND,
            "org_auth_show-sfdx-auth-url": ok(
                sfdxAuthUrl="force://PlatformCLI::5Aep861@acme.my.salesforce.com"
            ),
        },
    )
    told = ask(given)
    assert told.token is None
    assert told.refresh is not None
    assert told.refresh.client_id == "PlatformCLI"
    assert told.refresh.client_secret is None
    assert "5Aep861" not in repr(told)


def test_the_default_org_is_asked_without_a_name(sf: FakeSf) -> None:
    """No --target-org."""
    given = sf.answers(org_display=ok(**DISPLAY, accessToken=TOKEN))
    ask(SfCli(None, given.binary))
    assert sf.asked == [["org", "display", "--json"]]


def test_an_expired_login_says_how_to_log_in_again(sf: FakeSf) -> None:
    """In sf's own words, with the command."""
    words = "Error authenticating with the refresh token due to: expired access/refresh token"
    refusal = {"status": 1, "name": "RefreshTokenAuthError", "message": words}
    with pytest.raises(LoginRefused, match="expired") as raised:
        ask(sf.answers(org_display=refusal))
    assert raised.value.hint == "Log in again: sf org login web --alias dev"
    assert raised.value.code == "RefreshTokenAuthError"


def test_nothing_to_be_had_is_refused(sf: FakeSf) -> None:
    """Neither token nor auth URL."""
    given = sf.answers(
        org_display=ok(**DISPLAY, accessToken=REDACTED), org_auth_show=ok(accessToken=REDACTED)
    )
    with pytest.raises(LoginRefused, match="neither"):
        ask(given)


def test_output_that_is_no_json_is_refused(sf: FakeSf) -> None:
    """A banner, a crash: no traceback of ours."""
    with pytest.raises(LoginRefused):
        ask(sf.answers(org_display="hello {"))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """With the setting that mends it."""
    with pytest.raises(BadSettings, match="cannot be started") as raised:
        ask(SfCli("dev", str(tmp_path / "no-such-sf")))
    assert "SFPRM_SF_BINARY" in raised.value.hint


@pytest.mark.parametrize("instance", ["http://acme.my.salesforce.com", "", "acme"])
def test_an_unsafe_address_gets_no_token(sf: FakeSf, instance: str) -> None:
    """What sf tells is checked like anything else."""
    given = sf.answers(org_display=ok(instanceUrl=instance, accessToken=TOKEN))
    with pytest.raises(SfprmError, match="address"):
        ask(given)


def test_an_expired_token_is_asked_for_again(sf: FakeSf) -> None:
    """The session logs in once more, and repeats the call."""
    given = sf.answers(org_display=ok(**DISPLAY, accessToken=TOKEN))
    clock = FakeClock(datetime(2026, 11, 23, tzinfo=UTC))
    with responses.RequestsMock() as wire, Session(given, clock=clock) as session:
        wire.add("GET", f"{HOST}/services/data", json=[{"version": "66.0"}])
        place = f"{HOST}/services/data/v66.0/limits"
        expired = [{"message": "Session expired", "errorCode": "INVALID_SESSION_ID"}]
        wire.add("GET", place, status=401, json=expired)
        wire.add("GET", place, json={})
        assert session.request("GET", "limits", kind="limits").json == {}
    assert len(sf.asked) == 2
