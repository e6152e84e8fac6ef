"""Assertions of the JWT bearer flow, verified: signed RS256 with the app's certificate, audience,
expiry, subject.

Texts, all `invalid_grant`: `invalid assertion` (malformed or wrongly signed) [P], `audience is
invalid` [P forcedotcom/cli #3325], `expired authorization code` (past its `exp`) [P], `user hasn't
approved this consumer` [R]. `exp` may be a number or a text of digits (simple-salesforce sends a
text [R]); CumulusCI sends the present second, so a minute of skew is granted [R; how much is
unverified]. No upper bound: the sf CLI sends milliseconds [R sfdx-core], which a real org takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sfprm.devorg.apps import ConnectedApp, OAuthError

__all__ = ["claims_of", "subject_of"]

SKEW_SECONDS = 60
_INVALID = "invalid assertion"


def claims_of(assertion: str) -> dict[str, Any]:
    """The claims, not yet to be trusted: for `iss`, which names the app. Raises OAuthError."""
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise OAuthError("invalid_grant", _INVALID) from error
    return claims


def subject_of(assertion: str, app: ConnectedApp, audiences: frozenset[str], now: datetime) -> str:
    """The username of an assertion that this app has signed. Raises OAuthError."""
    claims = _signed(assertion, app)
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(str(one).rstrip("/") in audiences for one in named):
        raise OAuthError("invalid_grant", "audience is invalid")
    try:
        expiry = float(str(claims["exp"]))
    except (KeyError, ValueError) as error:
        raise OAuthError("invalid_grant", _INVALID) from error
    if now.timestamp() > expiry + SKEW_SECONDS:
        raise OAuthError("invalid_grant", "expired authorization code")
    subject = claims.get("sub") or claims.get("prn")
    if not isinstance(subject, str):
        raise OAuthError("invalid_grant", _INVALID)
    return subject


def _signed(assertion: str, app: ConnectedApp) -> dict[str, Any]:
    import jwt
    from jwt.types import Options

    # The signature only: time is the org's, and the rest is checked here
    ignored: Options = {
        "verify_exp": False,
        "verify_aud": False,
        "verify_iat": False,
        "verify_nbf": False,
        "verify_sub": False,
        "verify_jti": False,
    }
    for pem in app.certificates:
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion, key=_public_key(pem), algorithms=["RS256"], options=ignored
            )
        except (jwt.PyJWTError, ValueError):
            continue
        return claims
    raise OAuthError("invalid_grant", _INVALID)


def _public_key(pem: str) -> Any:
    """The key of a certificate, or of a public key. Raises ValueError."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    if "BEGIN CERTIFICATE" in pem:
        return load_pem_x509_certificate(pem.encode()).public_key()
    return load_pem_public_key(pem.encode())
