"""Profiles of partner users: there, of the right kind, and able to work with leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

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
        granted = _granted_otherwise(facts, name)
        if "Read" not in lead and not granted:
            yield NO_LEAD_READ(subject, "it may not read leads", [id_])
        elif "Edit" not in lead and not granted:
            yield NO_LEAD_EDIT(subject, "it may read leads, not edit them", [id_])
    if known.api_enabled is False:
        yield NO_API(subject, "API Enabled is off", [id_])


def _granted_otherwise(facts: Facts, profile: str) -> bool:
    """Whether all its people get permission sets, which may grant what the profile does not."""
    people = [p for p in facts.programme.people.values() if p.profile == profile]
    return bool(people) and all(p.permission_sets for p in people)


CHECK = Check(
    "profiles",
    (MISSING, NOT_PARTNER, STANDARD_REFUSED, NO_LEAD_READ, NO_LEAD_EDIT, NO_API, RIGHTS_UNREAD),
    look,
)
