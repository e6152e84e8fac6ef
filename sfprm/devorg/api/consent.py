"""/services/oauth2/authorize: where a browser asks a person to let an app in (web server flow).

GET shows a page with the app's name and the users of the org; POST of its form answers 302 to the
app's address with `code` and `state`, or with `error=access_denied` [M]. The page stands for login
page and consent page together: a user with a password (control API) has to give it, others are
taken at their word, as the org is the developer's own. What a client got wrong is told on the page,
never by a redirect to an address that the app does not have [M].

An app without callback addresses takes loopback addresses only. `PlatformCLI` is the app of the sf
CLI, which every org has: no secret, answered at http://localhost:1717/OauthRedirect [M]. Other
response types (user-agent flow, `token`) are not imitated."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.apps import OAuthError
from sfprm.devorg.codes import Grant
from sfprm.devorg.logins import admit, note

if TYPE_CHECKING:
    from sfprm.devorg.apps import ConnectedApp

__all__ = ["authorize"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PASSED_ON = (
    "response_type", "client_id", "redirect_uri", "state", "scope", "code_challenge",
    "code_challenge_method",
)  # fmt: skip
_NOT_IMITATED = frozenset({"token", "hybrid", "token id_token", "hybrid_token"})
_HTML = "text/html;charset=UTF-8"
_MOST_USERS = 50


def authorize(request: Request) -> Answer:
    """GET: the page. POST: what the person decided."""
    given = dict(request.params)
    if request.method == "POST":
        given |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        app = _check(request, given)
    except OAuthError as error:
        shown = f"error={escape(error.error)}&error_description={escape(error.description)}"
        return _page(f"<h1>The app cannot be let in</h1><p>{shown}</p>", error.status)
    if request.method != "POST":
        return _asking(request, app, given)
    if given.get("action") == "deny":
        return _redirect(
            given, error="access_denied", error_description="end-user denied authorization"
        )
    return _allowed(request, app, given)


def _check(request: Request, given: dict[str, str]) -> ConnectedApp:
    """The app that asks. Raises OAuthError."""
    kind = given.get("response_type", "")
    if kind in _NOT_IMITATED:
        raise OAuthError("not_imitated", f"The embedded org does not imitate the flow {kind}", 501)
    if kind != "code":
        raise OAuthError("unsupported_response_type", "response type not supported")
    app = request.org.apps.find(given.get("client_id", ""))
    address = given.get("redirect_uri", "")
    known = address in app.callbacks if app.callbacks else _is_loopback(address)
    if not known:
        raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
    if given.get("code_challenge_method", "S256") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    return app


def _is_loopback(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK


def _allowed(request: Request, app: ConnectedApp, given: dict[str, str]) -> Answer:
    org = request.org
    user = org.user_by_username(given.get("username", ""))
    if user is None or not _knows_password(request, user, given.get("password", "")):
        if user is not None:
            note(org, user, request.ip, app, "Invalid Password")
        return _asking(request, app, given, "Please check your username and password.")
    try:
        admit(org, user, request.ip, app)
    except OAuthError as error:
        return _asking(request, app, given, error.description)
    if not org.apps.admits(app, user):
        return _redirect(
            given,
            error="OAUTH_APP_ACCESS_DENIED",
            error_description="user is not admin approved to access this app",
        )
    grant = Grant(
        app.client_id,
        str(user["Id"]),
        given["redirect_uri"],
        given.get("scope", ""),
        given.get("code_challenge", ""),
        org.clock.now(),
    )
    return _redirect(given, code=org.codes.issue(grant))


def _knows_password(request: Request, user: dict[str, Any], password: str) -> bool:
    """A browser needs no security token."""
    passwords, id_ = request.org.passwords, str(user["Id"])
    return not passwords.has(id_) or passwords.check(id_, password, request.ip) != "wrong"


def _redirect(given: dict[str, str], **answer: str) -> Answer:
    if "state" in given:
        answer["state"] = given["state"]
    joint = "&" if urlsplit(given["redirect_uri"]).query else "?"
    location = f"{given['redirect_uri']}{joint}{urlencode(answer)}"
    return Answer(302, headers={"Location": location, "Cache-Control": "no-cache, no-store"})


def _asking(
    request: Request, app: ConnectedApp, given: dict[str, str], problem: str = ""
) -> Answer:
    org = request.org
    chosen = given.get("username") or given.get("login_hint") or org.agent_username
    names = [
        str(row[0])
        for row in org.storage.execute(
            'SELECT "Username" FROM "User" WHERE "IsActive" = 1 ORDER BY "Username" LIMIT ?',
            (_MOST_USERS,),
        )
    ]
    options = "".join(f'<option value="{escape(name)}">' for name in names)
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(given[name])}">'
        for name in _PASSED_ON
        if name in given
    )
    said = f"<p><strong>{escape(problem)}</strong></p>" if problem else ""
    scope = escape(given.get("scope", "") or "all that it was set up for")
    return _page(
        f"<h1>Let {escape(app.name)} in?</h1>{said}<p>It asks for: {scope}</p>"
        f'<form method="post" action="/services/oauth2/authorize">{hidden}'
        f'<p><label>Username <input name="username" list="users" size="50" '
        f'value="{escape(chosen)}"></label><datalist id="users">{options}</datalist></p>'
        '<p><label>Password <input name="password" type="password"></label> '
        "(only of a user who was given one)</p>"
        '<p><button name="action" value="allow">Allow</button> '
        '<button name="action" value="deny">Deny</button></p></form>'
    )


def _page(body: str, status: int = 200) -> Answer:
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Embedded org</title></head><body>{body}</body></html>\n"
    )
    return Answer(status, raw=text.encode(), content_type=_HTML)
