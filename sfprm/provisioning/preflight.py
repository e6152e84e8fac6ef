"""Everything that would fail later, found before the first write. Pure: one list of rules.

A rule is a small function over the facts; each answers with items, and each item that is not ok
says what to do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sfprm.estate.model import KEY_FIELD
from sfprm.programme.identity import is_email
from sfprm.programme.model import Presence, ToUser
from sfprm.provisioning.compare import owner_trouble
from sfprm.provisioning.compare_people import effective_state
from sfprm.provisioning.difference import Kind
from sfprm.provisioning.exposure import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfprm.estate.model import Estate
    from sfprm.programme.model import Person, Programme
    from sfprm.provisioning.communities import Communities
    from sfprm.provisioning.difference import Comparison
    from sfprm.provisioning.exposure import ExposureReview

__all__ = ["RULES", "CheckItem", "CheckState", "Facts", "preflight"]


class CheckState(StrEnum):
    """How an item stands. `manual`: nothing tells sfprm; a person must look."""

    OK = "ok"
    PROBLEM = "problem"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing looked at. `found` is the evidence, `fix` the next step, empty when ok."""

    name: str
    state: CheckState
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `communities` and `exposure` are None when the agent may not
    retrieve metadata; `mail` is mail_guard's reason in words; `allowance` is (used, most) of the
    day's API calls; `calls_needed` what the plan would cost."""

    programme: Programme
    estate: Estate
    comparison: Comparison
    communities: Communities | None = None
    exposure: ExposureReview | None = None
    mail: str = ""
    mail_open: bool = True
    allowance: tuple[int, int] | None = None
    calls_needed: int = 0


def preflight(facts: Facts) -> tuple[CheckItem, ...]:
    """All items in the order of `RULES`. Raises nothing."""
    return tuple(item for rule in RULES for item in rule(facts))


def _ok(name: str, found: str) -> CheckItem:
    return CheckItem(name, CheckState.OK, found)


def _problem(name: str, found: str, fix: str) -> CheckItem:
    return CheckItem(name, CheckState.PROBLEM, found, fix)


def _manual(name: str, found: str, fix: str) -> CheckItem:
    return CheckItem(name, CheckState.MANUAL, found, fix)


def _org(facts: Facts) -> Iterator[CheckItem]:
    org = facts.estate.org
    yield _ok("org", f"{org.name}, {org.nature}, as {org.agent_username}")


def _mail(facts: Facts) -> Iterator[CheckItem]:
    if not facts.mail:
        return
    words = "addresses are used as they are" if facts.mail_open else "addresses go to the sink"
    yield _ok("mail guard", f"{words}: {facts.mail}")


def _switches(facts: Facts) -> Iterator[CheckItem]:
    on = facts.communities
    if on is None:
        seen = facts.estate.has_sites
        yield (_ok if seen else _off)("digital experiences", "on" if seen else "off")
        yield _manual(
            "partner management",
            "the agent may not read the org's settings",
            "look in Setup › Partner Relationship Management, or grant sfprm_setup",
        )
        return
    yield (_ok if on.experiences else _off)(
        "digital experiences", "on" if on.experiences else "off"
    )
    yield (_ok if on.partner_management else _off)(
        "partner management", "on" if on.partner_management else "off"
    )


def _off(name: str, found: str) -> CheckItem:
    return _problem(name, found, "run `sfprm setup` (irreversible, after your confirmation)")


def _profiles(facts: Facts) -> Iterator[CheckItem]:
    names = {facts.programme.profile, *(p.profile for p in facts.programme.people.values())}
    for name in sorted(names):
        profile = facts.estate.profiles.get(name)
        if profile is None:
            yield _problem(
                f"profile {name}",
                "not in this org",
                "clone a partner profile under this name, or correct profile in the files",
            )
        elif not profile.is_partner:
            yield _problem(
                f"profile {name}",
                f"its licence is {profile.licence}: not a partner's",
                "name a profile of a Partner Community licence",
            )
        else:
            yield _ok(f"profile {name}", f"partner profile of licence {profile.licence}")


def _site(facts: Facts) -> Iterator[CheckItem]:
    name = facts.programme.site
    site = facts.estate.sites.get(name)
    if site is None:
        there = ", ".join(sorted(facts.estate.sites)) or "none"
        yield _problem(
            f"site {name}",
            f"not in this org (there: {there})",
            "create it in Setup › Digital Experiences, or correct site in programme.yaml",
        )
        return
    if site.is_live:
        yield _ok(f"site {name}", "Live")
    else:
        yield _problem(
            f"site {name}",
            f"status {site.status}: nobody can log in",
            "publish and activate it in Experience Workspaces › Administration",
        )
    for profile in facts.estate.profiles.values():
        if not profile.is_partner:
            continue
        if site.is_member(profile.id):
            yield _ok(f"site members: {profile.name}", f"member of {name}")
        else:
            yield _problem(
                f"site members: {profile.name}",
                f"not a member of {name}",
                "run `sfprm setup`: it adds the profile after saying how many would be mailed",
            )


def _licences(facts: Facts) -> Iterator[CheckItem]:
    needed: Counter[str] = Counter()
    for person in _without_user(facts):
        profile = facts.estate.profiles.get(person.profile)
        if profile is not None:
            needed[profile.licence] += 1
    for name, licence in sorted(facts.estate.licences.items()):
        words = f"{needed[name]} needed, {licence.left} of {licence.total} left"
        if needed[name] > licence.left:
            yield _problem(
                f"licences {name}", words, "buy licences, or declare fewer people as active"
            )
        else:
            yield _ok(f"licences {name}", words)


def _without_user(facts: Facts) -> Iterator[Person]:
    contacts = {c.key.lower(): c for c in facts.estate.contacts.values() if c.key}
    for person in facts.programme.people.values():
        state = effective_state(person, facts.programme.partners[person.partner])
        contact = contacts.get(person.key.lower())
        user = facts.estate.partner_users.get(contact.id) if contact else None
        if state is Presence.ACTIVE and (user is None or not user.active):
            yield person


def _managers(facts: Facts) -> Iterator[CheckItem]:
    owned = Counter(p.manager for p in facts.programme.partners.values())
    for key, manager in facts.programme.channel_managers.items():
        user = facts.estate.user(manager.username)
        why, fix = owner_trouble(user, manager.username)
        name = f"channel manager {key}"
        if why:
            yield _problem(name, f"{why}; {owned[key]} partners wait for it", fix)
        elif user is not None:
            yield _ok(name, f"{user.name}, role {user.role_name}, {owned[key]} partners")


def _key_fields(facts: Facts) -> Iterator[CheckItem]:
    if facts.estate.keys_visible:
        yield _ok("external-id fields", f"{KEY_FIELD} is visible on Account and Contact")
    else:
        yield _problem(
            "external-id fields",
            f"{KEY_FIELD} is not visible on Account and Contact",
            "run `sfprm setup`: it deploys them with the permission sets that grant them",
        )


def _accounts(facts: Facts) -> Iterator[CheckItem]:
    for difference in facts.comparison.differences:
        if difference.kind is not Kind.ACCOUNT:
            continue
        for note in difference.notes:
            if "of that name exists" in note:
                yield _problem(
                    f"partner {difference.key}",
                    note.partition(";")[0],
                    "name it in the files (match), or it will be there twice",
                )
        if difference.why.startswith("match "):
            yield _problem(f"partner {difference.key}", difference.why, difference.fix)


def _usernames(facts: Facts) -> Iterator[CheckItem]:
    bad = 0
    contacts = {c.key.lower(): c for c in facts.estate.contacts.values() if c.key}
    for person in facts.programme.people.values():
        name = f"username of {person.key}"
        if not is_email(person.username):
            bad += 1
            yield _problem(
                name,
                f"{person.username!r} has not the form of an e-mail address of at most 80 letters",
                "change the username pattern",
            )
            continue
        holder = facts.estate.user(person.username)
        contact = contacts.get(person.key.lower())
        if holder is not None and (contact is None or holder.contact_id != contact.id):
            bad += 1
            yield _problem(
                name,
                f"{person.username} belongs to {holder.name} in this org",
                "change the username pattern, or this person's username",
            )
    if not bad:
        count = len(facts.programme.people)
        yield _ok("usernames", f"{count} well-formed and free in this org")


def _queues(facts: Facts) -> Iterator[CheckItem]:
    for queue in facts.programme.queues.values():
        found = facts.estate.queues.get(queue.developer_name)
        name = f"queue {queue.name}"
        if found is None and not queue.managed:
            yield _problem(
                name,
                f"no queue {queue.developer_name} in this org",
                "create it in Setup › Queues, or correct the name",
            )
        elif found is not None and not queue.managed and not found.for_lead:
            yield _problem(
                name,
                "it may not own leads",
                "add Lead to its supported objects in Setup › Queues",
            )
        elif found is not None:
            yield _ok(name, f"{len(found.members)} members")
        else:
            yield _ok(name, "will be created")


def _rule_users(facts: Facts) -> Iterator[CheckItem]:
    for rule in facts.programme.routing.rules:
        if not isinstance(rule.target, ToUser):
            continue
        user = facts.estate.user(rule.target.username)
        if user is None or not user.active:
            state = "is inactive" if user else "is not in this org"
            yield _problem(
                f"rule {rule.name}",
                f"its user {rule.target.username} {state}",
                "name an active user in routing.yaml",
            )


def _exposure(facts: Facts) -> Iterator[CheckItem]:
    review = facts.exposure
    if review is None:
        yield _manual(
            "records that partners would see",
            "the agent may not retrieve metadata",
            "grant sfprm_setup, or go through Setup › Convert External User Access by hand",
        )
        return
    counts = {part: len(review.of(part)) for part in Part}
    if not any(counts.values()):
        yield _ok("records that partners would see", f"none found: {review.why}")
        return
    words = ", ".join(f"{count} {part.value}" for part, count in counts.items())
    yield _manual(
        "records that partners would see",
        words,
        "`sfprm setup --dry-run` lists each with who would see what",
    )


def _allowance(facts: Facts) -> Iterator[CheckItem]:
    if facts.allowance is None:
        return
    used, most = facts.allowance
    words = f"{most - used:,} of {most:,} left today, {facts.calls_needed:,} needed to apply"
    if facts.calls_needed > most - used:
        yield _problem("API calls", words, "wait until tomorrow, or raise the org's allowance")
    else:
        yield _ok("API calls", words)


def _welcome(facts: Facts) -> Iterator[CheckItem]:
    site = facts.estate.sites.get(facts.programme.site)
    count = sum(1 for _ in _without_user(facts))
    if site is None or not count:
        return
    if site.sends_welcome:
        yield _ok(
            "welcome mail", f"Salesforce will mail {count} new users once {site.name} is Live"
        )
    else:
        yield _manual(
            "welcome mail",
            f"{site.name} sends none: {count} new users will not hear of it",
            "switch it on in Administration › Emails, or reset passwords by hand later",
        )


RULES: tuple[Callable[[Facts], Iterator[CheckItem]], ...] = (
    _org,
    _mail,
    _switches,
    _profiles,
    _site,
    _licences,
    _managers,
    _key_fields,
    _accounts,
    _usernames,
    _queues,
    _rule_users,
    _exposure,
    _welcome,
    _allowance,
)
"""A new thing to look at: a function here, and a row in its table test."""
