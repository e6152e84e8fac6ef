"""The part of the control API about logging in: connected apps, consent, passwords, tokens."""

from __future__ import annotations

from typing import Any

from sfprm.devorg.api.exchange import Answer, Request

__all__ = ["add_app", "add_approval", "add_password", "add_session", "apps"]


def apps(request: Request) -> Answer:
    """GET apps: all connected apps, without secrets."""
    return Answer(body=[app.as_json() for app in request.org.apps.all()])


def add_app(request: Request) -> Answer:
    """POST apps: make a connected app, or change the one with that `client_id`. `certificate` is
    PEM; `"generate_key": true` makes a key pair here and answers its `private_key`."""
    wanted = request.json_object()
    private = None
    if wanted.pop("generate_key", False):
        private, public = _key_pair()
        wanted["certificates"] = [*wanted.get("certificates", []), public]
    app = request.org.apps.put(wanted)
    shown: dict[str, Any] = {**app.as_json(), "client_secret": app.client_secret}
    if private is not None:
        shown["private_key"] = private
    return Answer(body=shown)


def add_approval(request: Request) -> Answer:
    """POST approvals {"client_id", "username"}: a user lets the app in, as on the consent page; the
    refresh token that the web server flow would give."""
    body = request.json_object()
    org = request.org
    user = _user(request, body)
    app = org.apps.all()[0]
    if body.get("client_id"):
        app = org.apps.find(str(body["client_id"]))
    return Answer(body={"refresh_token": org.apps.approve(app, str(user["Id"]))})


def add_password(request: Request) -> Answer:
    """POST passwords {"username", "password"}: the user's new security token."""
    body = request.json_object()
    user = _user(request, body)
    token = request.org.passwords.set(str(user["Id"]), str(body["password"]))
    return Answer(body={"security_token": token})


def add_session(request: Request) -> Answer:
    """POST sessions {"username"}: a token for any user, without a login."""
    org = request.org
    body = request.json_object() if request.body else {}
    user = _user(request, {"username": org.agent_username, **body})
    opened = org.sessions.open(str(user["Id"]))
    return Answer(body={"access_token": opened, "instance_url": org.instance_url})


def _user(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    username = str(body["username"])
    user = request.org.user_by_username(username)
    if user is None:
        raise LookupError(f"the org has no user {username}")
    return user


def _key_pair() -> tuple[str, str]:
    """(private key, public key), PEM, 2048 bits."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()
