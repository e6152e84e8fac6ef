"""Logging in: from credentials to a token and the host that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

from pydantic import SecretStr

from sfprm.errors import BadSettings, LoginRefused, OrgUnreachable, TryLater
from sfprm.salesforce.credentials import (
    AccessToken,
    ClientCredentials,
    Credentials,
    checked_url,
    is_loopback,
)
from sfprm.salesforce.refusals import read_fault, scrub
from sfprm.salesforce.retry import Cause, Failed, cause_of

if TYPE_CHECKING:
    from sfprm.salesforce.answer import Answer
    from sfprm.salesforce.wire import Wire

__all__ = ["Login", "can_renew", "log_in"]

_SALESFORCE_DOMAINS = (
    ".salesforce.com",
    ".force.com",
    ".salesforce.mil",
    ".sfcrmproducts.cn",
    ".crmforce.mil",
)

# Hints by the token endpoint's `error`, and by words of its description: texts as recorded.
_HINTS: tuple[tuple[str, str, str], ...] = (
    ("invalid_client_id", "", "Check SFPRM_CLIENT_ID: the consumer key of the app."),
    ("invalid_client", "", "Check SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET."),
    (
        "invalid_grant",
        "not supported on this domain",
        "Set SFPRM_LOGIN_URL to your My Domain address: client credentials do not work at "
        "login.salesforce.com.",
    ),
    (
        "invalid_grant",
        "no client credentials user",
        "Name a run-as user in the app's policies: Setup › External Client App › Policies.",
    ),
    (
        "invalid_grant",
        "ip restricted",
        "Add this machine's address to the user's login IP ranges.",
    ),
    ("unsupported_grant_type", "", "Allow the client credentials flow in the app's settings."),
    ("inactive_user", "", "Activate the run-as user."),
    ("inactive_org", "", "The org is locked or suspended: ask Salesforce."),
    ("invalid_app_access", "", "Admit the run-as user to the app (permission set or profile)."),
)


@dataclass(frozen=True, slots=True)
class Login:
    """A token and the one host that it may be sent to.

    `identity_url` (`…/id/ORG/USER`) is empty when the flow gives none.
    """

    instance_url: str
    token: SecretStr
    identity_url: str = ""


def can_renew(credentials: Credentials) -> bool:
    """Whether the flow can give a new token when one has expired."""
    return not isinstance(credentials, AccessToken)


def log_in(wire: Wire, credentials: Credentials) -> Login:
    """One try to log in. Raises Failed, which carries the error and whether to try again."""
    match credentials:
        case AccessToken():
            return Login(_instance(credentials.instance_url, None), credentials.token)
        case ClientCredentials():
            answer = wire.send(
                "POST",
                f"{credentials.login_url}/services/oauth2/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": credentials.client_id,
                    "client_secret": credentials.client_secret.get_secret_value(),
                },
                headers={"Accept": "application/json"},
            )
            return _from_answer(answer, credentials.login_url)
        case _:
            assert_never(credentials)


def _from_answer(answer: Answer, login_url: str) -> Login:
    body: Any = answer.json
    if answer.status == 200 and isinstance(body, dict):
        token, instance = body.get("access_token"), body.get("instance_url")
        if isinstance(token, str) and token and isinstance(instance, str):
            identity = body.get("id")
            return Login(
                _instance(instance, login_url),
                SecretStr(token),
                identity if isinstance(identity, str) else "",
            )
    raise _refused(answer, login_url)


def _refused(answer: Answer, login_url: str) -> Failed:
    host = urlsplit(login_url).hostname
    if answer.status in (420, 429) or answer.status >= 500:
        error = TryLater(f"{host} cannot log anyone in now (HTTP {answer.status}).")
        return Failed(cause_of(answer.status, None), error)
    fault = read_fault(answer.status, answer.json)
    if not fault.code:
        return Failed(
            Cause.FINAL,
            LoginRefused(
                f"{host} did not answer as Salesforce's login does (HTTP {answer.status}).",
                status=answer.status,
                hint="Check SFPRM_LOGIN_URL; a proxy may have answered in its place.",
            ),
        )
    words = f": {scrub(fault.message)}" if fault.message else ""
    return Failed(
        Cause.FINAL,
        LoginRefused(
            f"{host} refused the login: {fault.code}{words}.",
            code=fault.code,
            status=answer.status,
            hint=_hint(fault.code, fault.message),
        ),
    )


def _hint(code: str, message: str) -> str:
    for known, words, hint in _HINTS:
        if code == known and words in message.lower():
            return hint
    return "Check SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET."


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
