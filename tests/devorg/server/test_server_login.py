"""Logging in: tokens, their errors, sessions and their end."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests


def token(org: Any, **more: Any) -> requests.Response:
    return requests.post(f"{org.http}/services/oauth2/token", timeout=30, **more)


def test_body_and_basic_both_log_in(devorg: Any) -> None:
    """The pair is taken from the body or from the Basic header."""
    grant = {"grant_type": "client_credentials"}
    pair = {"client_id": devorg.client_id, "client_secret": devorg.client_secret}
    for more in (
        {"data": grant | pair},
        {"data": grant, "auth": (devorg.client_id, devorg.client_secret)},
    ):
        body = token(devorg, **more).json()
        assert re.fullmatch(r"00D\w{12}![.\w]+", body["access_token"])
        assert body["instance_url"] == devorg.https
        assert body["token_type"] == "Bearer"
        assert body["issued_at"].isdigit()
        assert "expires_in" not in body


WRONG = [
    ({}, "unsupported_grant_type", "grant type not supported"),
    ({"grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
    ({"grant_type": "client_credentials"}, "invalid_client_id", "client identifier invalid"),
    (
        {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"},
        "invalid_client_id",
        "client identifier invalid",
    ),
]


@pytest.mark.parametrize(("form", "code", "text"), WRONG)
def test_a_wrong_form_is_refused(devorg: Any, form: dict[str, str], code: str, text: str) -> None:
    """Each wrong input has its own OAuth error, status 400."""
    answer = token(devorg, data=form)
    assert answer.status_code == 400
    assert answer.json() == {"error": code, "error_description": text}


def test_a_wrong_secret_is_refused(devorg: Any) -> None:
    """The id is right, the secret is not."""
    answer = token(
        devorg, data={"grant_type": "client_credentials"}, auth=(devorg.client_id, "wrong")
    )
    assert answer.json() == {
        "error": "invalid_client",
        "error_description": "invalid client credentials",
    }


def test_other_flows_say_that_they_are_not_imitated(devorg: Any) -> None:
    """A known flow that is not there is no unknown flow."""
    answer = token(devorg, data={"grant_type": "device"})
    assert answer.status_code == 501
    assert answer.json()["error"] == "not_imitated"


def test_the_token_is_asked_for_by_post(devorg: Any) -> None:
    """GET is refused."""
    answer = requests.get(f"{devorg.http}/services/oauth2/token", timeout=30)
    assert answer.status_code == 405


def test_userinfo_tells_who(call: Any) -> None:
    """The claims that clients read."""
    claims = call("GET", "/services/oauth2/userinfo").json()
    assert claims["preferred_username"] == "sfprm.agent@alder.example.com"
    assert claims["organization_id"] == call.rows("SELECT Id FROM Organization")[0]["Id"]


def test_identity_address_tells_the_same(call: Any) -> None:
    """/id/ORG/USER with the token as a parameter."""
    claims = call("GET", "/services/oauth2/userinfo").json()
    path = f"/id/{claims['organization_id']}/{claims['user_id']}"
    assert call("GET", path).json()["user_id"] == claims["user_id"]


def test_userinfo_with_a_bad_token(devorg: Any) -> None:
    """403 and the plain word that tools look for."""
    answer = requests.get(
        f"{devorg.http}/services/oauth2/userinfo",
        headers={"Authorization": "Bearer 00Dxx!no"},
        timeout=30,
    )
    assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")


def test_without_a_token(devorg: Any, error: Any) -> None:
    """401 INVALID_SESSION_ID."""
    answer = requests.get(f"{devorg.http}/services/data/v66.0/limits", timeout=30)
    assert error(answer) == (401, "INVALID_SESSION_ID", "Session expired or invalid", None)


def test_a_revoked_token_is_dead(call: Any, error: Any) -> None:
    """Revoke answers 200 empty; the token is none any more."""
    value = call.session.headers["Authorization"].split()[1]
    answer = call("POST", "/services/oauth2/revoke", data={"token": value})
    assert (answer.status_code, answer.text) == (200, "")
    assert error(call("GET", "limits"))[1] == "INVALID_SESSION_ID"


def test_a_session_ends_after_two_idle_hours(call: Any, error: Any) -> None:
    """Every call starts the two hours anew, on the org's clock."""
    for _ in range(2):
        call.org.control("POST", "clock", {"advance": 7100})
        assert call("GET", "limits").status_code == 200
    call.org.control("POST", "clock", {"advance": 7201})
    assert error(call("GET", "limits"))[:2] == (401, "INVALID_SESSION_ID")


def test_a_frozen_user_is_out(call: Any, error: Any) -> None:
    """UserLogin.IsFrozen ends what a session may do."""
    org = call.org
    opened = org.control("POST", "sessions", {"username": "sam.carter@alder.example.com"})
    headers = {"Authorization": f"Bearer {opened['access_token']}"}
    assert call("GET", "limits", headers=headers).status_code == 200
    login = call.one(f"SELECT Id FROM UserLogin WHERE UserId = '{call.user('sam.carter')}'")
    call.change("UserLogin", login["Id"], IsFrozen=True)
    assert call("GET", "limits", headers=headers).status_code == 401


def test_a_partner_needs_api_enabled(prm: Any, error: Any) -> None:
    """API Enabled is off on partner profiles: 403."""
    prm.partner_user("alves")
    opened = prm.org.control("POST", "sessions", {"username": "alves@sulcom.example.com"})
    answer = prm("GET", "limits", headers={"Authorization": f"Bearer {opened['access_token']}"})
    assert error(answer) == (
        403,
        "API_DISABLED_FOR_ORG",
        "API is not enabled for this Organization or Partner",
        None,
    )
