"""From settings to credentials: which login flow was chosen, and whether all of it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from sfprm.errors import BadSettings
from sfprm.salesforce.assertion import checked_key
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
    audience_for,
    checked_url,
    parse_auth_url,
)
from sfprm.settings import LoginFlow, Settings

__all__ = ["credentials_from", "flow_of"]


def credentials_from(settings: Settings) -> Credentials:
    """The credentials that the settings hold.

    Raises BadSettings that names the missing keys, a key that is none, an address that is none.
    """
    flow = flow_of(settings)
    if flow == "auto":
        raise BadSettings(
            "No way to log in: SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET are missing.",
            hint="Set SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET, or those of "
            "another login flow (docs/login.md). No org yet? Run `sfprm demo`.",
        )
    return _BUILDERS[flow](settings)


def flow_of(settings: Settings) -> LoginFlow:
    """The flow named, or the first for which the settings hold a key; `auto` when there is none.

    Flows with a password are never chosen unless they are named.
    """
    if settings.login_flow != "auto":
        return settings.login_flow
    holds: Mapping[LoginFlow, object] = {
        "access-token": settings.access_token,
        "jwt": settings.private_key,
        "refresh-token": settings.refresh_token or settings.sfdx_auth_url,
        "sf-cli": settings.sf_org,
        "client-credentials": settings.client_secret or settings.client_id,
    }
    return next((flow for flow, key in holds.items() if key is not None), "auto")


def _access_token(settings: Settings) -> AccessToken:
    if settings.access_token is None:
        raise _missing("access-token", ["SFPRM_ACCESS_TOKEN"])
    if settings.instance_url is None:
        raise BadSettings(
            "SFPRM_ACCESS_TOKEN is set but SFPRM_INSTANCE_URL is missing.",
            hint="Set SFPRM_INSTANCE_URL to the address of the org that the token is for.",
        )
    url = checked_url(settings.instance_url, "SFPRM_INSTANCE_URL")
    return AccessToken(instance_url=url, token=settings.access_token)


def _client_credentials(settings: Settings) -> ClientCredentials:
    text, secret = _need(settings, "client-credentials", ("client_id",), ("client_secret",))
    return ClientCredentials(_login_url(settings), text["client_id"], secret["client_secret"])


def _jwt(settings: Settings) -> JwtBearer:
    text, secret = _need(settings, "jwt", ("client_id", "username"), ("private_key",))
    url = _login_url(settings)
    keys = [checked_key(secret["private_key"], "SFPRM_PRIVATE_KEY")]
    if settings.next_private_key is not None:
        keys.append(checked_key(settings.next_private_key, "SFPRM_NEXT_PRIVATE_KEY"))
    audience = (
        checked_url(settings.jwt_audience, "SFPRM_JWT_AUDIENCE")
        if settings.jwt_audience
        else audience_for(url)
    )
    return JwtBearer(url, text["client_id"], text["username"], audience, tuple(keys))


def _refresh_token(settings: Settings) -> RefreshToken:
    if settings.sfdx_auth_url is not None and settings.refresh_token is None:
        return parse_auth_url(settings.sfdx_auth_url.get_secret_value(), "SFPRM_SFDX_AUTH_URL")
    text, secret = _need(settings, "refresh-token", ("client_id",), ("refresh_token",))
    return RefreshToken(
        _login_url(settings), text["client_id"], secret["refresh_token"], settings.client_secret
    )


def _password(settings: Settings) -> PasswordGrant:
    text, secret = _need(
        settings, "password", ("client_id", "username"), ("client_secret", "password")
    )
    return PasswordGrant(
        _login_url(settings),
        text["client_id"],
        secret["client_secret"],
        text["username"],
        secret["password"],
        settings.security_token,
    )


def _soap(settings: Settings) -> SoapLogin:
    text, secret = _need(settings, "soap", ("username",), ("password",))
    version = (settings.api_version or "").strip().lower().removeprefix("v")
    if version.replace(".", "", 1).isdigit() and float(version) > LAST_SOAP_LOGIN:
        raise BadSettings(
            f"SOAP login does not exist in API version {version}: {LAST_SOAP_LOGIN} was the last.",
            hint="Move to client credentials or JWT (docs/login.md), or for now set "
            f"SFPRM_API_VERSION={LAST_SOAP_LOGIN}.",
        )
    return SoapLogin(
        _login_url(settings),
        text["username"],
        secret["password"],
        settings.security_token,
    )


def _sf_cli(settings: Settings) -> SfCli:
    return SfCli(settings.sf_org, settings.sf_binary)


_BUILDERS: Mapping[LoginFlow, Callable[[Settings], Credentials]] = {
    "access-token": _access_token,
    "client-credentials": _client_credentials,
    "jwt": _jwt,
    "refresh-token": _refresh_token,
    "password": _password,
    "soap": _soap,
    "sf-cli": _sf_cli,
}


def _login_url(settings: Settings) -> str:
    return checked_url(settings.login_url, "SFPRM_LOGIN_URL")


def _need(
    settings: Settings, flow: LoginFlow, texts: tuple[str, ...], secrets: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, SecretStr]]:
    """The settings that a flow cannot do without. Raises BadSettings that names those missing."""
    found_texts: dict[str, str] = {}
    found_secrets: dict[str, SecretStr] = {}
    missing: list[str] = []
    for name in (*texts, *secrets):
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found_secrets[name] = value
        elif isinstance(value, str):
            found_texts[name] = value
        else:
            missing.append(f"SFPRM_{name.upper()}")
    if missing:
        raise _missing(flow, missing)
    return found_texts, found_secrets


def _missing(flow: LoginFlow, keys: list[str]) -> BadSettings:
    return BadSettings(
        f"No way to log in: {' and '.join(keys)} {'is' if len(keys) == 1 else 'are'} missing.",
        hint=_HINTS[flow],
    )


_HINTS: Mapping[LoginFlow, str] = {
    "client-credentials": "Set SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET, "
    "or SFPRM_INSTANCE_URL and SFPRM_ACCESS_TOKEN. No org yet? Run `sfprm demo`.",
    "jwt": "The flow jwt needs SFPRM_CLIENT_ID, SFPRM_USERNAME and SFPRM_PRIVATE_KEY_FILE.",
    "refresh-token": "The flow refresh-token needs SFPRM_CLIENT_ID and SFPRM_REFRESH_TOKEN_FILE, "
    "or SFPRM_SFDX_AUTH_URL_FILE alone.",
    "password": "The flow password needs SFPRM_CLIENT_ID, SFPRM_CLIENT_SECRET, SFPRM_USERNAME and "
    "SFPRM_PASSWORD_FILE, and mostly SFPRM_SECURITY_TOKEN_FILE.",
    "soap": "The flow soap needs SFPRM_USERNAME and SFPRM_PASSWORD_FILE, and mostly "
    "SFPRM_SECURITY_TOKEN_FILE.",
    "access-token": "The flow access-token needs SFPRM_INSTANCE_URL and SFPRM_ACCESS_TOKEN.",
}
