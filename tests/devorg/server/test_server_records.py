"""/sobjects: one record at a time, and what is wrong with a record."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_record_lives_and_dies(call: Any, error: Any) -> None:
    """201 with Location, 204, GET, 204, and 404 when deleted again."""
    made = call("POST", "sobjects/Lead/", {"LastName": "Silva", "Company": "Fonte"})
    assert made.status_code == 201
    id_ = made.json()["id"]
    assert made.headers["Location"].endswith(f"/sobjects/Lead/{id_}")
    call.change("lead", id_, rating="Hot")
    shown = call("GET", f"sobjects/Lead/{id_[:15]}", params={"fields": "Name,Rating"}).json()
    assert shown["Name"] == "Silva"
    assert shown["Rating"] == "Hot"
    assert shown["attributes"]["type"] == "Lead"
    assert call("DELETE", f"sobjects/Lead/{id_}").status_code == 204
    again = call("DELETE", f"sobjects/Lead/{id_}")
    assert error(again) == (404, "ENTITY_IS_DELETED", "entity is deleted", [])
    assert error(call("GET", f"sobjects/Lead/{id_}"))[:2] == (404, "ENTITY_IS_DELETED")


def test_defaults_and_audit_fields(call: Any) -> None:
    """Status, owner and audit fields are filled."""
    call.org.control("POST", "clock", {"set": "2026-05-04T10:00:00Z"})
    id_ = call.make("Lead", LastName="Silva", Company="Fonte")
    row = call("GET", f"sobjects/Lead/{id_}").json()
    assert row["Status"] == "Open - Not Contacted"
    assert row["OwnerId"] == row["CreatedById"] == row["LastModifiedById"]
    assert row["CreatedDate"] == row["SystemModstamp"] == "2026-05-04T10:00:00.000+0000"
    assert row["IsConverted"] is False


def test_text_is_stored_as_the_org_stores_it(call: Any) -> None:
    """Trimmed, '' is null, e-mail in lower case."""
    id_ = call.make("Lead", LastName="  Silva ", Company="Fonte", Title="", Email="A@Example.ORG")
    row = call("GET", f"sobjects/Lead/{id_}").json()
    assert (row["LastName"], row["Title"], row["Email"]) == ("Silva", None, "a@example.org")


LEAD = {"LastName": "Silva", "Company": "Fonte"}
REFUSED = [
    (
        {"LastName": "Silva"},
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Company]",
        ["Company"],
    ),
    (
        {**LEAD, "Nope": 1},
        "INVALID_FIELD",
        "No such column 'Nope' on sobject of type Lead",
        [],
    ),
    (
        {**LEAD, "ConvertedDate": "2026-01-01"},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Unable to create/update fields: ConvertedDate. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set.",
        ["ConvertedDate"],
    ),
    (
        {**LEAD, "LastName": "x" * 81},
        "STRING_TOO_LONG",
        f"Last Name: data value too large: {'x' * 81} (max length=80)",
        ["LastName"],
    ),
    (
        {**LEAD, "Email": "nobody"},
        "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: nobody",
        ["Email"],
    ),
    (
        {**LEAD, "OwnerId": "x"},
        "MALFORMED_ID",
        "Owner ID: id value of incorrect type: x",
        ["OwnerId"],
    ),
    (
        {**LEAD, "OwnerId": "005dV00000009zzQA5"},
        "MALFORMED_ID",
        "Owner ID: id value of incorrect type: 005dV00000009zzQA5",
        ["OwnerId"],
    ),
    (
        {**LEAD, "OwnerId": "005dV000000zzzz"},
        "INVALID_CROSS_REFERENCE_KEY",
        "invalid cross reference id",
        [],
    ),
    (
        {**LEAD, "Id": "00QdV0000000001"},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "cannot specify Id in an insert call",
        ["Id"],
    ),
]


@pytest.mark.parametrize(("body", "code", "message", "fields"), REFUSED)
def test_a_bad_record_is_refused(
    call: Any, error: Any, body: dict[str, Any], code: str, message: str, fields: list[str]
) -> None:
    """Code, message and fields, and nothing is written."""
    before = call("GET", "query", params={"q": "SELECT COUNT() FROM Lead"}).json()["totalSize"]
    assert error(call("POST", "sobjects/Lead", body)) == (400, code, message, fields)
    after = call("GET", "query", params={"q": "SELECT COUNT() FROM Lead"}).json()["totalSize"]
    assert after == before


@pytest.mark.parametrize("value", [5, True, {"a": 1}, ["x"]])
def test_a_json_type_that_does_not_fit(call: Any, error: Any, value: Any) -> None:
    """A number for a text is no JSON of this request."""
    answer = call("POST", "sobjects/Lead", {**LEAD, "Title": value})
    assert error(answer)[:2] == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize("text", ["{", "", "[1]", '"x"', "nil", "\x00"])
def test_malformed_json(call: Any, error: Any, text: str) -> None:
    """400, never 500."""
    answer = call("POST", "sobjects/Lead", data=text, headers={"Content-Type": "application/json"})
    assert error(answer)[:2] == (400, "JSON_PARSER_ERROR")


def test_another_content_type(call: Any, error: Any) -> None:
    """415."""
    answer = call("POST", "sobjects/Lead", data="<a/>", headers={"Content-Type": "text/xml"})
    assert error(answer)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_id_in_the_body_of_an_update(call: Any, error: Any) -> None:
    """It belongs in the path."""
    id_ = call.make("Lead", **LEAD)
    assert error(call("PATCH", f"sobjects/Lead/{id_}", {"Id": id_})) == (
        400,
        "INVALID_FIELD",
        "The Id field should not be specified in the sobject data.",
        [],
    )


def test_the_owner_cannot_be_blank(call: Any, error: Any) -> None:
    """A null owner has words of its own."""
    id_ = call.make("Lead", **LEAD)
    assert error(call("PATCH", f"sobjects/Lead/{id_}", {"OwnerId": None})) == (
        400,
        "INVALID_CROSS_REFERENCE_KEY",
        "Owner ID: owner cannot be blank",
        ["OwnerId"],
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "sobjects/Lead/00QdV000000zzzz", 404, "NOT_FOUND"),
        ("GET", "sobjects/Nope", 404, "NOT_FOUND"),
        ("GET", "sobjects/Lead/short", 404, "NOT_FOUND"),
        ("DELETE", "sobjects/Lead/00QdV000000zzzz", 404, "INVALID_CROSS_REFERENCE_KEY"),
        ("GET", "nope", 404, "NOT_FOUND"),
        ("PUT", "sobjects/Lead", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "tooling/executeAnonymous", 501, "NOT_IMITATED"),
        ("GET", "/services/data/v30.0/limits", 410, "UNSUPPORTED_API_VERSION"),
        ("GET", "/services/data/v99.0/limits", 404, "NOT_FOUND"),
        ("GET", "/services/nothing", 404, "NOT_FOUND"),
    ],
)
def test_what_is_not_there(
    call: Any, error: Any, method: str, path: str, status: int, code: str
) -> None:
    """Each with its status and code."""
    assert error(call(method, path))[:2] == (status, code)


def test_a_parent_by_external_id_or_lookup(call: Any, error: Any) -> None:
    """A parent named by an idLookup field that holds nothing is refused."""
    answer = call(
        "POST", "sobjects/Contact", {"LastName": "A", "ReportsTo": {"Email": "no@example.com"}}
    )
    assert error(answer)[:3] == (
        400,
        "INVALID_FIELD",
        "Foreign key external ID: no@example.com not found for field Email in entity Contact",
    )


def test_deleting_an_account_takes_its_contacts(call: Any) -> None:
    """Cascade, to the recycle bin; queryAll sees them."""
    account = call.make("Account", Name="Fonte")
    contact = call.make("Contact", LastName="Silva", AccountId=account)
    assert call("DELETE", f"sobjects/Account/{account}").status_code == 204
    soql = f"SELECT IsDeleted FROM Contact WHERE Id = '{contact}'"
    assert call.rows(soql) == []
    found = call("GET", "queryAll", params={"q": soql}).json()["records"]
    assert found[0]["IsDeleted"] is True


def test_smuggled_sql_changes_nothing(call: Any) -> None:
    """Text is text."""
    nasty = 'x\'); DROP TABLE "Lead"; --'
    id_ = call.make("Lead", LastName=nasty, Company=nasty)
    assert call("GET", f"sobjects/Lead/{id_}").json()["Company"] == nasty
