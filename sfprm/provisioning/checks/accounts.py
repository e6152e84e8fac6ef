"""Accounts and contacts that are there: found once, twice, merged away, or with a user already."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sfprm.programme.model import Presence
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some
from sfprm.provisioning.checks.licences import left_off
from sfprm.provisioning.compare_people import effective_state
from sfprm.provisioning.difference import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

DOUBLE = Code(
    "account-twice",
    CheckState.PROBLEM,
    "an account of the partner's name is there already",
    "name it in the files (match), or it will be there twice",
    "apply: make accounts",
)
MATCH = Code(
    "account-match",
    CheckState.PROBLEM,
    "the field that names an existing account finds none, or several",
    "correct match in partners.csv, or mend the accounts",
    "apply: adopt accounts",
)
MERGED = Code(
    "record-merged",
    CheckState.WARNING,
    "a record with one of our keys was merged into another, which has not the key",
    "give the surviving record the key, or name it by match; see whose user was disabled",
    "plan: the partner or person is made anew",
    "operations.md, rule 19",
)
PERSON_TWICE = Code(
    "person-twice",
    CheckState.WARNING,
    "the account has contacts of a person's e-mail address that carry no key",
    "give the right contact the person's key, or it will be there twice",
    "apply: make contacts",
    "operations.md, rule 4",
)
HAS_USER = Code(
    "contact-has-user",
    CheckState.NOTE,
    "the person's contact has a user that is not active, which will be given back to them",
    "nothing: a contact has one user ever, and sfprm activates it",
    "apply: activate users",
    "operations.md, rule 4",
)
OTHER_USER = Code(
    "contact-user-of-other-kind",
    CheckState.PROBLEM,
    "the person's contact has a user that is not a partner's, and can have no second one",
    "change that user's profile in Setup where the licence allows it, or name another contact",
    "apply: make users",
    "provisioning sheet, section 3 (PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT)",
)
CODES = (DOUBLE, MATCH, MERGED, PERSON_TWICE, HAS_USER, OTHER_USER)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Accounts, merged records, contacts."""
    found = [*_accounts(facts), *_merged(facts), *_twice(facts), *_users(facts)]
    yield from found
    if not found:
        yield ok("accounts and contacts", "each is there once, or not yet")


def _accounts(facts: Facts) -> Iterator[CheckItem]:
    for difference in facts.comparison.differences:
        if difference.kind is not Kind.ACCOUNT:
            continue
        subject = f"partner {difference.key}"
        for note in difference.notes:
            if "of that name exists" in note:
                yield DOUBLE(subject, note.partition(";")[0], [difference.key])
        if difference.why.startswith("match "):
            yield MATCH(subject, difference.why, [difference.key], fix=difference.fix)


def _merged(facts: Facts) -> Iterator[CheckItem]:
    accounts = {a.key.lower() for a in facts.estate.accounts.values() if a.key}
    contacts = {c.key.lower() for c in facts.estate.contacts.values() if c.key}
    there = {"Account": accounts, "Contact": contacts}
    partners = {p.key_value.lower() for p in facts.programme.partners.values()}
    people = {p.key_value.lower() for p in facts.programme.people.values()}
    declared = {"Account": partners, "Contact": people}
    for one in facts.surroundings.merged:
        key = one.key.lower()
        if key in declared[one.object] and key not in there[one.object]:
            words = f"{one.object} {one.id} was merged into {one.into}"
            yield MERGED(f"{one.object.lower()} {one.key}", words, [one.id, one.into])


def _twice(facts: Facts) -> Iterator[CheckItem]:
    by_mail: dict[tuple[str, str], list[str]] = defaultdict(list)
    for id_, email, account_id in facts.surroundings.strangers:
        by_mail[account_id, email.lower()].append(id_)
    accounts = {a.key.lower(): a.id for a in facts.estate.accounts.values() if a.key}
    matched = {
        d.key: d.record_id
        for d in facts.comparison.differences
        if d.kind is Kind.ACCOUNT and d.record_id
    }
    for person, contact, _ in facts.people():
        partner = facts.programme.partners[person.partner]
        account = accounts.get(partner.key_value.lower(), matched.get(person.partner))
        if contact is not None or account is None or person.match is not None:
            continue
        found = by_mail.get((account, person.email.lower()), [])
        if found:
            words = f"{some(found)} with the address {person.email}"
            yield PERSON_TWICE(f"person {person.key}", words, found)


def _users(facts: Facts) -> Iterator[CheckItem]:
    partner_profiles = {p.id for p in facts.surroundings.profiles or ()}
    left = left_off(facts)
    for person, _, user in facts.people():
        if user is None:
            continue
        subject = f"user of {person.key}"
        if facts.surroundings.profiles is not None and user.profile_id not in partner_profiles:
            yield OTHER_USER(subject, f"{user.username} has another kind of profile", [user.id])
            continue
        state = effective_state(person, facts.programme.partners[person.partner])
        if user.active or state is Presence.ABSENT:
            continue
        words = f"{user.username} is not active"
        if person.key in left:
            words += ", by a person's hand, and stays so"
            fix = f"`sfprm reinstate {person.key}` gives it back; or write state: absent"
            yield HAS_USER(subject, words, [user.id], fix=fix)
        else:
            yield HAS_USER(subject, words, [user.id])


CHECK = Check("accounts and contacts", CODES, look)
