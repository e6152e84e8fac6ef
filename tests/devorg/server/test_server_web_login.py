"""The web server flow: a browser's page, the code with its challenge, tokens, who is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sfprm.devorg.codes import challenge_of

VERIFIER = "a-verifier-that-is-long-enough-for-anybody-0123456789"
AGENT = "sfprm.agent@alder.example.com"
HERE = "http://localhost:1717/OauthRedirect"
CLI = {
    "response_type": "code",
    "client_id": "PlatformCLI",
    "redirect_uri": HERE,
    "state": "a b&c",
    "scope": "refresh_token api web",
    "code_challenge": challenge_of(VERIFIER),
}
"""What the sf CLI sends."""


def page(org: Any, **changed: str) -> requests.Response:
    path = f"{org.http}/services/oauth2/authorize"
    return requests.get(path, params={**CLI, **changed}, timeout=30)


def decide(org: Any, **changed: str) -> requests.Response:
    """The form of the page, sent by a browser."""
    path = f"{org.http}/services/oauth2/authorize"
    form = {**CLI, "username": AGENT, "action": "allow", **changed}
    return requests.post(path, data=form, timeout=30, allow_redirects=False)


def told(answer: requests.Response) -> dict[str, str]:
    """What the redirect tells the app."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == HERE
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def redeem(org: Any, code: str, **changed: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": "PlatformCLI",
        "redirect_uri": HERE,
        "code": code,
        "code_verifier": VERIFIER,
        **changed,
    }
    return requests.post(f"{org.http}/services/oauth2/token", data=form, timeout=30)


def test_from_the_page_to_tokens(devorg: Any) -> None:
    """Page, consent, code, tokens as other vendors' clients read them; the refresh works."""
    shown = page(devorg)
    assert (shown.status_code, "Let Salesforce CLI in?" in shown.text) == (200, True)
    back = told(decide(devorg))
    assert back["state"] == "a b&c"
    tokens = redeem(devorg, back["code"]).json()
    assert set(tokens) == {
        "access_token", "refresh_token", "signature", "scope", "instance_url", "id", "token_type",
        "issued_at",
    }  # fmt: skip
    assert tokens["scope"] == "refresh_token api web"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    url = f"{devorg.http}/services/oauth2/userinfo"
    who = requests.get(url, headers=headers, timeout=30).json()
    assert who["preferred_username"] == AGENT
    form = {
        "grant_type": "refresh_token",
        "client_id": "PlatformCLI",
        "refresh_token": tokens["refresh_token"],
    }
    again = requests.post(f"{devorg.http}/services/oauth2/token", data=form, timeout=30)
    assert again.status_code == 200, again.text


def test_a_code_is_good_once(devorg: Any) -> None:
    """The second time it is no code."""
    code = told(decide(devorg))["code"]
    assert redeem(devorg, code).status_code == 200
    assert redeem(devorg, code).json()["error_description"] == "invalid authorization code"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": ""}, "missing required code verifier"),
        ({"code_verifier": "another"}, "invalid code verifier"),
        ({"redirect_uri": "http://localhost/x"}, "redirect_uri must match configuration"),
        ({"client_id": "3MVGnone"}, "client identifier invalid"),
    ],
)
def test_a_code_is_for_who_asked(devorg: Any, changed: dict[str, str], error: str) -> None:
    """Another verifier, address or app gets nothing."""
    answer = redeem(devorg, told(decide(devorg))["code"], **changed)
    assert (answer.status_code, answer.json()["error_description"]) == (400, error)


def test_a_code_grows_old(devorg: Any) -> None:
    """15 minutes of the org's clock."""
    code = told(decide(devorg))["code"]
    devorg.control("POST", "clock", {"advance": 901})
    assert redeem(devorg, code).json()["error_description"] == "expired authorization code"


def test_a_person_says_no(devorg: Any) -> None:
    """The app is told so, with its state."""
    back = told(decide(devorg, action="deny"))
    assert (back["error"], back["state"]) == ("access_denied", "a b&c")


@pytest.mark.parametrize(
    ("changed", "status", "text"),
    [
        ({"client_id": "nobody"}, 400, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example.com/"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "x"}, 400, "unsupported_response_type"),
        ({"response_type": "token"}, 501, "not_imitated"),
        ({"code_challenge_method": "plain"}, 400, "must be S256"),
    ],
)
def test_what_is_wrong_is_told_on_the_page(
    devorg: Any, changed: dict[str, str], status: int, text: str
) -> None:
    """Never by a redirect."""
    for answer in (page(devorg, **changed), decide(devorg, **changed)):
        assert (answer.status_code, text in answer.text) == (status, True)
        assert "Location" not in answer.headers


def test_nothing_of_a_request_becomes_markup(devorg: Any) -> None:
    """Neither name nor state."""
    shown = page(devorg, state='"><script>', login_hint="<b>", scope="<i>").text
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown


def test_a_user_with_a_password_has_to_give_it(devorg: Any) -> None:
    """The page is shown again without it; no security token is needed."""
    devorg.control("POST", "passwords", {"username": AGENT, "password": "right one"})
    assert "check your username and password" in decide(devorg, password="wrong one").text
    assert "code" in told(decide(devorg, password="right one"))


def test_an_app_of_one_s_own(devorg: Any) -> None:
    """With an address and a secret of its own; without scopes it may refresh."""
    made = devorg.control("POST", "apps", {"name": "ci", "callbacks": [HERE]})
    own = {"client_id": made["client_id"]}
    code = told(decide(devorg, scope="", **own))["code"]
    assert redeem(devorg, code, **own).json()["error"] == "invalid_client"
    answer = redeem(devorg, code, client_secret=made["client_secret"], **own).json()
    assert answer["scope"] == "refresh_token id api"
    assert answer["refresh_token"]
