"""Every login flow at the HTTP line: what is sent, what is refused, and what the fix is."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sfprm.clock import FakeClock
from sfprm.errors import BadSettings, LoginRefused, SfprmError
from sfprm.salesforce.credentials import (
    AccessToken,
    ClientCredentials,
    JwtBearer,
    PasswordGrant,
    RefreshToken,
    SfCli,
    SoapLogin,
    audience_for,
    can_renew,
)
from sfprm.salesforce.flows import credentials_from
from sfprm.salesforce.login_refusals import ROWS, clock_is_off
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings

HOST = "https://acme.my.salesforce.com"
TOKEN_PATH = f"{HOST}/services/oauth2/token"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANSWER = {"access_token": "00Dxx0000000001!AQ.a", "instance_url": HOST, "id": "x/id/00D/005"}


@functools.cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of ours, made once a session (`number` tells two apart)."""
    return rsa.generate_private_key(65537, bits)


def pem(key: Any, lock: KeySerializationEncryption | None = None) -> str:
    return str(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption()).decode()
    )


def env(**more: str) -> dict[str, str]:
    given = {"LOGIN_URL": HOST, **more}
    return {f"SFPRM_{key}": value for key, value in given.items()}


def jwt_env(**more: str) -> dict[str, str]:
    base = {"CLIENT_ID": "key", "USERNAME": "agent@example.com", "PRIVATE_KEY": pem(rsa_key())}
    return env(**{**base, **more})


PASSWORD = {"USERNAME": "agent@example.com", "PASSWORD": "hush", "SECURITY_TOKEN": "XYZ"}


@pytest.mark.parametrize(
    ("given", "type_"),
    [
        (env(CLIENT_ID="key", CLIENT_SECRET="s"), ClientCredentials),
        (env(CLIENT_ID="key", REFRESH_TOKEN="5Aep"), RefreshToken),
        (env(SFDX_AUTH_URL="force://key:s:5Aep@acme.my.salesforce.com"), RefreshToken),
        (env(SF_ORG="dev"), SfCli),
        (env(ACCESS_TOKEN="00D!x", INSTANCE_URL=HOST), AccessToken),
        (env(LOGIN_FLOW="sf-cli"), SfCli),
        (
            env(LOGIN_FLOW="password", CLIENT_ID="key", CLIENT_SECRET="s", **PASSWORD),
            PasswordGrant,
        ),
        (env(LOGIN_FLOW="soap", **PASSWORD), SoapLogin),
    ],
)
def test_the_settings_choose_the_flow(given: dict[str, str], type_: type) -> None:
    """By what is set; the two flows with a password only when named."""
    assert type(credentials_from(load_settings(given))) is type_


def test_a_private_key_chooses_jwt() -> None:
    """Client id, user, audience by the login URL, and one key."""
    chosen = credentials_from(load_settings(jwt_env()))
    assert isinstance(chosen, JwtBearer)
    assert chosen.audience == "https://login.salesforce.com"
    assert len(chosen.keys) == 1


def test_a_password_alone_chooses_nothing() -> None:
    """A password is never used unless the flow is named."""
    with pytest.raises(BadSettings, match="No way to log in"):
        credentials_from(load_settings(env(**PASSWORD)))


@pytest.mark.parametrize(
    ("flow", "named"),
    [
        ("jwt", "SFPRM_CLIENT_ID and SFPRM_USERNAME and SFPRM_PRIVATE_KEY are"),
        ("refresh-token", "SFPRM_CLIENT_ID and SFPRM_REFRESH_TOKEN are"),
        ("password", "SFPRM_CLIENT_ID and SFPRM_USERNAME and SFPRM_CLIENT_SECRET and"),
        ("soap", "SFPRM_USERNAME and SFPRM_PASSWORD are"),
        ("access-token", "SFPRM_ACCESS_TOKEN is"),
        ("client-credentials", "SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET are"),
    ],
)
def test_a_named_flow_says_what_it_lacks(flow: str, named: str) -> None:
    """All keys at once, and a hint that lists what the flow needs."""
    with pytest.raises(BadSettings, match=named) as raised:
        credentials_from(load_settings(env(LOGIN_FLOW=flow)))
    assert "SFPRM_" in raised.value.hint


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: "hush-hush", "not a PEM key"),
        (lambda: "-----BEGIN CERTIFICATE-----\nhush\n-----END CERTIFICATE-----", "certificate"),
        (
            lambda: (
                rsa_key()
                .public_key()
                .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                .decode()
            ),
            "public key",
        ),
        (lambda: pem(rsa_key(), BestAvailableEncryption(b"x")), "passphrase"),
        (lambda: "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----", "be read"),
        (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
        (lambda: pem(rsa_key(0, 1024)), "1024 bits"),
    ],
)
def test_a_wrong_key_says_what_it_is(make: Callable[[], str], said: str) -> None:
    """Before anything is sent, and without quoting it."""
    given = make()
    with pytest.raises(BadSettings, match=said) as raised:
        credentials_from(load_settings(jwt_env(PRIVATE_KEY=given)))
    assert "hush" not in raised.value.message + raised.value.hint


def test_a_key_in_one_line_is_read() -> None:
    """Environment files write a line's end as two characters."""
    given = jwt_env(PRIVATE_KEY=pem(rsa_key()).replace("\n", "\\n"))
    assert isinstance(credentials_from(load_settings(given)), JwtBearer)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """With the command that mends it."""
    file = tmp_path / "key.pem"
    file.write_text(pem(rsa_key()))
    file.chmod(0o644)
    given = jwt_env()
    del given["SFPRM_PRIVATE_KEY"]
    with pytest.raises(BadSettings, match="read by others") as raised:
        load_settings({**given, "SFPRM_PRIVATE_KEY_FILE": str(file)})
    assert raised.value.hint == f"Run: chmod 600 {file}"


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://x-1-dev-ed.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://partners.example.com", "https://partners.example.com"),
    ],
)
def test_the_audience_follows_the_login_url(url: str, audience: str) -> None:
    """Sandboxes and scratch orgs are test's; the embedded org is its own."""
    assert audience_for(url) == audience


@pytest.mark.parametrize("name", ["LOGIN_URL", "JWT_AUDIENCE"])
def test_the_address_of_the_pages_is_not_the_apis(name: str) -> None:
    """The fix names the right host."""
    given = jwt_env(**{name: "https://acme.lightning.force.com"})
    with pytest.raises(BadSettings, match=f"SFPRM_{name}") as raised:
        credentials_from(load_settings(given))
    assert "https://acme.my.salesforce.com" in raised.value.hint


class Endpoint:
    """The token endpoint: keeps the forms sent, and answers in turn."""

    def __init__(self, wire: responses.RequestsMock, *answers: tuple[int, dict[str, Any]]) -> None:
        self.forms: list[dict[str, str]] = []
        self._answers = list(answers)
        wire.add_callback("POST", TOKEN_PATH, self._answer, content_type="application/json")
        wire.add("GET", f"{HOST}/services/data", json=[{"version": "66.0"}])

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        body = request.body if isinstance(request.body, str) else request.body.decode()
        self.forms.append({key: values[0] for key, values in parse_qs(body).items()})
        status, told = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return status, {}, json.dumps(told)


def opened(given: dict[str, str]) -> Session:
    return open_session(load_settings(given), FakeClock(NOON))


def test_the_assertion_says_who_for_whom_and_how_long() -> None:
    """iss, sub, aud and a whole number of seconds, signed with our key."""
    with responses.RequestsMock() as wire, opened(jwt_env()) as session:
        endpoint = Endpoint(wire, (200, ANSWER))
        assert session.instance_url == HOST
    form = endpoint.forms[0]
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form["assertion"],
        rsa_key().public_key(),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_aud": False},
    )
    assert claims == {
        "iss": "key",
        "sub": "agent@example.com",
        "aud": "https://login.salesforce.com",
        "exp": int(NOON.timestamp()) + 120,
    }


BAD_ASSERTION = (400, {"error": "invalid_grant", "error_description": "invalid assertion"})


def test_a_second_key_is_tried_and_kept() -> None:
    """While the certificate in the app is changed, both keys are held; one of them works."""
    given = jwt_env(NEXT_PRIVATE_KEY=pem(rsa_key(1)))
    with responses.RequestsMock() as wire, opened(given) as session:
        endpoint = Endpoint(wire, BAD_ASSERTION, (200, ANSWER))
        assert session.instance_url == HOST
        stand = session._stand()
        session._stand(after=stand)
    public = rsa_key(1).public_key()
    for form in endpoint.forms[1:]:
        jwt.decode(
            form["assertion"],
            public,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_aud": False},
        )
    assert len(endpoint.forms) == 3


def test_the_second_key_is_not_tried_for_another_reason() -> None:
    """An app that is not admitted refuses both."""
    given = jwt_env(NEXT_PRIVATE_KEY=pem(rsa_key(1)))
    told = {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        endpoint = Endpoint(wire, (400, told))
        with opened(given) as session, pytest.raises(LoginRefused) as raised:
            _ = session.api_version
    assert len(endpoint.forms) == 1
    assert "pre-authorized" in raised.value.hint


def test_a_rotated_refresh_token_is_kept_for_the_next_login() -> None:
    """With rotation on, the first token is void after its use."""
    with responses.RequestsMock() as wire:
        endpoint = Endpoint(wire, (200, {**ANSWER, "refresh_token": "5Aep-new"}), (200, ANSWER))
        with opened(env(CLIENT_ID="key", REFRESH_TOKEN="5Aep-old")) as session:
            stand = session._stand()
            stand = session._stand(after=stand)
            session._stand(after=stand)
    assert [form["refresh_token"] for form in endpoint.forms] == [
        "5Aep-old",
        "5Aep-new",
        "5Aep-new",
    ]
    assert "client_secret" not in endpoint.forms[0]


def test_the_password_flow_appends_the_security_token() -> None:
    """And it warns of itself."""
    given = env(LOGIN_FLOW="password", CLIENT_ID="key", CLIENT_SECRET="s", **PASSWORD)
    with responses.RequestsMock() as wire, opened(given) as session:
        endpoint = Endpoint(wire, (200, ANSWER))
        assert session.instance_url == HOST
        assert "blocked by default" in session.warnings[0]
    assert endpoint.forms[0]["password"] == "hushXYZ"
    assert endpoint.forms[0]["grant_type"] == "password"


def soap_answer(**more: str) -> str:
    told = {
        "passwordExpired": "false",
        "serverUrl": f"{HOST}/services/Soap/u/64.0/00Dxx0000000001",
        "sessionId": "00Dxx0000000001!AQ.soap",
        "userId": "005xx0000000001AAA",
        "organizationId": "00Dxx0000000001EAA",
        **more,
    }
    tags = "".join(f"<{tag}>{text}</{tag}>" for tag, text in told.items())
    return (
        '<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv='
        '"http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com">'
        f"<soapenv:Body><loginResponse><result>{tags}</result></loginResponse></soapenv:Body>"
        "</soapenv:Envelope>"
    )


SOAP_PATH = f"{HOST}/services/Soap/u/64.0"


def soap_fault(code: str, words: str) -> str:
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {words}</faultstring>"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )


def test_a_soap_login_keeps_to_the_last_version_that_has_it() -> None:
    """Warned of; password and token together, escaped; at most API 64.0."""
    given = env(LOGIN_FLOW="soap", **{**PASSWORD, "PASSWORD": "a<b&c"})
    with responses.RequestsMock() as wire, opened(given) as session:
        wire.add("POST", SOAP_PATH, body=soap_answer(), content_type="text/xml")
        versions = [{"version": v} for v in ("63.0", "64.0", "65.0", "68.0")]
        wire.add("GET", f"{HOST}/services/data", json=versions)
        assert session.api_version == "64.0"
        assert session.token == "00Dxx0000000001!AQ.soap"
        assert "Summer '27" in session.warnings[0]
        sent = wire.calls[0].request
    assert isinstance(sent.body, bytes)
    assert b"a&lt;b&amp;cXYZ" in sent.body
    assert sent.headers["SOAPAction"] == "login"


@pytest.mark.parametrize("version", ["65.0", "66", "v68.0"])
def test_a_soap_login_is_refused_in_newer_versions(version: str) -> None:
    """login() does not exist there."""
    given = env(LOGIN_FLOW="soap", API_VERSION=version, **PASSWORD)
    with pytest.raises(BadSettings, match="does not exist"):
        credentials_from(load_settings(given))


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (500, soap_fault("INVALID_LOGIN", "Invalid username, password, security token"), "test."),
        (500, soap_fault("LOGIN_MUST_USE_SECURITY_TOKEN", "x"), "SFPRM_SECURITY_TOKEN"),
        (500, soap_fault("LOGIN_DURING_RESTRICTED_DOMAIN", "x"), "Login IP Ranges"),
        (500, soap_fault("INVALID_OPERATION", "SOAP API login() is disabled"), "JWT"),
        (500, soap_fault("UNSUPPORTED_API_VERSION", "x"), "JWT"),
        (200, soap_answer(passwordExpired="true"), "new one"),
        (200, "<html>hello</html>", "proxy"),
        (200, "<a", "proxy"),
    ],
)
def test_a_refused_soap_login_says_what_to_do(status: int, body: str, hint: str) -> None:
    """Faults, an expired password, a page of a proxy."""
    with responses.RequestsMock() as wire, opened(env(LOGIN_FLOW="soap", **PASSWORD)) as session:
        wire.add("POST", SOAP_PATH, status=status, body=body, content_type="text/xml")
        with pytest.raises(LoginRefused) as raised:
            _ = session.api_version
    assert hint in raised.value.hint
    assert "hush" not in raised.value.message


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        ("invalid_grant", "ip restricted", "Login IP Ranges"),
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorized"),
        ("invalid_app_access", "user is not admin approved to access this app", "permission set"),
        ("OAUTH_APP_BLOCKED", "this app is blocked by admin", "API access control"),
        ("invalid_grant", "audience is invalid", "SFPRM_JWT_AUDIENCE"),
        ("invalid_grant", "invalid assertion", "certificate"),
        ("invalid_grant", "expired access/refresh token", "rotation"),
        ("invalid_grant", "authentication failure - Invalid Password", "SFPRM_PASSWORD"),
        ("invalid_grant", "something new", "SFPRM_USERNAME"),
        ("inactive_user", "user is inactive", "Activate"),
        ("unsupported_grant_type", "grant type not supported", "app's OAuth settings"),
    ],
)
def test_each_refusal_has_its_own_fix(error: str, words: str, hint: str) -> None:
    """Address ranges, an app that is not admitted, access control: no two share a message."""
    told = {"error": error, "error_description": words}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        Endpoint(wire, (400, told))
        with opened(jwt_env()) as session, pytest.raises(LoginRefused) as raised:
            _ = session.api_version
    assert hint in raised.value.hint
    assert words.rstrip(".") in raised.value.message


def test_a_wrong_clock_is_named() -> None:
    """The answer's date tells how far off this machine is."""
    with responses.RequestsMock() as wire, opened(jwt_env()) as session:
        wire.add(
            "POST",
            TOKEN_PATH,
            status=400,
            json=BAD_ASSERTION[1],
            headers={"Date": "Mon, 23 Nov 2026 11:50:00 GMT"},
        )
        with pytest.raises(LoginRefused) as raised:
            _ = session.api_version
    assert "10 minutes fast" in raised.value.hint


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Mon, 23 Nov 2026 12:00:30 GMT", ""),
        ("Mon, 23 Nov 2026 12:05:00 GMT", "5 minutes slow"),
        ("Mon, 23 Nov 2026 11:58:45 GMT", "1 minute fast"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_how_far_the_clock_is_off(date: str, said: str) -> None:
    """Within a minute is nothing; nonsense is nothing."""
    assert clock_is_off({"Date": date}, NOON) == said


def test_every_known_refusal_has_a_next_step() -> None:
    """No row of the table is mute."""
    assert all(row.hint.endswith((".", ").")) for row in ROWS)


@pytest.mark.parametrize(
    "given",
    [
        jwt_env,
        lambda: env(CLIENT_ID="key", REFRESH_TOKEN="hush"),
        lambda: env(LOGIN_FLOW="soap", **PASSWORD),
        lambda: env(LOGIN_FLOW="password", CLIENT_ID="k", CLIENT_SECRET="hush", **PASSWORD),
        lambda: env(SFDX_AUTH_URL="force://key:hush:hush@acme.my.salesforce.com"),
    ],
)
def test_no_secret_in_the_repr_of_credentials(given: Callable[[], dict[str, str]]) -> None:
    """Whatever the flow."""
    shown = repr(credentials_from(load_settings(given())))
    assert "hush" not in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize("text", ["force://x", "https://a:b:c@host", "hush"])
def test_an_auth_url_that_is_none_is_refused(text: str) -> None:
    """Without quoting it."""
    with pytest.raises(SfprmError, match="not an auth URL") as raised:
        credentials_from(load_settings(env(SFDX_AUTH_URL=text)))
    assert text not in raised.value.message


def test_only_a_ready_token_cannot_be_renewed() -> None:
    """All other flows log in again by themselves."""
    assert not can_renew(credentials_from(load_settings(env(ACCESS_TOKEN="x", INSTANCE_URL=HOST))))
    assert can_renew(SfCli())
