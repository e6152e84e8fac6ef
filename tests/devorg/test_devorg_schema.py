"""The embedded org's schema, as its data files tell it."""

from __future__ import annotations

import pytest

from sfprm.devorg.schema import ChildRelationship, FieldDef, Schema, load_schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    """The schema without deployed fields."""
    return load_schema()


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("Account", "001"), ("lead", "00Q"), ("USER", "005"), ("Group", "00G"), ("UserLogin", "0Yw")],
)
def test_objects_are_found_in_any_case(schema: Schema, name: str, prefix: str) -> None:
    """Names of objects do not distinguish case."""
    found = schema.object(name)
    assert found is not None
    assert found.key_prefix == prefix


def test_unknown_object_is_none(schema: Schema) -> None:
    """An object that is not there is None, not an error."""
    assert schema.object("Xyzzy__c") is None


@pytest.mark.parametrize(
    ("object_", "field", "feature"),
    [
        ("Account", "IsPartner", "partner"),
        ("Account", "IsCustomerPortal", "digital-experiences"),
        ("Lead", "PartnerAccountId", "partner"),
        ("User", "PortalRole", "digital-experiences"),
        ("User", "IsPortalEnabled", "digital-experiences"),
        ("UserRole", "PortalRole", "digital-experiences"),
        ("Account", "Name", ""),
    ],
)
def test_features_are_marked(schema: Schema, object_: str, field: str, feature: str) -> None:
    """Fields that come with a feature say so."""
    owner = schema.object(object_)
    assert owner is not None
    found = owner.field(field)
    assert found is not None
    assert found.feature == feature


def test_network_objects_come_with_digital_experiences(schema: Schema) -> None:
    """Network objects are there only when digital experiences are on."""
    marked = {one.name for one in schema.objects() if one.feature == "digital-experiences"}
    assert marked == {"Network", "NetworkMember", "NetworkMemberGroup"}


def test_lead_owner_is_polymorphic(schema: Schema) -> None:
    """A lead's owner is a user or a queue, an account's only a user."""
    lead, account = schema.object("Lead"), schema.object("Account")
    assert lead is not None
    assert account is not None
    owner = lead.parent("owner")
    assert owner is not None
    assert owner.reference_to == ("Group", "User")
    assert owner.polymorphic
    account_owner = account.parent("Owner")
    assert account_owner is not None
    assert account_owner.reference_to == ("User",)


def test_child_relationships_have_names(schema: Schema) -> None:
    """Contacts of an account hang on AccountId."""
    account = schema.object("Account")
    assert account is not None
    link = account.child("contacts")
    assert link == ChildRelationship("Contact", "AccountId", "Contacts", True, False)


@pytest.mark.parametrize("name", ["Contact", "Lead", "User"])
def test_names_of_people_are_made_of_parts(schema: Schema, name: str) -> None:
    """A person's Name cannot be written."""
    found = schema.object(name)
    assert found is not None
    assert found.name_is_made_of_parts


def test_every_reference_is_declared_where_it_leads(schema: Schema) -> None:
    """Each child relationship names a field that refers to its parent."""
    for parent in schema.objects():
        for link in parent.children:
            child = schema.object(link.child)
            assert child is not None
            field = child.field(link.field)
            assert field is not None, link
            if field.type == "reference":
                assert parent.name in field.reference_to, (parent.name, link)


def test_a_deployed_field_is_found_at_once() -> None:
    """add_field gives the object the field, replacing one of the same name."""
    schema = load_schema()
    schema.add_field("account", FieldDef("Partner_Key__c", "string", length=80))
    schema.add_field("Account", FieldDef("Partner_Key__c", "string", length=40))
    account = schema.object("Account")
    assert account is not None
    assert [f.length for f in account.fields if f.name == "Partner_Key__c"] == [40]
    schema.remove_field("Account", "partner_key__C")
    account = schema.object("Account")
    assert account is not None
    assert account.field("Partner_Key__c") is None


def test_key_prefix_finds_the_object(schema: Schema) -> None:
    """An id's prefix tells its object."""
    found = schema.by_key_prefix("00Q")
    assert found is not None
    assert found.name == "Lead"
