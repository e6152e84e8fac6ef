"""Somebody who cannot be deactivated, and a partner flag that is cleared: on the embedded org, by
the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.jobs.offboard import OffboardJob, OffboardOptions
from sfprm.jobs.plan import PlanJob, PlanOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.reinstate import ReinstateJob, ReinstateOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings
from tests.quick import QUICK, quick_clock

if TYPE_CHECKING:
    from tests.conftest import Answer, DevOrg, Program

LEAVER = "acme-ibericos"
RULE = """<?xml version="1.0" encoding="UTF-8"?>
<AssignmentRules xmlns="http://soap.sforce.com/2006/04/metadata">
 <assignmentRule><fullName>Support</fullName><active>false</active>
  <ruleEntry><assignedTo>{who}</assignedTo><assignedToType>User</assignedToType></ruleEntry>
 </assignmentRule></AssignmentRules>"""
PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<Package xmlns="http://soap.sforce.com/2006/04/metadata"><types><members>Case</members>
 <name>AssignmentRules</name></types><version>60.0</version></Package>"""


@dataclass
class Told:
    """What was seen on the way."""

    answers: dict[str, Answer] = field(default_factory=dict)
    runs: dict[str, Finished] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    ruled: str = ""
    held: str = ""


@pytest.fixture(scope="module")
def told(
    ready_org: DevOrg, sfprm: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    env = ready_org.env(tmp_path_factory.mktemp("hard"), **QUICK)
    with Starter(load_settings(env), quick_clock(), NoProgress(), started_by="test") as starter:
        told = Told()

        def users() -> dict[str, tuple[bool, bool]]:
            where = f"Contact.Account.Partner_Key__c = '{LEAVER}'"
            session = starter.connect()
            frozen = {
                row["UserId"]
                for row in select_all(session, "SELECT UserId FROM UserLogin WHERE IsFrozen = true")
            }
            rows = select_all(session, f"SELECT Id, Username, IsActive FROM User WHERE {where}")
            return {row["Username"]: (row["IsActive"], row["Id"] in frozen) for row in rows}

        def account() -> tuple[bool, int]:
            where = f"Account.Partner_Key__c = '{LEAVER}'".partition(".")[2]
            session = starter.connect()
            [row] = select_all(session, f"SELECT Id, IsPartner FROM Account WHERE {where}")
            roles = f"SELECT Id FROM UserRole WHERE PortalAccountId = '{row['Id']}'"
            return row["IsPartner"], len(select_all(session, roles))

        def rule(who: str) -> None:
            files = {
                "package.xml": PACKAGE.encode(),
                "assignmentRules/Case.assignmentRules": RULE.format(who=who).encode(),
            }
            outcome = deploy(starter.connect(), files, clock=quick_clock())
            assert outcome.success, outcome.failures

        def offboard(*more: str) -> Answer:
            flag = ("--clear-partner-flag", "--yes-irreversible", LEAVER)
            return sfprm("offboard", LEAVER, *flag, *more, env=env)

        run_job(ProvisionJob(), ProvisionOptions(), starter)
        told.seen["users"] = users()
        told.ruled, told.held = sorted(told.seen["users"])[:2]
        rule(told.ruled)
        held = {"username": told.held, "because": "a portal administrator"}
        ready_org.control("POST", "behaviours", {"held_users": [held]})
        told.answers["dry"] = sfprm(
            "offboard", LEAVER, "--clear-partner-flag", "--dry-run", "--json", env=env
        )
        told.seen["account before"] = account()
        told.answers["blocked"] = offboard("--json")
        told.seen["blocked"] = users()
        told.seen["account blocked"] = account()
        ready_org.control("DELETE", "behaviours")
        rule("ana.costa@alder.example.com")
        told.answers["done"] = offboard()
        told.seen["done"] = users()
        told.seen["account done"] = account()
        told.answers["again"] = offboard("--json")
        told.runs["back"] = run_job(ReinstateJob(), ReinstateOptions(target=LEAVER), starter)
        told.runs["apply"] = run_job(ProvisionJob(), ProvisionOptions(), starter)
        told.seen["back"] = users()
        told.seen["account back"] = account()
        told.runs["plan"] = run_job(PlanJob(), PlanOptions(), starter)
        wrong = OffboardOptions(target=LEAVER, clear_partner_flag="yes")
        told.runs["wrong"] = run_job(OffboardJob(), wrong, starter)
        yield told


def test_who_cannot_be_deactivated_stays_frozen(told: Told) -> None:
    """One whom a rule names, found beforehand; one whom only the org refuses. The others leave."""
    assert told.answers["blocked"].code == 68
    stays = {told.ruled, told.held}
    assert {name for name, state in told.seen["blocked"].items() if state == (True, True)} == stays
    assert all(state[0] is False for n, state in told.seen["blocked"].items() if n not in stays)


def test_the_record_names_them_with_the_reason_and_the_fix(told: Told) -> None:
    """In the result, and in the evidence beside the run."""
    said = told.answers["blocked"].json["result"]
    assert sorted(said["frozen_only"]) == sorted([told.ruled, told.held])
    assert said["at_large"] == []
    why = {n["what"]: (n["why"], n["fix"]) for n in said["not_done"]}
    assert "an assignment rule" in why[told.ruled][0]
    assert "You cannot deactivate a user who is a portal administrator" in why[told.held][0]
    assert all("then run offboard again" in why[who][1] for who in (told.ruled, told.held))
    evidence = json.loads(Path(said["evidence"]).read_text("utf-8"))
    assert evidence["frozen_only"] == said["frozen_only"]


def test_the_flag_waits_until_nobody_is_active(told: Told) -> None:
    """It cannot be taken back, so it goes last, and only after everything else."""
    assert told.seen["account blocked"] == told.seen["account before"]
    said = told.answers["blocked"].json["result"]["not_done"]
    assert any(n["what"].startswith("partner flag") and "still active" in n["why"] for n in said)


def test_a_dry_run_says_what_would_be_destroyed(told: Told) -> None:
    """Roles by name."""
    flag = told.answers["dry"].json["result"]["partner_flag"]
    assert told.answers["dry"].code == 0
    assert flag["is_set"] is True
    roles = ("Executive", "Manager", "User")
    assert flag["roles"] == [f"Acme Ibericos Partner {role}" for role in roles]
    assert flag["groups"] > 0


def test_the_next_run_completes(told: Told) -> None:
    """Everybody inactive, the flag cleared, the roles gone; said in words."""
    assert told.answers["done"].code == 0, told.answers["done"].out
    assert {state[0] for state in told.seen["done"].values()} == {False}
    assert told.seen["account before"] == (True, 3)
    assert told.seen["account done"] == (False, 0)
    said = told.answers["done"].out
    assert "The partner flag is cleared; deleted: Acme Ibericos Partner Executive" in said


def test_a_third_run_finds_it_done(told: Told) -> None:
    """And destroys nothing more."""
    assert told.answers["again"].code == 0
    assert told.answers["again"].json["result"]["partner_flag"]["is_set"] is False


def test_all_of_them_come_back_on_the_same_users(told: Told) -> None:
    """Those of both runs; the apply after it makes the account a partner again, with new roles."""
    assert told.runs["back"].exit_code == 0
    assert told.seen["back"] == told.seen["users"]
    assert told.seen["account back"][0] is True
    result: Any = told.runs["plan"].result
    assert result.to_json()["steps"] == []


def test_the_key_must_be_repeated(told: Told) -> None:
    """Before anything is written."""
    assert isinstance(told.runs["wrong"].error, BadRequest)
    assert "--yes-irreversible acme-ibericos" in told.runs["wrong"].error.hint
