"""Logging in: from credentials to a token and the host that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from pydantic import SecretStr

from sfprm.errors import BadSettings, LoginRefused, OrgUnreachable, SfprmError
from sfprm.salesforce.assertion import signed
from sfprm.salesforce.credentials import (
    LAST_SOAP_LOGIN,
    AccessToken,
    ClientCredentials,
    Credentials,
    JwtBearer,
    PasswordGrant,
    RefreshToken,
    SfCli,
    SoapLogin,
    checked_url,
    is_loopback,
)
from sfprm.salesforce.login_refusals import refused, row_for
from sfprm.salesforce.retry import Cause, Failed
from sfprm.salesforce.sf_cli import ask

if TYPE_CHECKING:
    from sfprm.salesforce.answer import Answer
    from sfprm.salesforce.wire import Wire

__all__ = ["Login", "log_in"]

_SALESFORCE_DOMAINS = (
    ".salesforce.com",
    ".force.com",
    ".salesforce.mil",
    ".sfcrmproducts.cn",
    ".crmforce.mil",
)
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_PARTNER = "urn:partner.soap.sforce.com"


@dataclass(frozen=True, slots=True)
class Login:
    """A token and the one host that it may be sent to.

    `identity_url` (`…/id/ORG/USER`) is empty when the flow gives none. `refresh`: the newest
    refresh token, when the app replaces it at each use (rotation); it lives in memory only.
    `key`: which of two signing keys the org took, from 0.
    """

    instance_url: str
    token: SecretStr
    identity_url: str = ""
    refresh: SecretStr | None = None
    key: int = 0


def log_in(
    wire: Wire, credentials: Credentials, *, now: datetime, before: Login | None = None
) -> Login:
    """One try to log in. `before`: the login that this one replaces.

    Raises Failed, which carries the error and whether to try again.
    """
    match credentials:
        case AccessToken():
            return Login(_instance(credentials.instance_url, None), credentials.token)
        case ClientCredentials():
            form = {
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret.get_secret_value(),
            }
            return _token(wire, credentials, credentials.login_url, form, now)
        case JwtBearer():
            return _by_assertion(wire, credentials, now, before)
        case RefreshToken():
            return _refreshed(wire, credentials, now, before)
        case PasswordGrant():
            form = {
                "grant_type": "password",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret.get_secret_value(),
                "username": credentials.username,
                "password": _password(credentials),
            }
            return _token(wire, credentials, credentials.login_url, form, now)
        case SoapLogin():
            return _soap(wire, credentials, now)
        case SfCli():
            return _by_sf(wire, credentials, now)
        case _:
            assert_never(credentials)


def _token(
    wire: Wire, credentials: Credentials, login_url: str, form: Mapping[str, str], now: datetime
) -> Login:
    answer = wire.send(
        "POST",
        f"{login_url}/services/oauth2/token",
        data=form,
        headers={"Accept": "application/json"},
    )
    body: Any = answer.json
    if answer.status == 200 and isinstance(body, dict):
        token, instance = body.get("access_token"), body.get("instance_url")
        if isinstance(token, str) and token and isinstance(instance, str):
            identity, renewed = body.get("id"), body.get("refresh_token")
            return Login(
                _instance(instance, login_url),
                SecretStr(token),
                identity if isinstance(identity, str) else "",
                SecretStr(renewed) if isinstance(renewed, str) and renewed else None,
            )
    raise refused(answer, credentials, login_url, now)


def _by_assertion(wire: Wire, credentials: JwtBearer, now: datetime, before: Login | None) -> Login:
    """With the key that worked last, else with each in turn."""
    count = len(credentials.keys)
    first = before.key if before is not None else 0
    failures: list[Failed] = []
    for number in [first, *(n for n in range(count) if n != first)]:
        form = {
            "grant_type": _JWT_GRANT,
            "assertion": signed(credentials, credentials.keys[number], now),
        }
        try:
            return replace(_token(wire, credentials, credentials.login_url, form, now), key=number)
        except Failed as failed:
            failures.append(failed)
            if not _about_key(failed.error):
                break
    raise failures[0] if _about_key(failures[-1].error) else failures[-1]


def _about_key(error: SfprmError) -> bool:
    """Whether another key may do better: the org did not take the signature."""
    if not isinstance(error, LoginRefused):
        return False
    row = row_for(error.code, error.message)
    return row.about_key if row is not None else error.code == "invalid_grant"


def _refreshed(wire: Wire, credentials: RefreshToken, now: datetime, before: Login | None) -> Login:
    held = before.refresh if before is not None and before.refresh else credentials.token
    form = {
        "grant_type": "refresh_token",
        "refresh_token": held.get_secret_value(),
        "client_id": credentials.client_id,
    }
    if credentials.client_secret is not None:
        form["client_secret"] = credentials.client_secret.get_secret_value()
    login = _token(wire, credentials, credentials.login_url, form, now)
    return login if login.refresh is not None else replace(login, refresh=held)


def _by_sf(wire: Wire, credentials: SfCli, now: datetime) -> Login:
    try:
        told = ask(credentials)
    except SfprmError as error:
        raise Failed(Cause.FINAL, error) from error
    if told.token is not None:
        return Login(_instance(told.instance_url, None), told.token)
    assert told.refresh is not None, "sf tells one of the two"
    return _refreshed(wire, told.refresh, now, None)


def _password(credentials: PasswordGrant | SoapLogin) -> str:
    token = credentials.security_token
    return credentials.password.get_secret_value() + (token.get_secret_value() if token else "")


def _soap(wire: Wire, credentials: SoapLogin, now: datetime) -> Login:
    envelope = ET.Element(f"{{{_ENVELOPE}}}Envelope")
    body = ET.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    asked = ET.SubElement(body, f"{{{_PARTNER}}}login")
    ET.SubElement(asked, f"{{{_PARTNER}}}username").text = credentials.username
    ET.SubElement(asked, f"{{{_PARTNER}}}password").text = _password(credentials)
    answer = wire.send(
        "POST",
        f"{credentials.login_url}/services/Soap/u/{LAST_SOAP_LOGIN}",
        data=ET.tostring(envelope, encoding="utf-8", xml_declaration=True),
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"},
    )
    told = _soap_result(answer) if answer.status == 200 else {}
    if not told.get("sessionId") or not told.get("serverUrl"):
        raise refused(answer, credentials, credentials.login_url, now)
    if told.get("passwordExpired") == "true":
        raise Failed(
            Cause.FINAL,
            LoginRefused(
                "The user's password has expired.",
                code="INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
                hint="Log in as the user in the browser and set a new one.",
            ),
        )
    server = urlsplit(told["serverUrl"])
    user, org = told.get("userId", ""), told.get("organizationId", "")
    return Login(
        _instance(f"{server.scheme}://{server.netloc}", credentials.login_url),
        SecretStr(told["sessionId"]),
        f"{credentials.login_url}/id/{org}/{user}" if org and user else "",
    )


def _soap_result(answer: Answer) -> dict[str, str]:
    """The texts of a SOAP answer by tag, whatever the namespace; empty when it is not XML."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(answer.content)
    except (ET.ParseError, DefusedXmlException):
        return {}
    found: dict[str, str] = {}
    for element in root.iter():
        found.setdefault(str(element.tag).rpartition("}")[2], (element.text or "").strip())
    return found


def _instance(url: str, login_url: str | None) -> str:
    """The instance's address, when a token may be sent there; raises Failed otherwise."""
    try:
        checked = checked_url(url, "The instance address")
    except BadSettings as error:
        raise Failed(Cause.FINAL, OrgUnreachable(error.message, hint=error.hint)) from None
    host = urlsplit(checked).hostname or ""
    if not checked.startswith("https://"):
        raise Failed(
            Cause.FINAL,
            OrgUnreachable(
                f"The instance address {checked} is not encrypted; tokens go over https:// only.",
                hint="Serve the org over https:// and name its authority in SFPRM_CA_BUNDLE.",
            ),
        )
    if login_url is not None and not _may_follow(urlsplit(login_url).hostname or "", host):
        raise Failed(
            Cause.FINAL,
            OrgUnreachable(
                f"The login at {urlsplit(login_url).hostname} answered with an instance at a "
                f"foreign host, {host}; the token is not sent there.",
                hint="Check SFPRM_LOGIN_URL.",
            ),
        )
    return checked


def _may_follow(login: str, instance: str) -> bool:
    if login == instance or (is_loopback(login) and is_loopback(instance)):
        return True
    return login.endswith(_SALESFORCE_DOMAINS) and instance.endswith(_SALESFORCE_DOMAINS)
