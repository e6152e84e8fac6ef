"""Salesforce's error codes become our errors, by code first and by status second."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import simple_salesforce.exceptions as foreign
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from sfprm.errors import (
    LoginRefused,
    OrgRefused,
    OrgUnreachable,
    PermissionMissing,
    SfprmError,
    TryLater,
)
from sfprm.salesforce.answer import Request
from sfprm.salesforce.refusals import CODES, Refusal, classify, hint_for, read_fault, translate
from sfprm.salesforce.retry import Cause
from sfprm.salesforce.wire import Link, Wire, failure_from


def rest(code: str, message: str = "words", fields: list[str] | None = None) -> list[Any]:
    """A REST error body."""
    return [{"message": message, "errorCode": code, "fields": fields or []}]


P, D = Refusal.PERMANENT, Refusal.DUPLICATE
LIMIT = "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("status", "code", "message", "refusal", "raised"),
    [
        (400, "MALFORMED_QUERY", "unexpected token: 'FORM'", P, OrgRefused),
        (400, "INVALID_TYPE", "sObject type 'X' is not supported.", P, OrgRefused),
        (400, "INVALID_FIELD", "No such column 'x'", P, OrgRefused),
        (400, "REQUIRED_FIELD_MISSING", "missing: [Company]", P, OrgRefused),
        (400, "JSON_PARSER_ERROR", "", P, OrgRefused),
        (400, "MALFORMED_ID", "", P, OrgRefused),
        (400, "STRING_TOO_LONG", "", P, OrgRefused),
        (400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", P, OrgRefused),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "", P, OrgRefused),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "", P, OrgRefused),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "", P, OrgRefused),
        (400, "DUPLICATE_VALUE", "duplicate value found", D, OrgRefused),
        (400, "DUPLICATES_DETECTED", "Use one of these records?", D, OrgRefused),
        (400, "CANNOT_UPDATE_CONVERTED_LEAD", "", P, OrgRefused),
        (400, "INVALID_CROSS_REFERENCE_KEY", "", P, OrgRefused),
        (
            400,
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "",
            Refusal.PERMISSION,
            PermissionMissing,
        ),
        (400, "INVALID_QUERY_LOCATOR", "", P, OrgRefused),
        (400, "OPERATION_TOO_LARGE", "", P, OrgRefused),
        (400, "EXCEEDED_ID_LIMIT", "record limit reached", P, OrgRefused),
        (400, "INVALID_REPLICATION_DATE", "", P, OrgRefused),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain", Refusal.LOCK, TryLater),
        (500, "UNABLE_TO_LOCK_ROW", "unable to obtain", Refusal.LOCK, TryLater),
        (400, "QUERY_TIMEOUT", "", Refusal.PASSING, TryLater),
        (400, "InvalidSessionId", "", Refusal.SESSION, LoginRefused),
        (401, "INVALID_SESSION_ID", "Session expired", Refusal.SESSION, LoginRefused),
        (403, LIMIT, "TotalRequests Limit exceeded.", Refusal.ALLOWANCE, TryLater),
        (403, LIMIT, "ConcurrentPerOrgLongTxn Limit exceeded.", Refusal.BUSY, TryLater),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "", Refusal.PERMISSION, PermissionMissing),
        (403, "API_DISABLED_FOR_ORG", "", Refusal.PERMISSION, PermissionMissing),
        (404, "NOT_FOUND", "", Refusal.GONE, OrgRefused),
        (404, "ENTITY_IS_DELETED", "", Refusal.GONE, OrgRefused),
        (405, "METHOD_NOT_ALLOWED", "", P, OrgRefused),
        (415, "UNSUPPORTED_MEDIA_TYPE", "", P, OrgRefused),
        (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.", Refusal.PASSING, TryLater),
        (400, "UNKNOWN_EXCEPTION", "portal account owner must have a role", P, OrgRefused),
        (400, "UNKNOWN_EXCEPTION", "portal users cannot own partner accounts", P, OrgRefused),
        (
            400,
            "UNKNOWN_EXCEPTION",
            "group membership operation already in progress",
            Refusal.LOCK,
            TryLater,
        ),
        (500, "APEX_ERROR", "", P, OrgRefused),
        (503, "SERVER_UNAVAILABLE", "", Refusal.PASSING, TryLater),
        (400, "PROCESSING_HALTED", "", Refusal.ROLLED_BACK, OrgRefused),
        (400, "NEVER_HEARD_OF", "as Salesforce said", P, OrgRefused),
    ],
)
def test_every_code_has_its_error(
    status: int, code: str, message: str, refusal: Refusal, raised: type[SfprmError]
) -> None:
    """The class follows what the reader must do; code and words are kept."""
    assert classify(code, message) is refusal
    error = translate(status, rest(code, message))
    assert type(error) is raised
    assert code in error.message
    assert message in error.message
    assert error.hint


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_of_the_table_has_a_hint(code: str) -> None:
    """No refusal leaves its reader without a next step."""
    assert hint_for(code, "").endswith((".", "?"))


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant", "error_description": "expired"}, "invalid_grant"),
        (400, {"error": "invalid_client"}, "invalid_client"),
        (400, {"exceptionCode": "InvalidSessionId", "exceptionMessage": "x"}, "InvalidSessionId"),
        (400, [{"statusCode": "MALFORMED_ID", "message": "x", "fields": []}], "MALFORMED_ID"),
        (300, ["/services/data/v66.0/sobjects/Lead/00Q"], "MULTIPLE_CHOICES"),
        (400, [{"isSuccess": False, "errors": [{"statusCode": "X", "message": "y"}]}], "X"),
        (403, "Bad_OAuth_Token", "INVALID_SESSION_ID"),
        (
            500,
            "<x><faultcode>sf:INVALID_SESSION_ID</faultcode>"
            "<faultstring>INVALID_SESSION_ID: Invalid Session</faultstring></x>",
            "INVALID_SESSION_ID",
        ),
        (502, "<html><body>Bad gateway</body></html>", ""),
        (400, None, ""),
        (400, [], ""),
    ],
)
def test_every_shape_of_error_body_is_read(status: int, body: Any, code: str) -> None:
    """REST, OAuth, Bulk v1, Collections, several matches, an action's result, SOAP, text, HTML."""
    assert read_fault(status, body).code == code


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (302, OrgRefused),
        (401, LoginRefused),
        (403, PermissionMissing),
        (404, OrgRefused),
        (414, OrgRefused),
        (420, TryLater),
        (429, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
def test_without_a_code_the_status_decides(status: int, raised: type[SfprmError]) -> None:
    """A proxy's page, or nothing at all."""
    error = translate(status, "<html>oops</html>")
    assert type(error) is raised
    assert "oops" not in error.message


def test_fields_are_kept() -> None:
    """The field that was refused is named."""
    error = translate(400, rest("STRING_TOO_LONG", "too long", ["Company"]))
    assert "[Company]" in error.message


@pytest.mark.parametrize(
    "secret",
    [
        "00Dxx0000000001!AQ.first_x",
        "Bearer abc.DEF-123",
        "eyJhbGciOi.eyJpc3Mi.sig-nature",
        "client_secret=hush",
    ],
)
def test_secrets_are_blotted_out(secret: str) -> None:
    """Whatever the org quotes back, a token does not reach the message."""
    error = translate(400, rest("X", f"you sent {secret} to us"))
    assert secret not in error.message
    assert "[secret]" in error.message


def _descendants(base: type[BaseException]) -> list[type[BaseException]]:
    found: list[type[BaseException]] = []
    for inner in base.__subclasses__():
        found += [inner, *_descendants(inner)]
    return sorted(set(found), key=lambda c: c.__name__)


REQUESTS_ERRORS = [
    e for e in _descendants(requests.RequestException) if e.__module__ == "requests.exceptions"
]


@pytest.mark.parametrize("kind", REQUESTS_ERRORS, ids=lambda c: c.__name__)
def test_every_exception_of_requests_has_a_translation(
    kind: type[requests.RequestException],
) -> None:
    """Whatever `requests` raises leaves as ours, with a next step, without the URL's query."""
    error = (
        kind("boom", "doc", 0)
        if issubclass(kind, requests.exceptions.JSONDecodeError)
        else kind("boom")
    )
    failed = failure_from(error, "https://acme.my.salesforce.com/query?q=SELECT+secret")
    assert isinstance(failed.error, OrgUnreachable)
    assert failed.error.hint
    assert "secret" not in failed.error.message


def test_a_connection_never_made_was_not_sent() -> None:
    """Only then may a create be sent again."""
    connection = HTTPSConnection("acme.my.salesforce.com")
    inner = NewConnectionError(connection, "Connection refused")
    outer = MaxRetryError(None, "/", inner)  # type: ignore[arg-type]
    failed = failure_from(requests.ConnectionError(outer), "https://acme.my.salesforce.com")
    assert failed.cause is Cause.NOT_SENT
    assert "connection refused" in failed.error.message


def test_a_broken_connection_may_have_been_read() -> None:
    """Closed by the other side after sending: nobody knows."""
    failed = failure_from(requests.ConnectionError("aborted"), "https://acme.my.salesforce.com")
    assert failed.cause is Cause.NO_ANSWER


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 409, 500, 503])
def test_every_exception_of_simple_salesforce_becomes_an_answer(org: Any, status: int) -> None:
    """The library raises by status; its exceptions never leave the wire, the answer does."""
    body = "" if status == 304 else json.dumps(rest("X"))
    org.on("GET", "limits", status=status, body=body, content_type="application/json")
    wire = Wire(connect_timeout=1, read_timeout=1, ca_bundle=None)
    link = Link(wire, org.host, "00Dxx!token", "66.0")
    answer = link.send(Request("GET", "limits", "limits"))
    wire.close()
    assert answer.status == status


def test_the_library_has_no_other_family_of_exceptions() -> None:
    """All that a REST call of the library can raise descends from the one class we catch."""
    others = {
        name
        for name, kind in vars(foreign).items()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, foreign.SalesforceError)
    }
    bulk_only = {
        "SalesforceOperationError",
        "SalesforceBulkV2LoadError",
        "SalesforceBulkV2ExtractError",
    }
    assert others == bulk_only
