"""Duplicate rules and their header."""

from __future__ import annotations

from typing import Any

import pytest

RULE = {"object": "Lead", "fields": ["Email"]}
SAVE = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=true"}
NEW = {"LastName": "B", "Company": "C", "Email": "A@one.example.org"}


@pytest.fixture
def first(call: Any) -> str:
    """A lead, and a rule that alerts of its double."""
    call.org.control("POST", "duplicate-rules", [RULE])
    return str(call.make("Lead", LastName="A", Company="C", Email="a@one.example.org"))


def test_an_alert_as_recorded(call: Any, first: str) -> None:
    """400 with the misspelt key and the record found."""
    answer = call("POST", "sobjects/Lead", NEW)
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "duplicateResut": {
                "allowSave": True,
                "duplicateRule": "Standard_Lead_Duplicate_Rule",
                "duplicateRuleEntityType": "Lead",
                "errorMessage": "Use one of these records?",
                "matchResults": [
                    {
                        "entityType": "Lead",
                        "errors": [],
                        "matchEngine": "ExactMatchEngine",
                        "matchRecords": [
                            {
                                "additionalInformation": [],
                                "fieldDiffs": [],
                                "matchConfidence": 100.0,
                                "record": {
                                    "attributes": {
                                        "type": "Lead",
                                        "url": f"/services/data/v66.0/sobjects/Lead/{first}",
                                    },
                                    "Id": first,
                                },
                            }
                        ],
                        "rule": "Standard_Lead_Duplicate_Rule",
                        "size": 1,
                        "success": True,
                    }
                ],
            },
            "errorCode": "DUPLICATES_DETECTED",
            "message": "Use one of these records?",
        }
    ]


def test_the_header_saves_past_an_alert(call: Any, first: str) -> None:
    """Not past a rule that blocks, and not before version 52."""
    old = f"/services/data/v51.0/sobjects/Lead?after={first}"
    assert call("POST", old, NEW, headers=SAVE).status_code == 400
    assert call("POST", "sobjects/Lead", NEW, headers=SAVE).status_code == 201
    call.org.control("POST", "duplicate-rules", [{**RULE, "action": "block", "message": "No."}])
    blocked = call("POST", "sobjects/Lead", NEW, headers=SAVE)
    [body] = blocked.json()
    assert (body["message"], body["duplicateResut"]["allowSave"]) == ("No.", False)
    [match] = body["duplicateResut"]["matchResults"]
    assert match["size"] == 2
    assert match["matchRecords"][0]["record"]["Email"] == "a@one.example.org"


def test_in_collections_only_code_and_message(call: Any, first: str) -> None:
    """The row fails alone."""
    records = [{"attributes": {"type": "Lead"}, **NEW}, {"attributes": {"type": "Lead"}, **NEW}]
    records[1]["Email"] = "other@one.example.org"
    bad, good = call("POST", "composite/sobjects", {"records": records}).json()
    assert bad["errors"] == [
        {
            "statusCode": "DUPLICATES_DETECTED",
            "message": "Use one of these records?",
            "fields": [],
        }
    ]
    assert good["success"] is True
    assert good["id"] != first


def test_edits_run_the_rule_only_when_its_field_changes(call: Any, first: str) -> None:
    """Another field is free, the matching one is not; the deleted do not count."""
    second = call.make("Lead", LastName="B", Company="C", Email="b@one.example.org")
    call.change("Lead", second, Phone="1")
    body = {"Email": NEW["Email"]}
    answer = call("PATCH", f"sobjects/Lead/{second}", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "DUPLICATES_DETECTED")
    call("DELETE", f"sobjects/Lead/{first}")
    call.change("Lead", second, **body)


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "User", "fields": ["Email"]},
        {"object": "Lead", "fields": []},
        {"object": "Lead", "fields": ["Nope"]},
        {"object": "Lead", "fields": ["Email"], "action": "warn"},
        {"object": "Lead", "fields": ["Email"], "fuzzy": True},
        "rule",
    ],
)
def test_rules_that_cannot_be(call: Any, rule: Any) -> None:
    """The control API refuses them."""
    with pytest.raises(AssertionError, match="400"):
        call.org.control("POST", "duplicate-rules", [rule])
    assert call.org.control("GET", "duplicate-rules") == []
