"""How to log in: one frozen type per login flow. No secret shows in a repr."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from sfprm.errors import BadSettings
from sfprm.settings import Settings

__all__ = [
    "AccessToken",
    "ClientCredentials",
    "Credentials",
    "checked_url",
    "credentials_from",
    "is_loopback",
]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.0 client credentials of an External Client App with a run-as user.

    Works on a My Domain address only; login.salesforce.com refuses it.
    """

    login_url: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A ready access token. It cannot be renewed: an expired one ends the run."""

    instance_url: str
    token: SecretStr


Credentials = ClientCredentials | AccessToken


def credentials_from(settings: Settings) -> Credentials:
    """The credentials that the settings hold; a ready token goes before client credentials.

    Raises BadSettings that names the missing keys.
    """
    if settings.access_token is not None:
        if settings.instance_url is None:
            raise BadSettings(
                "SFPRM_ACCESS_TOKEN is set but SFPRM_INSTANCE_URL is missing.",
                hint="Set SFPRM_INSTANCE_URL to the address of the org that the token is for.",
            )
        url = checked_url(settings.instance_url, "SFPRM_INSTANCE_URL")
        return AccessToken(instance_url=url, token=settings.access_token)
    missing = [
        key
        for key, value in (
            ("SFPRM_CLIENT_ID", settings.client_id),
            ("SFPRM_CLIENT_SECRET", settings.client_secret),
        )
        if value is None
    ]
    if settings.client_id is None or settings.client_secret is None:
        raise BadSettings(
            f"No way to log in: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
            "missing.",
            hint="Set SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET, "
            "or SFPRM_INSTANCE_URL and SFPRM_ACCESS_TOKEN. No org yet? Run `sfprm demo`.",
        )
    return ClientCredentials(
        login_url=checked_url(settings.login_url, "SFPRM_LOGIN_URL"),
        client_id=settings.client_id,
        client_secret=settings.client_secret,
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
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
