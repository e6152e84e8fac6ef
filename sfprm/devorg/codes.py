"""Authorization codes of the web server flow: what a user allowed an app, told once.

A code lives 15 minutes of the org's clock and is good once [M]. With a challenge (PKCE, S256 only
[M]) it is given only to who knows the verifier. Kept in memory: a restarted server knows none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sfprm.devorg.apps import OAuthError

__all__ = ["Codes", "Grant", "challenge_of"]

LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Grant:
    """What was allowed: the app by its key, the user by id, the address to answer at, the scopes
    as asked for, and the challenge, if any."""

    client_id: str
    user_id: str
    redirect_uri: str
    scope: str
    challenge: str
    at: datetime


class Codes:
    """The codes of one org that were not used yet."""

    def __init__(self) -> None:
        self._open: dict[str, Grant] = {}

    def issue(self, grant: Grant) -> str:
        """A new code; those past their time are dropped."""
        self._open = {code: one for code, one in self._open.items() if grant.at - one.at <= LIFE}
        code = f"aPrx{secrets.token_urlsafe(48)}"
        self._open[code] = grant
        return code

    def redeem(
        self, code: str, client_id: str, redirect_uri: str, verifier: str, now: datetime
    ) -> Grant:
        """What the code stands for; it is void then. Raises OAuthError (words [M])."""
        grant = self._open.pop(code, None)
        if grant is None or grant.client_id != client_id:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if now - grant.at > LIFE:
            raise OAuthError("invalid_grant", "expired authorization code")
        if redirect_uri != grant.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if grant.challenge and not verifier:
            raise OAuthError("invalid_grant", "missing required code verifier")
        if grant.challenge and not hmac.compare_digest(
            challenge_of(verifier).encode(), grant.challenge.encode()
        ):
            raise OAuthError("invalid_grant", "invalid code verifier")
        return grant

    def clear(self) -> None:
        """Void all."""
        self._open.clear()


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier: SHA-256, base64url without padding (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
