"""Who is behind a token: /services/oauth2/userinfo and the identity address /id/ORG/USER."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.stamps import read_stamp

__all__ = ["identity", "userinfo"]

_BAD_TOKEN = Answer(403, raw=b"Bad_OAuth_Token", content_type="text/plain;charset=UTF-8")


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
    base = request.org.instance_url
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
            "urls": _urls(base, own, user),
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
        "urls": _urls(base, str(own), user),
        "active": user["IsActive"],
        "user_type": _type(user),
        "language": user["LanguageLocaleKey"],
        "locale": user["LocaleSidKey"],
        "utcOffset": _offset(request, user),
        "phone_number": user["Phone"],
        "phone_number_verified": False,
        "updated_at": read_stamp(str(user["SystemModstamp"])).isoformat(),
        "is_app_installed": True,
    }


def _urls(base: str, own: str, user: dict[str, Any]) -> dict[str, str]:
    """Addresses with `{version}` where the caller puts one."""
    data = f"{base}/services/data/v{{version}}"
    return {
        "enterprise": f"{base}/services/Soap/c/{{version}}/{own[:15]}",
        "metadata": f"{base}/services/Soap/m/{{version}}/{own[:15]}",
        "partner": f"{base}/services/Soap/u/{{version}}/{own[:15]}",
        "rest": f"{data}/",
        "sobjects": f"{data}/sobjects/",
        "search": f"{data}/search/",
        "query": f"{data}/query/",
        "recent": f"{data}/recent/",
        "tooling_soap": f"{base}/services/Soap/T/{{version}}/{own[:15]}",
        "tooling_rest": f"{data}/tooling/",
        "profile": f"{base}/{user['Id']}",
        "custom_domain": base,
    }


def _type(user: dict[str, Any]) -> str:
    return "STANDARD" if user.get("UserType") in {None, "Standard"} else str(user["UserType"])


def _user(request: Request) -> dict[str, Any] | None:
    token_ = request.token or request.params.get("oauth_token", "")
    user_id = request.org.sessions.user_of(token_, request.ip)
    return request.org.storage.get("User", user_id) if user_id else None


def _offset(request: Request, user: dict[str, Any]) -> int:
    """Milliseconds between the user's standard time and UTC [M]."""
    zone = ZoneInfo(str(user["TimeZoneSidKey"] or "GMT"))
    here = request.org.clock.now().astimezone(zone)
    offset = here.utcoffset()
    summer = here.dst()
    assert offset is not None
    standard = offset - summer if summer else offset
    return int(standard.total_seconds() * 1000)
