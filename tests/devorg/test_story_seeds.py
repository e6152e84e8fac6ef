"""The seeded orgs are what the demo and the sample programme expect."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfprm.devorg import story
from sfprm.devorg.org import Org
from sfprm.devorg.story.leads import lead_rows

SOUTH = {"PT", "ES", "FR", "IT"}
NORTH = {"DE", "AT", "CH", "SE", "NO", "DK"}


def by_name(org: Org, object_: str, field: str = "Name") -> dict[str, dict[str, Any]]:
    """Rows by a field."""
    return {str(row[field]): row for row in org.storage.find(object_)}


def intake(org: Org) -> list[dict[str, Any]]:
    """The leads in the two intake queues."""
    queues = [
        row["Id"] for row in org.storage.find("Group", DeveloperName=["Web_Leads", "Event_Leads"])
    ]
    return org.storage.find("Lead", OwnerId=queues)


def test_two_thousand_leads_wait_about_60_to_40(demo_org: Org) -> None:
    """In the two intake queues; 25 more belong to inside sales."""
    owners = Counter(row["OwnerId"] for row in intake(demo_org))
    assert sum(owners.values()) == 2000
    assert max(owners.values()) == pytest.approx(1200, abs=60)
    assert len(demo_org.storage.find("Lead")) == 2025


def test_leads_spread_over_the_sample_rules(demo_org: Org) -> None:
    """Ten to the user, most to the two pools, some to queues, the rest to the last rule."""

    def rule(lead: dict[str, Any]) -> str:
        if (lead["AnnualRevenue"] or 0) > 50_000_000:
            return "user"
        zones = {"south": SOUTH, "north": NORTH}
        zone = next((name for name, codes in zones.items() if lead["Country"] in codes), None)
        if zone is None or lead["Rating"] is None:
            return "rest"
        return f"{zone} queue" if lead["Rating"] == "Cold" else f"{zone} pool"

    found = Counter(map(rule, intake(demo_org)))
    assert found["user"] == 10
    assert found["south pool"] > 500
    assert found["north pool"] > 500
    assert found["south queue"] > 100
    assert found["north queue"] > 100
    assert 200 < found["rest"] < 600


def test_leads_are_of_the_last_sixty_days_in_the_order_of_their_ids(demo_org: Org) -> None:
    """Oldest first."""
    dates = [row["CreatedDate"] for row in intake(demo_org)]
    assert dates == sorted(dates)
    assert "2026-01-01" <= dates[0][:10] < dates[-1][:10] <= "2026-03-02"


def test_lead_values_are_fictional_and_known(demo_org: Org) -> None:
    """Addresses end in example.org; picklist values are the fields' own."""
    definition = demo_org.schema.object("Lead")
    assert definition is not None
    leads = demo_org.storage.find("Lead")
    assert all(row["Email"].endswith(".example.org") for row in leads)
    for name in ("Product__c", "Rating", "LeadSource", "Status"):
        field = definition.field(name)
        assert field is not None
        assert {row[name] for row in leads} - {None} <= set(field.picklist)


def test_the_same_seed_gives_the_same_org(new_org: Callable[[], Org]) -> None:
    """Record by record, ids included; another seed gives other leads."""
    orgs = [new_org() for _ in range(3)]
    for org, seed in zip(orgs, (7, 7, 8), strict=True):
        story.seed(org, "demo", seed)
    first, second, other = (org.storage.find("Lead") for org in orgs)
    assert first == second
    assert first != other


def test_seeding_is_quick(new_org: Callable[[], Org]) -> None:
    """Well under two seconds of processor time for 2,000 leads."""
    org = new_org()
    start = time.process_time()
    story.seed(org, "demo", 7)
    assert time.process_time() - start < 2


def test_organization_and_switches(demo_org: Org) -> None:
    """Created in 2019, digital experiences since 2021, PRM off."""
    organization = demo_org.organization
    assert (organization["Name"], organization["InstanceName"]) == ("Alder Systems", "DEVORG")
    assert organization["CreatedDate"].startswith("2019-03-04")
    assert (demo_org.networks_on, demo_org.prm_on) == (True, False)
    assert demo_org.setting("networks_since") == "2021-06-15"
    assert demo_org.setting("partner_roles") == 3  # the sample programme names all three


@pytest.mark.parametrize(
    ("licence", "total", "used"),
    [("Salesforce", 25, 7), ("Partner Community", 40, 0), ("Customer Community", 10, 2)],
)
def test_licences(demo_org: Org, licence: str, total: int, used: int) -> None:
    """Seats, and those used by active users."""
    row = by_name(demo_org, "UserLicense")[licence]
    assert (row["TotalLicenses"], row["UsedLicenses"]) == (total, used)


def test_roles_and_the_manager_without_one(demo_org: Org) -> None:
    """Three channel managers; Pedro has no role."""
    roles = {row["Id"]: row["Name"] for row in demo_org.storage.find("UserRole")}
    users = by_name(demo_org, "User", "Username")
    found = {
        name: roles.get(users[f"{name}@alder.example.com"]["UserRoleId"])
        for name in ("sfprm.agent", "lena.berg", "marta.lopes", "jonas.weber", "pedro.reis")
    }
    assert found == {
        "sfprm.agent": "CEO",
        "lena.berg": "VP Channels",
        "marta.lopes": "Channel Manager Iberia",
        "jonas.weber": "Channel Manager Central",
        "pedro.reis": None,
    }


def test_the_integration_user_is_an_administrator(demo_org: Org) -> None:
    """And sees the field that the org has had for years; nobody may write inactive owners."""
    access = demo_org.permissions.of(demo_org.agent_id)
    assert access.has("ModifyAllData")
    assert access.has("ApiEnabled")
    assert not access.has("UpdateWithInactiveOwner")
    assert access.visible("Lead", "Product__c")


def test_partner_profile_has_no_api(demo_org: Org) -> None:
    """Off by default, as in a real org; it may read and edit leads."""
    row = by_name(demo_org, "Profile")["Alder Partner User"]
    assert row["UserType"] == "PowerPartner"
    assert row["PermissionsApiEnabled"] is False
    objects = demo_org.permissions.granted(row["Id"])["objects"]
    assert objects["lead"] == ["edit", "read"]


def test_two_accounts_are_partners_in_business_only(demo_org: Org) -> None:
    """Known by their numbers, owned by their managers, not enabled."""
    owners = {row["Id"]: row["Username"] for row in demo_org.storage.find("User")}
    found = {
        row["AccountNumber"]: (row["Name"], owners[row["OwnerId"]], row["IsPartner"])
        for row in demo_org.storage.find("Account", AccountNumber=["P-1001", "P-1002"])
    }
    assert found == {
        "P-1001": ("Acme Ibericos", "marta.lopes@alder.example.com", False),
        "P-1002": ("Nordica Handel", "jonas.weber@alder.example.com", False),
    }


def test_sites(demo_org: Org) -> None:
    """One Live with its customers, one drafted without members."""
    sites = by_name(demo_org, "Network")
    assert sites["Customer Help"]["Status"] == "Live"
    draft = sites["Alder Partner Central"]
    assert draft["Status"] == "UnderConstruction"
    assert draft["OptionsSendWelcomeEmail"] is True
    assert not demo_org.storage.find("NetworkMemberGroup", NetworkId=draft["Id"])


def test_folders_are_rows_too(demo_org: Org) -> None:
    """For SELECT ... FROM Folder."""
    found = {
        row["DeveloperName"]: (row["AccessType"], row["Type"])
        for row in demo_org.storage.find("Folder")
    }
    assert found == {
        "Pipeline_Reports": ("Public", "Report"),
        "Board_Reports": ("PublicInternal", "Report"),
        "Sales_Dashboards": ("Public", "Dashboard"),
        "Price_Lists": ("Shared", "Document"),
        "Sales_Templates": ("Public", "Email"),
    }
    dates = {row["CreatedDate"][:10] for row in demo_org.storage.find("Folder")}
    assert dates == {"2020-05-11"}  # before digital experiences


def test_sharing_defaults(demo_org: Org) -> None:
    """One object is exposed by its external default: Opportunity."""
    rows = by_name(demo_org, "EntityDefinition", "QualifiedApiName")
    found = {name: rows[name]["ExternalSharingModel"] for name in ("Lead", "Account", "Contact")}
    assert found == {"Lead": "Private", "Account": "Private", "Contact": "ControlledByParent"}
    assert rows["Opportunity"]["ExternalSharingModel"] == "Read"


def test_everyone_contains_all_internal_users(demo_org: Org) -> None:
    """A public group that only a person can judge."""
    [group] = demo_org.storage.find("Group", DeveloperName="Everyone")
    [member] = demo_org.storage.find("GroupMember", GroupId=group["Id"])
    assert demo_org.storage.find("Group", Id=member["UserOrGroupId"])[0]["Type"] == "Organization"


def test_empty_has_people_but_no_records(empty_org: Org) -> None:
    """No leads, accounts, contacts; PRM off."""
    assert [len(empty_org.storage.find(one)) for one in ("Lead", "Account", "Contact")] == [0] * 3
    assert len(empty_org.storage.find("User")) == 7
    assert not empty_org.prm_on


def test_partners_ready_is_after_setup(story_org: Callable[[str], Org]) -> None:
    """PRM on, site Live, every manager has a role, the keys are visible to the agent."""
    org = story_org("partners-ready")
    assert org.prm_on
    site = by_name(org, "Network")["Alder Partner Central"]
    assert site["Status"] == "Live"
    [member] = org.storage.find("NetworkMemberGroup", NetworkId=site["Id"])
    assert member["ParentId"] == by_name(org, "Profile")["Alder Partner User"]["Id"]
    assert by_name(org, "User", "Username")["pedro.reis@alder.example.com"]["UserRoleId"]
    access = org.permissions.of(org.agent_id)
    assert access.editable("Account", "Partner_Key__c")
    assert access.editable("Contact", "Partner_Key__c")


def test_partners_ready_has_what_setup_deploys() -> None:
    """The story's files are the ones in config/metadata: change both."""
    root = Path(__file__).parents[2]
    ours = root / "sfprm" / "devorg" / "story" / "data" / "partners-ready"
    shipped = root / "config" / "metadata"
    for file in [*shipped.glob("objects/*"), *shipped.glob("permissionsets/*")]:
        assert (ours / file.relative_to(shipped)).read_bytes() == file.read_bytes()


def test_unknown_story_and_full_org_are_refused(empty_org: Org) -> None:
    """With what to do."""
    with pytest.raises(ValueError, match="none of demo, empty, partners-ready"):
        story.seed(empty_org, "other", 7)
    with pytest.raises(ValueError, match="reset it first"):
        story.seed(empty_org, "demo", 7)


@pytest.mark.parametrize("count", [1, 50, 333])
def test_lead_rows_are_as_many_as_asked(demo_org: Org, count: int) -> None:
    """For any count."""
    rows = lead_rows(8, count, [("00GdV00000000001", 1)], demo_org.clock.now(), days=1)
    assert len(rows) == count
