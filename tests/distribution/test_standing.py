"""Who may own leads, from plain values; where a lead is, seen from a decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from sfprm.distribution.carry import _why_overtaken
from sfprm.distribution.destination import Destination, OwnerRefused
from sfprm.distribution.intake import field_value
from sfprm.distribution.owners import LeadNow, Place, place_of
from sfprm.distribution.standing import partner_user_reasons, queue_reasons
from sfprm.estate.model import PartnerUser, QueueState, Site
from sfprm.ids import RecordId
from sfprm.routing.values import Code, Reason
from sfprm.store.records import JournalEntry

PROFILE = RecordId("00eKp0000000001")
AGENT, ANNA = RecordId("005Kp0000000001"), RecordId("005Kp0000000002")
WEB, DESK = RecordId("00GKp0000000001"), RecordId("00GKp0000000002")
LEAD = RecordId("00QKp0000000001")
LOGIN = datetime(2026, 1, 5, tzinfo=UTC)

FINE = PartnerUser(
    id=ANNA,
    contact_id=RecordId("003Kp0000000001"),
    username="anna@partners.example.com",
    active=True,
    frozen=False,
    last_login=LOGIN,
    profile_id=PROFILE,
    portal_role="Worker",
)
LIVE = Site(RecordId("0DBKp0000000001"), "Central", "Live", False, None, {PROFILE: "Added"})


@pytest.mark.parametrize(
    ("user", "site", "codes"),
    [
        (FINE, LIVE, []),
        (replace(FINE, active=False), LIVE, [Code.INACTIVE]),
        (replace(FINE, frozen=True), LIVE, [Code.FROZEN]),
        (replace(FINE, last_login=None), LIVE, [Code.NEVER_LOGGED_IN]),
        (FINE, replace(LIVE, status="UnderConstruction"), [Code.SITE_NOT_LIVE]),
        (FINE, replace(LIVE, memberships={}), [Code.PROFILE_NOT_IN_SITE]),
        (FINE, replace(LIVE, memberships={PROFILE: "WaitingForAdd"}), [Code.PROFILE_NOT_IN_SITE]),
        (FINE, None, [Code.SITE_NOT_LIVE]),
        (
            replace(FINE, active=False, last_login=None),
            replace(LIVE, status="DownForMaintenance"),
            [Code.SITE_NOT_LIVE, Code.INACTIVE, Code.NEVER_LOGGED_IN],
        ),
    ],
)
def test_every_condition_that_fails_is_a_reason(
    user: PartnerUser, site: Site | None, codes: list[Code]
) -> None:
    """The channel guide's conditions for a partner user who owns leads."""
    assert [r.code for r in partner_user_reasons(user, site, "Central")] == codes


def test_a_queue_must_be_for_leads() -> None:
    """Of another object it cannot own one."""
    queue = QueueState(WEB, "Cases", "Case desk", frozenset({"Case"}), None)
    assert queue_reasons(queue) == (
        Reason(Code.NOT_FOR_LEADS, "the queue Case desk is not for leads"),
    )
    assert queue_reasons(replace(queue, objects=frozenset({"Lead", "Case"}))) == ()


def test_a_refusal_names_every_condition() -> None:
    """And says whose refusal it is."""
    reasons = (
        Reason(Code.FROZEN, "the user is frozen"),
        Reason(Code.NEVER_LOGGED_IN, "has never logged in"),
    )
    with pytest.raises(OwnerRefused) as caught:
        Destination(ANNA, "Anna", False, reasons).require()
    assert caught.value.message == (
        "Refused by sfprm: Anna may not be given leads: the user is frozen; has never logged in."
    )
    assert "first login" in caught.value.hint


@dataclass(frozen=True)
class Decided:
    """What of a journal entry says where its lead should be."""

    owner_seen: RecordId = WEB
    owner_new: RecordId | None = ANNA


NOW = LeadNow(LEAD, ANNA, "Anna", "Lead", False, False, AGENT, "Agent")


@pytest.mark.parametrize(
    ("lead", "place"),
    [
        (NOW, Place.AS_DECIDED),
        (replace(NOW, converted=True), Place.AS_DECIDED),
        (replace(NOW, deleted=True), Place.DELETED),
        (replace(NOW, owner_id=WEB), Place.AS_SEEN),
        (replace(NOW, owner_id=WEB, converted=True), Place.CONVERTED),
        (replace(NOW, owner_id=DESK), Place.MOVED),
        (None, Place.NOT_VISIBLE),
    ],
)
def test_where_a_lead_is(lead: LeadNow | None, place: Place) -> None:
    """Out of sight is never taken for deleted."""
    assert place_of(cast("JournalEntry", Decided()), lead) is place


@pytest.mark.parametrize(
    ("place", "lead", "words", "automation"),
    [
        (
            Place.MOVED,
            replace(NOW, owner_id=DESK, owner_name="Desk"),
            "an automation of the org (flow, trigger or another router) gave it to Desk "
            "right after our own write",
            True,
        ),
        (
            Place.MOVED,
            replace(NOW, owner_name="Desk", modified_by_id=ANNA, modified_by="Anna"),
            "Anna gave it to Desk meanwhile",
            False,
        ),
        (Place.CONVERTED, NOW, "the lead was converted meanwhile", False),
        (Place.DELETED, NOW, "the lead was deleted meanwhile", False),
    ],
)
def test_automation_is_told_from_a_person(
    place: Place, lead: LeadNow, words: str, automation: bool
) -> None:
    """By whose user wrote last: ours means that the org did it in our write."""
    assert _why_overtaken(place, lead, AGENT) == (words, automation)


@pytest.mark.parametrize(
    ("row", "path", "value"),
    [
        ({"Country": "PT"}, "country", "PT"),
        ({"Owner": {"Name": "Web"}}, "owner.name", "Web"),
        ({"Owner": None}, "Owner.Name", None),
        ({}, "Country", None),
    ],
)
def test_a_field_is_found_in_any_spelling(row: dict[str, Any], path: str, value: Any) -> None:
    """The org answers in its own; parents by a dot."""
    assert field_value(row, path) == value
