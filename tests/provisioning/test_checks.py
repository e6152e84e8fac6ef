"""Each planted fault is found by its item, and a clean org has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.estate.model import AccountState, Estate, Licence, OrgUser, QueueState, Site
from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.model import FieldMatch, PortalRole, Presence, Rule, ToUser
from sfprm.provisioning.checks.facts import Exposed, Facts, PartnerProfile, Surroundings
from sfprm.provisioning.checks.finding import CheckState
from sfprm.provisioning.checks.page import page
from sfprm.provisioning.checks.registry import codes, run_checks
from sfprm.provisioning.communities import Communities
from sfprm.provisioning.compare import compare
from sfprm.provisioning.difference import Kind, blocked
from sfprm.provisioning.exposure import review_exposure
from sfprm.salesforce.limits import Limit
from sfprm.salesforce.permissions import Lack, Need

ROOT = Path(__file__).parents[2]
NOTHING_EXPOSED = review_exposure({}, created=date(2025, 1, 1), experiences_since=None)


def clean(make: Any) -> Facts:
    """A programme of one partner and an org that is ready for it."""
    programme = make.programme(
        [make.partner("acme")],
        [make.person("ines", "acme")],
        [make.queue("Norte"), make.queue("Web Leads", managed=False)],
    )
    managers = {"marta": programme.channel_managers["marta"]}
    programme = replace(programme, channel_managers=managers)
    site = Site(
        make.id("0DB", 1),
        "Partner Central",
        "Live",
        True,
        datetime(2025, 1, 1, tzinfo=UTC),
        {make.profile_id: "Added"},
    )
    queue = QueueState(make.id("00G", 1), "Web_Leads", "Web Leads", frozenset({"Lead"}), None)
    estate = make.estate(sites={site.name: site}, queues={"Web_Leads": queue})
    return facts_of(programme, estate)


def facts_of(programme: Any, estate: Estate, **more: Any) -> Facts:
    fields: dict[str, Any] = {
        "communities": Communities(True, True, False),
        "exposure": NOTHING_EXPOSED,
        "allowance": (100, 15000),
        "calls_needed": 20,
        "surroundings": Surroundings(tracked={"OwnerId": True, "Status": True}),
        **more,
    }
    return Facts(programme, estate, compare(programme, {}, estate), **fields)


def problems(facts: Facts) -> list[str]:
    return [i.name for i in run_checks(facts) if i.state is CheckState.PROBLEM]


def test_no_false_alarm_on_a_clean_org(make: Any) -> None:
    """Nothing to mend, nothing to look at."""
    assert [i for i in run_checks(clean(make)) if i.state is not CheckState.OK] == []


def estate_with(change: Callable[[Estate, Any], Estate]) -> Callable[[Facts, Any], Facts]:
    """A fault in the org."""
    return lambda facts, make: facts_of(facts.programme, change(facts.estate, make))


def site(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """A fault in the site."""

    def change(estate: Estate, _: Any) -> Estate:
        old = estate.sites["Partner Central"]
        return replace(estate, sites={old.name: replace(old, **fields)})

    return estate_with(change)


def marta(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """A fault in the channel manager."""

    def change(estate: Estate, _: Any) -> Estate:
        old = estate.users["marta@alder.example.com"]
        return replace(estate, users={old.username: replace(old, **fields)})

    return estate_with(change)


def profile(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """A fault in the profile."""

    def change(estate: Estate, _: Any) -> Estate:
        old = estate.profiles["Partner"]
        return replace(estate, profiles={"Partner": replace(old, **fields)})

    return estate_with(change)


def taken(estate: Estate, make: Any) -> Estate:
    holder = OrgUser(make.id("005", 50), "ines.acme@partners.example.com", "X", True, None, "")
    return replace(estate, users={**estate.users, holder.username: holder})


def double(estate: Estate, make: Any) -> Estate:
    account: AccountState = make.account(9, "ACME")
    return replace(estate, accounts={account.id: account})


def with_person(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """A fault in the files."""

    def change(facts: Facts, make: Any) -> Facts:
        people = {PersonKey("ines"): make.person("ines", "acme", **fields)}
        return facts_of(replace(facts.programme, people=people), facts.estate)

    return change


def with_match(facts: Facts, make: Any) -> Facts:
    partner = make.partner("acme", match=FieldMatch("AccountNumber", "P-9"))
    partners = {PartnerKey("acme"): partner}
    return facts_of(replace(facts.programme, partners=partners), facts.estate)


def with_rule(facts: Facts, make: Any) -> Facts:
    origin = facts.programme.partners[PartnerKey("acme")].origin
    rule = Rule("big", (), None, ToUser("nobody@alder.example.com"), origin)
    routing = replace(facts.programme.routing, rules=(rule,))
    return facts_of(replace(facts.programme, routing=routing), facts.estate)


def without(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """The org without something."""
    return estate_with(lambda estate, _: replace(estate, **fields))


def switches(experiences: bool, partners: bool) -> Callable[[Facts, Any], Facts]:
    """The org with a switch off."""
    return lambda facts, _: replace(facts, communities=Communities(experiences, partners, False))


def queue_not_for_leads(estate: Estate, _: Any) -> Estate:
    old = estate.queues["Web_Leads"]
    return replace(estate, queues={"Web_Leads": replace(old, objects=frozenset())})


@pytest.mark.parametrize(
    ("fault", "item"),
    [
        (
            lambda f, _: replace(f, communities=Communities(False, True, False)),
            "digital experience",
        ),
        (
            lambda f, _: replace(f, communities=Communities(True, False, False)),
            "partner management",
        ),
        (without(profiles={}), "profile Partner"),
        (profile(user_type="CspLitePortal"), "profile Partner"),
        (without(sites={}), "site Partner Central"),
        (site(status="UnderConstruction"), "site Partner Central"),
        (site(status="DownForMaintenance"), "site Partner Central"),
        (site(memberships={}), "site members: Partner"),
        (
            without(licences={"Partner Community": Licence("Partner Community", 5, 5)}),
            "licences Partner Community",
        ),
        (without(users={}), "channel manager marta"),
        (marta(role_id=None), "channel manager marta"),
        (marta(active=False), "channel manager marta"),
        (without(account_types={"ispartner": "boolean"}), "external-id fields"),
        (without(contact_types={}), "external-id fields"),
        (estate_with(double), "partner acme"),
        (with_match, "partner acme"),
        (estate_with(taken), "username of ines"),
        (with_person(username="no address"), "username of ines"),
        (with_person(username=f"{'a' * 80}@x.example.com"), "username of ines"),
        (with_person(profile="Other"), "profile Other"),
        (without(queues={}), "queue Web Leads"),
        (estate_with(queue_not_for_leads), "queue Web Leads"),
        (with_rule, "rule big"),
        (lambda f, _: replace(f, allowance=(14990, 15000)), "API calls"),
    ],
)
def test_each_planted_fault_is_found(
    make: Any, fault: Callable[[Facts, Any], Facts], item: str
) -> None:
    """By an item of its name, with a fix."""
    facts = fault(clean(make), make)
    items = [i for i in run_checks(facts) if i.state is CheckState.PROBLEM]
    assert any(i.name.startswith(item) for i in items)
    assert all(i.fix and i.found for i in items)


@pytest.mark.parametrize(
    "fault",
    [
        lambda f, _: replace(f, communities=None),
        lambda f, _: replace(f, exposure=None),
        site(sends_welcome=False),
    ],
)
def test_what_no_api_tells_is_left_to_a_person(
    make: Any, fault: Callable[[Facts, Any], Facts]
) -> None:
    """Manual items are no problems, and say where to look."""
    facts = fault(clean(make), make)
    manual = [i for i in run_checks(facts) if i.state is CheckState.MANUAL]
    assert manual
    assert all(i.fix for i in manual)
    assert problems(facts) == []


def told(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """What surrounds the estate, otherwise."""
    return lambda f, _: replace(f, surroundings=replace(f.surroundings, **fields))


def partner_profile(**fields: Any) -> Callable[[Facts, Any], Facts]:
    """The partner profile as the org tells of it."""

    def change(facts: Facts, make: Any) -> Facts:
        rights = {"Lead": frozenset({"Read", "Edit"})}
        one = PartnerProfile(
            id=make.profile_id,
            name="Partner",
            licence="Partner Community",
            licence_active=True,
            total=10,
            used=0,
            monthly_logins=None,
            api_enabled=True,
            active_users=0,
            rights=rights,
        )
        return told(profiles=(replace(one, **fields),))(facts, make)

    return change


def lack(why: Any) -> Callable[[Facts, Any], Facts]:
    """A permission of the agent that is missing or not told."""
    return told(lacks=(Lack(Need("ManageUsers", "apply", "sfprm_run"), why),))


def exposed(facts: Facts, _: Any) -> Facts:
    row = {"QualifiedApiName": "Case", "ExternalSharingModel": "Read"}
    review = review_exposure({}, created=date(2025, 1, 1), experiences_since=None, defaults=[row])
    return replace(facts, exposure=review)


def refused(facts: Facts, make: Any) -> Facts:
    one = blocked(Kind.CONTACT, "ines", "Ines", "acme", "the sky fell", "wait")
    return replace(facts, comparison=replace(facts.comparison, differences=(one,)))


def another_org(facts: Facts, _: Any) -> Facts:
    org = replace(facts.estate.org, is_embedded=False)
    return replace(facts, estate=replace(facts.estate, org=org))


def executive(facts: Facts, make: Any) -> Facts:
    wanted = with_person(role=PortalRole.EXECUTIVE)(facts, make)
    return told(roles={"Worker": 3})(wanted, make)


def by_account(left: int) -> Callable[[Facts, Any], Facts]:
    """The profile is of a licence that is counted by account; two partners want one."""

    def change(facts: Facts, make: Any) -> Facts:
        name = "Channel Account"
        profile = replace(facts.estate.profiles["Partner"], licence=name)
        estate = replace(
            facts.estate,
            profiles={"Partner": profile},
            licences={name: Licence(name, 5, 5 - left)},
        )
        programme = make.programme(
            [make.partner("acme"), make.partner("sul")],
            [make.person("ines", "acme"), make.person("rui", "acme"), make.person("ana", "sul")],
        )
        programme = replace(programme, channel_managers=facts.programme.channel_managers)
        return facts_of(programme, estate)

    return change


PURE: dict[str, Callable[[Facts, Any], Facts]] = {
    "experiences-off": switches(False, False),
    "calls-short": lambda f, _: replace(f, allowance=(14990, 15000)),
    "role-level-missing": executive,
    "licence-disabled": partner_profile(licence_active=False),
    "licence-lag": partner_profile(active_users=3),
    "licence-logins-short": partner_profile(monthly_logins=(90, 100)),
    "licence-accounts-short": by_account(1),
    "licence-users-per-account": by_account(2),
    "site-member-failed": lambda f, m: site(memberships={m.profile_id: "Failed Add"})(f, m),
    "site-self-registration": told(sites=(Exposed("Partner Central", True, ""),)),
    "profile-no-api": partner_profile(api_enabled=False),
    "profile-rights-unread": partner_profile(rights=None),
    "permission-unread": lack("unreadable"),
    "automation-unread": told(unread=("flows",)),
    "limits-unread": told(unread=("limits",)),
    "history-unread": told(tracked={"Status": True}),
    "records-exposed": exposed,
    "plan-blocked": refused,
    "by-hand-mail": another_org,
    "by-hand-leads": another_org,
    "by-hand-automation": another_org,
}


@pytest.mark.parametrize("code", PURE)
def test_faults_that_the_embedded_org_cannot_have(make: Any, code: str) -> None:
    """Each is found by its code, with evidence, fix and step; the clean facts have none of it."""
    assert not [i for i in run_checks(clean(make)) if i.code == code]
    found = [i for i in run_checks(PURE[code](clean(make), make)) if i.code == code]
    assert found
    assert all(i.found and i.fix and i.step for i in found)


def test_a_clean_profile_is_well(make: Any) -> None:
    """Its rights are there and its figures agree."""
    facts = partner_profile()(clean(make), make)
    assert {i.state for i in run_checks(facts)} == {CheckState.OK}


def test_seats_are_counted_by_the_worse_figure(make: Any) -> None:
    """The org's own figure lags: active users count."""
    facts = partner_profile(active_users=10)(clean(make), make)
    assert "licence-short" in {i.code for i in run_checks(facts)}


def test_a_licence_by_account_is_taken_once_an_account(make: Any) -> None:
    """Three people of two partners need two seats, in check and in plan; with one left, the second
    partner's people are blocked, and a colleague of the first is not."""
    well = by_account(2)(clean(make), make)
    said = {i.code: i.found for i in run_checks(well)}
    assert "licence-accounts-short" not in said
    assert "acme, 2 active" in said["licence-users-per-account"]
    assert [(s.taken, s.left_after) for s in well.comparison.seats] == [(2, 0)]
    short = by_account(1)(clean(make), make)
    assert [d.key for d in short.comparison.blocked] == ["ana"]
    assert "another partner" in short.comparison.blocked[0].fix


@pytest.mark.parametrize(("mails", "left", "short"), [(3, 2, True), (2, 2, False), (0, 0, True)])
def test_the_days_mails_are_weighed_against_the_plans(
    make: Any, mails: int, left: int, short: bool
) -> None:
    """Fewer than it causes, or none at all."""
    facts = told(limits={"SingleEmail": Limit(15, left)})(clean(make), make)
    found = [i for i in run_checks(replace(facts, mails_needed=mails)) if i.name == "mails by API"]
    assert [i.code == "mails-short" for i in found] == [short]
    assert ("welcome mails" in found[0].found) == (mails > 0)


def test_codes_are_told_once_and_complete() -> None:
    """Each has a title, a fix and a step, and is written with dashes."""
    names = [code.code for code in codes()]
    assert len(names) == len(set(names))
    for code in codes():
        assert all((code.title, code.fix, code.step))
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.code)
        assert not code.fix.endswith(".")


def test_the_page_of_codes_is_current() -> None:
    """Run `python -m sfprm.provisioning.checks.page docs/check.md` when this fails."""
    assert (ROOT / "docs" / "check.md").read_text(encoding="utf-8") == page()


def test_a_site_that_is_not_live_says_whom_going_live_would_mail(make: Any) -> None:
    """Its members wait for the welcome mail."""
    facts = partner_profile(active_users=7)(clean(make), make)
    facts = replace(facts, estate=site(status="UnderConstruction")(facts, make).estate)
    [item] = [i for i in run_checks(facts) if i.code == "site-not-live"]
    assert "may mail its 7 active members" in item.found


def test_who_was_switched_off_by_hand_needs_no_seat(make: Any) -> None:
    """A plan leaves them so: neither a seat nor a mail is counted, and the way back is named; who
    is declared absent is nobody's business."""
    facts = clean(make)
    estate, applied = make.carry_out(make.plan(facts.programme, facts.estate), facts.estate)
    off = {c: replace(u, active=False, fields={**u.fields, "IsActive": False})
           for c, u in estate.partner_users.items()}  # fmt: skip
    licence = replace(estate.licences["Partner Community"], used=10)
    estate = replace(estate, partner_users=off, licences={licence.name: licence})

    def found(programme: Any) -> dict[str, tuple[str, str]]:
        comparison = compare(programme, applied, estate)
        items = run_checks(replace(facts_of(programme, estate), comparison=comparison))
        return {item.name: (item.found, item.fix) for item in items}

    told = found(facts.programme)
    assert told["licences Partner Community"][0].startswith("0 needed")
    assert "welcome mail" not in told
    [key] = facts.programme.people
    words, fix = told[f"user of {key}"]
    assert words.endswith("is not active, by a person's hand, and stays so")
    assert f"`sfprm reinstate {key}`" in fix
    gone = replace(facts.programme.people[key], state=Presence.ABSENT)
    assert f"user of {key}" not in found(replace(facts.programme, people={key: gone}))
