"""Custom objects and fields by deployment: made, granted, used, rolled back, removed."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg import metadata
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.metadata.types import BY_NAME
from sfprm.devorg.org import Org
from sfprm.devorg.schema import load_schema
from sfprm.devorg.storage import Storage

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OBJECT = (
    "<deploymentStatus>Deployed</deploymentStatus><label>Demo Kit</label><nameField>"
    "<label>Kit</label><type>Text</type></nameField><pluralLabel>Demo Kits</pluralLabel>"
    "<sharingModel>Private</sharingModel>"
)
LOOKUP = (
    "<fields><fullName>Partner__c</fullName><label>Partner</label><referenceTo>{}</referenceTo>"
    "<relationshipLabel>Kits</relationshipLabel><relationshipName>Kits</relationshipName>"
    "<type>Lookup</type></fields>"
)


def field(name: str, type_: str, more: str = "") -> str:
    """One field of a file."""
    return f"<fields><fullName>{name}</fullName><label>X</label><type>{type_}</type>{more}</fields>"


def deploy(
    org: Org, objects: dict[str, str], removed: list[str] | None = None, **options: Any
) -> dict[str, Any]:
    """Deploy object files, fields to be removed, or both; poll to the end."""

    def manifest(type_: str, names: list[str]) -> bytes:
        members = "".join(f"<members>{one}</members>" for one in names)
        return f"<Package {NS}><types>{members}<name>{type_}</name></types></Package>".encode()

    files = {"package.xml": manifest("CustomObject", list(objects))}
    for name, text in objects.items():
        files[f"objects/{name}.object"] = f"<CustomObject {NS}>{text}</CustomObject>".encode()
    if removed:
        files["destructiveChanges.xml"] = manifest("CustomField", removed)
    started = metadata.deploy(org, pack(files), options, org.agent_id)
    metadata.status(org, started["id"], True)
    result: dict[str, Any] = metadata.status(org, started["id"], True)["deployResult"]
    return result


def problems(result: dict[str, Any]) -> list[str]:
    """What went wrong."""
    return [one["problem"] for one in result["details"]["componentFailures"]]


def test_an_object_is_made_with_its_lookup(empty_org: Org) -> None:
    """A key prefix of its own, records, the way back from the parent, sharing models."""
    files = {"Demo_Kit__c": OBJECT + LOOKUP.format("Other__c"), "Other__c": OBJECT}
    assert problems(deploy(empty_org, files)) == []
    kit = empty_org.schema.object("demo_kit__c")
    other = empty_org.schema.object("Other__c")
    assert kit is not None
    assert other is not None
    assert (kit.label, kit.key_prefix[0], kit.key_prefix != other.key_prefix) == (
        *("Demo Kit", "a"),
        True,
    )
    [other_id] = empty_org.create("Other__c", [{"Name": "O"}])
    [kit_id] = empty_org.create("Demo_Kit__c", [{"Name": "K", "Partner__c": other_id}])
    row = empty_org.storage.get("Demo_Kit__c", kit_id) or {}
    assert (row["OwnerId"], row["Partner__c"]) == (empty_org.agent_id, other_id)
    relationship = other.child("Kits__r")
    assert relationship is not None
    assert relationship.child == "Demo_Kit__c"
    [entity] = empty_org.storage.find("EntityDefinition", QualifiedApiName="Demo_Kit__c")
    assert entity["InternalSharingModel"] == "Private"


def test_nobody_sees_a_new_object_until_it_is_granted(empty_org: Org) -> None:
    """But for those who may modify all data."""
    deploy(empty_org, {"Demo_Kit__c": OBJECT})
    sam = empty_org.user_by_username("sam.carter@alder.example.com") or {}
    seen = [
        empty_org.permissions.of(one).object_visible("Demo_Kit__c")
        for one in (empty_org.agent_id, str(sam["Id"]))
    ]
    assert seen == [True, False]
    rights = frozenset({"read"})
    empty_org.permissions.grant_object(str(sam["ProfileId"]), "Demo_Kit__c", rights)
    assert empty_org.permissions.of(str(sam["Id"])).object_visible("Demo_Kit__c")


@pytest.mark.parametrize("options", [{"checkOnly": True}, {}])
def test_nothing_stays_of_an_object_taken_back(empty_org: Org, options: dict[str, Any]) -> None:
    """By checkOnly, or by a failure beside it; and it can be made afterwards."""
    bad = {} if options else {"Bad__c": "<label>X</label>"}
    deploy(empty_org, {"Demo_Kit__c": OBJECT + LOOKUP.format("Account"), **bad}, **options)
    account = empty_org.schema.object("Account")
    assert empty_org.schema.object("Demo_Kit__c") is None
    assert account is not None
    assert account.child("Kits__r") is None
    assert problems(deploy(empty_org, {"Demo_Kit__c": OBJECT})) == []
    empty_org.create("Demo_Kit__c", [{"Name": "K"}])


def test_objects_survive_a_restart(empty_org: Org, tmp_path: Any) -> None:
    """The database keeps their definitions."""
    storage = Storage(str(tmp_path / "org.db"))
    storage.create(load_schema())
    before = empty_org.storage
    empty_org.storage = storage
    storage.restore(before.snapshot(), empty_org.schema)
    deploy(empty_org, {"Demo_Kit__c": OBJECT + field("Note__c", "TextArea")})
    storage.close()
    before.close()
    again = Storage(str(tmp_path / "org.db"))
    schema = load_schema()
    again.create(schema)
    kit = schema.object("Demo_Kit__c")
    assert kit is not None
    assert kit.field("Note__c") is not None
    again.close()
    empty_org.storage = Storage(None)
    empty_org.storage.close()


@pytest.mark.parametrize(
    ("type_", "more", "described"),
    [
        ("Text", "<length>20</length>", "string"),
        ("TextArea", "", "textarea"),
        ("LongTextArea", "<length>1000</length><visibleLines>3</visibleLines>", "textarea"),
        ("Html", "<length>1000</length><visibleLines>3</visibleLines>", "textarea"),
        ("Number", "<precision>8</precision><scale>2</scale>", "double"),
        ("Currency", "<precision>8</precision><scale>2</scale>", "currency"),
        ("Percent", "<precision>5</precision><scale>2</scale>", "percent"),
        ("Checkbox", "<defaultValue>true</defaultValue>", "boolean"),
        ("Date", "", "date"),
        ("DateTime", "", "datetime"),
        ("Email", "", "email"),
        ("Phone", "", "phone"),
        ("Url", "", "url"),
        (
            "MultiselectPicklist",
            "<valueSet><valueSetDefinition><value><fullName>A</fullName></value>"
            "</valueSetDefinition></valueSet><visibleLines>3</visibleLines>",
            "multipicklist",
        ),
    ],
)
def test_field_types(empty_org: Org, type_: str, more: str, described: str) -> None:
    """Each as a describe calls it."""
    assert problems(deploy(empty_org, {"Lead": field("New__c", type_, more)})) == []
    lead = empty_org.schema.object("Lead")
    found = lead.field("New__c") if lead else None
    assert found is not None
    assert found.type == described


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (LOOKUP.format("Nothing__c"), "In field: referenceTo - no CustomObject named Nothing__c"),
        (
            LOOKUP.format("Account").replace("Kits</relationshipName>", "Cases</relationshipName>")
            + LOOKUP.format("Account").replace("Partner__c", "Two__c"),
            "",
        ),
        (LOOKUP.format("Account").replace("<type>", "<deleteConstraint>Cascade</deleteConstraint>"
         "<type>"), "The deleteConstraint Cascade is not imitated"),
        (field("New__c", "Date", "<defaultValue>NOW()</defaultValue>"), "Default values"),
        (field("New__c", "AutoNumber"), "CustomField of type 'AutoNumber' is not imitated"),
        (field("New__c", "Picklist", "<valueSet><valueSetName>Global</valueSetName></valueSet>"),
         "Error parsing file: Element"),
        ("<sharingModel>Read</sharingModel><externalSharingModel>ReadWrite</externalSharingModel>",
         "The external access ReadWrite is wider than the internal access Read"),
        ("<sharingModel>Wide</sharingModel>", "'Wide' is not a valid value for the enum"),
        ("<enableHistory>true</enableHistory>", "enableHistory of an object are not imitated"),
    ],
)  # fmt: skip
def test_bad_files_are_named_and_leave_nothing(empty_org: Org, body: str, problem: str) -> None:
    """Neither in the schema nor in the database; a name per parent is taken once."""
    before = empty_org.schema.objects()
    result = deploy(empty_org, {"Lead": body})
    if problem:
        assert [one.startswith(problem) for one in problems(result)] == [True]
        assert empty_org.schema.objects() == before
    else:
        assert problems(result) == []


def test_sharing_models_of_standard_objects_change(empty_org: Org) -> None:
    """EntityDefinition tells, and the retrieved file."""
    body = "<externalSharingModel>Private</externalSharingModel><sharingModel>Read</sharingModel>"
    assert problems(deploy(empty_org, {"Lead": body})) == []
    [row] = empty_org.storage.find("EntityDefinition", QualifiedApiName="Lead")
    assert (row["InternalSharingModel"], row["ExternalSharingModel"]) == ("Read", "Private")
    [file] = BY_NAME["CustomObject"].retrieve(empty_org, "CustomObject", ["Lead"]).values()
    assert b"<sharingModel>Read</sharingModel>" in file


def test_defaults_fill_new_records(empty_org: Org) -> None:
    """A check box that is on, a picklist's default value."""
    values = (
        "<valueSet><valueSetDefinition><value><fullName>A</fullName></value><value>"
        "<fullName>B</fullName><default>true</default></value></valueSetDefinition></valueSet>"
    )
    checkbox = field("On__c", "Checkbox", "<defaultValue>true</defaultValue>")
    deploy(empty_org, {"Lead": checkbox + field("Pick__c", "Picklist", values)})
    [lead_id] = empty_org.create("Lead", [{"LastName": "L", "Company": "C"}])
    row = empty_org.storage.get("Lead", lead_id) or {}
    assert (row["On__c"], row["Pick__c"]) == (True, "B")


def test_required_fields_are_seen_by_all(empty_org: Org) -> None:
    """They take no grants."""
    text = "<length>20</length><required>true</required>"
    deploy(empty_org, {"Lead": field("Must__c", "Text", text)})
    sam = empty_org.user_by_username("sam.carter@alder.example.com") or {}
    assert empty_org.permissions.of(str(sam["Id"])).editable("Lead", "Must__c")


def test_a_field_goes_with_its_values(empty_org: Org) -> None:
    """Made again it is empty, and seen by nobody."""
    text = field("Key__c", "Text", "<length>20</length><externalId>true</externalId>")
    deploy(empty_org, {"Lead": text})
    [lead_id] = empty_org.create("Lead", [{"LastName": "L", "Company": "C", "Key__c": "x"}])
    lead = empty_org.schema.object("Lead")
    assert lead is not None
    assert problems(deploy(empty_org, {}, ["Lead.Key__c"])) == []
    assert "Key__c" not in (empty_org.storage.get("Lead", lead_id) or {})
    deploy(
        empty_org, {"Lead": field("Key__c", "Number", "<precision>3</precision><scale>0</scale>")}
    )
    assert (empty_org.storage.get("Lead", lead_id) or {"Key__c": ""})["Key__c"] is None


def test_a_removal_is_taken_back(empty_org: Org) -> None:
    """By checkOnly: the values are still there."""
    deploy(empty_org, {"Lead": field("Key__c", "Text", "<length>20</length>")})
    [lead_id] = empty_org.create("Lead", [{"LastName": "L", "Company": "C", "Key__c": "x"}])
    deploy(empty_org, {}, ["Lead.Key__c"], checkOnly=True)
    assert (empty_org.storage.get("Lead", lead_id) or {})["Key__c"] == "x"
