"""Many records at once, deployed objects, and indexes that queries stand on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfprm.devorg.schema import ChildRelationship, FieldDef, ObjectDef, load_schema
from sfprm.devorg.storage import Storage

KEY = FieldDef("Key__c", "string", length=80, unique=True, external_id=True)
VISIT = ObjectDef(
    name="Visit__c",
    label="Visit",
    label_plural="Visits",
    key_prefix="a00",
    fields=(
        FieldDef("Id", "id", length=18, nillable=False, createable=False, updateable=False),
        FieldDef("IsDeleted", "boolean", createable=False, updateable=False),
        FieldDef("Name", "string", length=80),
        FieldDef("Stars__c", "double", precision=3, scale=0),
        FieldDef(
            "Account__c",
            "reference",
            length=18,
            reference_to=("Account",),
            relationship_name="Account__r",
        ),
    ),
)
LINK = ChildRelationship("Visit__c", "Account__c", "Visits__r")


@pytest.fixture
def storage() -> Iterator[Storage]:
    """An empty org's storage in memory."""
    made = Storage(None)
    made.create(load_schema())
    yield made
    made.close()


def _leads(count: int) -> Iterator[dict[str, Any]]:
    for place in range(count):
        row: dict[str, Any] = {"LastName": f"L{place}", "Company": "", "IsConverted": None}
        if place % 3 == 0:
            row["AnnualRevenue"] = place
        if place % 5 == 0:
            row["Id"] = None
        yield row


def test_load_stores_as_insert_does(storage: Storage) -> None:
    """Ids in order, empty text null, absent flags false, whatever fields each row has."""
    assert storage.load("Lead", _leads(12_000)) == 12_000
    loaded = storage.find("Lead")
    assert [row["LastName"] for row in loaded] == [f"L{place}" for place in range(12_000)]
    assert {row["Company"] for row in loaded} == {None}
    assert {row["IsConverted"] for row in loaded} == {False}
    assert [row["AnnualRevenue"] for row in loaded[:4]] == [0.0, None, None, 3.0]


def test_load_keeps_given_ids_and_leaves_out_computed_fields(storage: Storage) -> None:
    """A record may bring its id; a person's Name is made of its parts."""
    first = storage.next_id("00Q")
    assert storage.load("Lead", [{"Id": first, "Name": "x", "LastName": "Berg"}]) == 1
    assert storage.find("Lead")[0]["Name"] == "Berg"
    assert storage.find("Lead")[0]["Id"] == first
    assert storage.load("Lead", []) == 0


def _names(storage: Storage) -> set[str]:
    rows = storage.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
    return {name for (name,) in rows}


def test_a_failed_load_leaves_nothing(storage: Storage) -> None:
    """All or none; the indexes are as before."""
    before = _names(storage)
    storage.load("Account", [{"Name": "kept"}])
    twice = storage.next_id("001")
    with pytest.raises(sqlite3.IntegrityError):
        storage.load("Account", [{"Id": twice, "Name": "a"}, {"Id": twice, "Name": "b"}])
    with pytest.raises(KeyError):
        storage.load("Account", [{"Nope": 1}])
    assert [row["Name"] for row in storage.find("Account")] == ["kept"]
    assert _names(storage) == before


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ('"OwnerId" = ? AND "IsDeleted" = 0 ORDER BY "Id"', "Lead.OwnerId+"),
        ('"OwnerId" = ? ORDER BY "CreatedDate", "Id"', "Lead.OwnerId+CreatedDate+"),
        ('"Status" COLLATE NOCASE = ? ORDER BY "Id"', "Lead.Status+"),
        ('"CreatedDate" > ? ORDER BY "CreatedDate", "Id"', "Lead.CreatedDate+"),
        (
            "\"OwnerId\" IN ('1', '2') AND likelihood(\"SystemModstamp\" >= ?, 0.000001) "
            'ORDER BY "SystemModstamp" DESC, "Id" DESC',
            "Lead.SystemModstamp+",
        ),
        ('"Email" COLLATE NOCASE = ?', "Lead.Email+"),
        ('"Key__c" IN (SELECT value FROM json_each(?))', "Lead.Key__c+"),
    ],
)
def test_indexes_serve(storage: Storage, condition: str, index: str) -> None:
    """The conditions of queries are found by index, and need no sorting."""
    storage.add_column("Lead", KEY)
    plan = storage.execute(f'EXPLAIN QUERY PLAN SELECT * FROM "Lead" WHERE {condition}', ("[]",))
    steps = [str(step[3]) for step in plan]
    assert f"USING INDEX {index} " in steps[0]
    assert not any("B-TREE" in step for step in steps)


def test_deployed_object_survives_reopening(tmp_path: Path) -> None:
    """A file remembers deployed objects, their later fields, and child relationships."""
    path = str(tmp_path / "org.db")
    first, schema = Storage(path), load_schema()
    first.create(schema)
    first.add_object(schema, VISIT)
    first.add_child(schema, "Account", LINK)
    schema.add_field("Visit__c", KEY)
    first.add_column("Visit__c", KEY)
    (id_,) = first.insert("Visit__c", [{"Name": "V1", "Key__c": "k"}])
    first.close()
    schema = load_schema()
    second = Storage(path)
    second.create(schema)
    visit, account = schema.object("visit__C"), schema.object("Account")
    assert visit is not None
    assert account is not None
    assert visit.fields == (*VISIT.fields, KEY)
    assert account.child("visits__r") == LINK
    assert schema.by_key_prefix("a00") == visit
    assert second.find("Visit__c", Key__c="K")[0]["Id"] == id_
    assert id_.startswith("a00")
    second.close()


def test_restore_forgets_later_objects(storage: Storage) -> None:
    """A snapshot holds the objects of its time."""
    before = storage.snapshot()
    storage.add_object(load_schema(), VISIT)
    schema = load_schema()
    storage.restore(before, schema)
    before.close()
    assert schema.object("Visit__c") is None
    with pytest.raises(KeyError):
        storage.find("Visit__c", Name="x")


def test_an_object_replaced_keeps_its_records(storage: Storage) -> None:
    """A new definition brings new columns; what was stored stays."""
    schema = load_schema()
    storage.add_object(schema, VISIT)
    (id_,) = storage.insert("Visit__c", [{"Name": "V1"}])
    fewer = ObjectDef("Visit__c", "Visit", "Visits", "a00", (*VISIT.fields[:3], KEY))
    storage.add_object(schema, fewer)
    found = storage.get("Visit__c", id_)
    assert found is not None
    assert (found["Name"], found["Key__c"]) == ("V1", None)
    assert schema.object("Visit__c") == fewer


def test_key_prefixes_of_custom_objects() -> None:
    """Each gets one of its own."""
    schema = load_schema()
    assert schema.free_key_prefix() == "a00"
    schema.add_object(VISIT)
    assert schema.free_key_prefix() == "a01"
