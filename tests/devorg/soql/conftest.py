"""A small org to ask questions of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sfprm.devorg.schema import FieldDef, Schema, load_schema
from sfprm.devorg.soql import QueryResult, run_query
from sfprm.devorg.storage import Storage

NOW = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)
"""In Berlin it is the 16th already."""

PRODUCTS = FieldDef(
    "Products__c",
    "multipicklist",
    length=4099,
    picklist=("Pumps", "Valves", "Sensors"),
)

Ask = Callable[..., QueryResult]
Rows = Callable[..., list[Any]]


def _hidden(name: str) -> bool:
    return name == "AccountSource"


@pytest.fixture(scope="session")
def world() -> Iterator[tuple[Schema, Storage]]:
    """Three users of whom one is inactive, one queue, four accounts, five contacts, six leads."""
    schema = load_schema()
    storage = Storage(None)
    storage.create(schema)
    schema.add_field("Lead", PRODUCTS)
    storage.add_column("Lead", PRODUCTS)
    profile = storage.insert("Profile", [{"Name": "Alder Partner User"}])[0]
    ana, sam, old = storage.insert(
        "User",
        [
            {"FirstName": "Ana", "LastName": "Costa", "Username": "ana@alder.example.com",
             "IsActive": True, "ProfileId": profile},
            {"FirstName": "Sam", "LastName": "Carter", "Username": "sam@alder.example.com",
             "IsActive": True},
            {"LastName": "Old", "Username": "old@alder.example.com", "IsActive": False},
        ],
    )  # fmt: skip
    queue = storage.insert(
        "Group", [{"Name": "Web Leads", "DeveloperName": "Web_Leads", "Type": "Queue"}]
    )[0]
    acme, berg, cole, _ = storage.insert(
        "Account",
        [
            {"Name": "Acme", "OwnerId": ana, "BillingCity": "Porto", "NumberOfEmployees": 10},
            {"Name": "berg", "OwnerId": sam, "AnnualRevenue": 2.5e6},
            {"Name": "Änder", "OwnerId": old, "AccountNumber": "a%b_c\\d"},
            {"Name": "Deleted", "OwnerId": ana, "IsDeleted": True},
        ],
    )
    storage.update("Account", berg, {"ParentId": acme})
    storage.insert(
        "Contact",
        [
            {"LastName": "One", "AccountId": acme, "Email": "one@example.org"},
            {"LastName": "Two", "AccountId": acme, "Email": "TWO@example.org"},
            {"LastName": "Three", "AccountId": acme},
            {"LastName": "Four", "AccountId": berg, "Email": "four@example.org",
             "Birthdate": "2000-01-15"},
            {"LastName": "O'Brien"},
        ],
    )  # fmt: skip
    day = "2026-01-{:02d}T{}.000+0000"
    storage.insert(
        "Lead",
        [
            {"LastName": "L1", "Company": "Kilo", "OwnerId": queue, "Rating": "Hot",
             "CreatedDate": day.format(15, "22:59:59"), "AnnualRevenue": 10.0,
             "Products__c": "Pumps;Valves", "Status": "Open - Not Contacted"},
            {"LastName": "L2", "Company": "kilo", "OwnerId": queue, "Rating": "Warm",
             "CreatedDate": day.format(15, "23:00:00"), "AnnualRevenue": 20.0,
             "Products__c": "Sensors", "Status": "Working - Contacted"},
            {"LastName": "L3", "Company": "Lima", "OwnerId": ana, "Rating": "Cold",
             "CreatedDate": day.format(16, "22:59:59"), "AnnualRevenue": 30.0,
             "Products__c": "Pumps", "Status": "Open - Not Contacted"},
            {"LastName": "L4", "Company": "Mike", "OwnerId": sam,
             "CreatedDate": day.format(16, "23:00:00"), "Status": "Open - Not Contacted"},
            {"LastName": "L5", "Company": "Lima", "OwnerId": sam, "Rating": "Hot",
             "CreatedDate": day.format(1, "00:00:00"), "AnnualRevenue": 50.0,
             "Products__c": "Pumps;Valves;Sensors", "ConvertedAccountId": cole,
             "IsConverted": True, "Status": "Closed - Converted"},
            {"LastName": "L6", "Company": "Nope", "OwnerId": sam, "IsDeleted": True,
             "Status": "Open - Not Contacted"},
        ],
    )  # fmt: skip
    yield schema, storage
    storage.close()


@pytest.fixture(scope="session")
def ask(world: tuple[Schema, Storage]) -> Ask:
    """Runs a query as a user in Berlin who may see everything but Account.AccountSource and
    Campaign.
    """
    schema, storage = world

    def run(text: str, **options: Any) -> QueryResult:
        return run_query(
            text,
            schema,
            storage,
            visible=lambda object_, field: not field.feature and not _hidden(field.name),
            object_visible=lambda object_: object_.name != "Campaign",
            now=NOW,
            user_zone="Europe/Berlin",
            **options,
        )

    return run


@pytest.fixture(scope="session")
def rows(ask: Ask) -> Rows:
    """Runs a query of records; a row is its one value, or the tuple of its values."""

    def run(text: str, **options: Any) -> list[Any]:
        found = []
        for record in ask(text, **options).records:
            values = [_bare(value) for key, value in record.items() if key != "attributes"]
            found.append(values[0] if len(values) == 1 else tuple(values))
        return found

    return run


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        inner = [_bare(one) for key, one in value.items() if key != "attributes"]
        return inner[0] if len(inner) == 1 else tuple(inner)
    return value
