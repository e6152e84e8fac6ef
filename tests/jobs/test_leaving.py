"""invite, offboard and reinstate on the embedded org, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.jobs.invite import InviteJob, InviteOptions
from sfprm.jobs.offboard import OffboardJob, OffboardOptions
from sfprm.jobs.plan import PlanJob, PlanOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.reinstate import ReinstateJob, ReinstateOptions
from sfprm.jobs.route import RouteJob, RouteOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.conftest import DevOrg

LEAVER = "acme-ibericos"
PERSON = "ines.moura"


class Office:
    """An org with partners who have leads, and one of them who leaves."""

    def __init__(self, org: DevOrg, starter: Starter) -> None:
        self.org, self.starter = org, starter
        self.done: dict[str, Finished] = {}
        self.seen: dict[str, Any] = {}

    def run(self, name: str, job: Any, options: Any) -> Finished:
        self.done[name] = run_job(job, options, self.starter)
        return self.done[name]

    def rows(self, query: str) -> list[Any]:
        return select_all(self.starter.connect(), query)

    def users(self) -> dict[str, bool]:
        """Username → active, of the leaver's account."""
        where = f"Contact.Account.Partner_Key__c = '{LEAVER}'"
        rows = self.rows(f"SELECT Username, IsActive FROM User WHERE {where}")
        return {row["Username"]: row["IsActive"] for row in rows}


@pytest.fixture(scope="module")
def office(ready_org: DevOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    settings = load_settings(ready_org.env(tmp_path_factory.mktemp("leaving")))
    with Starter(settings, quick_clock(), NoProgress(), started_by="test") as starter:
        office = Office(ready_org, starter)
        office.run("provision", ProvisionJob(), ProvisionOptions())
        before = len(ready_org.outbox())
        office.run("invite", InviteJob(), InviteOptions(target=LEAVER))
        office.seen["invitations"] = ready_org.outbox()[before:]
        office.run("invite again", InviteJob(), InviteOptions(target=LEAVER))
        office.seen["after again"] = len(ready_org.outbox()) - before
        ready_org.event("first-login")
        office.run("invite late", InviteJob(), InviteOptions(dry_run=True))
        office.run("route", RouteJob(), RouteOptions(limit=300))
        office.seen["users"] = office.users()
        office.run("dry", OffboardJob(), OffboardOptions(target=LEAVER, dry_run=True))
        office.seen["after dry"] = office.users()
        office.run("offboard", OffboardJob(), OffboardOptions(target=LEAVER))
        office.seen["after"] = office.users()
        where = f"Owner.Type = 'User' AND PartnerAccount.Partner_Key__c = '{LEAVER}'"
        office.seen["leads"] = office.rows(f"SELECT Id FROM Lead WHERE {where}")
        office.run("plan", PlanJob(), PlanOptions())
        office.run("offboard again", OffboardJob(), OffboardOptions(target=LEAVER))
        office.run("reinstate", ReinstateJob(), ReinstateOptions(target=LEAVER))
        office.seen["back"] = office.users()
        office.run("plan after", PlanJob(), PlanOptions())
        yield office


def test_all_end_well(office: Office) -> None:
    """Nothing failed on the way."""
    codes = {name: (f.exit_code, f.error) for name, f in office.done.items()}
    assert {name for name, (code, _) in codes.items() if code} == set(), codes


def test_each_person_is_mailed_once(office: Office) -> None:
    """By Salesforce; a second invitation within three days sends nothing."""
    people = len(office.seen["users"])
    assert people > 1
    assert len(office.seen["invitations"]) == people
    assert {mail["kind"] for mail in office.seen["invitations"]} == {"reset"}
    assert office.seen["after again"] == people
    result: Any = office.done["invite"].result
    [listed] = [b for b in result.blocks() if getattr(b, "columns", ("",))[0] == "sent"]
    assert ("Inês Moura", LEAVER) in {row[:2] for row in listed.rows}
    assert len(listed.rows) == people


def test_nobody_who_has_logged_in_is_invited(office: Office) -> None:
    """After the first logins nobody is left to be mailed."""
    result: Any = office.done["invite late"].result
    assert result.to_json()["due"] == []


def test_no_password_is_kept(office: Office) -> None:
    """The answer to a reset holds one; no file of the state does."""
    state = office.starter.settings.state_dir
    for path in Path(state).rglob("*"):
        if path.is_file():
            assert b"NewPassword" not in path.read_bytes(), path


def test_a_dry_run_changes_nothing(office: Office) -> None:
    """It shows what they own."""
    assert office.seen["after dry"] == office.seen["users"]
    result: Any = office.done["dry"].result
    told = result.to_json()
    assert told["owned_before"]["Lead"] > 0
    assert sum(told["leads_to"].values()) == told["owned_before"]["Lead"]
    lines = [line for block in result.blocks() for line in getattr(block, "lines", ())]
    assert any(line.startswith("Open leads would go: ") for line in lines), lines
    assert {f"  {name}" for name in office.seen["users"]} <= set(lines)


def test_the_leaver_has_no_lead_left_and_no_active_user(office: Office) -> None:
    """Zero open leads; every user inactive; the queues without them."""
    assert office.seen["leads"] == []
    assert set(office.seen["after"].values()) == {False}
    assert set(office.seen["after"]) == set(office.seen["users"])
    result: Any = office.done["offboard"].result
    told = result.to_json()
    assert told["zero_left"] is True
    assert told["moved"]["Lead"] == told["owned_before"]["Lead"] == sum(told["leads_to"].values())
    lines = [line for block in result.blocks() for line in getattr(block, "lines", ())]
    assert any("write `state: absent` there" in line for line in lines), lines
    assert "Lead" not in told["owned_after"]


def test_the_evidence_can_be_read_again(office: Office) -> None:
    """What was owned before and after, by user, in a file beside the run."""
    result: Any = office.done["offboard"].result
    told = json.loads(result.evidence.read_text("utf-8"))
    assert told["target"] == LEAVER
    assert sum(told["by_user_before"]["Lead"].values()) == told["owned_before"]["Lead"]
    assert told["org"] == office.starter.connect().identity.org_id


def test_the_plan_does_not_bring_a_leaver_back_by_itself(office: Office) -> None:
    """A person's act wins: what was deactivated by hand is reported, not undone."""
    result: Any = office.done["plan"].result
    assert result.to_json()["steps"] == []
    assert any(item["field"] == "IsActive" for item in result.to_json()["left"])


def test_a_second_offboarding_finds_it_done(office: Office) -> None:
    """Nothing is owned, nobody is active."""
    result: Any = office.done["offboard again"].result
    assert result.counts == {"users": 3, "moved": 0, "memberships": 0, "not_done": 0} | {
        "users": len(office.seen["users"])
    }


def test_the_same_users_come_back(office: Office) -> None:
    """Never a second user for a contact; the plan after it is empty again."""
    assert office.seen["back"] == office.seen["users"]
    result: Any = office.done["plan after"].result
    assert result.to_json()["steps"] == []


def test_a_person_has_no_partner_flag(office: Office) -> None:
    """And the key of a partner must be repeated to clear it."""
    for target, flag in ((PERSON, PERSON), (LEAVER, "yes")):
        options = OffboardOptions(target=target, clear_partner_flag=flag, dry_run=True)
        finished = run_job(OffboardJob(), options, office.starter)
        assert isinstance(finished.error, BadRequest)


def test_unknown_keys_are_met_with_the_likeliest(office: Office) -> None:
    """No silent nothing."""
    finished = run_job(OffboardJob(), OffboardOptions(target="acme-iberico"), office.starter)
    assert isinstance(finished.error, BadRequest)
    assert LEAVER in finished.error.hint
