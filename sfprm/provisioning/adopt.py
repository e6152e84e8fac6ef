"""From what an org holds to proposed programme files, with a list of what a person must look at.

Pure. Nothing doubtful is decided silently: it is left out or taken as it is, and stands in the
review either way. Keys come from names and, where two are alike, from the order of record ids, so
that adopting again proposes the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sfprm.ids import RecordId
from sfprm.programme.identity import is_email
from sfprm.programme.keys import free_key, key_from, person_key
from sfprm.provisioning.adopt_doubts import Doubt, account_doubts, person_doubts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.provisioning.adopt_found import (
        Found,
        FoundAccount,
        FoundGroup,
        FoundMember,
        FoundPerson,
        FoundSite,
    )

__all__ = ["AdoptTerms", "AdoptedGroup", "Proposal", "propose"]

Member = str | dict[str, str | bool]
"""A member as the files write it."""


@dataclass(frozen=True, slots=True)
class AdoptTerms:
    """How to adopt. `keys`: `leave` knows records by Id and writes nothing to the org; `write`
    lets the next apply write the keys. `tier_field`: Account field that holds the tier."""

    name: str = ""
    site: str | None = None
    keys: Literal["leave", "write"] = "leave"
    tier_field: str | None = None
    account_fields: tuple[str, ...] = ()
    with_inactive: bool = False


@dataclass(frozen=True, slots=True)
class AdoptedGroup:
    """A queue or public group as it goes into the files."""

    label: str
    developer_name: str
    notify: str | None
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What goes into the files. Keys by record id; people in the order of their partners."""

    name: str
    site: str
    terms: AdoptTerms
    managers: Mapping[RecordId, str]
    accounts: tuple[FoundAccount, ...]
    people: tuple[FoundPerson, ...]
    partner_keys: Mapping[RecordId, str]
    person_keys: Mapping[RecordId, str]
    queues: tuple[AdoptedGroup, ...]
    groups: tuple[AdoptedGroup, ...]
    sites: tuple[FoundSite, ...]
    tiers: tuple[str, ...] = ()
    review: tuple[Doubt, ...] = field(default_factory=tuple)


def propose(found: Found, terms: AdoptTerms) -> Proposal:
    """The files' content, and the review."""
    review: list[Doubt] = []
    accounts = _accounts(found, review)
    partner_keys = _keys((a.id, a.key, key_from(a.name, f"partner-{a.id[-6:]}")) for a in accounts)
    people = _people(found, {a.id for a in accounts}, terms, review)
    by_account: dict[RecordId, list[FoundPerson]] = {}
    for person in people:
        by_account.setdefault(person.account_id, []).append(person)
    ordered = [p for a in accounts for p in by_account.get(a.id, ())]
    person_keys = _keys(
        (
            p.contact_id,
            p.key,
            person_key(p.first_name, p.last_name, f"person-{p.contact_id[-6:]}"),
        )
        for p in sorted(people, key=lambda p: p.contact_id)
    )
    managers = _managers(accounts, review)
    review += account_doubts(accounts, by_account)
    review += person_doubts(ordered, partner_keys)
    active: dict[RecordId, list[str]] = {}
    for person in ordered:
        if person.active and not person.frozen:
            active.setdefault(person.account_id, []).append(person_keys[person.contact_id])
    members = _Members(partner_keys, person_keys, found, review, active)
    queues = _groups((g for g in found.groups if g.is_queue), members, review)
    groups = _groups((g for g in found.groups if not g.is_queue), members, review)
    tiers: tuple[str, ...] = ()
    if terms.tier_field:
        values = (a.fields.get(terms.tier_field) for a in accounts)
        tiers = tuple(sorted({str(v) for v in values if v not in (None, "")}))
        if len(tiers) > 1:
            review.append(
                Doubt("tiers", terms.tier_field, "", "the order of the tiers is not known",
                      "put `tiers:` in order, lowest first")
            )  # fmt: skip
    if found.person_accounts:
        review.append(
            Doubt("accounts", "", "", f"{found.person_accounts} person accounts are partners",
                  "they are left out: a partner is a business account")
        )  # fmt: skip
    return Proposal(
        name=terms.name or f"{found.org_name} channel",
        site=_site(found, terms, people, review),
        terms=terms,
        managers=managers,
        accounts=tuple(accounts),
        people=tuple(ordered),
        partner_keys=partner_keys,
        person_keys=person_keys,
        queues=queues,
        groups=groups,
        sites=found.sites,
        tiers=tiers,
        review=tuple(review),
    )


def _accounts(found: Found, review: list[Doubt]) -> list[FoundAccount]:
    """Those that are enabled as partners."""
    kept = []
    housed = Counter(p.account_id for p in found.people if p.active)
    for account in found.accounts:
        if account.is_partner:
            kept.append(account)
        else:
            review.append(
                Doubt(
                    "account",
                    account.name,
                    account.id,
                    f"has {housed[account.id]} active partner users but is not enabled as partner",
                    "left out; enable it as partner and adopt again, or declare it by hand with "
                    f"match: Id={account.id}",
                )
            )
    return kept


def _people(
    found: Found, partners: set[RecordId], terms: AdoptTerms, review: list[Doubt]
) -> list[FoundPerson]:
    """Partner users of the adopted accounts; inactive ones only when asked for."""
    inactive = [p for p in found.people if p.account_id in partners and not p.active]
    if inactive and not terms.with_inactive:
        review.append(
            Doubt(
                "people", "", "", f"{len(inactive)} inactive partner users are left out",
                "--with-inactive takes them in as `state: absent`",
            )
        )  # fmt: skip
    return [
        p for p in found.people if p.account_id in partners and (p.active or terms.with_inactive)
    ]


def _keys(wanted: Iterable[tuple[RecordId, str | None, str]]) -> dict[RecordId, str]:
    """Keys by id: the org's own where it has them, else those from names, each once."""
    rows = list(wanted)
    keys = {at: own.lower() for at, own, _ in rows if own}
    used = set(keys.values())
    for at, own, name in rows:
        if not own:
            keys[at] = free_key(name, used)
            used.add(keys[at])
    return keys


def _managers(accounts: Sequence[FoundAccount], review: list[Doubt]) -> dict[RecordId, str]:
    """Keys of the accounts' owners, by user id."""
    owners = {a.owner.id: a.owner for a in accounts}
    owns = Counter(a.owner.id for a in accounts)
    managers: dict[RecordId, str] = {}
    for at in sorted(owners):
        owner = owners[at]
        local = owner.username.partition("@")[0]
        managers[at] = free_key(key_from(owner.name, local), set(managers.values()))
        owned = owns[at]
        if not owner.active or not owner.has_role:
            what = "is inactive" if not owner.active else "has no role"
            review.append(
                Doubt(
                    "owner", owner.name, at, f"owns {owned} partner accounts and {what}",
                    "no partner user can be made under such an owner: give the accounts another",
                )
            )  # fmt: skip
    return managers


def _site(
    found: Found, terms: AdoptTerms, people: Sequence[FoundPerson], review: list[Doubt]
) -> str:
    """The site that most of the people are members of by their profile."""
    if terms.site:
        return terms.site
    used = Counter(p.profile for p in people)
    weight = {s.name: sum(used[name] for name in s.profiles) for s in found.sites}
    ranked = sorted(weight, key=lambda name: (-weight[name], name))
    if not ranked:
        review.append(
            Doubt("site", "", "", "the org has no site", "write its name into `site:` when it has")
        )
        return "Partner Central"
    if len(ranked) > 1 and weight[ranked[1]]:
        others = ", ".join(name for name in ranked[1:] if weight[name])
        review.append(
            Doubt("site", ranked[0], "", f"partners are members of {others} too",
                  "the programme's own site is the one with most people; --site chooses")
        )  # fmt: skip
    return ranked[0]


@dataclass(frozen=True, slots=True)
class _Members:
    """Turns members of the org into members of the files."""

    partners: Mapping[RecordId, str]
    people: Mapping[RecordId, str]
    found: Found
    review: list[Doubt]
    active: Mapping[RecordId, Sequence[str]]
    """Keys of active people by account."""

    def of(self, group: FoundGroup) -> tuple[Member, ...]:
        members: list[Member] = []
        lost: Counter[str] = Counter()
        for member in group.members:
            said = self._one(member)
            if said is None:
                lost[_WHY[member.kind]] += 1
            else:
                members.append(said)
        kind = "queue" if group.is_queue else "group"
        for why, many in lost.items():
            self.review.append(
                Doubt(kind, group.label, group.id, f"{_members(many)} left out: {why}",
                      "they stay members; sfprm takes away only what it added")
            )  # fmt: skip
        self._whole_partners(kind, group, members)
        return tuple({str(member): member for member in sorted(members, key=str)}.values())

    def _one(self, member: FoundMember) -> Member | None:
        match member.kind:
            case "person" if RecordId(member.name) in self.people:
                return {"person": self.people[RecordId(member.name)]}
            case "user" if is_email(member.name):
                return {"user": member.name}
            case "group":
                label = next(
                    (g.label for g in self.found.groups if g.developer_name == member.name), None
                )
                return {"group": label} if label else None
            case "partner-role" if RecordId(member.name) in self.partners:
                key = self.partners[RecordId(member.name)]
                return _below(member, {"partner": key, "role": member.role})
            case "role":
                return _below(member, {"role": member.name})
            case _:
                return None

    def _whole_partners(self, kind: str, group: FoundGroup, members: list[Member]) -> None:
        """Say where all people of a partner are members: the files might name the partner."""
        inside = {m["person"] for m in members if isinstance(m, dict) and "person" in m}
        for account, keys in self.active.items() if inside else ():
            if len(keys) > 1 and set(keys) <= inside and account in self.partners:
                key = self.partners[account]
                self.review.append(
                    Doubt(kind, group.label, group.id, f"all {len(keys)} people of {key} are in it",
                          f"writing `- {key}` instead takes in newcomers too")
                )  # fmt: skip


def _below(member: FoundMember, said: dict[str, str | bool]) -> Member:
    return {**said, "subordinates": True} if member.below else said


def _members(many: int) -> str:
    return "1 member" if many == 1 else f"{many} members"


_WHY = {
    "person": "people who are not in the files",
    "partner-role": "roles of accounts that are not in the files",
    "group": "groups that are not in the files",
    "user": "usernames that the files cannot hold",
    "unknown": "roles with their partners, territories or other kinds",
}


def _groups(
    groups: Iterable[FoundGroup], members: _Members, review: list[Doubt]
) -> tuple[AdoptedGroup, ...]:
    """As the files write them; a label that stands twice only once."""
    adopted: dict[str, AdoptedGroup] = {}
    for group in groups:
        if group.label in adopted:
            kind = "queue" if group.is_queue else "group"
            review.append(
                Doubt(kind, group.label, group.id, f"a second {kind} of that label is left out",
                      "give one of the two another label")
            )  # fmt: skip
            continue
        notify = group.email if group.email and is_email(group.email) else None
        if group.email and notify is None:
            review.append(
                Doubt("queue", group.label, group.id, f"its address {group.email!r} is left out",
                      "the files take addresses of ASCII letters")
            )  # fmt: skip
        adopted[group.label] = AdoptedGroup(
            group.label, group.developer_name, notify, members.of(group)
        )
    return tuple(adopted.values())
