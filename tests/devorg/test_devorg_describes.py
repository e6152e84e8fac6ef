"""A describe of a real org, loaded: its fields, required ones included, and what is no describe."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sfprm.devorg.describes import load_describe
from sfprm.devorg.org import Org
from sfprm.devorg.problems import RowProblem
from sfprm.devorg.schema import ObjectDef, features_of, from_describe, load_schema
from sfprm.devorg.soql import run_query


def _field(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "label": name,
        "length": 80 if kind == "string" else 0,
        "precision": 0,
        "scale": 0,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "filterable": True,
        "sortable": True,
        "groupable": True,
        "referenceTo": [],
        "relationshipName": None,
        "picklistValues": [],
        **more,
    }


def _of_base(definition: ObjectDef) -> list[dict[str, Any]]:
    """The fields that every org has, as a describe says them."""
    return [
        _field(
            one.name,
            one.type,
            length=one.length,
            precision=one.precision,
            scale=one.scale,
            nillable=one.nillable,
            createable=one.createable,
            updateable=one.updateable,
            defaultedOnCreate=one.defaulted_on_create,
            referenceTo=list(one.reference_to),
            relationshipName=one.relationship_name,
            picklistValues=[{"value": v, "active": True} for v in one.picklist],
        )
        for one in definition.fields
        if not one.feature
    ]


@pytest.fixture
def lead() -> dict[str, Any]:
    """Lead as an org with fields of its own describes it."""
    base = load_schema().object("Lead")
    assert base is not None
    values = [
        {"value": "North", "active": True},
        {"value": "Old", "active": False},
        {"value": "South", "active": True},
    ]
    return {
        "name": "Lead",
        "label": "Prospect",
        "labelPlural": "Prospects",
        "keyPrefix": "00Q",
        "queryable": True,
        "fields": [
            *_of_base(base),
            _field("Region__c", "picklist", picklistValues=values, nillable=False),
            _field("Sponsor__c", "reference", referenceTo=["User"], relationshipName="Sponsor__r"),
            _field("Sum__c", "currency", createable=False, updateable=False, calculated=True),
            _field("CountryCode", "picklist"),
        ],
        "childRelationships": [
            {"childSObject": "Task", "field": "WhoId", "relationshipName": "Tasks"},
        ],
        "recordTypeInfos": [
            {"recordTypeId": "012000000000000AAA", "name": "Master", "master": True},
            {
                "recordTypeId": "012dV0000000001QAA",
                "name": "Partner lead",
                "developerName": "Partner_lead",
                "master": False,
                "active": True,
            },
        ],
    }


def test_definition_of_a_describe(lead: dict[str, Any]) -> None:
    """Types, flags, active picklist values; fields of features stay behind their switch."""
    base = load_schema().object("Lead")
    made = from_describe(lead, base)
    region, sponsor = made.field("region__c"), made.parent("Sponsor__r")
    assert region is not None
    assert sponsor is not None
    assert (region.type, region.picklist, region.nillable) == (
        "picklist",
        ("North", "South"),
        False,
    )
    assert sponsor.reference_to == ("User",)
    partner, code = made.field("PartnerAccountId"), made.field("CountryCode")
    assert partner is not None
    assert code is not None
    assert (partner.feature, code.feature) == ("partner", "state-country-picklists")
    assert features_of(lead, base) == {"state-country-picklists"}
    assert (made.label, made.key_prefix, made.mark) == ("Prospect", "00Q", "R")


def test_an_object_unknown_here(lead: dict[str, Any]) -> None:
    """A custom object's describe needs no base."""
    visit = {"name": "Visit__c", "keyPrefix": "a0K", "fields": [_field("Id", "id")]}
    made = from_describe(visit)
    assert (made.name, made.key_prefix, [one.name for one in made.fields]) == (
        "Visit__c",
        "a0K",
        ["Id"],
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "the describe has no API name"),
    ({"name": 'x"; DROP'}, "the describe has no API name"),
    ({"fields": {}}, "fields is no list"),
    ({"fields": ["Id"]}, "holds something else"),
    ({"fields": []}, "no field Id"),
    ({"fields": [_field("Id"), _field("ID")]}, "a field twice"),
    ({"fields": [_field('Id" TEXT')]}, "no API name"),
    ({"fields": [_field("Id", length="x")]}, "is no number"),
    ({"fields": [{"name": "Id", "type": 5}]}, "is no field type"),
    ({"keyPrefix": "toolong"}, "is no key prefix"),
    ({"name": "Account"}, "is of Account, not of Lead"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_what_is_no_describe(lead: dict[str, Any], change: dict[str, Any], words: str) -> None:
    """Each says what is wrong."""
    with pytest.raises(ValueError, match=words):
        from_describe({**lead, **change}, load_schema().object("Lead"))


def test_a_loaded_describe_rules(demo_org: Org, lead: dict[str, Any]) -> None:
    """The org's required field is asked for; its fields are there to write and to query."""
    kept = len(demo_org.storage.find("Lead"))
    load_describe(demo_org, lead)
    with pytest.raises(RowProblem, match="Region__c"):
        demo_org.create("Lead", [{"LastName": "Berg", "Company": "Kilo"}])
    (id_,) = demo_org.create(
        "Lead", [{"LastName": "Berg", "Company": "Kilo", "Region__c": "North"}]
    )
    access = demo_org.permissions.of(demo_org.agent_id)
    found = run_query(
        f"SELECT Region__c, Sum__c, Sponsor__r.Name FROM Lead WHERE Id = '{id_}'",
        demo_org.schema,
        demo_org.storage,
        visible=lambda object_, field: demo_org.visible(access, object_, field),
        object_visible=lambda object_: True,
        now=demo_org.clock.now(),
        user_zone="UTC",
    )
    assert found.records[0]["Region__c"] == "North"
    assert len(demo_org.storage.find("Lead")) == kept + 1
    assert access.editable("Lead", "Region__c")
    assert not access.editable("Lead", "Sum__c")


def test_switches_and_record_types_of_a_describe(demo_org: Org, lead: dict[str, Any]) -> None:
    """What the describe proves is switched on; its record types are there, once."""
    load_describe(demo_org, lead)
    load_describe(demo_org, copy.deepcopy(lead))
    assert demo_org.setting("state_country_picklists") is True
    (row,) = demo_org.storage.find("RecordType", SobjectType="Lead")
    assert (row["Id"], row["DeveloperName"]) == ("012dV0000000001QAA", "Partner_lead")


def test_record_type_field_comes_with_the_first_record_type(demo_org: Org, lead: Any) -> None:
    """RecordTypeId is there for objects that have a record type, for no other."""
    access = demo_org.permissions.of(demo_org.agent_id)

    def shown(name: str) -> bool:
        definition = demo_org.schema.object(name)
        assert definition is not None
        field = definition.field("RecordTypeId")
        assert field is not None
        return demo_org.visible(access, definition, field)

    assert not shown("Lead")
    load_describe(demo_org, lead)
    assert (shown("Lead"), shown("Account")) == (True, False)


def test_a_refused_describe_changes_nothing(demo_org: Org, lead: dict[str, Any]) -> None:
    """All or nothing."""
    lead["fields"].append(_field("Region__c"))
    before = demo_org.schema.object("Lead")
    with pytest.raises(ValueError, match="twice"):
        load_describe(demo_org, lead)
    assert demo_org.schema.object("Lead") == before
