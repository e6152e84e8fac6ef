"""The site: there, Live, with the right members, and how people hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok
from sfprm.provisioning.checks.licences import without_user
from sfprm.provisioning.checks.profiles import partner_profile_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.estate.model import Site
    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

MISSING = Code(
    "site-missing",
    CheckState.PROBLEM,
    "the org has no site of that name",
    "create it in Setup › Digital Experiences, or correct site in programme.yaml",
    "setup: join the site",
)
NOT_LIVE = Code(
    "site-not-live",
    CheckState.PROBLEM,
    "the site is not Live: nobody can log in, no welcome mail goes out",
    "publish and activate it in Experience Workspaces › Administration",
    "invite: people get in",
    "provisioning sheet, section 6",
)
NO_MEMBER = Code(
    "site-not-member",
    CheckState.PROBLEM,
    "a partner profile is not a member of the site",
    "run `sfprm setup`: it adds the profile after saying how many would be mailed",
    "invite: people get in",
    "operations.md, rule 8",
)
MEMBER_FAILED = Code(
    "site-member-failed",
    CheckState.PROBLEM,
    "Salesforce gave up adding a profile to the site",
    "add it in Experience Workspaces › Administration › Members",
    "invite: people get in",
    "provisioning sheet, section 6",
)
NO_WELCOME = Code(
    "site-no-welcome",
    CheckState.MANUAL,
    "the site sends no welcome mail, so new people will not hear of it",
    "switch it on in Administration › Emails, or use `sfprm invite` later",
    "apply: people get in",
    "provisioning sheet, section 5",
)
SELF_REGISTRATION = Code(
    "site-self-registration",
    CheckState.NOTE,
    "visitors of the site may register themselves",
    "mark the partners whose people come in that way with `people: delegated`",
    "plan: people whom no file names",
    "operations.md, rule 27",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """The programme's site, its members, and its mails."""
    name = facts.programme.site
    site = facts.estate.sites.get(name)
    if site is None:
        there = ", ".join(sorted(facts.estate.sites)) or "none"
        yield MISSING(f"site {name}", f"not in this org (there: {there})", [name])
        return
    if site.is_live:
        yield ok(f"site {name}", "Live")
    else:
        mailed = _mailed_by_going_live(facts, site)
        words = f"its status is {site.status}"
        words += f"; going Live may mail its {mailed} active members" if mailed else ""
        yield NOT_LIVE(f"site {name}", words, [site.id])
    yield from _members(facts, site)
    yield from _mails(facts, site)
    for told in facts.surroundings.sites:
        if told.name == name and told.self_registration:
            yield SELF_REGISTRATION(f"site {name}", "self-registration is on", [site.id])


def _mailed_by_going_live(facts: Facts, site: Site) -> int:
    """Active users of member profiles, when the site sends welcome mail (operations.md, rule 8)."""
    if not site.sends_welcome:
        return 0
    known = facts.surroundings.profiles or ()
    return sum(p.active_users for p in known if site.is_member(RecordId(p.id)))


def _members(facts: Facts, site: Site) -> Iterator[CheckItem]:
    for name, id_ in _wanted(facts, site.name):
        subject = f"site members: {name}"
        if site.is_member(RecordId(id_)):
            yield ok(subject, f"member of {site.name}")
        elif site.membership(RecordId(id_)) == "failedadd":
            yield MEMBER_FAILED(subject, "the assignment failed", [id_])
        else:
            yield NO_MEMBER(subject, f"not a member of {site.name}", [id_])


def _wanted(facts: Facts, site: str) -> Iterator[tuple[str, str]]:
    """(name, id) of partner profiles and permission sets; what is not in the org is told
    elsewhere."""
    known = {p.name: p.id for p in facts.surroundings.profiles or ()}
    known |= {p.name: p.id for p in facts.estate.profiles.values() if p.is_partner}
    declared = facts.programme.sites.get(site)
    names = declared.profiles if declared is not None else tuple(partner_profile_names(facts))
    for name in names:
        if name in known:
            yield name, known[name]
    sets = facts.surroundings.permission_sets or {}
    for name in declared.permission_sets if declared is not None else ():
        if name.lower() in sets:
            yield name, sets[name.lower()].id


def _new(count: int) -> str:
    return f"{count} new user{'' if count == 1 else 's'}"


def _mails(facts: Facts, site: Site) -> Iterator[CheckItem]:
    count = sum(1 for _ in without_user(facts))
    if not count:
        return
    if site.sends_welcome:
        words = f"Salesforce will mail {_new(count)}"
        words += "" if site.is_live else f" once {site.name} is Live"
        yield ok("welcome mail", words)
    else:
        yield NO_WELCOME("welcome mail", f"{site.name} sends none: {_new(count)}", [site.id])


CHECK = Check(
    "the site",
    (MISSING, NOT_LIVE, NO_MEMBER, MEMBER_FAILED, NO_WELCOME, SELF_REGISTRATION),
    look,
)
