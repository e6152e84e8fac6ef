"""Sharing without a server: account roles, groups in groups, and criteria as conditions in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sfprm.devorg.metadata.markup import Node, element, parse
from sfprm.devorg.org import Org
from sfprm.devorg.sharing.criteria import criteria
from sfprm.devorg.sharing.people import People

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def username(name: str) -> str:
    return f"{name}@alder.example.com"


def user_id(org: Org, name: str) -> str:
    user = org.user_by_username(username(name))
    assert user is not None
    return str(user["Id"])


def rule(*items: tuple[str, str, str], logic: str = "") -> Node:
    """A criteria-based rule as the metadata has it."""
    return element(
        "sharingCriteriaRules",
        *(
            element("criteriaItems", ("field", field), ("operation", operation), ("value", value))
            for field, operation, value in items
        ),
        *([("booleanFilter", logic)] if logic else []),
    )


def matching(org: Org, node: Node) -> set[str]:
    """The ids of the leads that a rule shares."""
    lead = org.schema.object("Lead")
    assert lead is not None
    found = criteria(node, lead).on("l")
    rows = org.storage.execute(f'SELECT "Id" FROM "Lead" AS l WHERE {found.sql}', found.values)
    return {str(row[0]) for row in rows}


CASES: list[tuple[Node, Callable[[dict[str, Any]], bool]]] = [
    (rule(("Country", "equals", "PT")), lambda one: one["Country"] == "PT"),
    (rule(("Country", "equals", "pt, es")), lambda one: one["Country"] in {"PT", "ES"}),
    (rule(("Country", "notEqual", "PT")), lambda one: one["Country"] != "PT"),
    (rule(("Country", "equals", "")), lambda one: one["Country"] is None),
    (rule(("Lead.Rating", "equals", "Hot")), lambda one: one["Rating"] == "Hot"),
    (
        rule(("AnnualRevenue", "greaterThan", "20000000")),
        lambda one: (one["AnnualRevenue"] or 0) > 20_000_000,
    ),
    (
        rule(("NumberOfEmployees", "lessOrEqual", "100")),
        lambda one: one["NumberOfEmployees"] is not None and one["NumberOfEmployees"] <= 100,
    ),
    (rule(("Company", "startsWith", "a")), lambda one: one["Company"].lower().startswith("a")),
    (rule(("Email", "contains", "example.org")), lambda one: "example.org" in one["Email"]),
    (
        rule(("Email", "contains", "_%")),
        lambda one: "_%" in one["Email"],
    ),
    (rule(("IsConverted", "equals", "True")), lambda one: one["IsConverted"]),
    (
        rule(("Country", "equals", "PT"), ("Rating", "equals", "Hot")),
        lambda one: one["Country"] == "PT" and one["Rating"] == "Hot",
    ),
    (
        rule(
            ("Country", "equals", "PT"),
            ("Country", "equals", "ES"),
            ("Rating", "equals", "Hot"),
            logic="(1 OR 2) AND NOT 3",
        ),
        lambda one: one["Country"] in {"PT", "ES"} and one["Rating"] != "Hot",
    ),
    (rule(("Nonsense", "equals", "x")), lambda one: False),
    (rule(("Country", "within", "x")), lambda one: False),
    (rule(("Country", "equals", "PT"), logic="1 AND 2"), lambda one: False),
    (rule(), lambda one: False),
]


@pytest.mark.parametrize(("node", "expected"), CASES)
def test_criteria(demo_org: Org, node: Node, expected: Callable[[dict[str, Any]], bool]) -> None:
    """As plain Python says over all leads; what is unknown shares nothing."""
    leads = demo_org.storage.find("Lead")
    assert matching(demo_org, node) == {str(one["Id"]) for one in leads if expected(one)}


def test_everyone_below_is_found_once(demo_org: Org) -> None:
    """Roles below, not beside; no role, nobody."""
    people = People(demo_org.storage)
    below = people.below(user_id(demo_org, "lena.berg"))
    assert below == {user_id(demo_org, "marta.lopes"), user_id(demo_org, "jonas.weber")}
    assert people.below(user_id(demo_org, "pedro.reis")) == frozenset()


def test_groups_in_groups(demo_org: Org) -> None:
    """The group Everyone holds the group of all internal users."""
    people = People(demo_org.storage)
    everyone = people.group("Regular", "Everyone")
    assert everyone is not None
    assert everyone in people.groups_of(user_id(demo_org, "pedro.reis"))
    customers = {one for one in people.users if not people.internal(one)}
    assert customers
    assert people.members(everyone) == set(people.users) - customers


def test_account_roles_see_down(story_org: Callable[[str], Org]) -> None:
    """Executive above Manager above Worker of one account; other accounts apart."""
    org = story_org("partners-ready")
    owner = user_id(org, "marta.lopes")
    profile = org.storage.find("Profile", Name="Alder Partner User")[0]["Id"]
    ids: dict[str, str] = {}
    for company, level in (("A", "Executive"), ("A", "Worker"), ("B", "Executive")):
        found = org.storage.find("Account", Name=company)
        account = found[0]["Id"] if found else None
        if account is None:
            [account] = org.create("Account", [{"Name": company, "OwnerId": owner}])
            org.change("Account", [{"Id": account, "IsPartner": True}])
        [contact] = org.create("Contact", [{"LastName": level, "AccountId": account}])
        name = f"{company}{level}".lower()
        row = {
            "Username": f"{name}@partner.example.com",
            "LastName": level,
            "Email": f"{name}@partner.example.com",
            "Alias": name[:8],
            "TimeZoneSidKey": "Europe/Lisbon",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
            "ProfileId": profile,
            "ContactId": contact,
            "PortalRole": level,
        }
        [ids[name]] = org.create("User", [row])
    people = People(org.storage)
    assert people.below(ids["aexecutive"]) == {ids["aworker"]}
    assert people.below(ids["aworker"]) == frozenset()
    assert set(ids.values()) <= people.below(owner)


def test_administrators_cost_nothing(demo_org: Org) -> None:
    """No condition is made for those who see everything."""
    access = demo_org.permissions.of(demo_org.agent_id)
    for object_ in ("Lead", "Account", "Contact", "Task", "User"):
        assert demo_org.sharing.filter(access, object_) is None


def test_rules_older_than_digital_experiences_stay_inside(demo_org: Org) -> None:
    """What was shared with roles and subordinates before the switch does not reach partners."""
    from sfprm.devorg.sharing.targets import reached

    people = People(demo_org.storage)
    text = f"<x {NS}><roleAndSubordinates>CEO</roleAndSubordinates></x>"
    target = parse(text.encode()).children[0]
    inside = reached(people, target, inside_only=True)
    assert inside
    assert all(people.internal(one) for one in inside)
