"""Usernames and nicknames: well-formed, and free in this org.

Usernames are unique over all orgs, but only this org's can be asked: a claim elsewhere shows when
the user is made (operations.md, rule 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.identity import is_email
from sfprm.programme.model import OnTaken
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

MALFORMED = Code(
    "username-malformed",
    CheckState.PROBLEM,
    "a username has not the form of an e-mail address of at most 80 letters",
    "change the username pattern",
    "apply: make users",
    "provisioning sheet, section 4",
)
TAKEN = Code(
    "username-taken",
    CheckState.PROBLEM,
    "a username belongs to somebody else in this org",
    "change the username pattern, or this person's username; or say on_taken: number",
    "apply: make users",
    "provisioning sheet, section 4 (DUPLICATE_USERNAME)",
)
NUMBERED = Code(
    "username-numbered",
    CheckState.NOTE,
    "a username is taken, and the next number will be tried, as the files say",
    "nothing, unless the person shall have another one",
    "apply: make users",
    "operations.md, rule 4",
)
NICKNAME = Code(
    "nickname-taken",
    CheckState.PROBLEM,
    "a nickname belongs to somebody else in this org",
    "give the person another nickname in people.csv",
    "apply: make users",
    "provisioning sheet, section 4 (DUPLICATE_COMM_NICKNAME)",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each person's names; those of people who have their user already are not asked for."""
    bad = 0
    for person, contact, user in facts.people():
        subject = f"username of {person.key}"
        if not is_email(person.username):
            bad += 1
            yield MALFORMED(subject, f"{person.username!r}", [person.username])
            continue
        holder = facts.estate.user(person.username)
        if holder is not None and (contact is None or holder.contact_id != contact.id):
            bad += 1
            code = NUMBERED if person.on_taken is OnTaken.NUMBER else TAKEN
            yield code(
                subject,
                f"{person.username} belongs to {holder.name} in this org",
                [holder.id],
            )
        named = facts.surroundings.nicknames.get(person.nickname.lower())
        if user is None and named is not None and named.lower() != person.username.lower():
            bad += 1
            words = f"{person.nickname} belongs to {named} in this org"
            yield NICKNAME(f"nickname of {person.key}", words, [named])
    if not bad:
        count = len(facts.programme.people)
        yield ok("usernames", f"{count} well-formed and free in this org")


CHECK = Check("usernames", (MALFORMED, TAKEN, NUMBERED, NICKNAME), look)
