"""Seats by kind: needed, left, and what the org's own figure leaves out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sfprm.programme.model import Presence
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok
from sfprm.provisioning.compare_people import effective_state
from sfprm.provisioning.difference import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.estate.model import Licence
    from sfprm.programme.model import Person
    from sfprm.provisioning.checks.facts import Facts, PartnerProfile
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK", "left_off", "without_user"]

SHORT = Code(
    "licence-short",
    CheckState.PROBLEM,
    "fewer seats are left than people need",
    "buy licences, or declare fewer people as active",
    "apply: make users",
    "provisioning sheet, section 4 (LICENSE_LIMIT_EXCEEDED)",
)
DISABLED = Code(
    "licence-disabled",
    CheckState.PROBLEM,
    "the licence is disabled in this org",
    "ask Salesforce about the licence, or name a profile of another one",
    "apply: make users",
    "UserLicense.Status",
)
LAG = Code(
    "licence-lag",
    CheckState.WARNING,
    "the org's count of used seats differs from its active users",
    "count on the active users: the org's own figure follows later",
    "apply: make users",
    "operations.md, rule 28",
)
LOGINS_SHORT = Code(
    "licence-logins-short",
    CheckState.WARNING,
    "most of the month's logins of a login licence are used",
    "buy logins, or move people who come in daily to a member licence",
    "people cannot log in",
    "operations.md, rule 28",
)
ACCOUNTS_SHORT = Code(
    "licence-accounts-short",
    CheckState.PROBLEM,
    "fewer seats of a licence that is counted by partner account are left than partners need",
    "buy licences, or declare the people of fewer partners as active",
    "apply: make users",
    "operations.md, rule 28 (channel-account licences; unverified)",
)
ACCOUNT_USERS = Code(
    "licence-users-per-account",
    CheckState.MANUAL,
    "a licence that is counted by partner account has a limit of users per account, and no API "
    "tells it",
    "see in the contract how many users an account may have, and declare no more as active",
    "apply: make users",
    "operations.md, rule 28 (channel-account licences; unverified)",
)


def without_user(facts: Facts) -> Iterator[Person]:
    """People who are to be active and have no active user yet; not those whom somebody switched
    off by hand, for a plan leaves them so."""
    left = left_off(facts)
    for person, _, user in facts.people():
        state = effective_state(person, facts.programme.partners[person.partner])
        if state is Presence.ACTIVE and person.key not in left and not (user and user.active):
            yield person


def left_off(facts: Facts) -> set[str]:
    """People whose users somebody deactivated by hand, and who stay so."""
    return {
        d.key
        for d in facts.comparison.differences
        if d.kind is Kind.USER
        and any(c.field == "IsActive" and c.before is False and not c.written for c in d.changes)
    }


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each licence of the profiles that the files name."""
    needed: Counter[str] = Counter()
    for person in without_user(facts):
        profile = facts.estate.profiles.get(person.profile)
        if profile is not None:
            needed[profile.licence] += 1
    told: dict[str, list[PartnerProfile]] = {}
    for one in facts.surroundings.profiles or ():
        told.setdefault(one.licence, []).append(one)
    for name, licence in sorted(facts.estate.licences.items()):
        subject = f"licences {name}"
        profiles = told.get(name, [])
        if licence.by_account:
            yield from _by_account(facts, subject, licence)
            continue
        active = sum(p.active_users for p in profiles)
        # what lags is the org's figure; never count on more seats than either leaves
        used = max(licence.used, active)
        left = max(0, licence.total - used)
        words = f"{needed[name]} needed, {left} of {licence.total} left"
        if any(not p.licence_active for p in profiles):
            yield DISABLED(subject, "its status is Disabled", [name])
        elif needed[name] > left:
            yield SHORT(subject, words, [name])
        else:
            yield ok(subject, words)
        if profiles and active != licence.used:
            yield LAG(
                subject, f"the org says {licence.used} used, {active} users are active", [name]
            )
        yield from _logins(facts, subject, profiles)


def _by_account(facts: Facts, subject: str, licence: Licence) -> Iterator[CheckItem]:
    """Partner accounts that have a seat, and those that the files give one to."""
    of_profile = {p.name: p.licence for p in facts.estate.profiles.values()}
    users: Counter[str] = Counter()
    housed: set[str] = set()
    for person, _, user in facts.people():
        state = effective_state(person, facts.programme.partners[person.partner])
        if of_profile.get(person.profile) != licence.name or state is not Presence.ACTIVE:
            continue
        users[person.partner] += 1
        if user is not None and user.active:
            housed.add(person.partner)
    needed = [partner for partner in users if partner not in housed]
    words = f"{len(needed)} partners need one, {licence.left} of {licence.total} left"
    if len(needed) > licence.left:
        yield ACCOUNTS_SHORT(subject, words, needed)
    else:
        yield ok(subject, words)
    if users:
        most, count = max(users.items(), key=lambda one: one[1])
        yield ACCOUNT_USERS(
            f"{subject}: users of an account", f"the most has {most}, {count} active", [most]
        )


def _logins(facts: Facts, subject: str, profiles: list[PartnerProfile]) -> Iterator[CheckItem]:
    for profile in profiles[:1]:
        if profile.monthly_logins is None:
            continue
        used, entitled = profile.monthly_logins
        words = f"{used:,} of {entitled:,} logins of this month used"
        if used >= entitled * facts.thresholds.near:
            yield LOGINS_SHORT(subject, words, [profile.licence])
        else:
            yield ok(f"{subject}: logins", words)


CHECK = Check("licences", (SHORT, DISABLED, LAG, LOGINS_SHORT, ACCOUNTS_SHORT, ACCOUNT_USERS), look)
