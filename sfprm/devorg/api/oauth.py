"""/services/oauth2/token: client credentials, JWT bearer, web server, refresh, username-password;
and revoke.

Answers as recorded (REST sheet, section 1): `issued_at` and `signature` are missing in JWT's. A
refresh token is given for a code of the web server flow (`consent.py`) whose scopes are not named
or name `refresh_token` or `offline_access` [M], by a refresh under rotation, and by the control
API's approvals, which stand for the consent page. No `id_token` is made for the scope `openid`;
device and token exchange flows are not imitated."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.apps import ConnectedApp, OAuthError
from sfprm.devorg.assertions import claims_of, subject_of
from sfprm.devorg.auth import read_client, signature
from sfprm.devorg.logins import admit, note

__all__ = ["revoke", "token"]

_NOT_IMITATED = frozenset(
    {
        "device",
        "hybrid_refresh",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }
)
_NO_STORE = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"}
_BAD_PASSWORD = "authentication failure - Invalid Password"  # noqa: S105 - a message [R]
_NOT_APPROVED = "user hasn't approved this consumer"
_NOT_ADMITTED = "user is not admin approved to access this app"


def token(request: Request) -> Answer:
    """POST /services/oauth2/token: 200, or 400 with OAuth's own error object [R]."""
    try:
        form = _form(request)
        grant = form.get("grant_type", "")
        if grant in _NOT_IMITATED:
            raise OAuthError(
                "not_imitated", f"The embedded org does not imitate the flow {grant}", 501
            )
        flow = _FLOWS.get(grant)
        if flow is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        return flow(request, form)
    except OAuthError as error:
        return _refused(error)


def revoke(request: Request) -> Answer:
    """POST (or GET) /services/oauth2/revoke token=…: 200 empty. A refresh token takes the sessions
    got by its app along [D]."""
    try:
        given = _form(request).get("token", "")
    except OAuthError as error:
        return _refused(error)
    org = request.org
    if org.sessions.close(given):
        return Answer(200)
    owner = org.apps.revoke(given)
    if owner is None:
        unknown = OAuthError("unsupported_token_type", "this token type is not supported")
        return _refused(unknown)
    org.sessions.close_of(*owner)
    return Answer(200)


def _client_credentials(request: Request, form: dict[str, str]) -> Answer:
    org = request.org
    app = _client(request, form, secret=True)
    user = org.user_by_username(app.run_as) if app.run_as else None
    if user is None or not user["IsActive"]:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    admit(org, user, request.ip, app)
    return _answer(request, app, user, api_instance_url="https://api.salesforce.com")


def _web_server(request: Request, form: dict[str, str]) -> Answer:
    org = request.org
    app = _client(request, form, secret=None)
    grant = org.codes.redeem(
        form.get("code", ""),
        app.client_id,
        form.get("redirect_uri", ""),
        form.get("code_verifier", ""),
        org.clock.now(),
    )
    user = org.storage.get("User", grant.user_id)
    if user is None:
        raise OAuthError("invalid_grant", "expired authorization code")
    admit(org, user, request.ip, app)
    token_ = org.apps.approve(app, grant.user_id)
    asked = grant.scope.split()
    more = {"scope": " ".join(asked)} if asked else {"scope": "refresh_token id api"}
    if not asked or {"refresh_token", "offline_access"} & set(asked):
        more["refresh_token"] = token_
    return _answer(request, app, user, **more)


def _jwt_bearer(request: Request, form: dict[str, str]) -> Answer:
    org = request.org
    assertion = form.get("assertion", "")
    app = org.apps.find(str(claims_of(assertion).get("iss", "")))
    username = subject_of(assertion, app, _audiences(request), org.clock.now())
    user = org.user_by_username(username)
    if user is None or not org.apps.approved(app, user):
        raise OAuthError("invalid_grant", _NOT_APPROVED)
    admit(org, user, request.ip, app)
    answer = _answer(request, app, user)
    for key in ("issued_at", "signature"):
        del answer.body[key]
    return answer


def _refresh(request: Request, form: dict[str, str]) -> Answer:
    org = request.org
    app = _client(request, form, secret=None)
    user_id, new = org.apps.refresh(app, form.get("refresh_token", ""))
    user = org.storage.get("User", user_id)
    if user is None:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    _check_policy(request, app, user)
    admit(org, user, request.ip, app)
    return _answer(request, app, user, **({"refresh_token": new} if new else {}))


def _password(request: Request, form: dict[str, str]) -> Answer:
    """Blocked in newer orgs [M]: setting `password_flow_blocked`; the text then is unverified."""
    org = request.org
    app = _client(request, form, secret=None)
    if org.setting("password_flow_blocked"):
        raise OAuthError("invalid_grant", "authentication failure")
    user = org.user_by_username(form.get("username", ""))
    if user is None:
        raise OAuthError("invalid_grant", _BAD_PASSWORD)
    admit(org, user, request.ip, app)
    if org.passwords.check(str(user["Id"]), form.get("password", ""), request.ip) != "right":
        note(org, user, request.ip, app, "Invalid Password")
        raise OAuthError("invalid_grant", _BAD_PASSWORD)
    _check_policy(request, app, user)
    return _answer(request, app, user)


_FLOWS = {
    "authorization_code": _web_server,
    "client_credentials": _client_credentials,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": _jwt_bearer,
    "refresh_token": _refresh,
    "password": _password,
}


def _client(request: Request, form: dict[str, str], *, secret: bool | None) -> ConnectedApp:
    """The app that asks; its secret is needed, or (None) needed if the app says so."""
    client_id, given = read_client(form, request.headers)
    app = request.org.apps.find(client_id)
    if secret or given or app.require_secret:
        app.check_secret(given)
    return app


def _check_policy(request: Request, app: ConnectedApp, user: dict[str, Any]) -> None:
    if not request.org.apps.admits(app, user):
        raise OAuthError("invalid_app_access", _NOT_ADMITTED)


def _audiences(request: Request) -> frozenset[str]:
    """The login host of this kind of org, and the org's own addresses [P]."""
    org = request.org
    sandbox = org.organization.get("IsSandbox")
    host = "https://test.salesforce.com" if sandbox else "https://login.salesforce.com"
    return frozenset({host, org.http_url, org.instance_url, request.base})


def _answer(request: Request, app: ConnectedApp, user: dict[str, Any], **more: str) -> Answer:
    org, user_id = request.org, str(user["Id"])
    opened = org.sessions.open(user_id, ip=request.ip, client_id=app.client_id)
    note(org, user, request.ip, app, "Success")
    issued_at = str(int(org.clock.now().timestamp() * 1000))
    identity = f"{org.instance_url}/id/{org.organization['Id']}/{user_id}"
    return Answer(
        body={
            "access_token": opened,
            "signature": signature(app.client_secret, identity, issued_at),
            "scope": "id api",
            "instance_url": org.instance_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
            **more,
        },
        headers=_NO_STORE,
    )


def _form(request: Request) -> dict[str, str]:
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "the form is not UTF-8") from error
    return {**request.params, **dict(parse_qsl(text, keep_blank_values=True))}


def _refused(error: OAuthError) -> Answer:
    body = {"error": error.error, "error_description": error.description}
    return Answer(error.status, body, headers=_NO_STORE)
