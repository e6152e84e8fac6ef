"""Login flows: JWT bearer, refresh, username and password, SOAP; and who is kept out."""

from __future__ import annotations

import re
import time
from functools import cache
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

AGENT = "sfprm.agent@alder.example.com"
SAM = "sam.carter@alder.example.com"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """Keys of the tests' own; `number` tells them apart."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(number: int) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(number).public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def certificate(number: int) -> str:
    """A self-signed certificate, as admins upload it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key(number).public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key(number), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def post(org: Any, **form: str) -> requests.Response:
    return requests.post(f"{org.http}/services/oauth2/token", data=form, timeout=30)


def app(org: Any, **values: Any) -> dict[str, Any]:
    """A connected app of the tests' own."""
    made: dict[str, Any] = org.control("POST", "apps", {"name": "ci", **values})
    return made


def assertion(client_id: str, number: int = 1, algorithm: str = "RS256", **claims: Any) -> str:
    values = {
        "iss": client_id,
        "sub": AGENT,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 120,
        **claims,
    }
    secret: Any = key(number) if algorithm == "RS256" else "x" * 40
    return jwt.encode({k: v for k, v in values.items() if v is not None}, secret, algorithm)


@pytest.fixture
def signed_app(devorg: Any) -> dict[str, Any]:
    """An app with a certificate, which the agent's profile may use."""
    return app(devorg, certificate=certificate(1), approved_by_admin=["System Administrator"])


def test_a_signed_assertion_logs_in(devorg: Any, signed_app: dict[str, Any]) -> None:
    """The answer has no issued_at and no signature; the token works."""
    answer = post(devorg, grant_type=JWT, assertion=assertion(signed_app["client_id"])).json()
    assert set(answer) == {"access_token", "scope", "instance_url", "id", "token_type"}
    claims = requests.get(
        f"{devorg.http}/services/oauth2/userinfo",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
        timeout=30,
    ).json()
    assert claims["preferred_username"] == AGENT


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "{https}"},
        {"aud": ["https://login.salesforce.com"]},
        {"exp": lambda: str(int(time.time()) + 3600)},
        {"exp": lambda: int(time.time())},
        {"exp": lambda: int(time.time() * 1000)},
        {"sub": AGENT.upper()},
    ],
    ids=["own address", "list", "exp as text", "exp now", "exp in milliseconds", "case"],
)
def test_assertions_as_clients_make_them(
    devorg: Any, signed_app: dict[str, Any], claims: dict[str, Any]
) -> None:
    """Texts and margins seen in the wild."""
    given = {
        # instants are made now: a suite takes longer than the margin
        name: value.format(https=devorg.https)
        if isinstance(value, str)
        else value()
        if callable(value)
        else value
        for name, value in claims.items()
    }
    values: dict[str, Any] = given
    made = assertion(signed_app["client_id"], **values)
    assert post(devorg, grant_type=JWT, assertion=made).status_code == 200


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"number": 2}, "invalid assertion"),
        ({"algorithm": "HS256"}, "invalid assertion"),
        ({"exp": None}, "invalid assertion"),
        ({"exp": "soon"}, "invalid assertion"),
        ({"exp": int(time.time()) - 600}, "expired authorization code"),
        ({"aud": "https://test.salesforce.com"}, "audience is invalid"),
        ({"aud": None}, "audience is invalid"),
        ({"sub": None}, "invalid assertion"),
        ({"sub": "nobody@example.com"}, "user hasn't approved this consumer"),
        ({"sub": SAM}, "user hasn't approved this consumer"),
    ],
    ids=[
        "other key",
        "other algorithm",
        "no expiry",
        "expiry no number",
        "expired",
        "sandbox host",
        "no audience",
        "no subject",
        "unknown subject",
        "subject not approved",
    ],
)
def test_assertions_that_are_refused(
    devorg: Any, signed_app: dict[str, Any], claims: dict[str, Any], text: str
) -> None:
    """Signature, audience, expiry, subject: each has its own text."""
    answer = post(devorg, grant_type=JWT, assertion=assertion(signed_app["client_id"], **claims))
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "invalid_grant", "error_description": text},
    )


def test_an_assertion_for_an_unknown_app(devorg: Any) -> None:
    """The issuer names the app."""
    answer = post(devorg, grant_type=JWT, assertion=assertion("3MVGnone"))
    assert answer.json()["error"] == "invalid_client_id"


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
def test_what_is_no_assertion(devorg: Any, text: str) -> None:
    """Malformed."""
    assert post(devorg, grant_type=JWT, assertion=text).json()["error_description"] == (
        "invalid assertion"
    )


def test_two_keys_at_once(devorg: Any) -> None:
    """The old key goes on working while the new one is rolled out."""
    made = app(devorg, certificates=[public(1), public(2)], approved_by_admin=[AGENT])
    for number in (1, 2):
        form = {"grant_type": JWT, "assertion": assertion(made["client_id"], number)}
        assert post(devorg, **form).status_code == 200


def test_a_key_made_by_the_org(devorg: Any) -> None:
    """For a quick start: the control API makes the pair."""
    made = app(devorg, generate_key=True, approved_by_admin=[AGENT])
    claims = {
        "iss": made["client_id"],
        "sub": AGENT,
        "aud": devorg.https,
        "exp": int(time.time()) + 60,
    }
    signed = jwt.encode(claims, made["private_key"], "RS256")
    assert post(devorg, grant_type=JWT, assertion=signed).status_code == 200


def test_self_approval_opens_the_jwt_flow(devorg: Any) -> None:
    """Without a policy of the admin's, the user must have approved the app."""
    made = app(devorg, certificate=public(1))
    form = {"grant_type": JWT, "assertion": assertion(made["client_id"], sub=SAM)}
    assert post(devorg, **form).status_code == 400
    devorg.control("POST", "approvals", {"client_id": made["client_id"], "username": SAM})
    assert post(devorg, **form).status_code == 200


def test_refresh_and_rotation(devorg: Any) -> None:
    """Without rotation the token stays; with it each is good once."""
    made = app(devorg)
    pair = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    asked = {"client_id": made["client_id"], "username": SAM}
    token = devorg.control("POST", "approvals", asked)["refresh_token"]
    for _ in range(2):
        answer = post(devorg, grant_type="refresh_token", refresh_token=token, **pair).json()
        assert "refresh_token" not in answer
        assert answer["issued_at"].isdigit()
    app(devorg, client_id=made["client_id"], rotate=True)
    new = post(devorg, grant_type="refresh_token", refresh_token=token, **pair).json()
    assert new["refresh_token"] != token
    again = post(devorg, grant_type="refresh_token", refresh_token=token, **pair)
    assert (again.status_code, again.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "expired access/refresh token"},
    )


def test_a_revoked_refresh_token_takes_its_sessions_along(devorg: Any) -> None:
    """Revoke voids both."""
    made = app(devorg, require_secret=False)
    token = devorg.control(
        "POST", "approvals", {"client_id": made["client_id"], "username": AGENT}
    )["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": made["client_id"]}
    access = post(devorg, **form).json()["access_token"]
    revoked = requests.post(
        f"{devorg.http}/services/oauth2/revoke", data={"token": token}, timeout=30
    )
    assert (revoked.status_code, revoked.text) == (200, "")
    assert post(devorg, **form).json()["error_description"] == "expired access/refresh token"
    answer = requests.get(
        f"{devorg.http}/services/data/v66.0/limits",
        headers={"Authorization": f"Bearer {access}"},
        timeout=30,
    )
    assert answer.status_code == 401


def password(org: Any, username: str = SAM) -> tuple[str, str]:
    """(password, security token)."""
    given = {"username": username, "password": "pass word 1"}
    return "pass word 1", org.control("POST", "passwords", given)["security_token"]


def test_password_and_security_token(devorg: Any) -> None:
    """Both together, appended; from a trusted address the password alone."""
    plain, token = password(devorg)
    form = {
        "grant_type": "password",
        "client_id": devorg.client_id,
        "client_secret": devorg.client_secret,
        "username": SAM,
    }
    wrong = {
        "error": "invalid_grant",
        "error_description": "authentication failure - Invalid Password",
    }
    assert post(devorg, **form, password=plain + token).status_code == 200
    assert post(devorg, **form, password=plain).json() == wrong
    assert post(devorg, **form, password="no").json() == wrong
    assert post(devorg, **{**form, "username": "no@example.com"}, password="x").json() == wrong
    devorg.control("POST", "settings", {"trusted_ips": [["127.0.0.0", "127.255.255.255"]]})
    assert post(devorg, **form, password=plain).status_code == 200


def test_the_password_flow_can_be_blocked(devorg: Any) -> None:
    """As in newer orgs."""
    plain, token = password(devorg)
    devorg.control("POST", "settings", {"password_flow_blocked": True})
    answer = post(
        devorg,
        grant_type="password",
        client_id=devorg.client_id,
        client_secret=devorg.client_secret,
        username=SAM,
        password=plain + token,
    )
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "authentication failure",
    }


@pytest.mark.parametrize(
    ("setting", "error", "text"),
    [
        (
            {"login_ip_ranges": {"System Administrator": [["10.0.0.0", "10.0.0.255"]]}},
            "invalid_grant",
            "ip restricted",
        ),
        ({"api_access_control": True}, "OAUTH_APP_BLOCKED", "this app is blocked by admin"),
    ],
    ids=["ip", "api access control"],
)
def test_who_is_kept_out(devorg: Any, setting: dict[str, Any], error: str, text: str) -> None:
    """JWT obeys the profile's ranges; access control wants the app admitted."""
    made = app(devorg, certificate=public(1), approved_by_admin=[AGENT], admitted=False)
    form = {"grant_type": JWT, "assertion": assertion(made["client_id"])}
    assert post(devorg, **form).status_code == 200
    devorg.control("POST", "settings", setting)
    assert post(devorg, **form).json() == {"error": error, "error_description": text}


def test_an_inactive_user_is_kept_out(call: Any) -> None:
    """The text seen in the wild; the history says so too."""
    made = app(call.org, certificate=public(1), approved_by_admin=[SAM])
    form = {"grant_type": JWT, "assertion": assertion(made["client_id"], sub=SAM)}
    assert post(call.org, **form).status_code == 200
    call.change("User", call.user("sam.carter"), IsActive=False)
    assert post(call.org, **form).json()["error_description"] == "inactive user"
    history = call.rows(
        f"SELECT Status FROM LoginHistory WHERE UserId = '{call.user('sam.carter')}' "
        "ORDER BY LoginTime, Id"
    )
    assert [one["Status"] for one in history] == ["Success", "User is Inactive"]


def test_a_session_locked_to_its_address(devorg: Any) -> None:
    """A token shared between machines breaks."""
    pair = {"client_id": devorg.client_id, "client_secret": devorg.client_secret}
    token = post(devorg, grant_type="client_credentials", **pair).json()["access_token"]
    devorg.control("POST", "settings", {"lock_sessions_to_ip": True})
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        address = f"{devorg.http}/services/data/v66.0/limits"
        assert session.get(address, timeout=30).status_code == 200
        session.mount("http://", From("127.0.0.2"))
        assert session.get(address, timeout=30).status_code == 401


class From(requests.adapters.HTTPAdapter):
    """Calls from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


# SOAP


def soap(org: Any, body: str, version: str = "64.0", header: str = "") -> requests.Response:
    return requests.post(
        f"{org.http}/services/Soap/u/{version}",
        data='<?xml version="1.0" encoding="utf-8"?><env:Envelope '
        'xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:urn="urn:partner.soap.sforce.com">'
        f"<env:Header>{header}</env:Header><env:Body>{body}</env:Body></env:Envelope>",
        headers={"Content-Type": "text/xml", "SOAPAction": "login"},
        timeout=30,
    )


def login(username: str, text: str) -> str:
    return (
        f"<urn:login><urn:username>{username}</urn:username>"
        f"<urn:password>{text}</urn:password></urn:login>"
    )


def tag(answer: requests.Response, name: str) -> str:
    """The text of an element, found as clients find it: unprefixed, without attributes."""
    found = re.search(f"<{name}>(.*?)</{name}>", answer.text, re.DOTALL)
    assert found is not None, answer.text
    return found[1]


def test_soap_login_and_logout(devorg: Any) -> None:
    """The session is good for REST until logout."""
    plain, token = password(devorg)
    answer = soap(devorg, login(SAM, plain + token))
    assert answer.status_code == 200
    assert tag(answer, "passwordExpired") == "false"
    assert tag(answer, "serverUrl").startswith(f"{devorg.https}/services/Soap/u/64.0/00D")
    session = tag(answer, "sessionId")
    rest = {"Authorization": f"Bearer {session}"}
    address = f"{devorg.http}/services/data/v66.0/limits"
    assert requests.get(address, headers=rest, timeout=30).status_code == 200
    header = f"<urn:SessionHeader><urn:sessionId>{session}</urn:sessionId></urn:SessionHeader>"
    info = soap(devorg, "<urn:getUserInfo/>", header=header)
    assert tag(info, "userName") == SAM
    assert soap(devorg, "<urn:logout/>", header=header).status_code == 200
    assert requests.get(address, headers=rest, timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("text", "version", "code", "message"),
    [
        ("nonsense", "64.0", "INVALID_LOGIN", "Invalid username, password, security token;"),
        ("pass word 1", "64.0", "LOGIN_MUST_USE_SECURITY_TOKEN", "Are you at a new location?"),
        ("pass word 1", "30.0", "UNSUPPORTED_API_VERSION", "Invalid Api version"),
        ("pass word 1", "65.0", "soapenv:Client", "No operation available for request"),
    ],
)
def test_soap_faults(devorg: Any, text: str, version: str, code: str, message: str) -> None:
    """HTTP 500, the code in the fault."""
    password(devorg)
    answer = soap(devorg, login(SAM, text), version)
    assert answer.status_code == 500
    assert code in tag(answer, "faultcode")
    assert message in tag(answer, "faultstring")


def test_soap_login_can_be_switched_off(devorg: Any) -> None:
    """As in newly created orgs."""
    plain, token = password(devorg)
    devorg.control("POST", "settings", {"soap_login_disabled": True})
    answer = soap(devorg, login(SAM, plain + token))
    assert tag(answer, "sf:exceptionCode") == "INVALID_OPERATION"


def test_simple_salesforce_reads_the_fault(devorg: Any) -> None:
    """Its own reader of SOAP faults finds code and message."""
    from simple_salesforce.util import getUniqueElementValueFromXmlString as read

    answer = soap(devorg, login(SAM, "nonsense"))
    assert read(answer.content, "sf:exceptionCode") == "INVALID_LOGIN"


@pytest.mark.parametrize("body", ["", "<x", "<urn:login/><urn:login/>", "<urn:create/>"])
def test_soap_that_is_none(devorg: Any, body: str) -> None:
    """A fault, never a trace."""
    answer = soap(devorg, body)
    assert answer.status_code == 500
    assert "faultstring" in answer.text
