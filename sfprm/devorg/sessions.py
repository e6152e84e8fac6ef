"""Sessions: the tokens now valid, kept with the org's records, so that they survive its restart.

Tokens have Salesforce's shape, `00D…!` and `[A-Za-z0-9._]` (the sf CLI checks it [R]); only their
hashes are kept. A session ends after two hours without a call, on the org's clock [D] (setting
`session_minutes`); no answer carries `expires_in` [M]. The last use is written at most once a
minute: a killed server forgets no more than that. With the setting `lock_sessions_to_ip` a token
works only from the address that logged in (operations.md, rule 32)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg.kept import KeptMap

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Sessions"]

IDLE_MINUTES = 120
WRITTEN_EVERY = timedelta(minutes=1)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"


@dataclass(slots=True)
class _Session:
    user_id: str
    used: datetime
    written: datetime
    ip: str | None
    client_id: str | None

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "user": self.user_id,
            "used": self.used.isoformat(),
            "ip": self.ip,
            "client": self.client_id,
        }


class Sessions:
    """The living sessions of one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._kept = KeptMap(org.storage, "session")
        self._sessions: dict[str, _Session] = {}
        self.load()

    def load(self) -> None:
        """Take up the sessions that the storage holds."""
        self._sessions = {
            key: _Session(
                value["user"],
                datetime.fromisoformat(value["used"]),
                datetime.fromisoformat(value["used"]),
                value.get("ip"),
                value.get("client"),
            )
            for key, value in self._kept.items().items()
        }

    def keep_all(self) -> None:
        """Write the sessions anew: the storage was exchanged under them. Those of users who are
        not there any more end."""
        users = {row[0] for row in self._org.storage.execute('SELECT "Id" FROM "User"')}
        self._kept.clear()
        self._sessions = {
            key: session for key, session in self._sessions.items() if session.user_id in users
        }
        for key, session in self._sessions.items():
            self._kept.put(key, session.as_json())

    def open(self, user_id: str, *, ip: str | None = None, client_id: str | None = None) -> str:
        """A new token for a user, got from that address by that connected app."""
        organization = str(self._org.organization["Id"])[:15]
        random = "".join(secrets.choice(_ALPHABET) for _ in range(96))
        token = f"{organization}!{random}"
        now = self._org.clock.now()
        session = _Session(user_id, now, now, ip, client_id)
        self._sessions[_hash(token)] = session
        self._kept.put(_hash(token), session.as_json())
        return token

    def user_of(self, token: str, ip: str | None = None) -> str | None:
        """The user of a living session, whose idle time starts anew; None when it is none."""
        if not token:
            return None
        key = _hash(token)
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._org.clock.now()
        if now - session.used > timedelta(minutes=self._minutes()):
            self._drop(key)
            return None
        if session.ip != ip and session.ip and ip and self._org.setting("lock_sessions_to_ip"):
            return None
        session.used = now
        if not timedelta(0) <= now - session.written < WRITTEN_EVERY:
            session.written = now
            self._kept.put(key, session.as_json())
        return session.user_id

    def close(self, token: str) -> bool:
        """End a session; False when there was none."""
        return self._drop(_hash(token))

    def close_of(self, user_id: str, client_id: str | None = None) -> None:
        """End a user's sessions; only those of one connected app, when named."""
        for key, session in list(self._sessions.items()):
            if session.user_id == user_id and client_id in {None, session.client_id}:
                self._drop(key)

    def close_all(self) -> None:
        """End every session."""
        self._sessions.clear()
        self._kept.clear()

    def _drop(self, key: str) -> bool:
        self._kept.remove(key)
        return self._sessions.pop(key, None) is not None

    def _minutes(self) -> float:
        return float(self._org.setting("session_minutes", IDLE_MINUTES))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
