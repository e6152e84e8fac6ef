"""The other ways to log in, and what the org says when it does not let us in."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from sfprm.errors import LoginRefused
from sfprm.recording.plugin import Scenario
from sfprm.salesforce.credentials import (
    Credentials,
    JwtBearer,
    PasswordGrant,
    RefreshToken,
    SoapLogin,
    audience_for,
)
from sfprm.salesforce.session import Session

USERNAME = "sfprm.agent@alder.example.com"
"""The agent of the story `demo`."""
PASSWORD = "not-a-password-1"


class Door:
    """An org prepared for a way to log in. What it gives in secret is not in the recording."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        if scenario.mode == "live":
            pytest.skip("a person must consent, or give a password, in a real org")
        self.url, self.app = scenario.login_url, scenario.client_id

    def approve(self) -> SecretStr:
        """The user lets the app in; the refresh token of that."""
        body = {"client_id": self.app, "username": USERNAME}
        return self._secret("refresh_token", lambda: self._control("POST", "approvals", body))

    def password(self) -> SecretStr:
        """The user's password is PASSWORD; the security token that belongs to it."""
        body = {"username": USERNAME, "password": PASSWORD}
        return self._secret("security_token", lambda: self._control("POST", "passwords", body))

    def key(self) -> SecretStr:
        """A new key, for which the app has the certificate; in replay any key signs as well."""
        if self.scenario.mode == "replay":
            return SecretStr(some_key())
        body = {"client_id": self.app, "generate_key": True}
        return self._secret("private_key", lambda: self._control("POST", "apps", body), kept=False)

    def open(self, credentials: Credentials, version: str = "66.0") -> Session:
        """A session that has sent nothing yet."""
        return Session(
            credentials,
            clock=self.scenario.clock,
            api_version=version,
            ca_bundle=self.scenario.ca,
            chance=random.Random(7),
        )

    def _secret(self, name: str, make: Callable[[], Any], *, kept: bool = True) -> SecretStr:
        if kept:
            return SecretStr(self.scenario.fact(name, lambda: str(make()[name])))
        with self.scenario.unrecorded():
            return SecretStr(str(make()[name]))

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        assert self.scenario.org is not None
        return self.scenario.org.control(method, path, body)


def some_key() -> str:
    """An RSA key in PEM that no org knows."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@pytest.fixture
def door(scenario: Scenario) -> Door:
    """The scenario's org, with what its user and app may hold."""
    return Door(scenario)


def refresh(door: Door) -> Credentials:
    secret = SecretStr(door.scenario.client_secret)
    return RefreshToken(door.url, door.app, door.approve(), secret)


def jwt(door: Door) -> Credentials:
    key = door.key()
    door.approve()
    return JwtBearer(door.url, door.app, USERNAME, audience_for(door.url), (key,))


def password(door: Door) -> Credentials:
    secret = SecretStr(door.scenario.client_secret)
    given = SecretStr(PASSWORD)
    return PasswordGrant(door.url, door.app, secret, USERNAME, given, door.password())


def soap(door: Door) -> Credentials:
    return SoapLogin(door.url, USERNAME, SecretStr(PASSWORD), door.password())


@pytest.mark.parametrize(
    ("flow", "version"),
    [
        pytest.param(flow, v, marks=pytest.mark.salesforce_recording(f"login-{flow.__name__}"))
        for flow, v in ((refresh, "66.0"), (jwt, "66.0"), (password, "66.0"), (soap, "64.0"))
    ],
)
def test_each_flow_gives_a_session_of_its_user(
    door: Door, flow: Callable[[Door], Credentials], version: str
) -> None:
    """One login, and the user is the one that was asked for."""
    with door.open(flow(door), version) as session:
        assert session.identity.username == USERNAME
        assert session.calls.by_kind["login"] == 1


def wrong_refresh(door: Door) -> Credentials:
    secret = SecretStr(door.scenario.client_secret)
    return RefreshToken(door.url, door.app, SecretStr("not-a-token"), secret)


def unapproved_jwt(door: Door) -> Credentials:
    return JwtBearer(door.url, door.app, USERNAME, audience_for(door.url), (door.key(),))


def wrong_password(door: Door) -> Credentials:
    door.password()
    secret, given = SecretStr(door.scenario.client_secret), SecretStr("not-the-password")
    return PasswordGrant(door.url, door.app, secret, USERNAME, given)


def wrong_soap(door: Door) -> Credentials:
    door.password()
    return SoapLogin(door.url, USERNAME, SecretStr("not-the-password"))


@pytest.mark.parametrize(
    ("flow", "hint"),
    [
        pytest.param(flow, hint, marks=pytest.mark.salesforce_recording(f"login-refused-{name}"))
        for name, flow, hint in (
            ("refresh", wrong_refresh, "refresh token"),
            ("jwt", unapproved_jwt, "pre-authorized"),
            ("password", wrong_password, "SFPRM_PASSWORD"),
            ("soap", wrong_soap, "SFPRM_PASSWORD"),
        )
    ],
)
def test_each_flow_is_refused_in_words_that_lead_to_the_fix(
    door: Door, flow: Callable[[Door], Credentials], hint: str
) -> None:
    """A token that is none, an app that nobody let in, a wrong password."""
    version = "64.0" if flow is wrong_soap else "66.0"
    with door.open(flow(door), version) as session, pytest.raises(LoginRefused) as raised:
        _ = session.identity
    assert hint in raised.value.hint
    assert "not-" not in raised.value.message
