"""SOAP partner and enterprise API: login, logout, getUserInfo, getServerTimestamp, update; nothing
else.

`login()` does not exist from v65.0 on [D]: the fault then is the one for an unknown operation
[M text]. It can be switched off (setting `soap_login_disabled`; so are newly created orgs [D]):
INVALID_OPERATION (text unverified). Faults are HTTP 500 with `sf:exceptionCode` and
`sf:exceptionMessage` below `detail` [R]. A wrong password and its missing token: INVALID_LOGIN and
LOGIN_MUST_USE_SECURITY_TOKEN [P]. Success has unprefixed `sessionId` and `serverUrl`, as clients
cut them out of the text [R]."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.soap_update import soap_update
from sfprm.devorg.api.versions import NEWEST, OLDEST
from sfprm.devorg.apps import OAuthError
from sfprm.devorg.logins import admit, note
from sfprm.devorg.metadata.markup import Malformed, Node, parse
from sfprm.devorg.problems import Refusal

__all__ = ["PATH", "soap_api"]

PATH = re.compile(r"/services/soap/(u|c)/(\d+)(?:\.\d)?(?:/.*)?", re.IGNORECASE)
LAST_WITH_LOGIN = 64
_WRONG = "Invalid username, password, security token; or user locked out."
_TOKEN_MISSING = (
    f"{_WRONG} Are you at a new location? When accessing Salesforce--either via a desktop client "
    "or the API--from outside of your company’s trusted networks, you must add a security token "
    "to your password to log in. To get your new security token, log in to Salesforce. From your "
    "personal settings, enter Reset My Security Token in the Quick Find box, then select Reset My "
    "Security Token."
)
_EXPIRED = "Invalid Session ID found in SessionHeader: Illegal Session"


class _Fault(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def soap_api(request: Request) -> Answer:
    """POST /services/Soap/u/NN.N or /c/NN.N."""
    match = PATH.fullmatch(request.path)
    assert match is not None
    if request.method != "POST":
        raise Refusal(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are POST")
    api, version = match[1].lower(), int(match[2])
    space = "partner" if api == "u" else "enterprise"
    try:
        result = _run(request, api, space, version)
    except _Fault as fault:
        return _faulty(fault, space)
    except Malformed as bad:
        return _faulty(_Fault("soapenv:Client", bad.problem), space)
    return _xml(200, f'<{result[0]}Response xmlns="urn:{space}.soap.sforce.com">'
                     f"{result[1]}</{result[0]}Response>")  # fmt: skip


def _run(request: Request, api: str, space: str, version: int) -> tuple[str, str]:
    if not OLDEST <= version <= NEWEST:
        raise _Fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    envelope = parse(request.body)
    content = envelope.find("Body")
    if envelope.tag != "Envelope" or content is None or len(content.children) != 1:
        raise _Fault("soapenv:Client", "the request is not a SOAP envelope with one operation")
    operation = content.children[0]
    name = operation.tag
    if name == "login" and version <= LAST_WITH_LOGIN:
        return name, _login(request, operation, api, version)
    if name not in {"logout", "getUserInfo", "getServerTimestamp", "update"}:
        if name == "login":
            raise _Fault(
                "soapenv:Client",
                f"No operation available for request {{urn:{space}.soap.sforce.com}}login",
            )
        raise _Fault("NOT_IMITATED", f"The operation {name} is not imitated by this org")
    held = envelope.below("Header", "SessionHeader", "sessionId")
    user_id = request.org.sessions.user_of(held.text if held else "", request.ip)
    if user_id is None or held is None:
        raise _Fault("INVALID_SESSION_ID", _EXPIRED)
    if name == "logout":
        request.org.sessions.close(held.text)
        return name, ""
    if name == "update":
        try:
            return name, soap_update(request, envelope, operation, user_id)
        except Refusal as refusal:
            raise _Fault(refusal.code, refusal.message) from refusal
    if name == "getServerTimestamp":
        return name, f"<result><timestamp>{_now(request)}</timestamp></result>"
    user = request.org.storage.get("User", user_id) or {}
    return name, f"<result>{_user_info(request, user)}</result>"


def _login(request: Request, operation: Node, api: str, version: int) -> str:
    org = request.org
    if org.setting("soap_login_disabled"):
        raise _Fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
    user = org.user_by_username(operation.value("username") or "")
    if user is None:
        raise _Fault("INVALID_LOGIN", _WRONG)
    user_id = str(user["Id"])
    checked = org.passwords.check(user_id, operation.value("password") or "", request.ip)
    if checked != "right":
        note(org, user, request.ip, None, "Invalid Password")
        if checked == "token":
            raise _Fault("LOGIN_MUST_USE_SECURITY_TOKEN", _TOKEN_MISSING)
        raise _Fault("INVALID_LOGIN", _WRONG)
    try:
        admit(org, user, request.ip, None)
    except OAuthError as error:
        raise _Fault("INVALID_LOGIN", _WRONG) from error
    access = org.permissions.of(user_id)
    if not access.has("ApiEnabled") or org.limits.api_off:
        raise _Fault("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
    session = org.sessions.open(user_id, ip=request.ip)
    note(org, user, request.ip, None, "Success")
    own = str(org.organization["Id"])[:15]
    soap = f"{org.instance_url}/services/Soap"
    return (
        f"<result><metadataServerUrl>{soap}/m/{version}.0/{own}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired>"
        f"<sandbox>{_flag(org.organization.get('IsSandbox'))}</sandbox>"
        f"<serverUrl>{soap}/{api}/{version}.0/{own}</serverUrl>"
        f"<sessionId>{session}</sessionId><userId>{user_id}</userId>"
        f"<userInfo>{_user_info(request, user)}</userInfo></result>"
    )


def _user_info(request: Request, user: dict[str, Any]) -> str:
    organization = request.org.organization
    minutes = request.org.setting("session_minutes", 120)
    values = {
        "accessibilityMode": "false",
        "organizationId": organization["Id"],
        "organizationMultiCurrency": _flag(request.org.setting("multicurrency")),
        "organizationName": organization["Name"],
        "profileId": user["ProfileId"],
        "roleId": user["UserRoleId"],
        "sessionSecondsValid": int(float(minutes) * 60),
        "userEmail": user["Email"],
        "userFullName": user["Name"],
        "userId": user["Id"],
        "userLanguage": user["LanguageLocaleKey"],
        "userLocale": user["LocaleSidKey"],
        "userName": user["Username"],
        "userTimeZone": user["TimeZoneSidKey"],
        "userType": user.get("UserType") or "Standard",
    }
    return "".join(
        f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items() if value
    )


def _flag(value: object) -> str:
    return "true" if value else "false"


def _now(request: Request) -> str:
    return request.org.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _faulty(fault: _Fault, space: str) -> Answer:
    known = ":" not in fault.code
    code = f"sf:{fault.code}" if known else fault.code
    text = f"{fault.code}: {fault.message}" if known else fault.message
    detail = ""
    if known:
        kind = "LoginFault" if "LOGIN" in fault.code else "UnexpectedErrorFault"
        detail = (
            f'<detail><sf:{kind} xsi:type="sf:{kind}">'
            f"<sf:exceptionCode>{fault.code}</sf:exceptionCode>"
            f"<sf:exceptionMessage>{escape(fault.message)}</sf:exceptionMessage>"
            f"</sf:{kind}></detail>"
        )
    return _xml(
        500,
        f"<soapenv:Fault><faultcode>{code}</faultcode>"
        f"<faultstring>{escape(text)}</faultstring>{detail}</soapenv:Fault>",
        f'xmlns:sf="urn:fault.{space}.soap.sforce.com"',
    )


def _xml(status: int, body: str, spaces: str = "") -> Answer:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {spaces}>'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
    return Answer(status, raw=text.encode(), content_type="text/xml;charset=UTF-8")
