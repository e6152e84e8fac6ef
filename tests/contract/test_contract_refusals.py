"""How the org says no: the codes that sfprm tells apart."""

from __future__ import annotations

from typing import Any

import pytest

LEAD = {"LastName": "Sfprm Contract", "Company": "Sfprm Contract Company"}
NOBODY = "00Q000000000999"
LONG = "Sfprm " * 60
TEXTS = (*LEAD.values(), LONG, "not an address", "sfprm-contract")


def query(text: str) -> tuple[str, str, None, dict[str, str]]:
    return "GET", "query", None, {"q": text}


REFUSALS: list[tuple[int, str, tuple[str, str, Any, dict[str, str] | None]]] = [
    (400, "MALFORMED_QUERY", query("SELECT Id FORM Lead")),
    (400, "INVALID_TYPE", query("SELECT Id FROM SfprmNothing__c")),
    (400, "INVALID_FIELD", query("SELECT SfprmNothing__c FROM Lead")),
    (400, "INVALID_QUERY_LOCATOR", ("GET", "query/01g000000000999-2000", None, None)),
    (404, "NOT_FOUND", ("GET", f"sobjects/Lead/{NOBODY}", None, None)),
    (404, "NOT_FOUND", ("GET", "sobjects/SfprmNothing__c", None, None)),
    (
        400,
        "REQUIRED_FIELD_MISSING",
        ("POST", "sobjects/Lead", {"LastName": LEAD["LastName"]}, None),
    ),
    (400, "INVALID_FIELD", ("POST", "sobjects/Lead", {**LEAD, "SfprmNothing__c": True}, None)),
    (400, "STRING_TOO_LONG", ("POST", "sobjects/Lead", {**LEAD, "LastName": LONG}, None)),
    (400, "INVALID_EMAIL_ADDRESS", ("POST", "sobjects/Lead", {**LEAD, "Email": TEXTS[3]}, None)),
    (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        ("POST", "sobjects/Lead", {**LEAD, "CreatedById": NOBODY}, None),
    ),
    (400, "JSON_PARSER_ERROR", ("POST", "sobjects/Lead", [LEAD], None)),
    (405, "METHOD_NOT_ALLOWED", ("DELETE", "limits", None, None)),
    (404, "NOT_FOUND", ("GET", "sobjects/Account/SfprmNothing__c/sfprm-contract", None, None)),
]


@pytest.mark.salesforce_recording("refusals", fictional=TEXTS)
def test_codes_and_statuses(call: Any) -> None:
    """Each refusal's status and code, and the shape of its body: a list of one object."""
    seen = []
    for _, _, (method, path, body, params) in REFUSALS:
        answer = call(method, path, body, params=params)
        [item] = answer.json()
        assert {"errorCode", "message"} <= set(item)
        seen.append((answer.status_code, item["errorCode"]))
    assert seen == [(status, code) for status, code, _ in REFUSALS]


@pytest.mark.salesforce_recording("no-session")
def test_without_a_session(call: Any) -> None:
    """A token that is none: 401 INVALID_SESSION_ID."""
    answer = call("GET", "limits", headers={"Authorization": "Bearer nothing"})
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"
