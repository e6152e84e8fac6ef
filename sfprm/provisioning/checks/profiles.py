"""Profiles of partner users: there, of the right kind, and able to work with leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import Presence
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts, PartnerProfile
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK", "STANDARD_PROFILES", "partner_profile_names"]

STANDARD_PROFILES = frozenset(
    {
        "Partner Community User",
        "Partner Community Login User",
        "Gold Partner User",
        "Silver Partner User",
        "Bronze Partner User",
        "Partner User",
    }
)
"""Names of Salesforce's own partner profiles, in English orgs [from memory]."""

MISSING = Code(
    "profile-missing",
    CheckState.PROBLEM,
    "the org has no profile of that name",
    "create the profile under this name, or correct profile in the files",
    "apply: make users",
)
NOT_PARTNER = Code(
    "profile-not-partner",
    CheckState.PROBLEM,
    "the profile's licence is not a partner's",
    "name a profile of a Partner Community licence",
    "apply: make users",
    "provisioning sheet, section 4",
)
STANDARD_REFUSED = Code(
    "profile-standard-refused",
    CheckState.PROBLEM,
    "a standard external profile is named, and the org does not allow them for users",
    "clone the profile and name the clone, or allow standard external profiles in Setup › Digital "
    "Experiences › Settings",
    "apply: make users",
    "provisioning sheet, section 1 (enableOotbProfExtUserOpsEnable)",
)
NO_LEAD_READ = Code(
    "profile-no-lead-read",
    CheckState.PROBLEM,
    "partners of this profile may not read leads, so they cannot own one",
    "grant Read on Lead to the profile, or by a permission set that its people get",
    "route: give leads to partners",
    "provisioning sheet, section 10 (TRANSFER_REQUIRES_READ); operations.md, rule 29",
)
NO_LEAD_EDIT = Code(
    "profile-no-lead-edit",
    CheckState.WARNING,
    "partners of this profile may not edit leads, so they cannot accept one or change its status",
    "grant Edit on Lead to the profile, or by a permission set that its people get",
    "recall: acceptance is never seen",
    "operations.md, rules 23 and 29",
)
NO_API = Code(
    "profile-no-api",
    CheckState.NOTE,
    "partners of this profile may not log in by API (off by default)",
    "grant API Enabled only if partners' own systems shall fetch their leads",
    "partners' own integrations",
    "operations.md, rule 25",
)
RIGHTS_UNREAD = Code(
    "profile-rights-unread",
    CheckState.MANUAL,
    "the org does not tell what the profile may do with leads",
    "see in Setup › Profiles that it may read and edit leads",
    "route: give leads to partners",
    "operations.md, rule 29",
)


def partner_profile_names(facts: Facts) -> list[str]:
    """Every profile that the files name, sorted."""
    programme = facts.programme
    return sorted({programme.profile, *(p.profile for p in programme.people.values())})


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each profile that the files name."""
    known = {p.id: p for p in facts.surroundings.profiles or ()}
    for name in partner_profile_names(facts):
        profile = facts.estate.profiles.get(name)
        subject = f"profile {name}"
        if profile is None:
            yield MISSING(subject, "not in this org", [name])
            continue
        if not profile.is_partner:
            yield NOT_PARTNER(subject, f"its licence is {profile.licence}", [profile.id])
            continue
        found = list(_use(facts, subject, name, profile.id, known.get(profile.id)))
        yield from found or [ok(subject, f"partner profile of licence {profile.licence}")]


def _use(
    facts: Facts, subject: str, name: str, id_: str, known: PartnerProfile | None
) -> Iterator[CheckItem]:
    on = facts.communities
    if name in STANDARD_PROFILES and on is not None and not on.standard_profiles:
        yield STANDARD_REFUSED(subject, "it is a standard profile, and those are switched off")
    if known is None:
        return
    if known.rights is None:
        yield RIGHTS_UNREAD(subject, "its rights on Lead are not told", [id_])
    else:
        lead = known.rights.get("Lead", frozenset())
        blind = () if "Read" in lead else _without(facts, name, "Read")
        if blind is None:
            yield NO_LEAD_READ(subject, "it may not read leads", [id_])
        elif blind:
            words = f"it may not read leads, and no permission set lets {some(blind)}"
            yield NO_LEAD_READ(subject, words, [id_, *blind])
        fixed = () if "Edit" in lead else _without(facts, name, "Edit")
        if fixed is None:
            if blind is not None:
                yield NO_LEAD_EDIT(subject, "it may not edit leads", [id_])
        elif left := [key for key in fixed if key not in (blind or ())]:
            words = f"it may not edit leads, and no permission set lets {some(left)}"
            yield NO_LEAD_EDIT(subject, words, [id_, *left])
    if known.api_enabled is False:
        yield NO_API(subject, "API Enabled is off", [id_])


def _without(facts: Facts, profile: str, right: str) -> list[str] | None:
    """Active people of a profile that does not grant the right, whom no permission set grants it
    either: those that they hold, and those that the files give them. None: nobody can be told."""
    grants = facts.surroundings.lead_grants
    people = [
        (person, user)
        for person, _, user in facts.people()
        if person.profile == profile and person.state is Presence.ACTIVE
    ]
    if not people:
        return None
    if grants is None:
        return None if not all(person.permission_sets for person, _ in people) else []
    there = facts.surroundings.permission_sets or {}
    found: list[str] = []
    for person, user in people:
        given = [there[name.lower()].id for name in person.permission_sets if name.lower() in there]
        held = set() if user is None else set(grants.users.get(user.id, ()))
        if right not in held.union(*(grants.sets.get(each, frozenset()) for each in given)):
            found.append(person.key)
    return found


CHECK = Check(
    "profiles",
    (MISSING, NOT_PARTNER, STANDARD_REFUSED, NO_LEAD_READ, NO_LEAD_EDIT, NO_API, RIGHTS_UNREAD),
    look,
)
