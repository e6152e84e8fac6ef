"""Refusals that are met in the middle of an apply: the rest goes on, nothing doubles, the next run
completes. And groups, permission sets, merges and owners, which only the org can show."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from sfprm.clock import FakeClock, SystemClock
from sfprm.errors import TryLater
from sfprm.estate.reader import read_estate
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.runner import Starter, run_job
from sfprm.programme.model import (
    FieldMatch,
    GroupMember,
    MembersPolicy,
    OnTaken,
    OwnerPolicy,
    PartnerMember,
    PartnerRoleMember,
    PeoplePolicy,
    PersonMember,
    PortalRole,
    Presence,
    PublicGroup,
)
from sfprm.provisioning.apply import Brakes
from sfprm.provisioning.standing import stand
from sfprm.salesforce import collections
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.store.records import StepState

USERS = "SELECT Id, Username FROM User WHERE Contact.Partner_Key__c != null"
INES = "ines.moura.acme-ibericos@partners.example.com"
PEDRO = "pedro.reis@alder.example.com"


def someone(stage: Any) -> str:
    """An internal user's id."""
    found = stage.rows("SELECT Id FROM User WHERE Name = 'Ana Costa'")
    return str(found[0]["Id"])


def fault(**wanted: Any) -> Callable[[Any], None]:
    """A fault of the control API."""
    return lambda stage: stage.org.control("POST", "faults", wanted)


def username_taken(stage: Any) -> None:
    collections.update(stage.session, "User", [{"Id": someone(stage), "Username": INES}])


def username_free(stage: Any) -> None:
    back = {"Id": someone(stage), "Username": "ana.costa@alder.example.com"}
    collections.update(stage.session, "User", [back])


def seats(many: int) -> Callable[[Any], None]:
    """So many seats in all."""
    return lambda stage: stage.org.event("seats-bought", licence="Partner Community", seats=many)


def role(name: str | None) -> Callable[[Any], None]:
    """Pedro, who owns partner accounts, has this role, or none."""

    def act(stage: Any) -> None:
        found = stage.rows(f"SELECT Id FROM User WHERE Username = '{PEDRO}'")[0]
        if name is not None:
            roles = stage.rows(f"SELECT Name FROM UserRole WHERE Name LIKE '{name}%'")
            stage.org.event("role-given", username=PEDRO, role=roles[0]["Name"])
        else:
            fields = {"UserRoleId": None}
            stage.org.event("person-edits", object="User", id=found["Id"], fields=fields)

    return act


def nothing(stage: Any) -> None:
    """It passes by itself."""


BAD_DAYS: dict[str, tuple[Callable[[Any], None], Callable[[Any], None], str]] = {
    "a username is taken meanwhile": (username_taken, username_free, "DUPLICATE_USERNAME"),
    "the licence runs out": (seats(20), seats(40), "LICENSE_LIMIT_EXCEEDED"),
    "a manager loses the role": (role(None), role("Channel"), "UNKNOWN_EXCEPTION"),
    "a row is locked": (
        fault(path="composite/sobjects", kind="lock", times=1, after=2),
        nothing,
        "",
    ),
    "groups are locked": (
        fault(path="composite/sobjects", kind="group-lock", times=1, after=3),
        nothing,
        "",
    ),
    "the session is revoked": (
        fault(path="composite/sobjects", kind="expired-session", times=2, after=3),
        nothing,
        "",
    ),
    "the org is away for a moment": (
        fault(path="composite/sobjects", kind="503", times=1, after=3),
        nothing,
        "",
    ),
}


@pytest.mark.parametrize("name", BAD_DAYS)
def test_a_bad_day_in_the_middle(ready: Any, name: str) -> None:
    """What is refused is named with its fix; the rest is done; the next run completes."""
    happens, mended, code = BAD_DAYS[name]
    plan = ready.plan()
    happens(ready)
    result = ready.apply(plan, programme=ready.programme)
    codes = {row.code for row in result.failed}
    assert codes == ({code} if code else set())
    assert all(row.fix for row in result.failed)
    assert result.changed > 0
    ready.org.control("DELETE", "faults")
    mended(ready)
    assert ready.apply(programme=ready.programme).is_whole
    users = ready.rows(USERS)
    assert len(users) == len(ready.programme.people)
    assert ready.plan().steps == ()


class At(NoProgress):
    """Something happens when a stage begins."""

    def __init__(self, stage: str, happens: Callable[[], None]) -> None:
        self.at, self.happens = stage, happens

    def stage(self, name: str, total: int | None = None) -> None:
        if name == self.at:
            self.at = ""
            self.happens()


def deleted(object_: str, key: str) -> Callable[[Any], None]:
    """Somebody deletes the record with this key."""

    def act(stage: Any) -> None:
        [row] = stage.rows(f"SELECT Id FROM {object_} WHERE Partner_Key__c = '{key}'")
        assert collections.delete(stage.session, [row["Id"]])[0].success

    return act


MEANWHILE: dict[str, tuple[str, Callable[[Any], None], set[tuple[str, str, str]]]] = {
    "an account is deleted": (
        "enable",
        deleted("Account", "sulcom"),
        {("EnablePartner", "sulcom", "ENTITY_IS_DELETED")},
    ),
    "a contact is deleted": (
        "users",
        deleted("Contact", "ines.moura"),
        {("CreateUser", "ines.moura", "INVALID_CROSS_REFERENCE_KEY")},
    ),
    "locks without end": (
        "enable",
        fault(path="composite/sobjects", kind="lock", times=6),
        {("EnablePartner", "acme-ibericos", "UNABLE_TO_LOCK_ROW")},
    ),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_a_bad_day_between_two_phases(ready: Any, name: str) -> None:
    """The rest goes on; each record is named with its fix; what needs it waits for it; the next
    run completes, without a second of anything."""
    stage, happens, named = MEANWHILE[name]
    # the waits between repeats of a locked row are passed over
    ready.session = open_session(ready.settings, FakeClock(datetime(2026, 11, 23, tzinfo=UTC)))
    at = At(stage, lambda: happens(ready))
    result = ready.apply(programme=ready.programme, progress=at)
    failed = {(row.kind, row.key, row.code) for row in result.failed}
    assert failed >= named
    codes = {code for *_, code in failed}
    assert codes == {code for *_, code in named}
    assert all(row.fix and row.label for row in result.errors)
    partners = {row.key: row.kind for row in result.failed}
    people = ready.programme.people.values()
    lost = {p.key for p in people if p.partner in partners or p.key in partners}
    assert {r.key for r in result.skipped if r.kind == "CreateUser"} == lost - set(partners)
    assert result.done["CreateUser"] == len(people) - len(lost)
    ready.org.control("DELETE", "faults")
    assert ready.apply(programme=ready.programme).is_whole
    assert len(ready.rows(USERS)) == len(people)
    assert ready.plan().steps == ()


def test_the_daily_limit_is_reached(ready: Any) -> None:
    """Nothing more can be done today: the error says how far it came; tomorrow the same command
    goes on, and nobody is made twice."""
    spent = fault(path="/", kind="exhausted", times=None)
    at = At("users", lambda: spent(ready))
    with pytest.raises(TryLater) as later:
        ready.apply(programme=ready.programme, progress=at)
    assert "54 of 97 steps are done" in later.value.message
    assert "24 hours" in later.value.hint
    # what the last request before it brought is journalled and remembered all the same
    states = Counter((s.kind, s.state) for s in ready.store.steps("apply-1"))
    people = len(ready.programme.people)
    assert states["UpsertContact", StepState.DONE] == people
    assert states["CreateUser", StepState.SENT] == 20
    assert sum(many for (_, state), many in states.items() if state is StepState.DONE) == 54
    assert sum(object_ == "Contact" for object_, _ in ready.store.applied()) == people
    ready.org.control("DELETE", "faults")
    assert ready.rows(USERS) == []
    assert ready.apply(programme=ready.programme).is_whole
    assert len(ready.rows(USERS)) == len(ready.programme.people)
    assert ready.plan().steps == ()


def test_the_site_goes_down(ready: Any, tmp_path: Path) -> None:
    """The users are made all the same; that nobody was mailed is said, with the way to do it."""
    [site] = ready.rows(f"SELECT Id FROM Network WHERE Name = '{ready.programme.site}'")
    on = {"Id": site["Id"], "OptionsSendWelcomeEmail": True}
    assert collections.update(ready.session, "Network", [on])[0].success
    down = {"Id": site["Id"], "Status": "DownForMaintenance"}
    at = At("users", lambda: print(collections.update(ready.session, "Network", [down])))
    before = len(ready.org.outbox())
    settings = load_settings(ready.org.env(tmp_path / "own"))
    with Starter(settings, SystemClock(), at, started_by="test") as starter:
        finished = run_job(ProvisionJob(), ProvisionOptions(), starter)
    assert finished.exit_code == 0
    assert finished.result is not None
    assert "no longer Live" in finished.result.warnings[0]
    assert "sfprm invite" in finished.result.warnings[0]
    assert len(ready.rows(USERS)) == len(ready.programme.people)
    assert ready.org.outbox()[before:] == []


NOTHING = """<Package xmlns="http://soap.sforce.com/2006/04/metadata"><version>60.0</version></Package>
"""


class OrgWaits(FakeClock):
    """Whoever sleeps sees the org's clock go on as well."""

    def __init__(self, org: Any) -> None:
        super().__init__(datetime(2026, 11, 23, tzinfo=UTC))
        self.org = org

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.org.control("POST", "clock", {"advance": seconds})


def test_a_deployment_is_waited_for(ready: Any, tmp_path: Path) -> None:
    """While one runs nothing is written: the run ends with who and since when, and a next try; with
    a longer wait it goes on once the deployment has ended."""
    ready.org.control("POST", "delays", {"deployment_seconds": 60})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("package.xml", NOTHING)
    files = {
        "json": (None, json.dumps({"deployOptions": {}}), "application/json"),
        "file": ("deploy.zip", packed.getvalue(), "application/zip"),
    }
    form = requests.Request("POST", "http://localhost", files=files).prepare()
    ready.session.request(
        "POST",
        "metadata/deployRequest",
        kind="metadata",
        data=form.body,
        headers={"Content-Type": form.headers["Content-Type"]},
        repeatable=False,
    )
    settings = load_settings(ready.org.env(tmp_path / "own"))
    clock = OrgWaits(ready.org)
    with Starter(settings, clock, NoProgress(), started_by="test") as starter:
        short = run_job(ProvisionJob(), ProvisionOptions(deployment_wait=10), starter)
        assert isinstance(short.error, TryLater)
        assert "by Sfprm Agent since 20" in short.error.message
        assert "--deployment-wait" in short.error.hint
        assert ready.rows(USERS) == []
        whole = run_job(ProvisionJob(), ProvisionOptions(deployment_wait=300), starter)
    assert whole.exit_code == 0
    assert 50 < sum(clock.slept) < 90
    assert len(ready.rows(USERS)) == len(ready.programme.people)


def test_a_leaver_whom_setup_holds_is_frozen(ready: Any) -> None:
    """`state: absent` where Salesforce refuses to deactivate: frozen, named, done by the next run
    once it can be; and let go again when the person comes back."""
    ready.apply(programme=ready.programme)
    held = {"username": INES, "because": "the default lead owner"}
    ready.org.control("POST", "behaviours", {"held_users": [held]})
    present = ready.programme
    ines = present.people[PersonKey("ines.moura")]
    gone = {**present.people, ines.key: replace(ines, state=Presence.ABSENT)}
    ready.programme = replace(present, people=gone, digest="gone")
    result = ready.apply(programme=ready.programme)
    [row] = result.failed
    assert (row.key, row.code) == ("ines.moura", "FIELD_INTEGRITY_EXCEPTION")
    assert "frozen instead" in row.message
    assert "run apply again" in row.fix
    who = f"SELECT Id FROM User WHERE Username = '{INES}'"
    frozen = f"SELECT IsFrozen FROM UserLogin WHERE UserId IN ({who})"
    assert ready.rows(frozen)[0]["IsFrozen"] is True
    ready.org.control("DELETE", "behaviours")
    assert ready.apply(programme=ready.programme).is_whole
    assert ready.plan().steps == ()
    ready.programme = replace(present, digest="back")
    assert ready.apply(programme=ready.programme).is_whole
    assert ready.rows(frozen)[0]["IsFrozen"] is False
    assert ready.plan().steps == ()


def test_a_username_that_is_taken_is_numbered(ready: Any) -> None:
    """Where the programme says so; the plan after it is empty all the same."""
    username_taken(ready)
    people = {key: replace(p, on_taken=OnTaken.NUMBER) for key, p in ready.programme.people.items()}
    ready.programme = replace(ready.programme, people=people)
    assert ready.apply(programme=ready.programme).is_whole
    names = {row["Username"] for row in ready.rows(USERS)}
    assert "ines.moura2.acme-ibericos@partners.example.com" in names or any(
        name.startswith("ines.moura.acme-ibericos2@") for name in names
    )
    assert ready.plan().steps == ()


def with_groups(stage: Any) -> Any:
    """A public group of a person and a role; a queue of that group and a partner's role."""
    origin = next(iter(stage.programme.partners.values())).origin
    group = PublicGroup(
        "Deal desk",
        "Deal_desk",
        origin,
        (
            PersonMember(PersonKey("ines.moura")),
            PartnerRoleMember(PartnerKey("sulcom"), PortalRole.WORKER),
        ),
        MembersPolicy.EXACT,
    )
    label, queue = next((n, q) for n, q in stage.programme.queues.items() if q.managed)
    queue = replace(queue, members=(*queue.members, GroupMember("Deal desk")))
    return replace(
        stage.programme,
        groups={group.name: group},
        queues={**stage.programme.queues, label: queue},
        digest="groups",
    )


def test_groups_roles_and_permission_sets_come_and_go(ready: Any) -> None:
    """One apply makes a group with a role that comes with the partner's first user; the next plan
    is empty; a stranger is taken out of an exact group; a dropped permission set is revoked."""
    declared = with_groups(ready)
    collections.create(ready.session, "PermissionSet", [{"Name": "Deals", "Label": "Deals"}])
    ines = replace(declared.people[PersonKey("ines.moura")], permission_sets=("Deals",))
    ready.programme = replace(declared, people={**declared.people, ines.key: ines})
    result = ready.apply(programme=ready.programme)
    assert result.is_whole, [row.message for row in result.errors]
    query = "SELECT UserOrGroupId FROM GroupMember WHERE Group.DeveloperName = 'Deal_desk'"
    assert len(ready.rows(query)) == 2
    grants = "SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Deals'"
    assert len(ready.rows(grants)) == 1
    assert ready.plan().steps == ()
    group = ready.rows("SELECT Id FROM Group WHERE DeveloperName = 'Deal_desk'")[0]["Id"]
    stranger = {"GroupId": group, "UserOrGroupId": someone(ready)}
    collections.create(ready.session, "GroupMember", [stranger])
    plain = replace(ines, permission_sets=())
    ready.programme = replace(
        ready.programme, people={**ready.programme.people, ines.key: plain}, digest="less"
    )
    plan = ready.plan()
    assert {s.kind for s in plan.steps} == {"RemoveMember", "RevokePermissionSet"}
    assert ready.apply(plan, programme=ready.programme).is_whole
    assert len(ready.rows(query)) == 2
    assert ready.rows(grants) == []
    assert ready.plan().steps == ()


def test_members_of_an_unchanged_group_are_not_read_again(ready: Any) -> None:
    """One aggregate tells that nobody came or went; a swap by hand is seen all the same."""
    ready.apply(programme=ready.programme)
    session = ready.fresh_session()
    asked: list[str] = []
    session._on_call = lambda done: asked.append(done.path)
    before = session.calls.by_kind.get("query", 0)
    assert ready.plan().steps == ()
    unchanged = session.calls.by_kind["query"] - before
    row = ready.rows(
        "SELECT Id, GroupId FROM GroupMember WHERE Group.DeveloperName = 'Partner_leads_South'"
    )[0]
    collections.delete(session, [row["Id"]])
    collections.create(
        session, "GroupMember", [{"GroupId": row["GroupId"], "UserOrGroupId": someone(ready)}]
    )
    before = session.calls.by_kind["query"]
    assert [s.kind for s in ready.plan().steps] == ["AddMember"]
    assert session.calls.by_kind["query"] - before == unchanged + 1


def test_a_merged_account_is_followed(ready: Any) -> None:
    """The key moves to the account that was kept, through a second merge too, and the plan after it
    is empty."""
    ready.apply(programme=ready.programme)
    lost = ready.rows("SELECT Id, OwnerId FROM Account WHERE Partner_Key__c = 'sulcom'")[0]
    names = ("Sulcom SA", "Sulcom SL")
    made = collections.create(
        ready.session, "Account", [{"Name": n, "OwnerId": lost["OwnerId"]} for n in names]
    )
    collections.update(ready.session, "Account", [{"Id": m.id, "IsPartner": True} for m in made])
    ready.org.event("records-merged", object="Account", keep=made[1].id, lose=[lost["Id"]])
    ready.org.event("records-merged", object="Account", keep=made[0].id, lose=[made[1].id])
    plan = ready.plan()
    notes = [note for d in plan.comparison.differences for note in d.notes]
    assert any("was merged into Sulcom SA" in note for note in notes)
    assert {s.kind for s in plan.steps} == {"UpdateAccount"}
    assert ready.apply(plan, programme=ready.programme).is_whole
    assert ready.plan().steps == ()
    kept = ready.rows("SELECT Id FROM Account WHERE Partner_Key__c = 'sulcom'")
    assert [row["Id"] for row in kept] == [made[0].id]


def test_an_owner_change_waits_for_its_window(ready: Any) -> None:
    """Outside the window it is left, inside it is done; keep_team goes by SOAP."""
    ready.apply(programme=ready.programme)
    sulcom = ready.programme.partners[PartnerKey("sulcom")]
    moved = replace(sulcom, manager="pedro", owner=OwnerPolicy.MANAGED, keep_team=True)
    ready.programme = replace(
        ready.programme, partners={**ready.programme.partners, moved.key: moved}, digest="moved"
    )
    plan = ready.plan()
    assert [s.kind for s in plan.steps] == ["ChangeOwner"]
    assert plan.steps[0].risk == "costly"
    shut = ready.apply(plan, programme=ready.programme, brakes=Brakes(open_now=lambda: False))
    assert (shut.changed, len(shut.waiting)) == (0, 1)
    assert ready.apply(plan, programme=ready.programme).is_whole
    assert ready.plan().steps == ()


def test_a_person_moves_to_another_partner_with_the_user(ready: Any) -> None:
    """In a step of its own; the user's account follows; nobody is made twice."""
    ready.apply(programme=ready.programme)
    key = PersonKey("ines.moura")
    before = ready.rows(f"SELECT Id FROM User WHERE Contact.Partner_Key__c = '{key}'")
    moved = replace(ready.programme.people[key], partner=PartnerKey("sulcom"))
    ready.programme = replace(
        ready.programme, people={**ready.programme.people, key: moved}, digest="moved"
    )
    plan = ready.plan()
    assert "MoveContact" in {s.kind for s in plan.steps}
    result = ready.apply(plan, programme=ready.programme)
    assert result.is_whole, [row.message for row in result.errors]
    query = f"SELECT Id, Account.Partner_Key__c FROM User WHERE Contact.Partner_Key__c = '{key}'"
    [after] = ready.rows(query)
    assert after["Id"] == before[0]["Id"]
    assert after["Account"]["Partner_Key__c"] == "sulcom"
    assert ready.plan().steps == ()


def test_a_contact_is_taken_by_a_named_field_and_never_by_its_looks(ready: Any) -> None:
    """A contact with the e-mail and name of a declared person stops that person, until the file
    names it; then it gets the key, and no second contact is made."""
    ready.apply(programme=ready.programme)
    account = ready.rows("SELECT Id FROM Account WHERE Partner_Key__c = 'sulcom'")[0]["Id"]
    mail = "nova@sulcom.example.com"
    made = collections.create(
        ready.session, "Contact", [{"AccountId": account, "LastName": "Nova", "Email": mail}]
    )
    base = next(p for p in ready.programme.people.values() if p.partner == "sulcom")
    nova = replace(
        base, key=PersonKey("nova"), first_name="", last_name="Nova", email=mail,
        username="nova@partners.example.com", nickname="nova", alias="nova",
    )  # fmt: skip
    programme = ready.programme
    ready.programme = replace(programme, people={**programme.people, nova.key: nova}, digest="a")
    plan = ready.plan()
    assert plan.steps == ()
    assert "not taken unasked" in plan.comparison.blocked[0].why
    named = replace(nova, match=FieldMatch("Email", mail))
    ready.programme = replace(programme, people={**programme.people, nova.key: named}, digest="b")
    assert ready.apply(programme=ready.programme).is_whole
    contacts = ready.rows(f"SELECT Id FROM Contact WHERE Email = '{mail}'")
    assert [row["Id"] for row in contacts] == [made[0].id]
    assert ready.plan().steps == ()


def test_a_saved_plan_is_carried_out_exactly(ready: Any) -> None:
    """Done, to be run, and moved steps in one: what moved is named, what needs it waits."""
    plan = ready.plan()
    half = replace(plan, steps=plan.steps[:20])
    ready.apply(half, programme=ready.programme)
    made = ready.rows("SELECT Id FROM Account WHERE Partner_Key__c = 'sulcom'")[0]["Id"]
    ready.org.event("person-edits", object="Account", id=made, fields={"Phone": "0"})
    estate = read_estate(ready.session, ready.programme)
    stands = stand(plan.steps, estate, ready.programme)
    result = ready.apply(plan, programme=ready.programme, stands=stands)
    assert [(row.key, row.code) for row in result.failed] == [("sulcom", "MOVED")]
    assert "Phone is '0'" in result.failed[0].message
    assert result.already == 19
    waiting = {row.key for row in result.skipped}
    people = {p.key for p in ready.programme.people_of(PartnerKey("sulcom"))}
    assert people <= waiting
    assert result.already + result.changed + len(result.errors) == len(plan.steps)
    assert ready.apply(programme=ready.programme).is_whole
    assert ready.plan().steps == ()


def test_delegated_people_are_members_without_being_in_a_file(ready: Any) -> None:
    """Whom a partner's own administrator made is in the partner's queues, and is no stranger."""
    ready.apply(programme=ready.programme)
    people = dict(ready.programme.people)
    gone = next(p for p in people.values() if p.partner == "sulcom")
    del people[gone.key]
    sulcom = ready.programme.partners[PartnerKey("sulcom")]
    delegated = replace(sulcom, people=PeoplePolicy.DELEGATED)
    ready.programme = replace(
        ready.programme,
        people=people,
        partners={**ready.programme.partners, sulcom.key: delegated},
        digest="delegated",
    )
    plan = ready.plan()
    assert plan.steps == ()
    assert plan.comparison.unmanaged == ()
    assert any(
        isinstance(m, PartnerMember) and m.partner == "sulcom"
        for q in ready.programme.queues.values()
        for m in q.members
    )
