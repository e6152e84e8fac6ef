"""Semantic errors: Salesforce's codes, words and frames."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg.soql import SoqlError
from sfprm.devorg.soql.errors import framed

NO_COLUMN = (
    "No such column '{}' on entity '{}'. If you are attempting to use a custom field, be sure to "
    "append the '__c' after the custom field name. Please reference your WSDL or the describe call "
    "for the appropriate names."
)
NO_RELATION = (
    "Didn't understand relationship '{}' in field path. If you are attempting to use a custom "
    "relationship, be sure to append the '__r' after the custom relationship name. Please "
    "reference your WSDL or the describe call for the appropriate names."
)
NO_CHILD = (
    "Didn't understand relationship '{}' in FROM part of query call. If you are attempting to use "
    "a custom relationship, be sure to append the '__r' after the custom relationship name. Please "
    "reference your WSDL or the describe call for the appropriate names."
)
NO_OBJECT = (
    "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to "
    "append the '__c' after the entity name. Please reference your WSDL or the describe call for "
    "the appropriate names."
)
KIND = "value of filter criterion for field '{}' must be of type {}"
QUOTED = "string and should be enclosed in quotes"

ERRORS = [
    ("SELECT Id FROM Xyzzy", "INVALID_TYPE", NO_OBJECT.format("Xyzzy")),
    ("SELECT Id FROM Campaign", "INVALID_TYPE", NO_OBJECT.format("Campaign")),
    ("SELECT Foo FROM Account", "INVALID_FIELD", NO_COLUMN.format("Foo", "Account")),
    ("SELECT AccountSource FROM Account", "INVALID_FIELD",
     NO_COLUMN.format("AccountSource", "Account")),
    ("SELECT IsPartner FROM Account", "INVALID_FIELD", NO_COLUMN.format("IsPartner", "Account")),
    ("SELECT Owner.Foo FROM Account", "INVALID_FIELD", NO_COLUMN.format("Foo", "User")),
    ("SELECT Owner.Department FROM Lead", "INVALID_FIELD", NO_COLUMN.format("Department", "Name")),
    ("SELECT Owner FROM Account", "INVALID_FIELD", NO_COLUMN.format("Owner", "Account")),
    ("SELECT Foo.Name FROM Account", "INVALID_FIELD", NO_RELATION.format("Foo")),
    ("SELECT Id FROM Lead WHERE Foo = 1", "INVALID_FIELD", NO_COLUMN.format("Foo", "Lead")),
    ("SELECT Id FROM Lead ORDER BY Foo", "INVALID_FIELD", NO_COLUMN.format("Foo", "Lead")),
    ("SELECT (SELECT Id FROM Foos) FROM Account", "INVALID_TYPE", NO_CHILD.format("Foos")),
    ("SELECT Id FROM Lead WHERE LastName = 5", "INVALID_FIELD", KIND.format("LastName", QUOTED)),
    ("SELECT Id FROM Lead WHERE LastName IN ('a', TRUE)", "INVALID_FIELD",
     KIND.format("LastName", QUOTED)),
    ("SELECT Id FROM Lead WHERE AnnualRevenue = '5'", "INVALID_FIELD",
     KIND.format("AnnualRevenue", "double and should not be enclosed in quotes")),
    ("SELECT Id FROM Lead WHERE NumberOfEmployees = ''", "INVALID_FIELD",
     KIND.format("NumberOfEmployees", "int and should not be enclosed in quotes")),
    ("SELECT Id FROM Lead WHERE IsConverted = 'true'", "INVALID_FIELD",
     KIND.format("IsConverted", "boolean and should not be enclosed in quotes")),
    ("SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01", "INVALID_FIELD",
     KIND.format("CreatedDate", "dateTime and should not be enclosed in quotes")),
    ("SELECT Id FROM Contact WHERE Birthdate > 2026-01-01T00:00:00Z", "INVALID_FIELD",
     KIND.format("Birthdate", "date and should not be enclosed in quotes")),
    ("SELECT Id FROM Lead WHERE LastName = TODAY", "INVALID_FIELD",
     KIND.format("LastName", QUOTED)),
    ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD",
     "field 'Description' can not be filtered in a query call"),
    ("SELECT Id FROM Lead ORDER BY Address", "INVALID_FIELD",
     "field 'Address' can not be sorted in a query call"),
    ("SELECT COUNT(Id) FROM Lead GROUP BY CreatedDate", "INVALID_FIELD",
     "field 'CreatedDate' can not be grouped in a query call"),
    ("SELECT Id FROM Lead WHERE OwnerId = 'deadbeef'", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid ID field: deadbeef"),
    ("SELECT Id FROM Lead WHERE OwnerId LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid operator on id field"),
    ("SELECT Id FROM Lead WHERE Products__c LIKE 'P%'", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid operator on multipicklist field"),
    ("SELECT Id FROM Lead WHERE Company INCLUDES ('P')", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid operator on string field"),
    ("SELECT Name, COUNT(Id) FROM Lead GROUP BY Rating", "MALFORMED_QUERY",
     "Field must be grouped or aggregated: Name"),
    ("SELECT CALENDAR_YEAR(CreatedDate) FROM Lead", "MALFORMED_QUERY",
     "Field must be grouped or aggregated: CALENDAR_YEAR(CreatedDate)"),
    ("SELECT COUNT(Id) FROM Lead GROUP BY Rating ORDER BY Name", "MALFORMED_QUERY",
     "Ordered field must be grouped or aggregated: Name"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message"), ERRORS)
def test_framed_errors(ask: Any, text: str, code: str, message: str) -> None:
    """Each has its code, and the frame before the words."""
    with pytest.raises(SoqlError) as caught:
        ask(text)
    frame, _, words = caught.value.message.rpartition("\n")
    assert (caught.value.error_code, words) == (code, message)
    assert "ERROR at Row:1:Column:" in frame


PLAIN = [
    ("SELECT Name n FROM Lead", "only aggregate expressions use field aliasing"),
    ("SELECT DISTINCT Name FROM Lead", "only aggregate expressions use field aliasing"),
    ("SELECT COUNT(Id) FROM Lead LIMIT 1",
     "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"),
    ("SELECT COUNT(Id) FROM Lead OFFSET 1",
     "Non-grouped query that uses overall aggregate functions cannot also use OFFSET"),
    ("SELECT Rating, MAX(Rating) FROM Lead GROUP BY Rating",
     "Grouped field should not be aggregated: Rating"),
    ("SELECT COUNT(Id) FROM Lead GROUP BY Rating, Rating",
     "duplicate grouping expression: Rating"),
    ("SELECT SUM(Name) FROM Lead", "field Name does not support aggregate operator SUM"),
    ("SELECT MAX(IsConverted) FROM Lead",
     "field IsConverted does not support aggregate operator MAX"),
    ("SELECT (SELECT COUNT(Id) FROM Contacts) FROM Account",
     "only root queries support aggregate expressions"),
    ("SELECT COUNT(Id) Name, Name FROM Account GROUP BY Name", "duplicate alias: Name"),
    ("SELECT FIELDS(ALL) FROM Lead", "The SOQL FIELDS function must have a LIMIT of at most 200"),
    ("SELECT FIELDS(SOME) FROM Lead LIMIT 1",
     "The SOQL FIELDS function only supports arguments of (all), (custom), (standard); (SOME) is "
     "not supported."),
    ("SELECT COUNT() FROM Lead GROUP BY Rating", "COUNT() cannot be used with GROUP BY"),
    ("SELECT COUNT() FROM Lead ORDER BY Rating", "COUNT() cannot be used with ORDER BY"),
    ("SELECT Id FROM Lead LIMIT -1", "Limit must be a non-negative value"),
    ("SELECT Id FROM Lead OFFSET -1", "SOQL offset must be a non-negative value"),
    ("SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Contact)",
     "Semi join sub-selects are not allowed with the 'OR' operator"),
    ("SELECT Id FROM Account WHERE NOT Id IN (SELECT AccountId FROM Contact)",
     "Semi join sub-selects are only allowed at the top level WHERE expressions"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE OwnerId IN "
     "(SELECT Id FROM User))", "Nesting of semi join sub-selects is not supported"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)",
     "The inner and outer selects should not be on the same object type"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND Id IN (SELECT "
     "AccountId FROM Case) AND Id IN (SELECT AccountId FROM Opportunity)",
     "Maximum 2 semi join sub-selects are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), PLAIN)
def test_errors_without_frame(ask: Any, text: str, message: str) -> None:
    """These are MALFORMED_QUERY, in so many words."""
    with pytest.raises(SoqlError) as caught:
        ask(text)
    assert (caught.value.error_code, caught.value.message) == ("MALFORMED_QUERY", message)


def test_unrelated_semi_join(ask: Any) -> None:
    """Both sides of a semi-join must lead to the same object."""
    with pytest.raises(SoqlError) as caught:
        ask("SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Lead)")
    assert caught.value.message.endswith(
        "The selected field 'Id' in the subquery and the left operand field in the where "
        "expression in the outer query 'AccountId' should point to the same object type"
    )


def test_field_twice_with_fields_function(ask: Any) -> None:
    """FIELDS() and a field of its own are one too many."""
    with pytest.raises(SoqlError) as caught:
        ask("SELECT FIELDS(STANDARD), Id FROM Lead")
    assert caught.value.error_code == "INVALID_FIELD"
    assert caught.value.message == "duplicate field selected: Id"


def test_offset_over_its_limit(ask: Any) -> None:
    """OFFSET stops at 2,000."""
    with pytest.raises(SoqlError) as caught:
        ask("SELECT Id FROM Lead OFFSET 2001")
    assert caught.value.error_code == "NUMBER_OUTSIDE_VALID_RANGE"
    assert caught.value.message == "Maximum SOQL offset allowed is 2000"


def test_children_of_children_in_old_versions(ask: Any) -> None:
    """Before version 58 sub-queries do not nest."""
    text = "SELECT (SELECT (SELECT Id FROM Contacts) FROM ChildAccounts) FROM Account"
    with pytest.raises(SoqlError) as caught:
        ask(text, version="57.0")
    assert caught.value.message == (
        "SOQL statements cannot query aggregate relationships more than 1 level away from the root "
        "entity object."
    )


def test_frame_of_a_recorded_error() -> None:
    """The frame equals a recorded one: snippet, caret, column."""
    tail = "Image_Vendor__c FROM Opportunity WHERE Image_Vendor__c LIKE 'Getty%'"
    text = "SELECT AccountId, StageName, " + tail
    at = text.rindex("Image_Vendor__c")
    error = framed("X", text, at, "invalid operator on multipicklist field")
    assert error.message == (
        f"\n{tail}\n{' ' * 39}^\nERROR at Row:1:Column:{at + 1}\n"
        "invalid operator on multipicklist field"
    )
