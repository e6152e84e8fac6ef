"""How to log in: one frozen type per login flow. No secret shows in a repr.

Which flow is right for whom: `docs/login.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from sfprm.errors import BadSettings

__all__ = [
    "LAST_SOAP_LOGIN",
    "AccessToken",
    "ClientCredentials",
    "Credentials",
    "JwtBearer",
    "PasswordGrant",
    "RefreshToken",
    "SfCli",
    "SoapLogin",
    "audience_for",
    "can_renew",
    "checked_url",
    "is_loopback",
    "parse_auth_url",
    "warnings_for",
]

LAST_SOAP_LOGIN = 64.0
"""Newest API version whose SOAP login() exists [documented: not in 65.0 and later]."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SANDBOX_HOSTS = (".sandbox.my.salesforce.com", ".scratch.my.salesforce.com")
_AUTH_URL = re.compile(r"force://([^:@]+):([^:@]*):([^@]+)@([^@/\s]+)/?\Z")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.0 client credentials of an External Client App with a run-as user.

    Works on a My Domain address only; login.salesforce.com refuses it [recorded].
    """

    login_url: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """OAuth 2.0 JWT bearer: we sign who we are; the app must be approved for the user beforehand.

    `keys`: one RSA private key in PEM, or two while keys are changed; the second is tried when
    the org does not take the first.
    """

    login_url: str
    client_id: str
    username: str
    audience: str
    keys: tuple[SecretStr, ...]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token got by a person's login in the browser. `client_secret` where the app asks
    for one."""

    login_url: str
    client_id: str
    token: SecretStr
    client_secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """Username-password OAuth. Blocked by default in newer orgs (unverified)."""

    login_url: str
    client_id: str
    client_secret: SecretStr
    username: str
    password: SecretStr
    security_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class SoapLogin:
    """SOAP login(), which needs no app. It ends with Summer '27 and is off in new orgs
    [documented]; the session is held to API 64.0, the last version that has it."""

    login_url: str
    username: str
    password: SecretStr
    security_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A ready access token. It cannot be renewed: an expired one ends the run."""

    instance_url: str
    token: SecretStr


@dataclass(frozen=True, slots=True)
class SfCli:
    """A login that the `sf` CLI holds; `org` is its alias or username, None its default org.

    `sf` is asked each time a token is needed; nothing of it is kept.
    """

    org: str | None = None
    binary: str = "sf"


Credentials = (
    ClientCredentials | JwtBearer | RefreshToken | PasswordGrant | SoapLogin | AccessToken | SfCli
)


def can_renew(credentials: Credentials) -> bool:
    """Whether the flow can give a new token when one has expired."""
    return not isinstance(credentials, AccessToken)


def warnings_for(credentials: Credentials) -> tuple[str, ...]:
    """What the user of this flow should know; one sentence each, empty for the sound ones."""
    match credentials:
        case SoapLogin():
            return (
                "SOAP login is being retired: Salesforce ends it with Summer '27, and it is off "
                "in new orgs. Move to client credentials or JWT (docs/login.md).",
            )
        case PasswordGrant():
            return (
                "The username-password flow is blocked by default in newer orgs, and it keeps a "
                "password on this machine. Move to client credentials or JWT (docs/login.md).",
            )
        case _:
            return ()


def audience_for(login_url: str) -> str:
    """The audience of a JWT for this login address.

    test.salesforce.com for sandboxes and scratch orgs, login.salesforce.com for all other
    My Domains, the address itself for anything else (a site; the embedded org) [audiences from
    public pages; whether a My Domain is accepted as audience is unverified].
    """
    host = urlsplit(login_url).hostname or ""
    if host == "test.salesforce.com" or host.endswith(_SANDBOX_HOSTS):
        return "https://test.salesforce.com"
    if host == "login.salesforce.com" or host.endswith(".my.salesforce.com"):
        return "https://login.salesforce.com"
    return login_url


def parse_auth_url(text: str, name: str) -> RefreshToken:
    """The refresh token in an auth URL of the `sf` CLI. Raises BadSettings, quoting nothing."""
    found = _AUTH_URL.match(text.strip())
    if not found:
        raise BadSettings(
            f"{name} is not an auth URL of the sf CLI.",
            hint="It looks like force://client-id:client-secret:refresh-token@host; print it with "
            "`sf org auth show-sfdx-auth-url`.",
        )
    client_id, secret, token, host = found.groups()
    return RefreshToken(
        checked_url(f"https://{host}", name),
        client_id,
        SecretStr(token),
        SecretStr(secret) if secret else None,
    )


def is_loopback(host: str | None) -> bool:
    """Whether the host name is this machine itself."""
    return host in _LOOPBACK


def checked_url(url: str, name: str) -> str:
    """`scheme://host[:port]` of the address; raises BadSettings when it is none or not safe.

    `http://` is accepted for loopback only: a secret would cross the network readable.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise BadSettings(
            f"{name} is not an address.", hint="Write it as https://host.example.com."
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise BadSettings(
            f"{name} is not an address.", hint="Write it as https://host.example.com."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadSettings(
            f"{name} is not encrypted: http:// is accepted for this machine only.",
            hint=f"Write it as https://{parts.hostname}.",
        )
    if parts.hostname.endswith(".lightning.force.com"):
        raise BadSettings(
            f"{name} is the address of the pages, not of the API.",
            hint="Write "
            f"https://{parts.hostname.removesuffix('.lightning.force.com')}.my.salesforce.com.",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
