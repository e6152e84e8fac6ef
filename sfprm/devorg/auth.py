"""Logins, sessions and the connected app. Passwords do not exist here.

Tokens have Salesforce's shape, `00D…!` and `[A-Za-z0-9._]` (the sf CLI checks it [R]). A session
ends after two hours without a call, on the org's clock [D]; no answer carries `expires_in` [M]."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.devorg.org import Org

__all__ = ["ConnectedApp", "OAuthError", "Sessions", "load_app", "read_client"]

IDLE = timedelta(hours=2)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"


class OAuthError(Exception):
    """400 with OAuth's own object: `error` and `error_description`."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """The one app that may log in, with its run-as user for client credentials."""

    client_id: str
    client_secret: str
    run_as: str

    def __repr__(self) -> str:
        return f"ConnectedApp(client_id={self.client_id!r}, run_as={self.run_as!r})"

    def admit(self, client_id: str, secret: str) -> None:
        """Check the pair. Raises OAuthError with the text that the org really sends [R]."""
        if not hmac.compare_digest(client_id.encode(), self.client_id.encode()):
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")


def load_app(state_dir: Path, run_as: str) -> ConnectedApp:
    """The app kept in the state directory, made on the first start (file mode 600), so that a
    restarted org knows its clients."""
    path = state_dir / "connected-app.json"
    if path.exists():
        kept = json.loads(path.read_text("utf-8"))
        return ConnectedApp(kept["client_id"], kept["client_secret"], run_as)
    app = ConnectedApp(f"3MVG9{secrets.token_hex(30)}", secrets.token_hex(32).upper(), run_as)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"client_id": app.client_id, "client_secret": app.client_secret}))
    return app


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


@dataclass(slots=True)
class _Session:
    user_id: str
    used: datetime


class Sessions:
    """Tokens now valid. They live in memory: after a restart a client logs in again."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._sessions: dict[str, _Session] = {}

    def open(self, user_id: str) -> str:
        """A new token for a user."""
        organization = str(self._org.organization["Id"])[:15]
        random = "".join(secrets.choice(_ALPHABET) for _ in range(96))
        token = f"{organization}!{random}"
        self._sessions[token] = _Session(user_id, self._org.clock.now())
        return token

    def user_of(self, token: str) -> str | None:
        """The user of a living session, whose idle time starts anew; None when it is none."""
        session = self._sessions.get(token)
        if session is None:
            return None
        now = self._org.clock.now()
        if now - session.used > IDLE:
            del self._sessions[token]
            return None
        session.used = now
        return session.user_id

    def close(self, token: str) -> bool:
        """End a session; False when there was none."""
        return self._sessions.pop(token, None) is not None

    def close_all(self) -> None:
        """End every session."""
        self._sessions.clear()


def signature(secret: str, identity: str, issued_at: str) -> str:
    """The `signature` of a token answer: HMAC-SHA256 of id and issued_at, base64 [D]."""
    digest = hmac.new(secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")
