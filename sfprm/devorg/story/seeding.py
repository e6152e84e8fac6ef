"""The seeded orgs, by the names of their stories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from sfprm.devorg.metadata.component import Context
from sfprm.devorg.metadata.running import install
from sfprm.devorg.story.customers import plant_customers
from sfprm.devorg.story.leads import lead_rows
from sfprm.devorg.story.people import People, count_seats, plant_people
from sfprm.devorg.story.places import PARTNER_SITE, Places, plant_places

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["INTAKE", "STORIES", "seed"]

INTAKE = (("Web_Leads", 60), ("Event_Leads", 40))
"""The two intake queues by developer name, with the share of the leads that each gets."""
_GRANTED = ("sfprm_run", "sfprm_setup")
_LEADS = 2_000
_INTERNAL_LEADS = 25
_SHARED_SINCE = datetime(2020, 5, 11, 10, 0, tzinfo=UTC)
"""The old sharing rules and folders are from before digital experiences: their roleAndSubordinates
reach portal users, unless converted [D]."""


def _empty(org: Org, seed_: int) -> tuple[People, Places]:
    people = plant_people(org)
    places = plant_places(org, people)
    _install(org, "demo", people.agent, _SHARED_SINCE)
    for profile in ("System Administrator", "Standard User"):
        org.permissions.grant_field(
            people.profiles[profile], "Lead", "Product__c", readable=True, editable=True
        )
    return people, places


def _demo(org: Org, seed_: int) -> tuple[People, Places]:
    people, places = _empty(org, seed_)
    plant_customers(org, people, places, seed_)
    queues = [(places.queues[name], share) for name, share in INTAKE]
    sellers = [
        (people.users[f"{name}@alder.example.com"], 1) for name in ("sam.carter", "ana.costa")
    ]
    now = org.clock.now()
    org.plant("Lead", lead_rows(seed_, _LEADS, queues, now))
    internal = lead_rows(seed_ + 1, _INTERNAL_LEADS, sellers, now)
    for row in internal:
        row.update(Status="Working - Contacted", IsUnreadByOwner=False)
    org.plant("Lead", internal)
    return people, places


def _partners_ready(org: Org, seed_: int) -> tuple[People, Places]:
    """The demo's org after its setup: PRM on, the third manager has a role, the site is Live
    with the partner profile as member, the external-id fields are there and granted to the
    integration user by two permission sets."""
    people, places = _demo(org, seed_)
    now = org.clock.now()
    _install(org, "partners-ready", people.agent, now)
    granted = org.storage.find("PermissionSet", Name=_GRANTED)
    org.plant(
        "PermissionSetAssignment",
        [
            {"PermissionSetId": one["Id"], "AssigneeId": people.agent, "IsActive": True}
            for one in granted
        ],
    )
    org.storage.update(
        "User",
        people.users["pedro.reis@alder.example.com"],
        {"UserRoleId": people.roles["Channel Manager Central"]},
    )
    org.storage.update(
        "Network",
        places.sites[PARTNER_SITE],
        {"Status": "Live", "FirstActivationDate": now.date().isoformat()},
    )
    member = {
        "NetworkId": places.sites[PARTNER_SITE],
        "ParentId": people.profiles["Alder Partner User"],
        "AssignmentStatus": "Added",
    }
    org.plant("NetworkMemberGroup", [member])
    return people, places


STORIES: dict[str, Callable[[Org, int], tuple[People, Places]]] = {
    "demo": _demo,
    "empty": _empty,
    "partners-ready": _partners_ready,
}


def seed(org: Org, name: str, seed_: int) -> None:
    """Fill an org that holds nothing yet. The same story, seed and clock give the same records.

    Raises ValueError for a story that is none, or an org that is not empty.
    """
    story = STORIES.get(name)
    if story is None:
        raise ValueError(f"story: {name!r} is none of {', '.join(sorted(STORIES))}")
    if org.organization:
        raise ValueError("the org is not empty: reset it first")
    with org.storage.transaction():
        story(org, seed_)
        count_seats(org)
    org.changed()


def _install(org: Org, folder: str, user_id: str, at: datetime) -> None:
    """Apply the metadata files of `data/<folder>`; every one of them must be accepted."""
    root = resources.files("sfprm.devorg.story") / "data" / folder
    outcome = install(Context(org, user_id, at), _files(root))
    if outcome.failures:
        first = outcome.failures[0]
        raise RuntimeError(f"{first.file}, {first.full_name}, {first.line}: {first.problem}")


def _files(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        path = prefix + entry.name
        found.update(_files(entry, path + "/") if entry.is_dir() else {path: entry.read_bytes()})
    return found
