"""/sobjects/User/{id}/password. A password set here serves the logins that take one; the security
token then changes, and goes to the user by mail [D].

DELETE voids the old password, mails the user a reset link and returns a temporary password [D];
the key `NewPassword` in its body is unverified."""

from __future__ import annotations

import secrets

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal

__all__ = ["expired", "reset", "set_password"]


def expired(request: Request, id: str) -> Answer:
    """GET: `{"isExpired": false}` [D]."""
    _user(request, id)
    return Answer(body={"isExpired": False})


def set_password(request: Request, id: str) -> Answer:
    """POST {"NewPassword": "x"}: 204; a weak one is refused [D; status M]."""
    body = request.json_object()
    user = _user(request, id)
    new = body.get("NewPassword")
    if not isinstance(new, str) or len(new) < 8 or new.isalpha() or new.isdigit():
        raise Refusal(
            400,
            "INVALID_NEW_PASSWORD",
            "Your password must have a mix of letters and numbers and at least 8 characters.",
        )
    org = request.org
    token = org.passwords.set(str(user["Id"]), new)
    org.outbox.send(
        org.clock.now(),
        [str(user["Email"])],
        "Your new security token",
        f"Username: {user['Username']}\nSecurity token: {token}",
        "reset",
        str(user["Id"]),
    )
    return Answer(204)


def reset(request: Request, id: str) -> Answer:
    """DELETE: 200 with a temporary password; the reset mail goes out."""
    user = _user(request, id)
    org = request.org
    if not user["IsActive"]:
        raise Refusal(400, "INACTIVE_OWNER_OR_USER", "user is inactive")
    org.outbox.send(
        org.clock.now(),
        [str(user["Email"])],
        "Finish resetting your password",
        f"Hi {user['Name']}, a new password was asked for {user['Username']}. "
        "Follow the link within 24 hours to choose one.",
        "reset",
        str(user["Id"]),
    )
    new = secrets.token_urlsafe(9)
    org.passwords.set(str(user["Id"]), new)
    return Answer(body={"NewPassword": new})


def _user(request: Request, id_: str) -> dict[str, object]:
    user = None
    if is_id(id_) and id_[:3] == "005":
        user = request.org.storage.get("User", canonical(id_))
    if user is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    access = request.access
    own = access.user_id == user["Id"]
    if not own and not any(
        access.has(name) for name in ("ResetPasswords", "ManageUsers", "ModifyAllData")
    ):
        raise Refusal(403, "INSUFFICIENT_ACCESS", "You do not have permission to view this record.")
    return user
