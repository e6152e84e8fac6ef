"""What all token answers share: the client's pair, and the signature.

See `sessions.py`, `apps.py`, `logins.py` and `assertions.py` for the rest of logging in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from sfprm.devorg.apps import ConnectedApp, OAuthError, load_app
from sfprm.devorg.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ConnectedApp", "OAuthError", "Sessions", "load_app", "read_client", "signature"]


def read_client(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret from the Basic header or the form. Raises OAuthError."""
    header = headers.get("authorization", "")
    if header[:6].lower() == "basic ":
        try:
            text = base64.b64decode(header[6:].strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client", "invalid client credentials") from error
        client_id, _, secret = text.partition(":")
        return client_id, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def signature(secret: str, identity: str, issued_at: str) -> str:
    """The `signature` of a token answer: HMAC-SHA256 of id and issued_at, base64 [D]."""
    digest = hmac.new(secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")
