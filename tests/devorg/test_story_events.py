"""What people do in the org goes through the org's own rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sfprm.devorg import story
from sfprm.devorg.org import Org


@pytest.fixture
def ready(story_org: Callable[[str], Org]) -> Org:
    """partners-ready, with three partner users."""
    org = story_org("partners-ready")
    [profile] = org.storage.find("Profile", Name="Alder Partner User")
    users = [
        {
            "Username": f"{name}@partner.example.com",
            "LastName": name,
            "Email": f"{name}@partner.example.com",
            "UserType": "PowerPartner",
            "ProfileId": profile["Id"],
            "IsActive": name != "gone",
        }
        for name in ("one", "two", "gone")
    ]
    org.plant("User", users)
    return org


def user(org: Org, username: str) -> dict[str, Any]:
    """The user's row."""
    found = org.user_by_username(username)
    assert found is not None
    return found


def test_role_given(demo_org: Org) -> None:
    """By the name of the role."""
    done = story.event(
        demo_org,
        {
            "event": "role-given",
            "username": "pedro.reis@alder.example.com",
            "role": "Channel Manager Central",
        },
    )
    [role] = demo_org.storage.find("UserRole", DeveloperName="Channel_Manager_Central")
    assert user(demo_org, "pedro.reis@alder.example.com")["UserRoleId"] == role["Id"]
    assert done["done"] == "Pedro Reis was given the role Channel Manager Central."


def test_site_published(demo_org: Org) -> None:
    """The site is Live; without members nobody is mailed."""
    done = story.event(demo_org, {"event": "site-published", "site": "Alder Partner Central"})
    [site] = demo_org.storage.find("Network", Name="Alder Partner Central")
    assert site["Status"] == "Live"
    assert done["done"] == "The site Alder Partner Central was published."
    assert demo_org.outbox.as_json() == []


def test_first_login_of_all_but_some(ready: Org) -> None:
    """Active partner users only; a row of login history each."""
    done = story.event(ready, {"event": "first-login", "except": ["two@partner.example.com"]})
    assert done["logged_in"] == 1
    one = user(ready, "one@partner.example.com")
    assert one["LastLoginDate"] == "2026-03-02T09:30:00.000+0000"
    assert user(ready, "two@partner.example.com")["LastLoginDate"] is None
    [history] = ready.storage.find("LoginHistory", UserId=one["Id"])
    assert history["Status"] == "Success"


def test_first_login_happens_once(ready: Org) -> None:
    """The second time there is nobody left."""
    story.event(ready, {"event": "first-login", "usernames": ["one@partner.example.com"]})
    done = story.event(ready, {"event": "first-login"})
    assert done["logged_in"] == 1
    assert story.event(ready, {"event": "first-login"})["logged_in"] == 0


def test_without_a_live_site_nobody_logs_in(ready: Org) -> None:
    """And the sentence says so."""
    [site] = ready.storage.find("Network", Name="Alder Partner Central")
    ready.storage.update("Network", site["Id"], {"Status": "DownForMaintenance"})
    done = story.event(ready, {"event": "first-login"})
    assert (done["logged_in"], done["shut_out"]) == (0, 2)
    assert "no Live site has them as members" in done["done"]


def test_leads_arrive_in_the_intake(demo_org: Org) -> None:
    """Created by the org's own order of execution, now, in the queues named."""
    before = {row["Id"] for row in demo_org.storage.find("Lead")}
    done = story.event(
        demo_org, {"event": "leads-arrive", "count": 50, "seed": 8, "queues": ["Web_Leads"]}
    )
    [queue] = demo_org.storage.find("Group", DeveloperName="Web_Leads")
    new = [row for row in demo_org.storage.find("Lead") if row["Id"] not in before]
    assert done == {"done": "50 leads arrived.", "created": 50}
    assert len(new) == 50
    assert {row["OwnerId"] for row in new} == {queue["Id"]}
    assert {row["CreatedDate"] for row in new} == {"2026-03-02T09:30:00.000+0000"}


def test_person_edits(demo_org: Org) -> None:
    """Last modified by a person, not by the integration user."""
    lead = demo_org.storage.find("Lead")[0]
    story.event(
        demo_org,
        {
            "event": "person-edits",
            "object": "Lead",
            "id": lead["Id"],
            "fields": {"Status": "Working - Contacted"},
        },
    )
    after = demo_org.storage.get("Lead", lead["Id"])
    assert after is not None
    assert after["Status"] == "Working - Contacted"
    assert after["LastModifiedById"] == user(demo_org, "lena.berg@alder.example.com")["Id"]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"event": "rain"}, "event: 'rain' is none of first-login"),
        ({}, "event: None is none of"),
        ({"event": "role-given", "username": "x@y.example", "role": "CEO"}, "no user x@y.example"),
        (
            {"event": "role-given", "username": "sam.carter@alder.example.com", "role": "King"},
            "no role King",
        ),
        ({"event": "site-published", "site": "Nowhere"}, "no site Nowhere"),
        ({"event": "leads-arrive", "count": 0}, "count: 1 to"),
        ({"event": "leads-arrive", "count": "many"}, "whole number"),
        ({"event": "leads-arrive", "count": 3, "queues": ["Nowhere"]}, "no queue Nowhere"),
        ({"event": "leads-arrive", "count": 3, "colour": "red"}, "unknown keys: colour"),
        ({"event": "first-login", "except": "me"}, "list of texts"),
        ({"event": "person-edits", "object": "Lead", "id": "x"}, "fields"),
    ],
)
def test_bad_events_are_refused_and_change_nothing(
    demo_org: Org, payload: dict[str, Any], problem: str
) -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match=problem):
        story.event(demo_org, payload)
    assert len(demo_org.storage.find("Lead")) == 2025
