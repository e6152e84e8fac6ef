"""What a person should look at before taking an org over: look-alikes and contradictions."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from sfprm.programme.keys import key_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.provisioning.adopt_found import FoundAccount, FoundPerson

__all__ = ["Doubt", "account_doubts", "bare_name", "domain_of", "look_alikes", "person_doubts"]

ALIKE = 92.0
"""Likeness (0 to 100) of two names, legal forms left out, from which on both are shown."""

MOST = 400
"""Names that begin a word alike are compared only when they are no more: `tech…` says nothing."""

_WORDS = re.compile(r"[^\s]+")
_FORMS = frozenset(
    _WORDS.findall(
        "ltd limited llc llp inc incorporated corp corporation co company plc gmbh mbh ag kg ohg "
        "ug se sa sl slu sas sarl srl spa sp z oo lda ltda unipessoal bv nv as asa ab oy oyj aps "
        "a s kk pty holding group gruppe grupo"
    )
)
_FREE_MAIL = frozenset(
    _WORDS.findall(
        "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com gmx.de "
        "gmx.net web.de mail.com proton.me protonmail.com aol.com"
    )
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """One line of the review. `record` is an id, '' when it is about several."""

    kind: str
    name: str
    record: str
    what: str
    advice: str


def bare_name(name: str) -> str:
    """The name for comparing: letters of any script spelt in Latin, legal forms left out."""
    words = re.split(r"-+", key_from(name[:200]))
    kept = [word for word in words if word not in _FORMS]
    return " ".join(kept or words)


def domain_of(address: str) -> str:
    """The domain of an address or web page, lower-case; '' for free mail and for nothing."""
    text = address.strip().lower()
    text = text.rpartition("@")[2] if "@" in text else re.sub(r"^[a-z]+://", "", text)
    domain = re.split(r"[/:?#]", text)[0].removeprefix("www.")
    return "" if domain in _FREE_MAIL or "." not in domain else domain


def look_alikes(names: Sequence[str], among: Sequence[str] | None = None) -> list[tuple[int, int]]:
    """Pairs (index, index) of names that look alike: within one list, or of one among another.

    Only names that share the beginning of a word are compared, or 10,000 would take minutes.
    """
    own = [bare_name(name) for name in names]
    other = own if among is None else [bare_name(name) for name in among]
    by_start: dict[str, list[int]] = {}
    same: dict[str, list[int]] = {}
    for index, name in enumerate(other):
        same.setdefault(name, []).append(index)
        for start in _starts(name):
            by_start.setdefault(start, []).append(index)
    pairs = set()
    for at, name in enumerate(own):
        near = {
            i
            for s in _starts(name)
            if len(by_start.get(s, ())) <= MOST
            for i in by_start.get(s, ())
        }
        for index in near if name else ():
            if among is None and index <= at:
                continue
            if fuzz.token_sort_ratio(name, other[index]) >= ALIKE:
                pairs.add((at, index))
    return sorted(pairs)


def _starts(name: str) -> set[str]:
    return {word[:4] for word in name.split()}


def account_doubts(
    accounts: Sequence[FoundAccount], people: Mapping[RecordId, Sequence[FoundPerson]]
) -> list[Doubt]:
    """Partners that may be one and the same, and partners without anybody."""
    doubts = []
    told = set()
    for one, other in look_alikes([a.name for a in accounts]):
        told.add((one, other))
        doubts.append(_twins(accounts[one], accounts[other], "their names are alike"))
    for domain, indexes in _by_domain(accounts, people).items():
        for one, other in pairwise(indexes):
            if (one, other) not in told:
                why = f"people of both have addresses at {domain}"
                doubts.append(_twins(accounts[one], accounts[other], why))
    empty = [a for a in accounts if not people.get(a.id)]
    for account in empty:
        many = f", {account.bare_contacts} contacts without a user" if account.bare_contacts else ""
        doubts.append(
            Doubt(
                "account",
                account.name,
                account.id,
                f"is a partner and has no active partner user{many}",
                "declared as it is; `state: absent` when it is none any more",
            )
        )
    return doubts


def _twins(one: FoundAccount, other: FoundAccount, why: str) -> Doubt:
    return Doubt(
        "account",
        one.name,
        one.id,
        f"may be the same partner as {other.name} ({other.id}): {why}",
        "both are declared; merge them in Salesforce, or take one out of the files",
    )


def _by_domain(
    accounts: Sequence[FoundAccount], people: Mapping[RecordId, Sequence[FoundPerson]]
) -> dict[str, list[int]]:
    """Indexes of the accounts by mail domain, where more than one has it."""
    found: dict[str, list[int]] = {}
    for at, account in enumerate(accounts):
        for domain in sorted({domain_of(p.email) for p in people.get(account.id, ())} - {""}):
            found.setdefault(domain, []).append(at)
    return {domain: indexes for domain, indexes in found.items() if len(indexes) > 1}


def person_doubts(
    people: Iterable[FoundPerson], partner_keys: Mapping[RecordId, str]
) -> list[Doubt]:
    """People whose contact and user say different things, and addresses that several have."""
    doubts = []
    every = list(people)
    shared = Counter(p.email.lower() for p in every)
    for person in every:
        name = f"{person.first_name} {person.last_name}".strip()
        pairs = (
            ("e-mail", person.contact_email, person.email),
            ("first name", person.first_name, person.user_first_name),
            ("last name", person.last_name, person.user_last_name),
        )
        doubts += [
            Doubt(
                "person",
                name,
                person.contact_id,
                f"the contact's {what} is {contact!r}, the user's {user!r}",
                "the files hold the user's e-mail and the contact's name; both stay as they are "
                "in the org",
            )
            for what, contact, user in pairs
            if contact.strip().lower() != user.strip().lower()
        ]
        if shared[person.email.lower()] > 1:
            doubts.append(
                Doubt(
                    "person",
                    name,
                    person.contact_id,
                    f"shares {person.email} with {shared[person.email.lower()] - 1} others",
                    f"all are declared; of partner {partner_keys[person.account_id]}",
                )
            )
    return doubts
