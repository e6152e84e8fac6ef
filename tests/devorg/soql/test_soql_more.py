"""Modes, ALL ROWS, FORMAT, distances, TYPEOF with parents, definitions, columns and plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sfprm.devorg.schema import Schema
from sfprm.devorg.soql import SoqlError, explain_query, query_columns
from sfprm.devorg.storage import Storage

NOW = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("mode", ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE", "user_mode"])
def test_modes_change_nothing(ask: Any, mode: str) -> None:
    """Through the API every query runs with the user's permissions, whatever WITH says."""
    assert ask(f"SELECT COUNT() FROM Lead WHERE Rating = 'Hot' WITH {mode} LIMIT 9").total_size == 2
    with pytest.raises(SoqlError, match="No such column"):
        ask(f"SELECT AccountSource FROM Account WITH {mode}")
    inner = f"SELECT AccountId FROM Contact WITH {mode}"
    assert ask(f"SELECT COUNT() FROM Account WHERE Id IN ({inner})").total_size == 2


def test_all_rows_includes_the_recycle_bin(ask: Any) -> None:
    """ALL ROWS finds deleted records as queryAll does, an alias ALL stays an alias."""
    assert ask("SELECT COUNT() FROM Lead ALL ROWS").total_size == 6
    assert ask("SELECT COUNT() FROM Lead all WHERE all.Rating = 'Hot'").total_size == 2
    assert ask("SELECT COUNT() FROM Lead WHERE IsDeleted = true ALL ROWS").total_size == 1


def test_for_update_names_the_records(ask: Any) -> None:
    """The ids to be locked are handed on."""
    found = ask("SELECT Id FROM Lead WHERE Rating = 'Hot' ORDER BY Id FOR UPDATE")
    assert list(found.locked) == [one["Id"] for one in found.records]
    assert ask("SELECT Id FROM Lead").locked == ()


@pytest.mark.parametrize(
    ("field", "options", "value"),
    [
        ("FORMAT(AnnualRevenue) f", {}, "$2,500,000.00"),
        ("FORMAT(AnnualRevenue) f", {"locale": "de_DE", "currency": "EUR"}, "2.500.000,00\xa0€"),
        ("FORMAT(AnnualRevenue) f", {"currency": "SEK"}, "SEK\xa02,500,000.00"),
        ("FORMAT(NumberOfEmployees) f", {}, None),
        ("FORMAT(Name) f", {}, "berg"),
        ("toLabel(Name) f", {}, "berg"),
    ],
)
def test_format(rows: Any, field: str, options: dict[str, Any], value: Any) -> None:
    """FORMAT writes as the user's locale does."""
    assert rows(f"SELECT {field} FROM Account WHERE Name = 'berg'", **options) == [value]


def test_format_of_instants_and_aggregates(ask: Any) -> None:
    """An instant is told on the user's clock; an aggregate may be wrapped; the key is the field's
    name unless there is an alias.
    """
    found = ask("SELECT FORMAT(CreatedDate) FROM Lead WHERE LastName = 'L2'").records[0]
    assert found["CreatedDate"] == "1/16/2026, 12:00 AM"
    text = (
        "SELECT Status, FORMAT(MAX(AnnualRevenue)) most FROM Lead GROUP BY Status ORDER BY Status"
    )
    assert [one["most"] for one in ask(text).records] == ["$30.00", "$20.00", "$50.00"]


def test_one_currency_needs_no_conversion(ask: Any) -> None:
    """convertCurrency is refused in an org with one currency."""
    with pytest.raises(SoqlError, match="multi-currency"):
        ask("SELECT convertCurrency(AnnualRevenue) FROM Lead")


PORTO = "GEOLOCATION(41.15, -8.61)"


@pytest.fixture
def placed(world: tuple[Schema, Storage]) -> Iterator[None]:
    """Acme is in Lisbon, berg in Porto; the third has no place."""
    _, storage = world
    for name, latitude, longitude in (("Acme", 38.72, -9.14), ("berg", 41.15, -8.61)):
        (row,) = storage.find("Account", Name=name)
        place = {"BillingLatitude": latitude, "BillingLongitude": longitude}
        storage.update("Account", row["Id"], place)
    yield
    for row in storage.find("Account"):
        storage.update("Account", row["Id"], {"BillingLatitude": None, "BillingLongitude": None})


@pytest.mark.usefixtures("placed")
def test_distance(rows: Any, ask: Any) -> None:
    """DISTANCE filters, sorts and is answered; without a place there is none."""
    far = f"DISTANCE(BillingAddress, {PORTO}, 'km')"
    assert rows(f"SELECT Name FROM Account WHERE {far} < 100") == ["berg"]
    assert rows(f"SELECT Name FROM Account WHERE {far} > 100") == ["Acme"]
    assert rows(f"SELECT Name FROM Account ORDER BY {far} NULLS LAST") == ["berg", "Acme", "Änder"]
    found = ask(f"SELECT {far} km FROM Account WHERE Name = 'Acme'").records[0]["km"]
    assert found == pytest.approx(274, abs=2)
    found = ask(f"SELECT DISTANCE(BillingAddress, {PORTO}, 'mi') FROM Account").records[0]["expr0"]
    assert found == pytest.approx(170, abs=2)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (f"DISTANCE(Name, {PORTO}, 'km') < 1", "does not support function DISTANCE"),
        (f"DISTANCE(BillingAddress, {PORTO}, 'ft') < 1", "Invalid unit 'ft'"),
        (f"DISTANCE(BillingAddress, {PORTO}, 'km') = 1", "invalid operator on DISTANCE"),
        ("DISTANCE(BillingAddress, GEOLOCATION(91, 0), 'km') < 1", "out of range"),
        ("BillingAddress = 'x'", "field 'BillingAddress' can not be filtered in a query call"),
        ("Name IN (SELECT AccountId FROM Contact)", "must be an id or a reference"),
    ],
)
def test_wrong_conditions(ask: Any, condition: str, words: str) -> None:
    """Each is refused with a frame."""
    with pytest.raises(SoqlError) as caught:
        ask(f"SELECT Id FROM Account WHERE {condition}")
    assert "ERROR at Row:1:Column:" in caught.value.message
    assert words in caught.value.message


def test_typeof_reads_parents(ask: Any) -> None:
    """A branch may go on to parents; a record of no branch has what ELSE says."""
    text = (
        "SELECT LastName, TYPEOF Owner WHEN User THEN Username, Profile.Name, "
        "Profile.UserLicense.Name ELSE Name END FROM Lead WHERE LastName IN ('L1', 'L3') "
        "ORDER BY LastName"
    )
    queue, user = (one["Owner"] for one in ask(text).records)
    assert (queue["attributes"]["type"], queue["Name"]) == ("Group", "Web Leads")
    assert user["attributes"]["type"] == "User"
    assert user["Profile"]["Name"] == "Alder Partner User"
    assert user["Profile"]["UserLicense"] is None
    assert list(user) == ["attributes", "Username", "Profile"]


def test_typeof_of_a_parent(ask: Any) -> None:
    """The polymorphic field may be a parent's."""
    text = (
        "SELECT Lead.LastName, TYPEOF Lead.Owner WHEN Group THEN DeveloperName END "
        "FROM CampaignMember"
    )
    assert ask(text).records == []


def test_typeof_and_field_list_do_not_mix(ask: Any) -> None:
    """A relationship is in TYPEOF or in the field list."""
    with pytest.raises(SoqlError, match="both in TYPEOF and in the field list"):
        ask("SELECT TYPEOF Owner WHEN User THEN Username END, Owner.Name FROM Lead")


@pytest.mark.parametrize("field", ["Username", "Email", "IsActive", "Type", "ProfileId", "Alias"])
def test_owner_is_a_name(ask: Any, field: str) -> None:
    """Of a polymorphic owner the pseudo-object Name is read; a queue has little of it."""
    text = f"SELECT Owner.{field}, Owner.Name FROM Lead WHERE LastName = 'L1'"
    owner = ask(text).records[0]["Owner"]
    assert owner["attributes"]["type"] == "Name"
    assert "/Group/00G" in owner["attributes"]["url"]
    assert owner[field] == ("Queue" if field == "Type" else None)


def test_alias_of_a_sub_query(ask: Any) -> None:
    """It is taken, and does not show."""
    text = "SELECT Name, (SELECT LastName FROM Contacts c WHERE c.LastName = 'One') k FROM Account"
    found = ask(text)
    assert found.nested
    assert list(found.records[0]) == ["attributes", "Name", "Contacts"]


def test_field_definitions(ask: Any) -> None:
    """Fields are found by their object's name, deployed ones too."""
    text = (
        "SELECT QualifiedApiName, DataType, EntityDefinition.QualifiedApiName FROM FieldDefinition "
        "WHERE EntityDefinition.QualifiedApiName = 'Lead' AND QualifiedApiName IN "
        "('OwnerId', 'Products__c', 'AnnualRevenue', 'Nope')"
    )
    found = {one["QualifiedApiName"]: one for one in ask(text).records}
    assert {name: one["DataType"] for name, one in found.items()} == {
        "OwnerId": "Lookup(Group,User)",
        "Products__c": "Picklist (Multi-Select)",
        "AnnualRevenue": "Currency(18, 0)",
    }
    assert found["OwnerId"]["EntityDefinition"]["QualifiedApiName"] == "Lead"
    by_id = "SELECT Id FROM FieldDefinition WHERE EntityDefinitionId = 'UserRole'"
    assert ask(by_id).total_size == ask(by_id + " LIMIT 1").total_size > 10


def test_entity_definitions_follow_the_schema(ask: Any) -> None:
    """One record an object that exists."""
    text = (
        "SELECT KeyPrefix, ExternalSharingModel FROM EntityDefinition WHERE QualifiedApiName = '{}'"
    )
    (lead,) = ask(text.format("lead")).records
    assert (lead["KeyPrefix"], lead["ExternalSharingModel"]) == ("00Q", "Private")
    exists = lambda object_, field: object_.name != "Network"  # noqa: E731
    assert ask(text.format("Network"), exists=exists).records == []
    assert len(ask(text.format("Network")).records) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT COUNT() FROM EntityDefinition", "MALFORMED_QUERY"),
        ("SELECT Label, COUNT(Id) FROM EntityDefinition GROUP BY Label", "MALFORMED_QUERY"),
        ("SELECT Id FROM FieldDefinition WHERE (NOT Label = 'x')", "MALFORMED_QUERY"),
        ("SELECT Id FROM FieldDefinition WHERE Label = 'x' OR Label = 'y'", "MALFORMED_QUERY"),
        ("SELECT Id FROM FieldDefinition", "EXCEEDED_ID_LIMIT"),
    ],
)
def test_what_definitions_do_not_take(ask: Any, text: str, code: str) -> None:
    """Documented limits of these objects."""
    with pytest.raises(SoqlError) as caught:
        ask(text)
    assert caught.value.error_code == code


def _about(world: tuple[Schema, Storage], text: str, which: Any) -> dict[str, Any]:
    schema, storage = world
    found: dict[str, Any] = which(
        text,
        schema,
        storage,
        visible=lambda object_, field: not field.feature,
        object_visible=lambda object_: True,
        now=NOW,
        user_zone="UTC",
    )
    return found


def test_columns(world: tuple[Schema, Storage]) -> None:
    """Columns nest as records do."""
    text = "SELECT Id, AnnualRevenue, Owner.Name, (SELECT Email FROM Contacts) FROM Account"
    body = _about(world, text, query_columns)
    assert (body["entityName"], body["idSelected"], body["groupBy"]) == ("Account", True, False)
    assert [(one["columnName"], one["apexType"]) for one in body["columnMetadata"]] == [
        ("Id", "Id"),
        ("AnnualRevenue", "Decimal"),
        ("Owner", "String"),
        ("Contacts", "String"),
    ]
    joins = [one["joinColumns"] for one in body["columnMetadata"]]
    assert [[inner["columnName"] for inner in one] for one in joins] == [
        [],
        [],
        ["Name"],
        ["Email"],
    ]
    body = _about(world, "SELECT Rating, COUNT(Id) n FROM Lead GROUP BY Rating", query_columns)
    assert [(one["displayName"], one["aggregate"]) for one in body["columnMetadata"]] == [
        ("Rating", False),
        ("n", True),
    ]


@pytest.mark.parametrize(
    ("condition", "operation", "fields", "cardinality"),
    [
        ("Status = 'Open - Not Contacted'", "Index", ["Status"], 3),
        ("Rating = 'Hot'", "TableScan", [], 2),
    ],
)
def test_explain(
    world: tuple[Schema, Storage],
    condition: str,
    operation: str,
    fields: list[str],
    cardinality: int,
) -> None:
    """The plan tells the index and how many records there are."""
    (plan,) = _about(world, f"SELECT Name FROM Lead WHERE {condition}", explain_query)["plans"]
    assert (plan["leadingOperationType"], plan["fields"]) == (operation, fields)
    assert (plan["cardinality"], plan["sobjectCardinality"]) == (cardinality, 6)
