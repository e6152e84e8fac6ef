"""check and setup against the embedded org as a channel team finds it."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.ids import RunId
from sfprm.provisioning.exposure_model import Part
from sfprm.provisioning.setup_acts import Act, ActState
from sfprm.salesforce import collections
from sfprm.store.records import StepState


def act_on_check(stage: Any) -> None:
    """What the channel team does after `check`."""
    stage.org.event(
        "role-given", username="pedro.reis@alder.example.com", role="Channel Manager Central"
    )
    stage.org.event("site-published", site="Alder Partner Central")


def test_check_names_what_is_missing(demo: Any) -> None:
    """The demo's faults, each with its fix; nothing else is wrong."""
    result = demo.check()
    assert [i.code for i in result.problems] == [
        "partners-off",
        "key-fields-hidden",
        "site-not-live",
        "site-not-member",
        "manager-no-role",
    ]
    assert not result.is_ready
    assert all(i.fix for i in result.problems)


def test_setup_then_check_is_ready(demo: Any) -> None:
    """Review, switch, deploy, grant, prove, join; a second time there is nothing to do."""
    act_on_check(demo)
    result = demo.setup()
    assert result.is_whole
    assert [a.state for a in result.acts] == [ActState.DONE] * 5
    assert [s.state for s in demo.store.steps(RunId("setup-1"))] == [StepState.DONE] * 5
    assert demo.check().is_ready

    def never(_: Any) -> bool:
        raise AssertionError("asked again")

    again = demo.setup(never)
    assert again.is_whole
    assert {a.state for a in again.acts} == {ActState.ALREADY}
    assert demo.apply().is_whole
    assert demo.plan().steps == ()


def test_the_review_finds_what_would_show(demo: Any) -> None:
    """Two sharing rules, four folders, and what is for people to look at."""
    exposure = demo.setup(lambda _: False).review.exposure
    assert exposure.needed
    assert {f.metadata for f in exposure.of(Part.SHARING_RULES)} == {
        "SharingOwnerRule:Lead.Inside_Sales_to_Channels",
        "SharingCriteriaRule:Account.Customers_to_Iberia",
    }
    assert {f.metadata for f in exposure.of(Part.FOLDERS)} == {
        "ReportFolder:Pipeline_Reports",
        "DashboardFolder:Sales_Dashboards",
        "DocumentFolder:Price_Lists",
        "EmailFolder:Sales_Templates",
    }
    by_hand = " ".join(f.where for f in exposure.of(Part.BY_HAND))
    assert "Deals_to_group" not in by_hand  # the group holds two named users and nobody else
    assert "Opportunity: external org-wide default Read" in by_hand
    assert "public group Everyone" in by_hand


@pytest.mark.parametrize("options", [{"confirm": lambda _: False}, {"dry_run": True}])
def test_nothing_is_done_unconfirmed(demo: Any, options: dict[str, Any]) -> None:
    """Neither in a dry run."""
    before = demo.check().problems
    result = demo.setup(**options)
    assert not result.is_whole
    assert demo.check().problems == before


def test_only_the_switch_is_irreversible(demo: Any) -> None:
    """That is what the confirmation is about."""
    review = demo.setup(lambda _: False).review
    assert [a.act for a in review.irreversible] == [Act.SWITCH_ON]


def test_a_live_site_with_users_is_not_joined_beyond_max_mails(demo: Any) -> None:
    """The number of mails is said first; above the limit the act is blocked, the rest is done."""
    act_on_check(demo)
    demo.setup(lambda _: True, max_mails=0)
    demo.apply()
    site = demo.rows("SELECT Id FROM Network WHERE Name = 'Alder Partner Central'")[0]
    rows = demo.rows(f"SELECT Id FROM NetworkMemberGroup WHERE NetworkId = '{site['Id']}'")
    update = [{"Id": r["Id"], "AssignmentStatus": "WaitingForRemove"} for r in rows]
    if not collections.update(demo.session, "NetworkMemberGroup", update)[0].success:
        pytest.skip("the embedded org does not take profiles off a site")
    result = demo.setup()
    assert [(a.act, a.state) for a in result.failed] == [(Act.JOIN_SITE, ActState.BLOCKED)]
    assert "30 active users would be mailed, more than 0" in result.failed[0].found


def test_a_refused_deployment_ends_setup_there(demo: Any) -> None:
    """The org's words are kept; the same command goes on once it is mended."""
    good = demo.files
    broken = {**good, "objects/Account.object": b"<CustomObject/>"}
    demo.files = broken
    result = demo.setup()
    assert not result.is_whole
    assert [a.act for a in result.failed if a.state is ActState.FAILED] == [Act.DEPLOY]
    assert "The deployment failed" in result.failed[0].found
    demo.files = good
    act_on_check(demo)
    assert demo.setup().is_whole
