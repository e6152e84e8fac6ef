"""/services/oauth2: token (client credentials), userinfo, revoke; and the identity address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.auth import OAuthError, read_client, signature
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.stamps import read_stamp

__all__ = ["identity", "revoke", "token", "userinfo"]

_KNOWN_GRANTS = {
    "urn:ietf:params:oauth:grant-type:jwt-bearer": "the JWT bearer flow",
    "refresh_token": "the refresh token flow",
    "password": "the username-password flow",
    "authorization_code": "the web server flow",
}
_BAD_TOKEN = Answer(403, raw=b"Bad_OAuth_Token", content_type="text/plain;charset=UTF-8")


def token(request: Request) -> Answer:
    """POST /services/oauth2/token: 200, or 400 with OAuth's own error object [R]."""
    try:
        return _grant(request, _form(request))
    except OAuthError as error:
        return _refused(error)


def _grant(request: Request, form: dict[str, str]) -> Answer:
    grant = form.get("grant_type", "")
    if grant in _KNOWN_GRANTS:
        raise OAuthError(
            "not_imitated", f"The embedded org does not imitate {_KNOWN_GRANTS[grant]} yet", 501
        )
    if grant != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    org, app = request.org, request.org.app
    app.admit(*read_client(form, request.headers))
    user = org.user_by_username(app.run_as)
    if user is None or not user["IsActive"]:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    user_id = str(user["Id"])
    issued_at = str(int(org.clock.now().timestamp() * 1000))
    identity_url = f"{org.instance_url}/id/{org.organization['Id']}/{user_id}"
    return Answer(
        body={
            "access_token": org.sessions.open(user_id),
            "signature": signature(app.client_secret, identity_url, issued_at),
            "scope": "id api",
            "instance_url": org.instance_url,
            "id": identity_url,
            "token_type": "Bearer",
            "issued_at": issued_at,
            "api_instance_url": "https://api.salesforce.com",
        },
        headers={"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"},
    )


def revoke(request: Request) -> Answer:
    """POST (or GET) /services/oauth2/revoke token=…: 200 empty."""
    try:
        form = _form(request)
    except OAuthError as error:
        return _refused(error)
    known = request.org.sessions.close(form.get("token") or request.params.get("token", ""))
    if not known:
        return _refused(OAuthError("unsupported_token_type", "this token type is not supported"))
    return Answer(200)


def userinfo(request: Request) -> Answer:
    """GET or POST /services/oauth2/userinfo; a bad token: 403 and plain `Bad_OAuth_Token` [R]."""
    user = _user(request)
    return _BAD_TOKEN if user is None else Answer(body=_claims(request, user))


def identity(request: Request, organization: str, user_id: str) -> Answer:
    """GET /id/ORG/USER, token in the header or as `oauth_token`."""
    user = _user(request)
    own = str(request.org.organization.get("Id"))
    if user is None or not is_id(organization) or not is_id(user_id):
        return _BAD_TOKEN
    if canonical(organization) != own or canonical(user_id) != user["Id"]:
        return _BAD_TOKEN
    base, data = request.org.instance_url, f"{request.org.instance_url}/services/data/v{{version}}"
    return Answer(
        body={
            "id": f"{base}/id/{own}/{user['Id']}",
            "asserted_user": True,
            "user_id": user["Id"],
            "organization_id": own,
            "username": user["Username"],
            "nick_name": user["CommunityNickname"],
            "display_name": user["Name"],
            "email": user["Email"],
            "email_verified": True,
            "first_name": user["FirstName"],
            "last_name": user["LastName"],
            "timezone": user["TimeZoneSidKey"],
            "active": user["IsActive"],
            "user_type": _type(user),
            "language": user["LanguageLocaleKey"],
            "locale": user["LocaleSidKey"],
            "urls": {
                "enterprise": f"{base}/services/Soap/c/{{version}}/{own[:15]}",
                "metadata": f"{base}/services/Soap/m/{{version}}/{own[:15]}",
                "partner": f"{base}/services/Soap/u/{{version}}/{own[:15]}",
                "rest": f"{data}/",
                "sobjects": f"{data}/sobjects/",
                "search": f"{data}/search/",
                "query": f"{data}/query/",
                "recent": f"{data}/recent/",
                "profile": f"{base}/{user['Id']}",
            },
            "last_modified_date": user["LastModifiedDate"],
            "is_app_installed": True,
        }
    )


def _claims(request: Request, user: dict[str, Any]) -> dict[str, Any]:
    base, own = request.org.instance_url, request.org.organization["Id"]
    return {
        "sub": f"{base}/id/{own}/{user['Id']}",
        "user_id": user["Id"],
        "organization_id": own,
        "preferred_username": user["Username"],
        "nickname": user["CommunityNickname"],
        "name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "photos": {"picture": None, "thumbnail": None},
        "profile": f"{base}/{user['Id']}",
        "picture": None,
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": {"rest": f"{base}/services/data/v{{version}}/"},
        "active": user["IsActive"],
        "user_type": _type(user),
        "language": user["LanguageLocaleKey"],
        "locale": user["LocaleSidKey"],
        "utcOffset": 0,
        "updated_at": read_stamp(str(user["SystemModstamp"])).isoformat(),
        "is_app_installed": True,
    }


def _type(user: dict[str, Any]) -> str:
    return "STANDARD" if user.get("UserType") in {None, "Standard"} else str(user["UserType"])


def _user(request: Request) -> dict[str, Any] | None:
    token_ = request.token or request.params.get("oauth_token", "")
    user_id = request.org.sessions.user_of(token_)
    return request.org.storage.get("User", user_id) if user_id else None


def _form(request: Request) -> dict[str, str]:
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OAuthError("invalid_request", "the form is not UTF-8") from error
    return {**request.params, **dict(parse_qsl(text, keep_blank_values=True))}


def _refused(error: OAuthError) -> Answer:
    return Answer(error.status, {"error": error.error, "error_description": error.description})
