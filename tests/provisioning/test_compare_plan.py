"""compare and plan: tables over plain values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.blocks import Text
from sfprm.estate.model import Licence, OrgUser, QueueState
from sfprm.ids import PartnerKey, PersonKey, RecordId
from sfprm.programme.model import (
    FieldMatch,
    MembersPolicy,
    OwnerPolicy,
    PartnerMember,
    PersonMember,
    Presence,
    UserMember,
)
from sfprm.provisioning.build import build_plan
from sfprm.provisioning.compare import compare
from sfprm.provisioning.difference import Kind, Verdict
from sfprm.provisioning.fields import Cause

if TYPE_CHECKING:
    from sfprm.estate.model import Estate
    from sfprm.programme.model import Programme
    from sfprm.provisioning.plan import Plan

Make = Any


def small(make: Make, **person: Any) -> Programme:
    """One partner, two people, one queue with the partner and marta."""
    programme: Programme = make.programme(
        [make.partner("acme")],
        [make.person("ines", "acme", **person), make.person("rui", "acme")],
        [
            make.queue(
                "Norte", PartnerMember(PartnerKey("acme")), UserMember("marta@alder.example.com")
            )
        ],
    )
    return programme


def done(make: Make, programme: Programme) -> tuple[Estate, Any]:
    """The org after the first apply, and what we remember."""
    estate = make.estate()
    result: tuple[Estate, Any] = make.carry_out(make.plan(programme, estate), estate)
    return result


def kinds(plan: Plan) -> list[str]:
    return [s.kind for s in plan.steps]


def screen(plan: Plan) -> str:
    return "\n".join(line for b in plan.blocks() if isinstance(b, Text) for line in b.lines)


def test_first_plan_is_in_the_order_of_the_phases(make: Make) -> None:
    """Accounts, enable, contacts, users, queues, members: nothing mixed."""
    assert kinds(make.plan(small(make), make.estate())) == [
        "CreateAccount",
        "EnablePartner",
        *["UpsertContact"] * 2,
        *["CreateUser"] * 2,
        "CreateQueue",
        "QueueForLead",
        *["AddMember"] * 3,
    ]


def test_second_plan_is_empty(make: Make) -> None:
    """Nothing is to be done after apply."""
    programme = small(make)
    estate, applied = done(make, programme)
    assert make.plan(programme, estate, applied).steps == ()


def test_second_plan_is_empty_without_the_store(make: Make) -> None:
    """A lost state database makes no change by itself."""
    programme = small(make)
    estate, _ = done(make, programme)
    assert make.plan(programme, estate, {}).steps == ()


def test_is_partner_is_never_in_a_create(make: Make) -> None:
    """IsPartner is update-only."""
    step = make.plan(small(make), make.estate()).steps[0]
    assert "IsPartner" not in step.after


def test_manager_without_role_blocks_the_partner_and_its_people(make: Make) -> None:
    """Found before the first write, with the fix."""
    programme = make.programme(
        [make.partner("acme", manager="pedro")], [make.person("ines", "acme")]
    )
    plan = make.plan(programme, make.estate())
    assert plan.steps == ()
    assert [d.kind for d in plan.comparison.blocked] == [Kind.ACCOUNT, Kind.CONTACT]
    assert "channel manager Pedro has no role in Salesforce" in screen(plan)
    assert "fix: Setup › Users › Pedro › Role, then run plan again" in screen(plan)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": False}, "is inactive"),
        ({"contact_id": RecordId("003000000000001")}, "is an external user"),
    ],
)
def test_other_managers_who_cannot_own(make: Make, change: dict[str, Any], why: str) -> None:
    """Inactive and external managers are named too."""
    estate = make.estate()
    marta = replace(estate.users["marta@alder.example.com"], **change)
    estate = replace(estate, users={**estate.users, marta.username: marta})
    plan = make.plan(small(make), estate)
    assert why in plan.comparison.blocked[0].why


def test_unknown_manager_is_blocked(make: Make) -> None:
    """A username that is not in the org."""
    plan = make.plan(small(make), make.estate(users={}))
    assert plan.comparison.blocked[0].why == "no user marta@alder.example.com in this org"


def test_matched_account_gets_the_key_and_keeps_its_name(make: Make) -> None:
    """A company that exists is not doubled; its name is the org's until the file's changes."""
    account = make.account(7, "Acme, Lda.", fields={"AccountNumber": "P-1"})
    partner = make.partner("acme", match=FieldMatch("AccountNumber", "P-1"))
    plan = make.plan(make.programme([partner]), make.estate(accounts={account.id: account}))
    assert kinds(plan) == ["UpdateAccount", "EnablePartner"]
    assert dict(plan.steps[0].after) == {"Partner_Key__c": "acme"}
    assert plan.steps[0].record_id == account.id


@pytest.mark.parametrize(
    ("count", "why"),
    [(0, "finds no account"), (2, "finds 2 accounts")],
)
def test_a_match_that_is_not_one_account_is_blocked(make: Make, count: int, why: str) -> None:
    """Never silently the wrong one."""
    found = [make.account(n, f"A{n}", fields={"AccountNumber": "P-1"}) for n in range(count)]
    partner = make.partner("acme", match=FieldMatch("AccountNumber", "P-1"))
    plan = make.plan(make.programme([partner]), make.estate(accounts={a.id: a for a in found}))
    assert plan.steps == ()
    assert why in plan.comparison.blocked[0].why


def test_a_match_to_another_partners_account_is_blocked(make: Make) -> None:
    """Two partners cannot be one account."""
    account = make.account(7, "A", key="other", fields={"AccountNumber": "P-1"})
    partner = make.partner("acme", match=FieldMatch("AccountNumber", "P-1"))
    plan = make.plan(make.programme([partner]), make.estate(accounts={account.id: account}))
    assert "which is partner other already" in plan.comparison.blocked[0].why


def test_an_account_of_the_same_name_is_pointed_out(make: Make) -> None:
    """A probable double is said before it is made."""
    account = make.account(7, " ACME ")
    plan = make.plan(
        make.programme([make.partner("acme")]), make.estate(accounts={account.id: account})
    )
    assert f"an account of that name exists ({account.id})" in screen(plan)


@pytest.mark.parametrize(
    ("policy", "written"),
    [(OwnerPolicy.MANAGED, True), (OwnerPolicy.SET_ONCE, False), (OwnerPolicy.UNMANAGED, False)],
)
def test_owner_policies(make: Make, policy: OwnerPolicy, written: bool) -> None:
    """Only a managed owner follows the file once the account exists."""
    programme = make.programme([make.partner("acme")])
    estate, applied = done(make, programme)
    moved = make.programme([make.partner("acme", manager="jonas", owner=policy)])
    plan = make.plan(moved, estate, applied)
    assert any("OwnerId" in s.after for s in plan.steps) is written


def test_a_matched_account_with_another_manager_in_the_file_says_so(make: Make) -> None:
    """Set once: the account stays with whom it is, and the plan names the word that moves it."""
    match = FieldMatch("AccountNumber", "P-1")
    account = make.account(7, "Acme", fields={"AccountNumber": "P-1"})
    partner = make.partner("acme", match=match, owner=OwnerPolicy.SET_ONCE)
    estate = make.estate(accounts={account.id: account})
    estate, applied = make.carry_out(make.plan(make.programme([partner]), estate), estate)
    _, applied = make.carry_out(
        make.plan(make.programme([partner]), estate, applied), estate, applied
    )
    plan = make.plan(make.programme([replace(partner, manager="jonas")]), estate, applied)
    assert plan.steps == ()
    assert "stays with" in screen(plan)
    assert "owner: managed moves it" in screen(plan)
    managed = replace(partner, manager="jonas", owner=OwnerPolicy.MANAGED)
    moved = make.plan(make.programme([managed]), estate, applied)
    assert [s.kind for s in moved.steps] == ["ChangeOwner"]


def test_an_owner_change_says_what_is_lost(make: Make) -> None:
    """The account's team, its shares, and contacts left behind."""
    estate, applied = done(make, small(make))
    moved = replace(
        small(make), partners={PartnerKey("acme"): make.partner("acme", manager="jonas")}
    )
    assert "leaves 2 contacts" in screen(make.plan(moved, estate, applied))


@pytest.mark.parametrize(
    ("applied_name", "cause"),
    [
        ("Old", Cause.FILE),
        ("Acme", Cause.PERSON),
        ("Older", Cause.BOTH),
        (None, Cause.NEVER_WRITTEN),
    ],
)
def test_who_changed_it(make: Make, applied_name: str | None, cause: Cause) -> None:
    """The last written value tells a person's change from a file's."""
    account = make.account(7, "Old", key="acme", is_partner=True)
    applied = {("Account", "acme"): {"Name": applied_name}} if applied_name else {}
    comparison = compare(
        make.programme([make.partner("acme")]), applied, make.estate(accounts={account.id: account})
    )
    change = next(c for c in comparison.differences[0].changes if c.field == "Name")
    assert (change.before, change.after, change.cause) == ("Old", "Acme", cause)


def test_no_seat_left_blocks_the_last_people(make: Make) -> None:
    """Seats are handed out in file order; the rest is blocked with the fix."""
    estate = make.estate(licences={"Partner Community": Licence("Partner Community", 1, 0)})
    plan = make.plan(small(make), estate)
    assert kinds(plan).count("CreateUser") == 1
    assert "no Partner Community licence left (of 1)" in screen(plan)
    assert plan.seats[0].left_after == 0


def test_a_taken_username_blocks_the_user_but_not_the_contact(make: Make) -> None:
    """Only this org's usernames can be known before the insert."""
    holder = OrgUser(make.id("005", 77), "ines.acme@partners.example.com", "Other", True, None, "")
    estate = make.estate()
    estate = replace(estate, users={**estate.users, holder.username: holder})
    plan = make.plan(small(make), estate)
    assert kinds(plan).count("UpsertContact") == 2
    assert kinds(plan).count("CreateUser") == 1
    assert "belongs to Other in this org" in screen(plan)


@pytest.mark.parametrize(
    ("profiles", "why"),
    [({}, "no profile 'Partner'"), ("customer", "not a partner's")],
)
def test_profiles_that_do_not_fit(make: Make, profiles: Any, why: str) -> None:
    """A missing profile, and one of another licence."""
    estate = make.estate()
    if profiles == "customer":
        profile = replace(
            estate.profiles["Partner"], user_type="CspLitePortal", licence="Customer Community"
        )
        profiles = {"Partner": profile}
    plan = make.plan(small(make), replace(estate, profiles=profiles))
    assert why in screen(plan)


def test_an_email_waiting_for_confirmation_is_not_written_again(make: Make) -> None:
    """The org shows the old address until the person confirms: pending, not a change."""
    programme = small(make)
    estate, applied = done(make, programme)
    changed = small(make, email="new@acme.example.com")
    plan = make.plan(changed, estate, applied)
    assert kinds(plan) == ["UpsertContact", "UpdateUser"]
    after, applied = make.carry_out(plan, estate, applied)
    users = {
        c: replace(u, fields={**u.fields, "Email": estate.partner_users[c].fields["Email"]})
        for c, u in after.partner_users.items()
    }
    again = make.plan(changed, replace(after, partner_users=users), applied)
    assert again.steps == ()
    assert "waits for the person's confirmation" in screen(again)


def test_addresses_are_compared_after_the_guard(make: Make) -> None:
    """A guarded plan stays empty."""
    programme, estate = small(make), make.estate()

    def guard(address: str) -> str:
        return "sink@example.com"

    plan = build_plan("p", "d", estate, compare(programme, {}, estate, guard=guard))
    assert {s.after["Email"] for s in plan.steps if "Email" in s.after} == {"sink@example.com"}
    estate, applied = make.carry_out(plan, estate)
    assert compare(programme, applied, estate, guard=guard).to_do == ()


def test_a_persons_own_time_zone_is_left_alone(make: Make) -> None:
    """Settings that people choose themselves are written at creation only."""
    programme = small(make)
    estate, applied = done(make, programme)
    users = {
        c: replace(u, fields={**u.fields, "TimeZoneSidKey": "Asia/Tokyo"})
        for c, u in estate.partner_users.items()
    }
    assert make.plan(programme, replace(estate, partner_users=users), applied).steps == ()


def test_a_user_frozen_by_hand_stays_frozen(make: Make) -> None:
    """Freezing is a person's brake: reported, never undone."""
    programme = small(make)
    estate, applied = done(make, programme)
    users = {c: replace(u, frozen=True) for c, u in estate.partner_users.items()}
    plan = make.plan(programme, replace(estate, partner_users=users), applied)
    assert plan.steps == ()
    assert "changed in the org by hand; left so" in screen(plan)


def test_frozen_and_back(make: Make) -> None:
    """The file freezes a person and lets them go again."""
    estate, applied = done(make, small(make))
    frozen = small(make, state=Presence.FROZEN)
    plan = make.plan(frozen, estate, applied)
    assert kinds(plan) == ["FreezeUser", "RemoveMember"]
    estate, applied = make.carry_out(plan, estate, applied)
    plan = make.plan(small(make), estate, applied)
    assert kinds(plan) == ["FreezeUser", "AddMember"]
    assert dict(plan.steps[0].after) == {"IsFrozen": False}


def test_absent_and_back_on_the_same_user(make: Make) -> None:
    """A leaver's user is deactivated, and made active again, never made twice."""
    estate, applied = done(make, small(make))
    plan = make.plan(small(make, state=Presence.ABSENT), estate, applied)
    assert kinds(plan) == ["DeactivateUser", "RemoveMember"]
    assert plan.seats[0].freed == 1
    estate, applied = make.carry_out(plan, estate, applied)
    plan = make.plan(small(make), estate, applied)
    assert kinds(plan) == ["UpdateUser", "AddMember"]
    assert dict(plan.steps[0].after) == {"IsActive": True}


@pytest.mark.parametrize(
    ("policy", "removed"), [(MembersPolicy.AT_LEAST, False), (MembersPolicy.EXACT, True)]
)
def test_members_that_no_file_names(make: Make, policy: MembersPolicy, removed: bool) -> None:
    """Kept with at_least, removed with exact."""
    queue = QueueState(
        make.id("00G", 1),
        "Norte",
        "Norte",
        frozenset({"Lead"}),
        None,
        {make.jonas: make.id("011", 1)},
    )
    programme = make.programme(queues=[make.queue("Norte", members_policy=policy)])
    plan = make.plan(programme, make.estate(queues={"Norte": queue}))
    assert kinds(plan) == (["RemoveMember"] if removed else [])


def test_our_own_member_is_removed_when_the_file_drops_it(make: Make) -> None:
    """at_least takes away what sfprm added."""
    programme = small(make)
    estate, applied = done(make, programme)
    fewer = replace(
        programme, queues={"Norte": make.queue("Norte", PersonMember(PersonKey("ines")))}
    )
    plan = make.plan(fewer, estate, applied)
    assert kinds(plan) == ["RemoveMember"] * 2


def test_a_queue_that_is_only_referred_to_must_exist(make: Make) -> None:
    """Not made, not guessed."""
    programme = make.programme(queues=[make.queue("Web Leads", managed=False)])
    plan = make.plan(programme, make.estate())
    assert plan.comparison.blocked[0].why == "no queue Web_Leads in this org"


def test_a_queue_not_for_leads_is_mended(make: Make) -> None:
    """A queue that may not own leads would refuse them with INVALID_OPERATION."""
    queue = QueueState(make.id("00G", 1), "Norte", "Norte", frozenset({"Case"}), None)
    programme = make.programme(queues=[make.queue("Norte")])
    assert kinds(make.plan(programme, make.estate(queues={"Norte": queue}))) == ["QueueForLead"]


def test_partners_that_no_file_names_are_reported(make: Make) -> None:
    """Unmanaged records are left alone and counted."""
    estate, applied = done(make, small(make))
    plan = make.plan(make.programme(), estate, applied)
    assert plan.steps == ()
    assert plan.counts()["unmanaged"] == 3


def test_the_screen_reads_as_wished(make: Make) -> None:
    """Plain words, sums, and the next command."""
    lines = screen(make.plan(small(make), make.estate(), {})).splitlines()
    assert lines[0] == "Test channel → Alder (embedded org, 00D…EAA)"
    assert " ".join(lines[1].split()) == (
        "+ partner Acme create account, enable as partner (owner marta)"
    )
    assert lines[-2].startswith(
        "4 to create, 0 to change. 8 API calls, 8 of 10 Partner Community licences left after it"
    )
    assert lines[-1] == "Run: sfprm apply"


def test_the_plan_as_json(make: Make) -> None:
    """Plain values that json can write, one entry a step."""
    plan = make.plan(small(make), make.estate())
    text = json.loads(json.dumps(plan.to_json()))
    assert [s["kind"] for s in text["steps"]] == kinds(plan)
    assert text["steps"][1]["needs"] == ["account:acme"]


def test_calls_for_a_large_programme(make: Make) -> None:
    """1,000 partners of 3 people: 200 records a call, users in growing chunks."""
    partners = [make.partner(f"p{n}") for n in range(1000)]
    people = [make.person(f"u{n}x{i}", f"p{n}") for n in range(1000) for i in range(3)]
    estate = make.estate(licences={"Partner Community": Licence("Partner Community", 5000, 0)})
    plan = make.plan(make.programme(partners, people), estate)
    # 5 accounts, 5 enable; contacts 198 a call, since a partner's three stay together: 16;
    # first users 20+40+80+160, then 700 in 4; the other 2,000 in 10
    assert plan.write_calls == 5 + 5 + 16 + 4 + 4 + 10


def test_baseline_is_remembered_for_what_is_right_already(make: Make) -> None:
    """A crash between the org's write and ours heals itself at the next apply."""
    programme = small(make)
    estate, _ = done(make, programme)
    baseline = make.plan(programme, estate, {}).comparison.baseline
    assert ("Account", "acme", "Name") in {(v.object, v.key, v.field) for v in baseline}


def test_blocked_people_stay_out_of_queues(make: Make) -> None:
    """A membership waits for its user."""
    programme = make.programme(
        [make.partner("acme", manager="pedro")],
        [make.person("ines", "acme")],
        [make.queue("Norte", PartnerMember(PartnerKey("acme")))],
    )
    plan = make.plan(programme, make.estate())
    assert kinds(plan) == ["CreateQueue", "QueueForLead"]
    member = plan.comparison.differences[-1]
    assert (member.verdict, member.why) == (Verdict.BLOCKED, "Ines Example has no user yet")
