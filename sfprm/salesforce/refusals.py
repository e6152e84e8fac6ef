"""What Salesforce says when it refuses: by error code first, by HTTP status second.

Codes and texts: REST error handling as documented and recorded; where a status is unverified
(UNABLE_TO_LOCK_ROW comes as 400 or 500) only the code decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sfprm.errors import LoginRefused, OrgRefused, PermissionMissing, SfprmError, TryLater

__all__ = [
    "CODES",
    "Fault",
    "Refusal",
    "Rule",
    "classify",
    "hint_for",
    "read_fault",
    "scrub",
    "translate",
]


class Refusal(Enum):
    """What a refusal means for the one who asked."""

    PERMANENT = "permanent"  # the request or the record is wrong: the same again fails again
    PERMISSION = "permission"  # the user may not
    SESSION = "session"  # log in again, once
    LOCK = "lock"  # another transaction holds the row: again after a growing wait
    BUSY = "busy"  # too many at once: again after a wait; nothing was done
    PASSING = "passing"  # trouble on the org's side; a write may have happened
    ALLOWANCE = "allowance"  # the org's daily calls are used up
    DUPLICATE = "duplicate"  # the same record, or a like one, is there already
    GONE = "gone"  # there is no such thing, or no more
    ROLLED_BACK = "rolled back"  # innocent: another record of the same call failed


@dataclass(frozen=True, slots=True)
class Rule:
    """A code's meaning and the next step for the reader."""

    refusal: Refusal
    hint: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What the org said: its code (empty when it gave none), words and fields."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


_FIX_RECORD = "Correct the field named in the message, then run the command again."
_SFPRM_ASKED = (
    "The request does not fit this org; run `sfprm check`, and report it if that is clean."
)
_GRANT = "Assign the permission sets sfprm_setup and sfprm_run to the agent's user."
_AGAIN = "Run the same command again; it goes on where this run stopped."
_ORG_RULE = "A rule of the org refuses this change: ask its administrator, or change the record."

_P = Refusal.PERMANENT
CODES: Mapping[str, Rule] = {
    # the question or the path is wrong
    "MALFORMED_QUERY": Rule(_P, _SFPRM_ASKED),
    "INVALID_TYPE": Rule(_P, "The org has no such object, or the agent's user may not see it."),
    "INVALID_FIELD": Rule(
        _P, "The org has no such field, or the agent's user may not see it (field permissions)."
    ),
    "INVALID_QUERY_FILTER_OPERATOR": Rule(_P, _SFPRM_ASKED),
    "INVALID_QUERY_LOCATOR": Rule(_P, "The query's cursor is too old; run the command again."),
    "JSON_PARSER_ERROR": Rule(_P, _SFPRM_ASKED),
    "MALFORMED_ID": Rule(_P, "Correct the record id named in the message."),
    "OPERATION_TOO_LARGE": Rule(_P, "Narrow the question, or let the agent's user see all rows."),
    "EXCEEDED_ID_LIMIT": Rule(_P, _SFPRM_ASKED),
    "INVALID_REPLICATION_DATE": Rule(_P, _SFPRM_ASKED),
    "METHOD_NOT_ALLOWED": Rule(_P, _SFPRM_ASKED),
    "UNSUPPORTED_MEDIA_TYPE": Rule(_P, _SFPRM_ASKED),
    "UNSUPPORTED_API_VERSION": Rule(_P, "Set SFPRM_API_VERSION to a version that the org lists."),
    "INVALID_VERSION_FORMAT": Rule(_P, "Set SFPRM_API_VERSION to a number such as 66.0."),
    "FUNCTIONALITY_NOT_ENABLED": Rule(_P, "Switch the feature on in Setup, or run `sfprm setup`."),
    "MULTIPLE_CHOICES": Rule(_P, "Several records hold this key; mark the key field as unique."),
    # the record is wrong
    "REQUIRED_FIELD_MISSING": Rule(_P, _FIX_RECORD),
    "STRING_TOO_LONG": Rule(_P, _FIX_RECORD),
    "INVALID_EMAIL_ADDRESS": Rule(_P, _FIX_RECORD),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Rule(_P, _FIX_RECORD),
    "NUMBER_OUTSIDE_VALID_RANGE": Rule(_P, _FIX_RECORD),
    "FIELD_INTEGRITY_EXCEPTION": Rule(_P, _FIX_RECORD),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Rule(_P, _ORG_RULE),
    "FIELD_FILTER_VALIDATION_EXCEPTION": Rule(_P, _ORG_RULE),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rule(_P, _ORG_RULE),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Rule(_P, _ORG_RULE),
    "APEX_ERROR": Rule(_P, _ORG_RULE),
    "ENTITY_IS_LOCKED": Rule(_P, "The record waits for an approval; it is locked until then."),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Rule(
        _P, "Give the agent's user edit access to the fields named, or leave them out of the files."
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": Rule(_P, "The lead is converted; it is left as it is."),
    "INVALID_CROSS_REFERENCE_KEY": Rule(_P, "A record that this one points to is not there."),
    "INACTIVE_OWNER_OR_USER": Rule(_P, "Name an active user, or activate this one."),
    "MIXED_DML_OPERATION": Rule(_P, _SFPRM_ASKED),
    "LICENSE_LIMIT_EXCEEDED": Rule(_P, "Free a licence, buy more, or declare fewer people."),
    "DUPLICATE_USERNAME": Rule(
        _P, "Usernames are unique over all orgs: change the username pattern, then plan again."
    ),
    "PORTAL_NO_ACCESS": Rule(_P, "Add the user's profile to the site's members."),
    "CANNOT_DISABLE_LAST_ADMIN": Rule(_P, _ORG_RULE),
    "CIRCULAR_DEPENDENCY": Rule(_P, _FIX_RECORD),
    "DELETE_FAILED": Rule(_P, _ORG_RULE),
    # already there
    "DUPLICATE_VALUE": Rule(
        Refusal.DUPLICATE, "Another record holds this value of a unique field; match it by name."
    ),
    "DUPLICATES_DETECTED": Rule(
        Refusal.DUPLICATE, "A duplicate rule found a like record: match it, or change this one."
    ),
    "DUPLICATE_DEVELOPER_NAME": Rule(Refusal.DUPLICATE, "Choose another name for it."),
    # not there
    "NOT_FOUND": Rule(Refusal.GONE, "It is not in this org, or the agent's user may not see it."),
    "ENTITY_IS_DELETED": Rule(Refusal.GONE, "The record was deleted in Salesforce."),
    # may not
    "INSUFFICIENT_ACCESS": Rule(Refusal.PERMISSION, _GRANT),
    "INSUFFICIENT_ACCESS_OR_READONLY": Rule(Refusal.PERMISSION, _GRANT),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Rule(Refusal.PERMISSION, _GRANT),
    "API_DISABLED_FOR_ORG": Rule(
        Refusal.PERMISSION, "Give the agent's user 'API Enabled', in an edition that has the API."
    ),
    "API_CURRENTLY_DISABLED": Rule(
        Refusal.PERMISSION, "Give the agent's user 'API Enabled', in an edition that has the API."
    ),
    "TRANSFER_REQUIRES_READ": Rule(
        Refusal.PERMISSION, "The new owner cannot read this object: correct the profile."
    ),
    # log in again
    "INVALID_SESSION_ID": Rule(Refusal.SESSION, "Check the login settings with `sfprm login`."),
    "InvalidSessionId": Rule(Refusal.SESSION, "Check the login settings with `sfprm login`."),
    # later
    "UNABLE_TO_LOCK_ROW": Rule(Refusal.LOCK, _AGAIN),
    "REQUEST_LIMIT_EXCEEDED": Rule(Refusal.BUSY, _AGAIN),
    "SERVER_UNAVAILABLE": Rule(Refusal.PASSING, _AGAIN),
    "QUERY_TIMEOUT": Rule(Refusal.PASSING, _AGAIN),
    "UNKNOWN_EXCEPTION": Rule(Refusal.PASSING, _AGAIN),
    # innocent
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Rule(
        Refusal.ROLLED_BACK, "Correct the other record that failed in the same call."
    ),
    "PROCESSING_HALTED": Rule(Refusal.ROLLED_BACK, "Correct the other request that failed."),
    "BATCH_PROCESSING_HALTED": Rule(Refusal.ROLLED_BACK, "Correct the other request that failed."),
}

# UNKNOWN_EXCEPTION is split by its words: refusals for good that Salesforce gives no code of
# their own (recorded texts), and the lock on group membership.
_UNKNOWN_TEXTS: tuple[tuple[str, Rule], ...] = (
    (
        "portal account owner must have a role",
        Rule(_P, "Give the account's owner a role: Setup › Users › the owner › Role."),
    ),
    (
        "portal users cannot own partner accounts",
        Rule(_P, "Give the account to an internal user first."),
    ),
    ("group membership operation already in progress", Rule(Refusal.LOCK, _AGAIN)),
)
_DAILY = Rule(
    Refusal.ALLOWANCE,
    "The org's API calls of the last 24 hours are used up: run the command again later, "
    "or ask Salesforce for more.",
)
_UNKNOWN_CODE = Rule(_P, "Read Salesforce's words above; sfprm has no advice of its own for them.")

_SECRETS = re.compile(
    r"00D\w{9,15}![\w.]+|(?i:bearer)\s+[\w.~+/=-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|"
    r"(?i:(client_secret|access_token|refresh_token|assertion|password)=)[^&\s]+"
)
_SOAP_FAULT = re.compile(r"<faultcode>([^<]*)</faultcode>.*?<faultstring>([^<]*)", re.S)


def scrub(text: str, room: int = 500) -> str:
    """Foreign text made fit to show: tokens blotted out, one line, at most `room` characters."""
    flat = " ".join(_SECRETS.sub("[secret]", text).split())
    return flat if len(flat) <= room else flat[: room - 1] + "…"


def _rule(code: str, message: str) -> Rule:
    words = message.lower()
    if code == "UNKNOWN_EXCEPTION":
        for text, rule in _UNKNOWN_TEXTS:
            if text in words:
                return rule
    if code == "REQUEST_LIMIT_EXCEEDED" and "totalrequests" in words.replace(" ", ""):
        return _DAILY
    return CODES.get(code, _UNKNOWN_CODE)


def classify(code: str, message: str) -> Refusal:
    """What the refusal means. An unknown code is PERMANENT: never repeated on a guess."""
    return _rule(code, message).refusal


def hint_for(code: str, message: str) -> str:
    """The next step for the reader of this refusal; never empty."""
    return _rule(code, message).hint


def read_fault(status: int, body: Any) -> Fault:
    """The code and words in an error body of any of Salesforce's shapes.

    `body` is the parsed JSON, or the text when it is not JSON. Shapes: list of errors (REST),
    object (OAuth; Bulk v1), list of record addresses (status 300), SOAP fault, anything else.
    """
    if isinstance(body, list) and body:
        first = body[0]
        if isinstance(first, Mapping):
            return _from_rest(first)
        if status == 300:
            return Fault("MULTIPLE_CHOICES", f"{len(body)} records match the key.")
    if isinstance(body, Mapping):
        if "error" in body:
            return Fault(str(body["error"]), str(body.get("error_description") or ""))
        if "exceptionCode" in body:
            return Fault(str(body["exceptionCode"]), str(body.get("exceptionMessage") or ""))
        if "errorCode" in body or "statusCode" in body:
            return _from_rest(body)
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    fault = _SOAP_FAULT.search(text)
    if fault:
        code = fault[1].rpartition(":")[2].strip()
        return Fault(code, fault[2].removeprefix(f"{code}:").strip())
    if text.strip() == "Bad_OAuth_Token":
        return Fault("INVALID_SESSION_ID", "Bad_OAuth_Token")
    return Fault("", "" if "<html" in text.lower() else text)


def _from_rest(error: Mapping[str, Any]) -> Fault:
    code = str(error.get("errorCode") or error.get("statusCode") or "")
    inner = error.get("errors")
    if not code and isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
        return _from_rest(inner[0])  # an action's result
    fields = error.get("fields") or ()
    names = tuple(str(name) for name in fields) if isinstance(fields, list | tuple) else ()
    return Fault(code, str(error.get("message") or ""), names)


def translate(status: int, body: Any) -> SfprmError:
    """Our error for a refused request: by code first, then by status. Never quotes a secret."""
    fault = read_fault(status, body)
    if not fault.code:
        return _by_status(status, fault)
    rule = _rule(fault.code, fault.message)
    words = scrub(fault.message) or "no words"
    where = f" [{', '.join(fault.fields)}]" if fault.fields else ""
    said = f"Salesforce refused: {fault.code}: {words}{where}"
    match rule.refusal:
        case Refusal.SESSION:
            return LoginRefused(said, code=fault.code, status=status, hint=rule.hint)
        case Refusal.PERMISSION:
            return PermissionMissing(said, code=fault.code, status=status, hint=rule.hint)
        case Refusal.LOCK | Refusal.BUSY | Refusal.PASSING | Refusal.ALLOWANCE:
            return TryLater(said, hint=rule.hint)
        case _:
            return OrgRefused(said, code=fault.code, status=status, hint=rule.hint)


def _by_status(status: int, fault: Fault) -> SfprmError:
    words = scrub(fault.message, 200)
    said = f"Salesforce answered HTTP {status}" + (f": {words}" if words else " and no reason.")
    if status == 401:
        return LoginRefused(said, status=status)
    if status == 403:
        return PermissionMissing(said, status=status)
    if status in (420, 429) or status >= 500:
        return TryLater(said)
    if 300 <= status < 400:
        return OrgRefused(
            said,
            status=status,
            hint="The org answered with a redirection, which is not followed with the token: "
            "set SFPRM_LOGIN_URL to your My Domain address.",
        )
    return OrgRefused(said, status=status)
