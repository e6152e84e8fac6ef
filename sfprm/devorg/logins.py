"""Who may log in, from where, with which password; and the trace that a login leaves.

- Inactive user: `invalid_grant` `inactive user` [P restforce #303]; frozen: the same (unverified).
- The profile's login IP ranges hold for every flow, JWT too, whatever the app relaxes
  (operations.md, rule 32): `invalid_grant` `ip restricted` [P; SOAP: INVALID_LOGIN, unverified].
  They are the setting `login_ip_ranges`: {profile name: [[first, last], ...]}.
- Under API access control (setting `api_access_control`) only admitted apps get in:
  `OAUTH_APP_BLOCKED` `this app is blocked by admin` (unverified).
- A password counts together with the user's security token, unless the caller's address is in the
  setting `trusted_ips` ([[first, last], ...]) [D]. Salted hashes are kept.
- A login sets User.LastLoginDate and writes a LoginHistory row [D]; refused ones are written with
  the reason as Status [M]."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING, Any

from sfprm.devorg.apps import ConnectedApp, OAuthError
from sfprm.devorg.kept import KeptMap
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.devorg.org import Org

__all__ = ["Passwords", "admit", "note"]

_ROUNDS = 1_000  # no real secret stands behind these passwords, and tests log in often


class Passwords:
    """Password and security token of each user who was given them."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._kept = KeptMap(org.storage, "password")

    def set(self, user_id: str, password: str) -> str:
        """Set the password; the new security token, as each change resets it [D]."""
        token = secrets.token_urlsafe(18)[:24]
        salt = secrets.token_hex(8)
        self._kept.put(
            user_id,
            {
                "salt": salt,
                "password": _digest(salt, password),
                "both": _digest(salt, password + token),
            },
        )
        return token

    def has(self, user_id: str) -> bool:
        """The user was given a password."""
        return self._kept.get(user_id) is not None

    def check(self, user_id: str, given: str, ip: str | None) -> str:
        """`right`, `wrong`, or `token` when the password is right and its token is missing."""
        kept = self._kept.get(user_id)
        if kept is None:
            return "wrong"
        digest = _digest(str(kept["salt"]), given)
        if hmac.compare_digest(digest, str(kept["both"])):
            return "right"
        if not hmac.compare_digest(digest, str(kept["password"])):
            return "wrong"
        trusted = self._org.setting("trusted_ips", [])
        return "right" if _within(ip, trusted) else "token"


def admit(org: Org, user: Mapping[str, Any], ip: str | None, app: ConnectedApp | None) -> None:
    """Let the user in or raise OAuthError; the refusal is noted."""
    profile = org.storage.get("Profile", str(user.get("ProfileId"))) or {}
    ranges = org.setting("login_ip_ranges", {}).get(str(profile.get("Name")))
    reason = None
    if not user.get("IsActive") or org.is_frozen(str(user["Id"])):
        reason = ("User is Inactive", "invalid_grant", "inactive user")
    elif ranges and not _within(ip, ranges):
        reason = ("Restricted IP", "invalid_grant", "ip restricted")
    elif app is not None and org.setting("api_access_control") and not app.admitted:
        reason = ("App Blocked", "OAUTH_APP_BLOCKED", "this app is blocked by admin")
    if reason is not None:
        note(org, user, ip, app, reason[0])
        raise OAuthError(reason[1], reason[2])


def note(
    org: Org, user: Mapping[str, Any], ip: str | None, app: ConnectedApp | None, status: str
) -> None:
    """Write the login down; `Success` moves LastLoginDate."""
    now = stamp_text(org.clock.now())
    with org.storage.transaction():
        row = {
            "UserId": user["Id"],
            "LoginTime": now,
            "LoginType": "Remote Access 2.0" if app is not None else "Other Apex API",
            "SourceIp": ip,
            "LoginUrl": org.instance_url.partition("://")[2],
            "Status": status,
            "Application": app.name if app is not None else "N/A",
            "Id": org.storage.next_id("0Ya"),
        }
        org.storage.insert("LoginHistory", [row])
        if status == "Success":
            org.storage.update("User", str(user["Id"]), {"LastLoginDate": now})


def _within(ip: str | None, ranges: Sequence[Sequence[str]]) -> bool:
    if not ip:
        return False
    address = ipaddress.ip_address(ip)
    for first, last in ranges:
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        if low.version == address.version and int(low) <= int(address) <= int(high):
            return True
    return False


def _digest(salt: str, text: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), _ROUNDS).hex()
