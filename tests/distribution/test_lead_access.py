"""Partner users who may not read leads own none: the org would refuse, so they are never chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sfprm.distribution.lead_access import unable_to_read_leads
from sfprm.distribution.standing_now import left_out, read_standing
from sfprm.ids import PersonKey, PoolKey
from sfprm.programme.model import Waiver
from sfprm.routing.values import Code
from sfprm.salesforce import collections as rows
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.package import METADATA, manifest
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

PROFILE = "Alder Partner User"
SOUTH = PoolKey("south")


def grant(channel: Channel, type_: str, member: str, path: str, *, read: bool) -> None:
    """Deploy a profile or permission set with or without Read on Lead."""
    rights = {"allowRead": read} | dict.fromkeys(
        ("allowCreate", "allowDelete", "allowEdit", "modifyAllRecords", "viewAllRecords"), False
    )
    inner = "".join(f"<{name}>{str(on).lower()}</{name}>" for name, on in rights.items())
    label = f"<label>{member}</label>" if type_ == "PermissionSet" else "<custom>true</custom>"
    body = f"{label}<objectPermissions>{inner}<object>Lead</object></objectPermissions>"
    files = {
        "package.xml": manifest({type_: [member]}, channel.session.api_version),
        path: f'<{type_} xmlns="{METADATA}">{body}</{type_}>'.encode(),
    }
    outcome = deploy(channel.session, files, clock=quick_clock())
    assert outcome.success, outcome.failures


@pytest.fixture
def blind(channel: Channel) -> Channel:
    """The partners' profile may not read leads; one person has a permission set that may."""
    channel.only(20)
    grant(channel, "Profile", PROFILE, f"profiles/{PROFILE}.profile", read=False)
    path = "permissionsets/Reads_Leads.permissionset"
    grant(channel, "PermissionSet", "Reads_Leads", path, read=True)
    [found] = channel.query("SELECT Id FROM PermissionSet WHERE Name = 'Reads_Leads'")
    given = {"PermissionSetId": found["Id"], "AssigneeId": channel.user_id("ines.moura")}
    [done] = rows.create(channel.session, "PermissionSetAssignment", [given])
    assert done.success, done.errors
    return channel


def test_only_who_may_read_leads_gets_them(blind: Channel) -> None:
    """By the profile or a permission set; the others are left out with the reason."""
    now = quick_clock().now()
    standing = read_standing(blind.session, blind.store, blind.programme, now)
    codes = {
        key: [r.code for r in owner.reasons]
        for key, owner in standing.people.items()
        if owner.owner_id is not None
    }
    assert codes[PersonKey("ines.moura")] == []
    others = [found for key, found in codes.items() if key != PersonKey("ines.moura")]
    assert others
    assert all(Code.NO_LEAD_ACCESS in found for found in others)
    told = {o.name: o for o in left_out(standing)}
    assert "may not read leads" in told["Carla Nunes"].reasons[-1].detail
    result = blind.route()
    assert result.refused == ()
    partners = {o for o in blind.owners().values() if o in told}
    assert partners == set()


def test_a_pool_may_waive_it_and_then_the_org_refuses(blind: Channel) -> None:
    """In the org's own words: the lead is parked, its credit returned."""
    pools = dict(blind.programme.routing.pools)
    pools[SOUTH] = replace(pools[SOUTH], waive=(Waiver.NO_LEAD_ACCESS,), eligible_when=None)
    routing = replace(blind.programme.routing, pools=pools)
    blind.programme = replace(blind.programme, routing=routing)
    result = blind.route()
    assert result.refused
    assert all("TRANSFER_REQUIRES_READ" in each.words for each in result.refused)
    assert blind.store.verify() == []


def test_what_cannot_be_told_is_no_reason(channel: Channel) -> None:
    """One call where the profile grants it, none for nobody."""
    mark = channel.session.calls.snapshot()
    assert unable_to_read_leads(channel.session, {}) == frozenset()
    [row] = channel.query(f"SELECT Id FROM Profile WHERE Name = '{PROFILE}'")
    anybody = channel.user_id("ines.moura")
    assert unable_to_read_leads(channel.session, {anybody: row["Id"]}) == frozenset()
    assert channel.session.calls.since(mark).total == 3
