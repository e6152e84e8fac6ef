"""Lead fields in rules and conditions against what an org's describe says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfprm.programme.fields_read import check_against_describe, heads_read, standard_types
from sfprm.programme.load import load_programme

SAMPLE = Path(__file__).parents[2] / "config"
FIELDS = {**standard_types(), "product__c": "picklist"}


def test_the_sample_fits_the_org() -> None:
    """With the custom field that its conditions read, nothing is wrong."""
    assert check_against_describe(load_programme(SAMPLE), FIELDS) == []


def test_custom_field_that_the_org_has_not() -> None:
    """Told for each pool, at the line of the condition."""
    found = check_against_describe(load_programme(SAMPLE), dict(standard_types()))
    assert [(c.line, c.message) for c in found] == [
        (24, "Lead has no field 'Product__c'."),
        (36, "Lead has no field 'Product__c'."),
    ]


def test_near_name_is_suggested() -> None:
    """The org's own custom field is meant."""
    fields = {**standard_types(), "products__c": "picklist"}
    found = check_against_describe(load_programme(SAMPLE), fields)
    assert found[0].hint == "Did you mean 'products__c'?"


@pytest.mark.parametrize(
    ("criterion", "type_", "message"),
    [
        ("Score__c greaterThan 5", "double", ""),
        ("Score__c greaterThan five", "double", "'five' is no value for Lead.Score__c (double)."),
        ("Score__c greaterThan 5", "boolean", "greaterThan does not go with Lead.Score__c"),
        ("Score__c equals True", "boolean", ""),
        ("Score__c equals maybe", "boolean", "'maybe' is no value for Lead.Score__c (boolean)."),
        ("Score__c includes A", "picklist", "includes does not go with Lead.Score__c"),
        ("Score__c includes A", "multipicklist", ""),
        ("Score__c contains A", "date", "contains does not go with Lead.Score__c (date)."),
        ("Score__c lessThan 2026-11-23", "date", ""),
        ("Score__c lessThan soon", "date", "'soon' is no value for Lead.Score__c (date)."),
        ("Score__c equals", "double", ""),
        ("Score__c equals x", "location", "equals does not go with Lead.Score__c (location)."),
    ],
)
def test_operator_and_value_by_type(
    spoil: Callable[..., object], copy: Path, criterion: str, type_: str, message: str
) -> None:
    """A table of types: what goes and what does not."""
    spoil("routing.yaml", ("AnnualRevenue greaterThan 50000000", criterion))
    found = check_against_describe(load_programme(copy), {**FIELDS, "score__c": type_})
    if not message:
        assert found == []
    else:
        [complaint] = found
        assert complaint.message.startswith(message)
        assert (complaint.line, complaint.excerpt) == (43, criterion)


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ("Region__r.Kode__c equals x", "'Region__r.Kode__c': region__r has no field 'Kode__c'."),
        ("AnyCampaign.Typ equals x", "'AnyCampaign.Typ': campaign has no field 'Typ'."),
        ("FirstCampaign.Member.Stat equals x", "'FirstCampaign.Member.Stat': campaign.member has"),
        ("LatestCampaign.BudgetedCost contains 5", "contains does not go with"),
        ("Owner.Whatever equals x", ""),  # a user or a queue: not told
        ("Region__r.Code__c equals x", ""),
        ("Region__r.Head__r.Name equals x", ""),  # further on than is looked
    ],
)
def test_paths_are_followed_to_their_objects(copy: Path, criterion: str, message: str) -> None:
    """One step beyond the lead; what cannot be known is not complained about."""
    path = copy / "routing.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("AnnualRevenue greaterThan 50000000", criterion), "utf-8")
    beyond = {
        "region__r": {"code__c": "string"},
        "campaign": {"type": "picklist", "budgetedcost": "currency"},
        "campaign.member": {"status": "picklist"},
    }
    programme = load_programme(copy)
    assert set(heads_read(programme)) <= {*beyond, "owner"}
    found = [c.message for c in check_against_describe(programme, FIELDS, beyond)]
    assert [message in one for one in found] == ([True] if message else [])
