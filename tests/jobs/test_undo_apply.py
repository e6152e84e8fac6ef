"""An apply taken back on the embedded org over HTTP, by the program: what goes back, what stays and
why; stopped on the way and finished by the same command."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.events import NoProgress
from sfprm.jobs.plan import PlanJob, PlanOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.runner import Starter, run_job
from sfprm.salesforce import collections
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings
from sfprm.store.records import StepState
from tests.quick import QUICK, quick_clock

if TYPE_CHECKING:
    from tests.conftest import Answer, DevOrg, Program, RunScript

ACCOUNTS = (
    "SELECT Name, Phone, BillingCity, Website, IsPartner FROM Account "
    "WHERE Name IN ('Acme Ibericos', 'Nordica Handel') ORDER BY Name"
)
USERS = (
    "SELECT Id, Username, IsActive FROM User WHERE Contact.Partner_Key__c != null ORDER BY Username"
)
MEMBERS = "SELECT Id, GroupId, UserOrGroupId FROM GroupMember WHERE Group.DeveloperName LIKE 'Par%'"


@dataclass
class Told:
    """What was seen on the way."""

    before: dict[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    after_dry: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    journal: list[Any] = field(default_factory=list)
    killed: dict[str, Any] = field(default_factory=dict)
    plans: dict[str, Any] = field(default_factory=dict)
    owner: str = ""


@pytest.fixture(scope="module")
def told(
    ready_org: DevOrg,
    sfprm: Program,
    run_script: RunScript,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    env = ready_org.env(tmp_path_factory.mktemp("undone"), **QUICK)
    settings = load_settings(env)
    told = Told()
    with Starter(settings, quick_clock(), NoProgress(), started_by="test") as starter:

        def rows(query: str) -> list[Any]:
            return select_all(starter.connect(), query)

        def seen() -> dict[str, Any]:
            return {"accounts": rows(ACCOUNTS), "users": rows(USERS), "members": rows(MEMBERS)}

        told.before = seen()
        run = run_job(ProvisionJob(), ProvisionOptions(), starter).run
        # meanwhile a person changes one field, swaps a membership, and somebody gets a lead
        session = starter.connect()
        nordica = rows("SELECT Id FROM Account WHERE Name = 'Nordica Handel'")[0]["Id"]
        collections.update(session, "Account", [{"Id": nordica, "Phone": "+46 8 000"}])
        told.applied = seen()
        swapped = told.applied["members"][0]
        collections.delete(session, [swapped["Id"]])
        pair = {name: swapped[name] for name in ("GroupId", "UserOrGroupId")}
        collections.create(session, "GroupMember", [pair])
        owner = next(u for u in told.applied["users"] if u["Id"] != swapped["UserOrGroupId"])
        lead = rows("SELECT Id FROM Lead LIMIT 1")[0]["Id"]
        collections.update(session, "Lead", [{"Id": lead, "OwnerId": owner["Id"]}])
        told.owner = owner["Username"]
        told.applied = seen()

        told.answers["dry"] = sfprm("undo", run, "--dry-run", "--json", env=env)
        told.after_dry = seen()
        code, _, err = run_script(KILLED, run, env={**os.environ, **env})
        assert code == -signal.SIGKILL, err
        told.killed = seen()
        told.answers["undo"] = sfprm("undo", run, "--json", env=env)
        told.after = seen()
        told.answers["again"] = sfprm("undo", run, env=env)
        _again, undone, _killed_one = starter.state().runs(job="undo")
        told.journal = starter.state().steps(undone.id)
        told.plans["after"] = run_job(PlanJob(), PlanOptions(), starter).result
        run_job(ProvisionJob(), ProvisionOptions(), starter)
        told.plans["whole"] = run_job(PlanJob(), PlanOptions(), starter).result
        yield told


KILLED = """
import os, signal, sys
from sfprm.clock import SystemClock
from sfprm.events import NoProgress
from sfprm.jobs.runner import Starter, run_job
from sfprm.jobs.undo import UndoJob, UndoOptions
from sfprm.settings import load_settings

sent = 0

def count(what):
    global sent
    sent += what == "steps sent"
    if sent == 3:
        os.kill(os.getpid(), signal.SIGKILL)

with Starter(load_settings(), SystemClock(), NoProgress(), started_by="test") as starter:
    starter.state().on_commit(count)
    run_job(UndoJob(), UndoOptions(undone=sys.argv[1]), starter)
"""
"""An undo that dies as its third chunk, the members', is about to leave: the users are done, and
the journal does not tell of it yet."""


def test_a_dry_run_lists_the_steps_and_writes_nothing(told: Told) -> None:
    """Each with its values before and after."""
    answer = told.answers["dry"]
    assert answer.code == 0, answer.err
    steps = answer.json["result"]["steps"]
    assert {s["kind"] for s in steps} == {"UpdateAccount", "DeactivateUser", "RemoveMember"}
    assert told.after_dry == told.applied


def test_fields_are_what_they_were_before(told: Told) -> None:
    """But for the one that a person has changed since, which stays and is named."""
    acme, nordica = told.after["accounts"]
    was_acme, was_nordica = told.before["accounts"]
    assert acme == {**was_acme, "IsPartner": True}
    assert nordica == {**was_nordica, "IsPartner": True, "Phone": "+46 8 000"}
    whys = [c["why"] for c in told.answers["undo"].json["result"]["cannot"]]
    assert "Phone was changed since, to '+46 8 000': left so" in whys


def test_users_that_were_made_are_deactivated(told: Told) -> None:
    """All but the one who owns a lead: that one is named with what to do."""
    active = [u["Username"] for u in told.after["users"] if u["IsActive"]]
    assert active == [told.owner]
    whys = [c["why"] for c in told.answers["undo"].json["result"]["cannot"]]
    assert (
        len([w for w in whys if re.match(r"owns 1 open leads: sfprm offboard \S+ hands", w)]) == 1
    )


def test_memberships_are_gone_but_for_the_one_put_in_again(told: Told) -> None:
    """That row is somebody else's now."""
    assert len(told.applied["members"]) > 3
    assert len(told.after["members"]) == 1
    whys = [c["why"] for c in told.answers["undo"].json["result"]["cannot"]]
    assert any("taken out and put in again" in why for why in whys)


def test_what_stays_is_said_with_its_reason(told: Told) -> None:
    """Accounts, contacts, queues and the partner flag; the run ends partly done."""
    answer = told.answers["undo"]
    assert answer.code == 68
    kinds = {c["kind"] for c in answer.json["result"]["cannot"]}
    assert kinds >= {"CreateAccount", "EnablePartner", "UpsertContact", "CreateQueue"}
    assert all(c["why"] for c in answer.json["result"]["cannot"])


def test_it_goes_on_after_a_kill(told: Told) -> None:
    """Users were inactive then and members still in their queues; the rest was done after it."""
    assert [u["Username"] for u in told.killed["users"] if u["IsActive"]] == [told.owner]
    assert told.killed["members"] == told.applied["members"]
    answer = told.answers["undo"].json["result"]
    assert {s["kind"] for s in answer["steps"]} == {"RemoveMember"}
    assert answer["already"] == len(told.applied["users"]) - 1 + 2


def test_a_second_undo_finds_it_done(told: Told) -> None:
    """Nothing is written again."""
    assert "0 steps of" in told.answers["again"].out
    assert "back already" in told.answers["again"].out


def test_the_undo_is_journalled(told: Told) -> None:
    """Step by step, as an apply is."""
    assert {s.state for s in told.journal} == {StepState.DONE}
    assert {s.kind for s in told.journal} == {"UpdateAccount", "DeactivateUser", "RemoveMember"}


def test_the_next_apply_brings_it_all_back(told: Told) -> None:
    """On the same users; the plan after it is empty."""
    kinds = {s["kind"] for s in told.plans["after"].to_json()["steps"]}
    assert kinds == {"UpdateAccount", "UpdateUser", "AddMember"}
    assert told.plans["whole"].to_json()["steps"] == []
