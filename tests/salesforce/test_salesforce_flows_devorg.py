"""Every login flow against the embedded org, over real sockets, and its refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import LoginRefused
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings

APP = "the-consumer-key-of-a-test"
SECRET = "hush-consumer-secret"
PASSWORD = "hush-password"


class Door:
    """The embedded org with an app of the test's own; opens sessions by settings."""

    def __init__(self, devorg: Any, folder: Path) -> None:
        self.org = devorg
        self._folder = folder
        self.change(client_secret=SECRET, run_as=devorg.username)

    def change(self, **more: Any) -> Any:
        return self.org.control("POST", "apps", {"client_id": APP, **more})

    def approve(self) -> str:
        told = self.org.control(
            "POST", "approvals", {"client_id": APP, "username": self.org.username}
        )
        return str(told["refresh_token"])

    def password(self) -> str:
        body = {"username": self.org.username, "password": PASSWORD}
        return str(self.org.control("POST", "passwords", body)["security_token"])

    def set(self, **settings: Any) -> None:
        self.org.control("POST", "settings", settings)

    def open(self, **settings: str) -> Session:
        env = self.org.env(self._folder)
        for key in ("SFPRM_CLIENT_ID", "SFPRM_CLIENT_SECRET"):
            env.pop(key)
        env |= {f"SFPRM_{key}": value for key, value in settings.items()}
        return open_session(load_settings(env), FakeClock(datetime.now(UTC)))

    def refusal(self, **settings: str) -> LoginRefused:
        with self.open(**settings) as session, pytest.raises(LoginRefused) as raised:
            _ = session.identity
        assert "hush" not in raised.value.message
        return raised.value

    def jwt(self) -> dict[str, str]:
        """Settings of the JWT flow with a new key, for which the app has the certificate."""
        key = self.change(generate_key=True)["private_key"]
        return {"CLIENT_ID": APP, "USERNAME": self.org.username, "PRIVATE_KEY": key}


@pytest.fixture
def door(devorg: Any, tmp_path: Path) -> Door:
    """The embedded org with an app of the test's own."""
    return Door(devorg, tmp_path)


def test_jwt_with_an_approved_app(door: Door) -> None:
    """The user let the app in once; then the key is enough."""
    settings = door.jwt()
    door.approve()
    with door.open(**settings) as session:
        assert session.identity.username == door.org.username


def test_jwt_with_an_app_that_nobody_approved(door: Door) -> None:
    """The fix is in the app's policies."""
    assert "pre-authorized" in door.refusal(**door.jwt()).hint


def test_jwt_with_the_wrong_key(door: Door) -> None:
    """The key belongs to another certificate."""
    old = door.jwt()["PRIVATE_KEY"]
    settings = {**door.jwt(), "PRIVATE_KEY": old}
    door.approve()
    refusal = door.refusal(**settings)
    assert "certificate" in refusal.hint


def test_jwt_while_keys_are_changed(door: Door) -> None:
    """The app knows only the next key; the old one is still the first in the settings."""
    old = door.jwt()["PRIVATE_KEY"]
    new = door.jwt()
    door.approve()
    settings = {**new, "PRIVATE_KEY": old, "NEXT_PRIVATE_KEY": new["PRIVATE_KEY"]}
    with door.open(**settings) as session:
        assert session.identity.username == door.org.username


def test_jwt_for_the_wrong_audience(door: Door) -> None:
    """The hint names the setting."""
    settings = {**door.jwt(), "JWT_AUDIENCE": "https://test.salesforce.com"}
    door.approve()
    assert "SFPRM_JWT_AUDIENCE" in door.refusal(**settings).hint


def test_a_refresh_token(door: Door) -> None:
    """As often as needed."""
    token = door.approve()
    with door.open(CLIENT_ID=APP, CLIENT_SECRET=SECRET, REFRESH_TOKEN=token) as session:
        assert session.identity.username == door.org.username
        assert session.warnings == ()


def test_a_refresh_token_that_is_replaced_at_each_use(door: Door) -> None:
    """The run goes on with the new one, and says that the old one is void."""
    door.change(rotate=True)
    token = door.approve()
    settings = {"CLIENT_ID": APP, "CLIENT_SECRET": SECRET, "REFRESH_TOKEN": token}
    with door.open(**settings) as session:
        assert session.identity.username == door.org.username
        stand = session._stand()
        session._stand(after=stand)
        assert "void" in session.warnings[0]
    assert "rotation" in door.refusal(**settings).hint


def test_the_password_flow(door: Door) -> None:
    """Password and security token; blocked, it says so."""
    settings = {
        "LOGIN_FLOW": "password",
        "CLIENT_ID": APP,
        "CLIENT_SECRET": SECRET,
        "USERNAME": door.org.username,
        "PASSWORD": PASSWORD,
        "SECURITY_TOKEN": door.password(),
    }
    with door.open(**settings) as session:
        assert session.identity.username == door.org.username
    assert "SFPRM_PASSWORD" in door.refusal(**{**settings, "PASSWORD": "hush-wrong"}).hint
    door.set(password_flow_blocked=True)
    assert "block this flow" in door.refusal(**settings).hint


def test_soap_login(door: Door) -> None:
    """Held to the last version that has it; switched off, it says so."""
    settings = {
        "LOGIN_FLOW": "soap",
        "USERNAME": door.org.username,
        "PASSWORD": PASSWORD,
        "SECURITY_TOKEN": door.password(),
    }
    with door.open(**settings) as session:
        assert session.identity.username == door.org.username
        assert session.api_version == "64.0"
    wrong = {**settings, "PASSWORD": "hush-wrong"}
    assert "SFPRM_PASSWORD" in door.refusal(**wrong).hint
    door.set(soap_login_disabled=True)
    assert "JWT" in door.refusal(**settings).hint


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (
            {"login_ip_ranges": {"System Administrator": [["10.0.0.1", "10.0.0.9"]]}},
            "Login IP Ranges",
        ),
        ({"api_access_control": True}, "API access control"),
    ],
)
def test_each_way_to_be_kept_out_has_its_own_fix(
    door: Door, settings: dict[str, Any], hint: str
) -> None:
    """Address ranges hold for JWT too; access control needs the app admitted."""
    given = door.jwt()
    door.approve()
    if "api_access_control" in settings:
        door.change(admitted=False)
    door.set(**settings)
    assert hint in door.refusal(**given).hint


def test_the_address_of_the_embedded_org_is_its_audience(door: Door) -> None:
    """No setting is needed for it."""
    settings = {**door.jwt(), "LOGIN_URL": door.org.https}
    door.approve()
    with door.open(**settings) as session:
        assert session.identity.is_embedded
