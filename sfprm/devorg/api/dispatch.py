"""From a request to its answer: which family of addresses, who calls, which resource."""

from __future__ import annotations

import re
import sqlite3
import sys
import traceback
from contextlib import suppress
from functools import partial
from time import perf_counter

from sfprm.devorg import metadata, story
from sfprm.devorg.api import consent, control, identity, oauth, routes, soap_login, versions
from sfprm.devorg.api.exchange import Answer, Request, refused
from sfprm.devorg.api.writing import transaction
from sfprm.devorg.behaviours.sites import settle
from sfprm.devorg.calls import Entry
from sfprm.devorg.faults import Fault
from sfprm.devorg.problems import Refusal, RowProblem, not_imitated

__all__ = ["answer", "data_resource", "log_lost"]

_SOAP = re.compile(r"/services/soap/m/\d+(\.\d)?(/.*)?", re.IGNORECASE)
_LOCKS = {
    "lock": RowProblem(
        "UNABLE_TO_LOCK_ROW",
        "unable to obtain exclusive access to this record or 1 records: 001000000000000",
    ),
    "group-lock": RowProblem("UNKNOWN_EXCEPTION", "group membership operation already in progress"),
}
"""The words of the two locks [R]."""
_LIMITS = {
    "exhausted": "TotalRequests Limit exceeded.",
    "concurrent": "ConcurrentPerOrgLongTxn Limit exceeded.",
}
"""The words of the two limits [R]."""
_MAINTENANCE = b"""<!DOCTYPE html><html><head><title>Service Unavailable</title></head>
<body><h1>We are down for maintenance.</h1><p>Sorry for the inconvenience.</p></body></html>
"""
"""What stands before the org answers when it is not there: HTML, whatever was asked for [P]."""
_ELSEWHERE = (
    "/services/async",
    "/services/soap/c",
    "/services/soap/s",
    "/services/soap/t",
    "/services/oauth2/introspect",
    "/services/oauth2/register",
    "/services/oauth2/singleaccess",
    "/services/auth",
    "/.well-known",
    "/secur",
    "/cometd",
)
"""What a real org has beside its REST API: Bulk API 1, other WSDLs, more of OAuth, the browser's
way in, streaming."""
_EXPIRED = Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def answer(request: Request, fault: Fault | None, since: float = 0.0) -> Answer:
    """The answer to a request that wants its locks since that instant of `time.monotonic`; the
    caller holds the org's lock. Raises Held when another request holds them, and never for what a
    client can send: an unexpected error becomes 500 UNKNOWN_EXCEPTION and a trace on stderr."""
    started = perf_counter()
    kind = "unknown"
    try:
        if request.org.waiting_groups:
            settle(request.org)
        if request.org.bulk.waiting and _about_jobs(request):
            request.org.bulk.settle()
        metadata.settle(request.org)
        request.org.contention.begin(since)
        found, kind = _family(request, fault)
    except Refusal as refusal:
        found = refused(refusal)
    except RecursionError:
        found = refused(Refusal(400, "JSON_PARSER_ERROR", "The request is nested too deeply"))
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError,
            RuntimeError, sqlite3.Error) as error:  # fmt: skip
        traceback.print_exc(file=sys.stderr)
        found = refused(
            Refusal(
                500,
                "UNKNOWN_EXCEPTION",
                "An unexpected error occurred. Please include this ErrorId if you contact "
                f"support: {type(error).__name__}",
            )
        )
    return _logged(request, found, kind, started)


def _is_api(request: Request) -> bool:
    """The address counts toward the day's calls: REST, and the Metadata API's SOAP."""
    return request.path.lower().startswith(("/services/data/", "/services/soap/m/"))


def _about_jobs(request: Request) -> bool:
    """Other requests leave the work of jobs to the server."""
    return "/jobs/" in request.path.lower()


def log_lost(request: Request) -> None:
    """Log a request that a fault let fall before it had an effect."""
    if request.path.lower().startswith("/services/"):
        request.org.calls.add(Entry(request.method, _safe(request), 0, 0, "dropped", 0.0))


def _logged(request: Request, found: Answer, kind: str, started: float) -> Answer:
    if kind == "control" or request.path.lower().startswith("/_devorg"):
        return found
    calls = request.org.calls
    if kind == "unknown" and not _is_api(request):
        kind = "edge"
    free = kind in {"versions", "oauth", "identity", "soap", "edge"} or found.status == 401
    cost = 0 if free else 1
    used = calls.charge(cost, request.org.clock.now())
    milliseconds = (perf_counter() - started) * 1000
    calls.add(Entry(request.method, _safe(request), found.status, cost, kind, milliseconds))
    if kind in {"versions", "oauth", "identity", "soap", "edge"}:
        return found
    limit = {"Sforce-Limit-Info": f"api-usage={used}/{request.org.limits.daily_api}"}
    return Answer(
        found.status, found.body, {**found.headers, **limit}, found.raw, found.content_type
    )


def _safe(request: Request) -> str:
    """The path for the log; queries are kept, tokens in parameters are not."""
    shown = "&".join(
        f"{name}={value}" for name, value in request.params.items() if name != "oauth_token"
    )
    return f"{request.path}?{shown}" if shown else request.path


def _family(request: Request, fault: Fault | None) -> tuple[Answer, str]:
    path = request.path.rstrip("/")
    lowered = path.lower()
    if lowered == "/_devorg" or lowered.startswith("/_devorg/"):
        return control.control(request), "control"
    if fault is not None:
        struck = _strike(request, fault)
        if struck is not None:
            return struck, "edge"
    if lowered.startswith("/services/oauth2/"):
        return _oauth(request, lowered.removeprefix("/services/oauth2/")), "oauth"
    if lowered.startswith("/id/"):
        parts = path.split("/")
        if len(parts) != 4:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return identity.identity(request, parts[2], parts[3]), "identity"
    if _SOAP.fullmatch(path):
        return _soap(request), "metadata"
    if soap_login.PATH.fullmatch(path):
        return soap_login.soap_api(request), "soap"
    if lowered == "/services/data":
        if request.method not in {"GET", "HEAD"}:
            raise _not_allowed(request.method, "GET")
        return Answer(body=versions.listing()), "versions"
    if lowered.startswith("/services/data/"):
        version = versions.read(path.split("/")[3])
        _login(request)
        request.version = version
        return data_resource(request)
    for beginning in _ELSEWHERE:
        if lowered == beginning or lowered.startswith(f"{beginning}/"):
            raise not_imitated(f"the address {beginning}")
    raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")


def data_resource(request: Request) -> tuple[Answer, str]:
    """A resource below /services/data/vNN.N for a caller who is logged in."""
    segments = [part for part in request.path.split("/") if part]
    if [part.lower() for part in segments[:2]] != ["services", "data"] or len(segments) < 3:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    request.version = versions.read(segments[2])
    accepted = request.headers.get("accept", "*/*").lower()
    if "xml" in accepted and "json" not in accepted and "*" not in accepted:
        raise not_imitated("answers in XML")
    method = request.params.get("_HttpMethod", request.method).upper()
    request.method = method
    found = routes.find(method, segments[3:])
    return found.answer(request), found.kind


def _oauth(request: Request, name: str) -> Answer:
    handlers = {
        "token": (oauth.token, {"POST"}),
        "revoke": (oauth.revoke, {"POST", "GET"}),
        "authorize": (consent.authorize, {"POST", "GET"}),
        "userinfo": (identity.userinfo, {"POST", "GET"}),
    }
    if f"/services/oauth2/{name}" in _ELSEWHERE:
        raise not_imitated(f"the address /services/oauth2/{name}")
    if name not in handlers:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    handler, methods = handlers[name]
    if request.method not in methods:
        raise _not_allowed(request.method, ",".join(sorted(methods)))
    return handler(request)


def _not_allowed(method: str, allowed: str) -> Refusal:
    return Refusal(
        405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    )


def _login(request: Request) -> None:
    """Who calls. Raises Refusal 401 without a living session, 403 without API Enabled, with the API
    off for the org, or when the day's calls are used up."""
    org = request.org
    user_id = org.sessions.user_of(request.token, request.ip)
    if user_id is None:
        raise _EXPIRED
    access = org.permissions.of(user_id)
    if not access.user.get("IsActive") or org.is_frozen(user_id):
        raise _EXPIRED
    if org.calls.exhausted(org.clock.now(), org.limits.daily_api):
        raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    if org.limits.api_off or not access.has("ApiEnabled"):
        raise Refusal(
            403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
        )
    request.caller = access


def _soap(request: Request) -> Answer:
    """The Metadata API; its session travels in the envelope."""
    request.token = metadata.session_id(request.body) or ""
    user_id = request.org.sessions.user_of(request.token, request.ip)
    if user_id is None:
        status, body = metadata.invalid_session()
    elif request.org.limits.api_off:
        status, body = metadata.fault(
            "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
        )
    else:
        with transaction(request.org):
            status, body = metadata.soap(request.org, request.body, user_id)
    return Answer(status, raw=body, content_type="text/xml;charset=UTF-8")


def _strike(request: Request, fault: Fault) -> Answer | None:
    """The faults that are answers; what is about the connection is the server's business. A lock
    meets every other row of a Collections write, and any other request as a whole."""
    if fault.kind == "expired-session":
        request.org.sessions.close(request.token)
        raise _EXPIRED
    if fault.kind == "503":
        raise Refusal(503, "SERVER_UNAVAILABLE", "Server is too busy. Please try again later.")
    if fault.kind == "html-503":
        return Answer(503, raw=_MAINTENANCE, content_type="text/html; charset=UTF-8")
    if fault.kind in _LIMITS:
        raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", _LIMITS[fault.kind])
    if fault.kind == "query-timeout":
        raise Refusal(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
    if fault.kind == "person-edits":
        _edit(request, fault)
        return None
    locked = _LOCKS.get(fault.kind)
    if locked is None:
        return None
    path = request.path.lower()
    rows = "/composite/sobjects" in path and request.method in {"POST", "PATCH"}
    if rows or ("/jobs/ingest/" in path and request.method == "PUT"):
        request.lock = locked
        return None
    raise Refusal(400, locked.code, locked.message, ())


def _edit(request: Request, fault: Fault) -> None:
    """Somebody changes records between the caller's read and this write: the record named, or all
    of its object that the request names. What the org refuses the person is left out."""
    org, wanted = request.org, dict(fault.edit or {})
    definition = org.schema.object(str(wanted.get("object")))
    prefix = definition.key_prefix if definition is not None else "???"
    text = f"{request.path} {request.body.decode('utf-8', 'replace')}"
    ids = re.findall(rf"\b{prefix}[A-Za-z0-9]{{12}}(?:[A-Za-z0-9]{{3}})?\b", text)
    for id_ in [wanted["id"]] if "id" in wanted else dict.fromkeys(ids):
        edit = {"event": "person-edits", **wanted, "id": id_}
        with suppress(RowProblem, ValueError, LookupError):
            org.happen(partial(story.event, org, edit))
