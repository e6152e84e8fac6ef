"""plan and apply against the embedded org, over HTTP: calls, refusals, lost answers, kills."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sfprm.errors import BadRequest, NotReady
from sfprm.provisioning.result import write_errors
from sfprm.salesforce import collections
from sfprm.store.records import StepState

USERS = "SELECT Id, ContactId, Username FROM User WHERE UserType = 'PowerPartner'"
ACCOUNTS = "SELECT Id, Name FROM Account WHERE Partner_Key__c != null AND IsPartner = true"
CONTACTS = "SELECT Id FROM Contact WHERE Partner_Key__c != null"
MEMBERS = "SELECT Id FROM GroupMember WHERE Group.DeveloperName LIKE 'Partner_leads%'"


def counts(stage: Any) -> dict[str, int]:
    """Partner accounts, contacts, users, and memberships of the managed queues."""
    return {
        name: len(stage.rows(query))
        for name, query in (
            ("accounts", ACCOUNTS),
            ("contacts", CONTACTS),
            ("users", USERS),
            ("members", MEMBERS),
        )
    }


WHOLE = {"accounts": 12, "contacts": 30, "users": 30, "members": 9}


def test_apply_makes_the_org_as_declared_and_the_second_plan_is_empty(ready: Any) -> None:
    """12 partners, 30 people, 2 queues; at most 40 calls for all, and 12 for the second plan."""
    session = ready.fresh_session()
    result = ready.apply()
    assert result.is_whole
    assert session.calls.total <= 40
    assert counts(ready) == WHOLE
    session = ready.fresh_session()
    assert ready.plan().steps == ()
    assert session.calls.total <= 12


def test_the_estimate_of_calls_is_what_apply_costs(ready: Any) -> None:
    """The plan says beforehand how many calls it will make."""
    plan = ready.plan()
    assert ready.apply(plan).calls == plan.write_calls


def test_the_two_existing_accounts_are_not_doubled(ready: Any) -> None:
    """Named by a matched field, they become the partners."""
    before = len(ready.rows("SELECT Id FROM Account"))
    ready.apply()
    assert len(ready.rows("SELECT Id FROM Account")) == before + 10


def test_every_step_is_journalled_and_every_value_remembered(ready: Any) -> None:
    """All steps end DONE; the store knows what was written."""
    plan = ready.plan()
    ready.apply(plan)
    steps = ready.store.steps("apply-1")
    assert [s.state for s in steps] == [StepState.DONE] * len(plan.steps)
    assert ready.store.applied()[("Account", "sulcom")]["Name"] == "Sulcom"
    assert ready.plan().comparison.baseline == ()


def test_no_more_changes_than_allowed(ready: Any) -> None:
    """Refused before the first write."""
    with pytest.raises(BadRequest, match="more than --max-changes 5"):
        ready.apply(max_changes=5)
    assert ready.rows(USERS) == []


def test_a_refused_row_fails_alone_and_the_next_run_completes(ready: Any, tmp_path: Path) -> None:
    """A username taken between plan and apply: 29 users are made, memberships wait."""
    plan = ready.plan()
    taken = "ines.moura.acme-ibericos@partners.example.com"
    someone = ready.rows("SELECT Id FROM User WHERE Username = 'ana.costa@alder.example.com'")[0]
    renamed = {"Id": someone["Id"], "Username": taken}
    assert collections.update(ready.session, "User", [renamed])[0].success
    result = ready.apply(plan)
    assert [(f.key, f.code) for f in result.failed] == [("ines.moura", "DUPLICATE_USERNAME")]
    assert [s.kind for s in result.skipped] == ["AddMember"]
    assert not result.is_whole
    write_errors(tmp_path / "errors.csv", result.errors)
    assert len((tmp_path / "errors.csv").read_text("utf-8-sig").splitlines()) == 3
    blocked = ready.plan()
    assert blocked.steps == ()
    assert "belongs to Ana Costa" in blocked.comparison.blocked[0].why
    back = {"Id": someone["Id"], "Username": "ana.costa@alder.example.com"}
    collections.update(ready.session, "User", [back])
    assert ready.apply().changed == 2
    assert counts(ready) == WHOLE


def test_a_manager_who_loses_the_role_fails_only_own_people(ready: Any) -> None:
    """The org refuses users under such an owner; the others are made."""
    plan = ready.plan()
    pedro = ready.rows("SELECT Id FROM User WHERE Username = 'pedro.reis@alder.example.com'")[0]
    ready.org.event("person-edits", object="User", id=pedro["Id"], fields={"UserRoleId": None})
    result = ready.apply(plan)
    failed = {f.key for f in result.failed if f.kind == "CreateUser"}
    owned = {p.key for p in ready.programme.partners.values() if p.manager == "pedro"}
    assert failed == {p.key for p in ready.programme.people.values() if p.partner in owned}
    assert any("must have a role" in f.message for f in result.failed)


def test_stop_on_error_leaves_the_rest(ready: Any) -> None:
    """The first failure ends the writing."""
    plan = ready.plan()
    pedro = ready.rows("SELECT Id FROM User WHERE Username = 'pedro.reis@alder.example.com'")[0]
    ready.org.event("person-edits", object="User", id=pedro["Id"], fields={"UserRoleId": None})
    result = ready.apply(plan, stop_on_error=True)
    assert ready.rows(MEMBERS) == []
    assert len(result.failed) + len(result.skipped) + result.changed == len(plan.steps)


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("drop-after", 0),
        ("drop-after", 2),
        ("drop-after", 3),
        ("drop-after", 4),
        ("drop-before", 1),
        ("drop-before", 4),
    ],
)
def test_a_lost_answer_doubles_nothing(ready: Any, kind: str, after: int) -> None:
    """The answer to a create (users, users, queues, queue objects, members) is lost, done or not:
    the records are read back by what makes them one of a kind."""
    ready.org.control(
        "POST",
        "faults",
        {"path": "composite/sobjects$", "method": "POST", "kind": kind, "after": after},
    )
    plan = ready.plan()
    result = ready.apply(plan)
    assert result.is_whole
    assert result.calls > plan.write_calls
    assert counts(ready) == WHOLE
    assert ready.plan().steps == ()


def test_an_expired_session_is_renewed_on_the_way(ready: Any) -> None:
    """Nothing is lost or doubled when the org forgets the login."""
    ready.org.control(
        "POST", "faults", {"path": "composite/sobjects", "kind": "expired-session", "after": 3}
    )
    assert ready.apply().is_whole
    assert counts(ready) == WHOLE


def test_a_user_made_by_someone_else_meanwhile_is_adopted(ready: Any) -> None:
    """One user a contact: the org says so, and the one that is there is taken."""
    plan = ready.plan()
    people = [s for s in plan.steps if s.kind == "CreateUser"]
    ready.apply(plan)
    # the same creates once more, as if another agent had been quicker
    contacts = {
        r["Partner_Key__c"]: r["Id"]
        for r in ready.rows("SELECT Id, Partner_Key__c FROM Contact WHERE Partner_Key__c != null")
    }
    late = tuple(
        replace(s, after={**s.after, "ContactId": contacts[s.key]}, links={}, needs=())
        for s in people
    )
    result = ready.apply(replace(plan, steps=late))
    assert result.is_whole
    assert len(result.adopted) == 30
    assert counts(ready) == WHOLE


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from sfprm.clock import SystemClock
from sfprm.events import NoProgress
from sfprm.ids import RunId
from sfprm.programme.load import load_programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.make_plan import make_plan
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState

settings = load_settings()
store = open_store(settings.database)
session = open_session(settings, SystemClock())
left = int(sys.argv[1])

def count(what):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

programme = load_programme(settings.programme)
plan = make_plan(session, store, programme, progress=NoProgress())
run = RunId("killed")
store.start_run(Run(run, "apply", RunState.RUNNING, "test", datetime.now(UTC)))
store.on_commit(count)
apply(session, store, plan, run=run, clock=SystemClock(), progress=NoProgress())
"""


@pytest.mark.parametrize("commit", [1, 5, 9, 12, 17])
def test_killed_at_a_journal_point_and_run_again(ready: Any, run_script: Any, commit: int) -> None:
    """kill -9 after some commit, then the same again: the same end state, nothing doubled."""
    env = {**os.environ, **ready.org.env(ready.settings.state_dir)}
    code, _, err = run_script(KILLED, str(commit), env=env)
    assert code == -signal.SIGKILL, err
    assert ready.apply().is_whole
    assert counts(ready) == WHOLE
    assert ready.plan().steps == ()
    added = [
        user
        for (object_, _), users in ready.store.applied().items()
        if object_ == "GroupMember"
        for user, there in users.items()
        if there
    ]
    assert len(added) == 9


def test_plan_refuses_before_setup(demo: Any) -> None:
    """Nothing to compare before the key fields can be seen."""
    with pytest.raises(NotReady, match=r"are not visible to sfprm\.agent@alder"):
        demo.plan()


def test_a_change_by_hand_is_told_from_a_files(ready: Any) -> None:
    """Somebody edits a managed field: the plan names it and puts it right."""
    ready.apply()
    account = ready.rows("SELECT Id FROM Account WHERE Partner_Key__c = 'sulcom'")[0]
    ready.org.event("person-edits", object="Account", id=account["Id"], fields={"Phone": "0"})
    plan = ready.plan()
    assert [dict(s.after) for s in plan.steps] == [{"Phone": "+351 28 555 0110"}]
    text = "\n".join(line for b in plan.blocks() for line in getattr(b, "lines", ()))
    assert "Phone 0 → +351 28 555 0110 (changed in the org)" in text
    ready.apply(plan)
    assert ready.plan().steps == ()
