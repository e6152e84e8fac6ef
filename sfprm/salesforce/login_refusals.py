"""Why a login was refused, and what to do: by the endpoint's code and the words beside it.

Texts marked [recorded] stand in public clients' recordings; the others are from public pages or
from memory, so each row also has a fallback by code alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from sfprm.errors import LoginRefused, TryLater
from sfprm.salesforce.answer import Answer
from sfprm.salesforce.credentials import (
    ClientCredentials,
    Credentials,
    JwtBearer,
    PasswordGrant,
    RefreshToken,
    SoapLogin,
)
from sfprm.salesforce.refusals import read_fault, scrub
from sfprm.salesforce.retry import Cause, Failed, cause_of

__all__ = [
    "LOCKED_SESSION_HINT",
    "ROWS",
    "Row",
    "clock_is_off",
    "hint_for_login",
    "refused",
    "row_for",
]

_ADMIT = (
    "Admit the user to the app: Setup › External Client App Manager › the app › Policies › "
    "Permitted users 'Admin approved users are pre-authorized', and assign the app to a "
    "permission set of the user. A new app takes up to ten minutes to be known."
)
_BLOCKED = (
    "API access control is on and does not admit this app: have it allowed in Setup › Connected "
    "Apps OAuth Usage (or API Access Control), or ask Salesforce for the list of admitted apps."
)
_IP = (
    "Add this machine's address to Login IP Ranges of the user's profile. JWT and password logins "
    "obey those whatever the app's IP relaxation says."
)

LOCKED_SESSION_HINT = (
    "A fresh login was not accepted either. Is this machine's address within the user's login IP "
    "ranges, does Setup › Session Settings lock sessions to the address they began at while this "
    "machine has several (a proxy, a second network), or does a session policy need a second "
    "factor? See Setup › Login History. Tokens must not be shared between machines."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One known refusal: the code, words of its description (any when empty), the next step.

    `about_key`: another signing key may do better.
    """

    code: str
    words: str
    hint: str
    about_key: bool = False


ROWS: tuple[Row, ...] = (
    # who may use the app, and from where
    Row("invalid_grant", "ip restricted", _IP),
    Row("invalid_grant", "ip address", _IP),
    Row("invalid_grant", "approved this consumer", _ADMIT),  # [recorded]
    Row("invalid_grant", "not admin approved", _ADMIT),
    Row("invalid_app_access", "", _ADMIT),
    Row("OAUTH_APP_ACCESS_DENIED", "", _ADMIT),
    Row("OAUTH_APP_BLOCKED", "", _BLOCKED),
    Row("invalid_client", "api access control", _BLOCKED),
    Row("invalid_grant", "api access control", _BLOCKED),
    # the app
    Row("invalid_client_id", "", "Check SFPRM_CLIENT_ID: the consumer key of the app."),
    Row("invalid_client", "", "Check SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET."),
    Row(
        "invalid_grant",
        "not supported on this domain",  # [recorded]
        "Set SFPRM_LOGIN_URL to your My Domain address: client credentials do not work at "
        "login.salesforce.com.",
    ),
    Row(
        "invalid_grant",
        "no client credentials user",  # [recorded]
        "Name a run-as user in the app's policies: Setup › External Client App › Policies.",
    ),
    Row("unsupported_grant_type", "", "Allow this login flow in the app's OAuth settings."),
    Row("unauthorized_client", "", "Allow this login flow in the app's OAuth settings."),
    # JWT
    Row(
        "invalid_grant",
        "audience",
        "Set SFPRM_JWT_AUDIENCE: https://login.salesforce.com, or https://test.salesforce.com for "
        "a sandbox or scratch org.",
    ),
    Row(
        "invalid_grant",
        "assertion",
        "Check that SFPRM_PRIVATE_KEY belongs to the certificate in the app, that SFPRM_USERNAME "
        "is a user of this org, and this machine's clock.",
        about_key=True,
    ),
    Row(
        "invalid_grant",
        "expired authorization code",
        "The assertion had run out when it arrived: set this machine's clock right (NTP).",
    ),
    Row(
        "invalid_grant",
        "signature",
        "Check that SFPRM_PRIVATE_KEY belongs to the certificate in the app.",
        about_key=True,
    ),
    # tokens and passwords
    Row(
        "invalid_grant",
        "expired access/refresh token",  # [recorded]
        "The refresh token was revoked, has run out, or was replaced (rotation): get a new one by "
        "a login in the browser, and switch rotation off in the app.",
    ),
    Row(
        "invalid_grant",
        "token",
        "Get a new refresh token by a login in the browser (docs/login.md).",
    ),
    Row(
        "invalid_grant",
        "authentication failure",  # [recorded]
        "Check SFPRM_USERNAME, SFPRM_PASSWORD and SFPRM_SECURITY_TOKEN; several tries lock the "
        "user. The org may also block this flow: Setup › OAuth and OpenID Connect Settings.",
    ),
    Row("invalid_grant", "locked", "The user is locked: Setup › Users › Unlock, then try again."),
    Row("inactive_user", "", "Activate the run-as user."),
    Row("invalid_grant", "inactive user", "Activate the run-as user."),
    Row("inactive_org", "", "The org is locked or suspended: ask Salesforce."),
    Row("rate_limit_exceeded", "", "Too many logins in an hour: wait, and keep one session open."),
    # SOAP login
    Row(
        "INVALID_LOGIN",
        "",
        "Check SFPRM_USERNAME, SFPRM_PASSWORD and SFPRM_SECURITY_TOKEN, and that SFPRM_LOGIN_URL "
        "is https://test.salesforce.com for a sandbox; several tries lock the user.",
    ),
    Row(
        "LOGIN_MUST_USE_SECURITY_TOKEN",
        "",
        "Set SFPRM_SECURITY_TOKEN, or add this machine to the org's trusted addresses.",
    ),
    Row("LOGIN_DURING_RESTRICTED_DOMAIN", "", _IP),
    Row("LOGIN_DURING_RESTRICTED_TIME", "", "The profile's login hours do not allow it now."),
    Row("PASSWORD_LOCKOUT", "", "The user is locked: Setup › Users › Unlock, then try again."),
    Row("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "Set a new password for the user."),
    Row(
        "INVALID_OPERATION",
        "",
        "SOAP login is off in this org; move to client credentials or JWT (docs/login.md).",
    ),
    Row(
        "UNSUPPORTED_API_VERSION",
        "",
        "This org has no SOAP login any more; move to client credentials or JWT (docs/login.md).",
    ),
    Row(
        "INSUFFICIENT_ACCESS",
        "",
        "The user needs the permission 'Use Any API Auth' for a SOAP login in new orgs; better "
        "move to client credentials or JWT (docs/login.md).",
    ),
    Row(
        "API_DISABLED_FOR_ORG",
        "",
        "Give the agent's user 'API Enabled', in an edition that has the API.",
    ),
)


def row_for(code: str, message: str) -> Row | None:
    """The first row that fits."""
    words = message.lower()
    return next((row for row in ROWS if row.code == code and row.words in words), None)


def hint_for_login(credentials: Credentials, code: str, message: str) -> str:
    """The next step for the reader of this refusal; never empty."""
    row = row_for(code, message)
    return row.hint if row is not None else _by_flow(credentials)


def _by_flow(credentials: Credentials) -> str:
    match credentials:
        case JwtBearer():
            return (
                "Check SFPRM_LOGIN_URL, SFPRM_CLIENT_ID, SFPRM_USERNAME, SFPRM_PRIVATE_KEY and "
                "SFPRM_JWT_AUDIENCE."
            )
        case RefreshToken():
            return "Check SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_REFRESH_TOKEN."
        case PasswordGrant() | SoapLogin():
            return "Check SFPRM_LOGIN_URL, SFPRM_USERNAME, SFPRM_PASSWORD, SFPRM_SECURITY_TOKEN."
        case ClientCredentials():
            return "Check SFPRM_LOGIN_URL, SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET."
        case _:
            return "Check the login settings with `sfprm login`."


def refused(answer: Answer, credentials: Credentials, login_url: str, now: datetime) -> Failed:
    """The failure for an answer of the token endpoint or of SOAP login that holds no token."""
    host = urlsplit(login_url).hostname
    fault = read_fault(answer.status, answer.body)
    soap = isinstance(credentials, SoapLogin)
    if answer.status in (420, 429) or (answer.status >= 500 and not (soap and fault.code)):
        error = TryLater(f"{host} cannot log anyone in now (HTTP {answer.status}).")
        return Failed(cause_of(answer.status, None), error)
    if not fault.code:
        return Failed(
            Cause.FINAL,
            LoginRefused(
                f"{host} did not answer as Salesforce's login does (HTTP {answer.status}).",
                status=answer.status,
                hint="Check SFPRM_LOGIN_URL; a proxy may have answered in its place.",
            ),
        )
    said = scrub(without_secrets(fault.message, credentials))
    words = f": {said}" if said else ""
    off = clock_is_off(answer.headers, now)
    hint = hint_for_login(credentials, fault.code, fault.message)
    if off and isinstance(credentials, JwtBearer):
        hint = f"This machine's clock is {off}: set it right (NTP), or no assertion is valid."
    return Failed(
        Cause.FINAL,
        LoginRefused(
            f"{host} refused the login: {fault.code}{words.rstrip('.')}.",
            code=fault.code,
            status=answer.status,
            hint=hint,
        ),
    )


def without_secrets(text: str, credentials: Credentials) -> str:
    """The text without the secrets of these credentials: a server may quote what it was sent."""
    for item in fields(credentials):
        value = getattr(credentials, item.name)
        for secret in value if isinstance(value, tuple) else (value,):
            if isinstance(secret, SecretStr) and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "[secret]")
    return text


def clock_is_off(headers: Mapping[str, str], now: datetime) -> str:
    """`5 minutes slow`, against the answer's `Date`; empty when within a minute or not told."""
    try:
        theirs = parsedate_to_datetime(headers.get("Date", ""))
        ahead = (now - theirs).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return ""
    if abs(ahead) < 60:
        return ""
    return f"{abs(ahead) / 60:.0f} minute{'s' if abs(ahead) >= 90 else ''} " + (
        "fast" if ahead > 0 else "slow"
    )
