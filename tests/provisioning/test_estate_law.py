"""The law of the estate on the embedded org: whatever the files, people, faults and kills do, an
apply makes the org as declared, the next plan is empty, and nothing is ever doubled.

Long form: SFPRM_TEST_LONG=1 (60 histories), or a larger number of histories.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from sfprm.clock import FakeClock
from sfprm.errors import OrgRefused, TryLater
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey, RecordId, RunId
from sfprm.programme.load import load_programme
from sfprm.programme.model import (
    GroupMember,
    PartnerMember,
    PersonMember,
    Presence,
    Programme,
    PublicGroup,
)
from sfprm.provisioning.apply import apply
from sfprm.provisioning.difference import Kind
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.plan_file import read_plan, write_plan
from sfprm.provisioning.standing import stand
from sfprm.salesforce import collections
from sfprm.salesforce.query import Row, select, select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState
from sfprm.store.writer import Store

_ASKED = os.environ.get("SFPRM_TEST_LONG", "")
LONG = max(60, int(_ASKED)) if _ASKED.isdigit() and _ASKED != "0" else 0
ROOT = Path(__file__).parents[2]
PARTNERS = ("alfa", "beta", "gama")
PEOPLE = tuple(f"{partner}.{n}" for partner in PARTNERS for n in range(2))
NAMES = ("Ana", "Ωmega", "日本", '=cmd|"x"', "O'Neil, Lda", "Bø 🙂", "x" * 80)
STATES = st.sampled_from([Presence.ACTIVE, Presence.ACTIVE, Presence.FROZEN, Presence.ABSENT])
FAULTS = (
    *("drop-before", "drop-after", "expired-session", "503", "lock", "group-lock", "half"),
    "exhausted",
)
SETS = ("Law_a", "Law_b")
"""Permission sets that the org has."""
EDITS = ("phone", "off", "freeze", "member", "stranger", "revoked", "granted", "merged")
"""What people do by hand."""
MERGES = (
    *("into a stranger", "a stranger into", "into each other", "into one with a user", "away"),
    *("two into a stranger", "on and on"),
)
"""How contacts are merged: ours into one that somebody has made, or that into ours; two of ours,
one into the other or both into a stranger; ours into one that somebody has given a user, into one
of no account, or into a stranger who is merged into another."""


class Killed(BaseException):
    """The process dies here."""


class Estate(RuleBasedStateMachine):
    """Files, people, faults, kills and applies in any order."""

    def __init__(self, org: Any, make: Any, folder: Path) -> None:
        super().__init__()
        self.org, self.make, self.folder = org, make, folder
        org.control("DELETE", "faults")
        org.control("POST", "snapshots/law/restore")
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        self.settings = load_settings(env=org.env(folder))
        self.base = load_programme(ROOT / "config")
        self.programme: Programme = self.base
        self.runs = self.strangers = 0
        self.coming: list[dict[str, Any]] = []
        """Faults that the next plan or apply meets: what is asked in between is asked past them."""
        self.session, self.store = self.open()
        self.sets = {
            str(row["Name"]): str(row["Id"])
            for row in self.rows("SELECT Id, Name FROM PermissionSet WHERE Name LIKE 'Law%'")
        }

    def open(self) -> tuple[Session, Store]:
        """As a new process does."""
        store = open_store(self.settings.database)
        session = open_session(self.settings, FakeClock(datetime(2026, 11, 23, tzinfo=UTC)))
        return session, store

    def reopen(self) -> None:
        self.session.close()
        self.store.close()
        self.session, self.store = self.open()
        self.store.lose_runs(datetime(2026, 11, 23, tzinfo=UTC))

    def teardown(self) -> None:
        try:
            self.org.control("DELETE", "faults")
            if "Law group" in self.programme.groups:
                self.settle()
        finally:
            self.session.close()
            self.store.close()

    # what happens

    @initialize(data=st.data())
    def first_files(self, data: st.DataObject) -> None:
        self.files(data)

    @rule(data=st.data())
    def files(self, data: st.DataObject) -> None:
        """Somebody edits the files."""
        partners = [
            self.make.partner(
                key,
                name=f"{data.draw(st.sampled_from(NAMES))} {key}",
                manager=data.draw(st.sampled_from(["marta", "lena"]))
                if "lena" in self.base.channel_managers
                else next(iter(self.base.channel_managers)),
                fields={"Phone": data.draw(st.sampled_from(["+351 1", "", None]))},
                state=data.draw(STATES),
            )
            for key in PARTNERS
        ]
        people = [
            self.make.person(
                key,
                data.draw(st.sampled_from([key.partition(".")[0]] * 3 + [*PARTNERS])),
                last_name=data.draw(st.sampled_from(NAMES)),
                state=data.draw(STATES),
                profile=self.base.profile,
                email=f"{data.draw(st.sampled_from(['a', 'b']))}@{key}.example.com",
                permission_sets=tuple(
                    data.draw(st.lists(st.sampled_from(SETS), unique=True, max_size=2))
                ),
                time_zone="Europe/Lisbon",
            )
            for key in PEOPLE
            if data.draw(st.booleans()) or key.endswith("0")
        ]
        declared = {p.key for p in people}
        members = data.draw(st.lists(st.sampled_from(sorted(declared)), unique=True))
        group = PublicGroup(
            "Law group",
            "Law_group",
            partners[0].origin,
            tuple(PersonMember(PersonKey(key)) for key in members),
        )
        queue = self.make.queue(
            "Law queue",
            PartnerMember(PartnerKey(data.draw(st.sampled_from(PARTNERS)))),
            *([GroupMember("Law group")] if data.draw(st.booleans()) else []),
        )
        self.programme = replace(
            self.base,
            partners={p.key: p for p in partners},
            people={p.key: p for p in people},
            queues={queue.name: queue},
            groups={group.name: group},
            routing=type(self.base.routing)(),
            digest=repr((partners, people, queue, group)),
        )

    @rule(what=st.sampled_from(EDITS), at=st.integers(0, 99), name=st.sampled_from(SETS))
    def somebody_edits(self, what: str, at: int, name: str) -> None:
        """A person changes something of ours by hand, as far as the org lets them: the record `at`
        of those that there are."""
        keyed = "Contact.Partner_Key__c != null"
        match what:
            case "phone":
                self.touch("Account", "Partner_Key__c != null", {"Phone": "0800"}, at)
            case "off":
                self.touch("User", keyed, {"IsActive": False}, at)
            case "freeze":
                where = "UserId IN (SELECT Id FROM User WHERE ContactId != null)"
                self.touch("UserLogin", where, {"IsFrozen": True}, at)
            case "member":
                self.take_away("GroupMember", "Group.DeveloperName LIKE 'Law%'", at)
            case "revoked":
                self.take_away("PermissionSetAssignment", "PermissionSet.Name LIKE 'Law%'", at)
            case "granted":
                user = self.pick("User", keyed, at)
                if user is not None:
                    row = {"AssigneeId": user, "PermissionSetId": self.sets[name]}
                    collections.create(self.session, "PermissionSetAssignment", [row])
            case "merged":
                self.merge_contacts(MERGES[at % len(MERGES)], at)
            case "stranger":
                group = self.pick("Group", "DeveloperName = 'Law_queue'", at)
                someone = self.pick("User", "Username LIKE 'ana.costa@%'", at)
                if group is not None:
                    pair = {"GroupId": group, "UserOrGroupId": someone}
                    collections.create(self.session, "GroupMember", [pair])

    def pick(self, object_: str, where: str, at: int) -> str | None:
        """A record's id; None when there is none. What is drawn never depends on the org."""
        rows = self.rows(f"SELECT Id FROM {object_} WHERE {where} ORDER BY Id")
        return str(rows[at % len(rows)]["Id"]) if rows else None

    def touch(self, object_: str, where: str, fields: Any, at: int) -> None:
        row = self.pick(object_, where, at)
        if row is not None:
            note(f"{object_} {row} {fields}")
            collections.update(self.session, object_, [{"Id": row, **fields}])

    def take_away(self, object_: str, where: str, at: int) -> None:
        row = self.pick(object_, where, at)
        if row is not None:
            note(f"{object_} {row} deleted")
            collections.delete(self.session, [row])

    @rule(
        kind=st.sampled_from(FAULTS),
        after=st.integers(0, 5),
        times=st.sampled_from([1, 1, 2, 8]),
        path=st.sampled_from(["composite/sobjects", "composite/sobjects", "query"]),
    )
    def a_bad_day(self, kind: str, after: int, times: int, path: str) -> None:
        """The next plan or apply meets a fault, or several at once."""
        self.coming.append({"path": path, "kind": kind, "after": after, "times": times})

    @rule(live=st.booleans())
    def the_site(self, live: bool) -> None:
        """It goes down, or is Live again; its members are mailed when they join."""
        rows = self.rows("SELECT Id, Status FROM Network")
        status = "Live" if live else "DownForMaintenance"
        wanted = {"Status": status, "OptionsSendWelcomeEmail": True}
        told = collections.update(
            self.session, "Network", [{"Id": r["Id"], **wanted} for r in rows]
        )
        assert all(outcome.success for outcome in told), told

    @rule(at=st.integers(0, 99))
    def somebody_merges(self, at: int) -> None:
        """One of our accounts is merged into another that somebody has made: into a partner, when
        ours is one, as Salesforce asks."""
        ours = self.rows(
            "SELECT Id, OwnerId, IsPartner, Partner_Key__c FROM Account "
            "WHERE Partner_Key__c != null ORDER BY Partner_Key__c"
        )
        if not ours:
            return
        lost = ours[at % len(ours)]
        row = {"Name": f"Kept {lost['Partner_Key__c']}", "OwnerId": lost["OwnerId"]}
        [made] = collections.create(self.session, "Account", [row])
        if lost["IsPartner"]:
            collections.update(self.session, "Account", [{"Id": made.id, "IsPartner": True}])
        note(f"merged {lost['Id']} into {made.id}")
        self.org.event("records-merged", object="Account", keep=made.id, lose=[lost["Id"]])

    @rule(how=st.sampled_from(MERGES), at=st.integers(0, 99))
    def somebody_merges_contacts(self, how: str, at: int) -> None:
        """Salesforce keeps one user, that of the contact kept if it has one, and disables the
        other."""
        self.merge_contacts(how, at)

    def merge_contacts(self, how: str, at: int) -> None:
        """Whatever the org makes of it; nothing where there is nobody yet."""
        ours = self.rows(
            "SELECT Id, AccountId, Partner_Key__c FROM Contact WHERE Partner_Key__c != null "
            "ORDER BY Partner_Key__c"
        )
        two = how in ("into each other", "two into a stranger")
        if len(ours) < 1 + two:
            return
        one, other = ours[at % len(ours)], ours[(at + 1 + at // 10 % (len(ours) - two)) % len(ours)]
        if how == "into each other":
            self.merge(other["Id"], one["Id"])
            return
        stranger = self.stranger(None if how == "away" else one["AccountId"])
        match how:
            case "a stranger into":
                self.merge(one["Id"], stranger)
            case "two into a stranger":
                self.merge(stranger, one["Id"], other["Id"])
            case "on and on":
                self.merge(stranger, one["Id"])
                self.merge(self.stranger(one["AccountId"]), stranger)
            case "into one with a user":
                self.give_a_user(stranger)
                self.merge(stranger, one["Id"])
            case _:
                self.merge(stranger, one["Id"])

    def stranger(self, account: str | None) -> str:
        """A contact that no file names."""
        self.strangers += 1
        row = {"LastName": f"Stranger {self.strangers}", "AccountId": account}
        [made] = collections.create(self.session, "Contact", [row])
        return str(made.id)

    def merge(self, keep: str, *lose: str) -> None:
        note(f"contacts {', '.join(lose)} merged into {keep}")
        self.org.event("records-merged", object="Contact", keep=keep, lose=list(lose))

    def give_a_user(self, contact: str) -> None:
        """As somebody does in Salesforce, if the org lets them."""
        [profile] = self.rows(f"SELECT Id FROM Profile WHERE Name = '{self.base.profile}'")
        name = f"stranger{self.strangers}"
        user = {
            "ContactId": contact,
            "ProfileId": profile["Id"],
            "Username": f"{name}@by-hand.example.com",
            "LastName": f"Stranger {self.strangers}",
            "Email": f"{name}@by-hand.example.com",
            "Alias": name[:8],
            "CommunityNickname": name,
            "TimeZoneSidKey": "Europe/Lisbon",
            "LocaleSidKey": "pt_PT",
            "LanguageLocaleKey": "en_US",
            "EmailEncodingKey": "UTF-8",
        }
        [made] = collections.create(self.session, "User", [user])
        note(f"user {name}: {made.error or made.id}")

    @rule()
    def apply(self) -> None:
        """Plan and apply; what cannot be reached now is for the next run."""
        self.attempt(lambda: self.carry_out(self.plan()))

    @rule(commit=st.integers(1, 14))
    def apply_and_die(self, commit: int) -> None:
        """Killed after some commit of the journal."""
        left = commit

        def count(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        plan = self.attempt(self.plan, struck=False)
        self.store.on_commit(count)
        try:
            self.attempt(lambda: self.carry_out(plan))
        except Killed:
            note("killed")
        self.reopen()

    @rule(what=st.sampled_from(EDITS), at=st.integers(0, 99), name=st.sampled_from(SETS))
    def saved_plan(self, what: str, at: int, name: str) -> None:
        """A plan is saved, somebody edits, and the plan is carried out as far as it still fits."""
        plan = self.attempt(self.plan, struck=False)
        path = self.folder / "plan.json"
        write_plan(path, plan)
        self.somebody_edits(what, at, name)
        read = read_plan(path)

        def go() -> None:
            from sfprm.estate.reader import read_estate

            estate = read_estate(self.session, self.programme, sites=False)
            self.carry_out(read, stands=stand(read.steps, estate, self.programme))

        self.attempt(go)

    # how

    def plan(self) -> Any:
        return make_plan(self.session, self.store, self.programme, progress=NoProgress())

    def carry_out(self, plan: Any, **more: Any) -> Any:
        self.runs += 1
        run = RunId(f"law-{self.runs}")
        clock = FakeClock(datetime(2026, 11, 23, tzinfo=UTC))
        self.store.start_run(Run(run, "provision", RunState.RUNNING, "law", clock.now()))
        result = apply(
            self.session,
            self.store,
            plan,
            run=run,
            clock=clock,
            progress=NoProgress(),
            programme=self.programme,
            **more,
        )
        self.store.finish_run(
            run,
            state=RunState.DONE,
            finished=clock.now(),
            counts=result.counts(),
            calls=result.calls,
            exit_code=0,
        )
        return result

    def attempt(self, act: Any, *, struck: bool = True) -> Any:
        """Act, `struck` by the faults that are coming; they are over afterwards."""
        if struck:
            for fault in self.coming:
                self.org.control("POST", "faults", fault)
            self.coming = []
        try:
            return act()
        except (TryLater, OrgRefused) as passing:
            note(f"{type(passing).__name__}: {passing}")
            return None
        finally:
            self.org.control("DELETE", "faults")

    def rows(self, query: str) -> list[Row]:
        return select_all(self.session, query)

    # what must hold

    @invariant()
    def nothing_is_doubled(self) -> None:
        """One user a contact, each in the account of its contact; one account and contact a key;
        one membership a pair. Asked of the org past its faults."""
        self.org.control("DELETE", "faults")
        users = self.rows(
            "SELECT ContactId, AccountId, Contact.AccountId FROM User WHERE ContactId != null"
        )
        assert max(Counter(u["ContactId"] for u in users).values(), default=1) == 1
        assert all(u["AccountId"] == u["Contact"]["AccountId"] for u in users)
        for object_ in ("Account", "Contact"):
            keys = self.rows(f"SELECT Partner_Key__c FROM {object_} WHERE Partner_Key__c != null")
            counted = Counter(row["Partner_Key__c"].lower() for row in keys)
            assert max(counted.values(), default=1) == 1
        pairs = self.rows("SELECT GroupId, UserOrGroupId FROM GroupMember")
        assert len({(p["GroupId"], p["UserOrGroupId"]) for p in pairs}) == len(pairs)
        grants = self.rows("SELECT AssigneeId, PermissionSetId FROM PermissionSetAssignment")
        held = {(g["AssigneeId"], g["PermissionSetId"]) for g in grants}
        assert len(held) == len(grants)
        welcomed = Counter(m["to"][0] for m in self.org.outbox() if m["kind"] == "welcome")
        assert max(welcomed.values(), default=1) == 1

    def settle(self) -> None:
        """With faults gone, one apply does it; the plan after it is empty; the org is as the files
        say, as the org itself tells."""
        result = self.carry_out(self.plan())
        assert result.is_whole, [e.message for e in result.errors]
        plan = self.plan()
        assert [(s.kind, s.key, s.after) for s in plan.steps] == []
        accounts = {
            row["Partner_Key__c"]: row
            for row in self.rows(
                "SELECT Partner_Key__c, Name, Phone, IsPartner FROM Account "
                "WHERE Partner_Key__c != null"
            )
        }
        for partner in self.programme.partners.values():
            if partner.state is Presence.ACTIVE:
                row = accounts[partner.key]
                assert row["IsPartner"]
                assert row["Name"] == partner.name
                assert row["Phone"] == (partner.fields["Phone"] or None)
        users = {
            row["Contact"]["Partner_Key__c"]: row
            for row in self.rows(
                "SELECT Id, IsActive, LastName, Contact.Partner_Key__c FROM User "
                "WHERE Contact.Partner_Key__c != null"
            )
        }
        members = {
            RecordId(row["UserOrGroupId"])
            for row in self.rows(
                "SELECT UserOrGroupId FROM GroupMember WHERE Group.DeveloperName = 'Law_group'"
            )
        }
        left = {d.key for d in plan.comparison.differences for c in d.changes if not c.written}
        left |= self.merged_away(plan)
        for person in self.programme.people.values():
            partner = self.programme.partners[person.partner]
            active = partner.state is Presence.ACTIVE and person.state is Presence.ACTIVE
            if active and person.key not in left:
                assert users[person.key]["IsActive"]
                assert users[person.key]["LastName"] == person.last_name
            elif Presence.ABSENT in (person.state, partner.state) and person.key in users:
                assert not users[person.key]["IsActive"]
        self.sets_are_declared(users, left)
        group = self.programme.groups["Law group"]
        for member in group.members:
            assert isinstance(member, PersonMember)
            person = self.programme.people[member.person]
            partner = self.programme.partners[person.partner]
            if (
                partner.state is Presence.ACTIVE
                and person.state is Presence.ACTIVE
                and person.key not in left
            ):
                assert RecordId(users[person.key]["Id"]) in members

    def merged_away(self, plan: Any) -> set[str]:
        """People whom a plan refuses: only those whose contact was merged into another declared
        person's, and each with what to do about it."""
        stopped = {d.key: d for d in plan.comparison.blocked if d.kind is Kind.CONTACT}
        follow = [d for d in plan.comparison.blocked if d.kind is not Kind.CONTACT]
        assert all(d.kind is Kind.MEMBER and d.key.partition("user:")[2] in stopped for d in follow)
        lost = {
            row["Partner_Key__c"]
            for row in select(
                self.session,
                "SELECT Partner_Key__c FROM Contact WHERE IsDeleted = true "
                "AND MasterRecordId != null AND Partner_Key__c != null",
                include_deleted=True,
            )
        }
        there = {
            row["Partner_Key__c"]
            for row in self.rows("SELECT Partner_Key__c FROM Contact WHERE Partner_Key__c != null")
        }
        assert set(stopped) <= lost - there
        for key, difference in stopped.items():
            assert "merged with that of" in difference.why
            assert difference.fix == f"take {key} out of {self.programme.people[key].origin.file}"
        return set(stopped)

    def sets_are_declared(self, users: dict[str, Row], left: set[str]) -> None:
        """Everybody who is in has the permission sets of the files, and of ours no others: those
        that a person gave by hand stay."""
        held: dict[str, set[str]] = {}
        for row in self.rows(
            "SELECT AssigneeId, PermissionSet.Name FROM PermissionSetAssignment "
            "WHERE PermissionSet.Name LIKE 'Law%'"
        ):
            held.setdefault(row["AssigneeId"], set()).add(row["PermissionSet"]["Name"])
        applied = self.store.applied()
        for person in self.programme.people.values():
            partner = self.programme.partners[person.partner]
            active = partner.state is Presence.ACTIVE and person.state is Presence.ACTIVE
            if not active or person.key in left:
                continue
            there = held.get(users[person.key]["Id"], set())
            assert set(person.permission_sets) <= there
            given = applied.get(("PermissionSetAssignment", person.key), {})
            mine = {name for name, at in self.sets.items() if given.get(at)}
            assert mine <= set(person.permission_sets)


@pytest.fixture
def law_org(devorg_process: Any, tmp_path: Path) -> Any:
    """The embedded org after setup, kept to come back to."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    # many histories are told in one day of this org
    devorg_process.control("POST", "limits", {"daily_api": 10_000_000, "single_email": 1_000_000})
    settings = load_settings(env=devorg_process.env(tmp_path / "making"))
    with open_session(settings, FakeClock(datetime(2026, 11, 23, tzinfo=UTC))) as session:
        rows = [{"Name": name, "Label": name} for name in SETS]
        assert all(o.success for o in collections.create(session, "PermissionSet", rows))
    devorg_process.control("POST", "snapshots", {"name": "law"})
    return devorg_process


def test_the_org_is_as_declared_whatever_happened(law_org: Any, make: Any, tmp_path: Path) -> None:
    """Random files, hand edits, faults, kills and saved plans."""
    long = settings(max_examples=LONG or 1, stateful_step_count=14, phases=(Phase.generate,))
    short = settings(max_examples=4, stateful_step_count=5, phases=(Phase.generate,))

    class OnThisOrg(Estate):
        """The machine, on the one org."""

        def __init__(self) -> None:
            super().__init__(law_org, make, tmp_path / "state")

    run_machine(
        OnThisOrg,
        settings=settings(
            long if LONG else short,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
