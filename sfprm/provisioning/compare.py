"""compare(declared, applied, estate): what differs, and who moved it. Pure.

Partners and their people here, queues in `compare_queues`. The order is the files'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.estate.model import KEY_FIELD
from sfprm.programme.model import OwnerPolicy, Presence
from sfprm.provisioning.compare_queues import compare_queues
from sfprm.provisioning.difference import (
    Comparison,
    Difference,
    Kind,
    SeatUse,
    Unmanaged,
    Verdict,
    ref,
)
from sfprm.provisioning.fields import Cause, Declared, FieldChange, Policy, compare_fields
from sfprm.provisioning.normalise import normalise
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfprm.estate.model import AccountState, ContactState, Estate, OrgUser, PartnerUser
    from sfprm.programme.model import FieldValue, Partner, Person, Programme

__all__ = ["OBJECTS", "compare", "effective_state", "owner_trouble", "unguarded"]

OBJECTS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.ACCOUNT: "Account",
        Kind.ENABLE: "Account",
        Kind.CONTACT: "Contact",
        Kind.USER: "User",
        Kind.QUEUE: "Group",
        Kind.MEMBER: "GroupMember",
    }
)
_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})
_STRICTNESS = {Presence.ACTIVE: 0, Presence.FROZEN: 1, Presence.ABSENT: 2}


def unguarded(address: str) -> str:
    """The guard of an org where every address may be written."""
    return address


def effective_state(person: Person, partner: Partner) -> Presence:
    """A person of a frozen or absent partner is at least that."""
    return max(person.state, partner.state, key=_STRICTNESS.__getitem__)


def owner_trouble(user: OrgUser | None, username: str) -> tuple[str, str]:
    """Why this user cannot own partner accounts, and the fix; two empty texts when they can.

    An owner without a role is refused when the first partner user is inserted, as UNKNOWN_EXCEPTION
    `portal account owner must have a role` (facts sheet, section 2): found here before any write.
    """
    if user is None:
        return (
            f"no user {username} in this org",
            "correct the username under channel_managers, or create the user",
        )
    if user.contact_id is not None:
        return (
            f"channel manager {username} is an external user",
            "name an internal user under channel_managers",
        )
    if not user.active:
        return (
            f"channel manager {user.name} is inactive",
            f"activate {user.username}, or name another manager",
        )
    if user.role_id is None:
        return (
            f"channel manager {user.name} has no role in Salesforce",
            f"Setup › Users › {user.name} › Role, then run plan again",
        )
    return "", ""


@dataclass(slots=True)
class _Seats:
    """Seats handed out while people are walked in file order."""

    left: dict[str, int]
    taken: dict[str, int] = field(default_factory=dict)
    freed: dict[str, int] = field(default_factory=dict)

    def take(self, licence: str) -> bool:
        free = self.left.get(licence, 0) + self.freed.get(licence, 0) - self.taken.get(licence, 0)
        if free <= 0:
            return False
        self.taken[licence] = self.taken.get(licence, 0) + 1
        return True

    def give_back(self, licence: str) -> None:
        self.freed[licence] = self.freed.get(licence, 0) + 1


def compare(
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    *,
    guard: Callable[[str], str] = unguarded,
    unsettled: frozenset[str] = frozenset(),
) -> Comparison:
    """Every declared record against the estate. Raises nothing: what cannot be done is BLOCKED
    with its fix. `guard` is what mail_guard makes of an address: addresses are compared, and
    written, after it. `unsettled` are keys of memberships (`member_key`) that an interrupted run
    had sent: found in place, they are ours."""
    walk = _Walk(programme, applied, estate, guard, unsettled)
    differences = walk.all()
    return Comparison(
        differences=differences,
        unmanaged=_unmanaged(programme, estate),
        seats=walk.seat_use(),
        baseline=_baseline(differences, applied),
    )


class _Walk:
    """One pass over the programme; holds what the steps of the pass hand to each other."""

    def __init__(
        self,
        programme: Programme,
        applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
        estate: Estate,
        guard: Callable[[str], str],
        unsettled: frozenset[str],
    ) -> None:
        self.programme = programme
        self.applied = applied
        self.estate = estate
        self.guard = guard
        self.unsettled = unsettled
        self.by_key = {a.key.lower(): a for a in estate.accounts.values() if a.key}
        self.contacts = {c.key.lower(): c for c in estate.contacts.values() if c.key}
        self.seats = _Seats({name: lic.left for name, lic in estate.licences.items()})
        self.people_of: dict[str, list[Person]] = {}
        for person in programme.people.values():
            self.people_of.setdefault(person.partner, []).append(person)

    def all(self) -> tuple[Difference, ...]:
        out: list[Difference] = []
        for partner in self.programme.partners.values():
            out += self.partner(partner)
        out += compare_queues(self.programme, self.applied, self.estate, out, self.unsettled)
        return tuple(out)

    def seat_use(self) -> tuple[SeatUse, ...]:
        return tuple(
            SeatUse(
                name,
                licence.total,
                licence.left,
                self.seats.taken.get(name, 0),
                self.seats.freed.get(name, 0),
            )
            for name, licence in self.estate.licences.items()
        )

    # partners

    def partner(self, partner: Partner) -> list[Difference]:
        account, why, fix = self._find(partner)
        people = self.people_of.get(partner.key, [])
        if why:
            blocked = _blocked(Kind.ACCOUNT, partner.key, partner.name, partner.key, why, fix)
            return [blocked, *self._people_blocked(partner, people)]
        if account is None and partner.state is Presence.ABSENT:
            return []
        difference = self._account(partner, account)
        if difference.verdict is Verdict.BLOCKED:
            return [difference, *self._people_blocked(partner, people)]
        out = [difference]
        if not (account is not None and account.is_partner) and partner.state is Presence.ACTIVE:
            out.append(self._enable(partner, account))
        for person in people:
            out += self.person(person, partner, account)
        return out

    def _find(self, partner: Partner) -> tuple[AccountState | None, str, str]:
        account = self.by_key.get(partner.key.lower())
        if account is not None or partner.match is None:
            return account, "", ""
        match, name = partner.match, f"{partner.match.field} = {partner.match.value}"
        kind = self.estate.account_types.get(match.field.lower(), "")
        wanted = _caseless(kind, match.value)
        found = [
            a
            for a in self.estate.accounts.values()
            if _caseless(kind, _lowered(a.fields).get(match.field.lower())) == wanted
        ]
        if not found:
            return (
                None,
                f"match {name} finds no account",
                f"correct match in {partner.origin}, or leave it out to create the account",
            )
        if len(found) > 1:
            listed = ", ".join(f"{a.name} ({a.id})" for a in found)
            return None, f"match {name} finds {len(found)} accounts: {listed}", "match by Id"
        if found[0].key:
            return (
                None,
                f"match {name} finds {found[0].name}, which is partner {found[0].key} already",
                f"correct match or key in {partner.origin}",
            )
        return found[0], "", ""

    def _account(self, partner: Partner, account: AccountState | None) -> Difference:
        manager = self.programme.channel_managers[partner.manager]
        user = self.estate.user(manager.username)
        declared = self._account_fields(partner, account, user)
        found = None if account is None else {**account.fields, KEY_FIELD: account.key}
        changes = compare_fields(declared, found, self._applied("Account", partner.key))
        if account is not None and partner.state is not Presence.ACTIVE:
            changes = ()
        notes = list(self._account_notes(partner, account, changes))
        owner_moves = any(c.field == "OwnerId" and c.written for c in changes)
        enables = account is None or not account.is_partner
        if partner.state is Presence.ACTIVE and (owner_moves or enables):
            keeps_owner = account is not None and not owner_moves
            why, fix = (
                self._kept_owner_trouble(account)
                if account is not None and keeps_owner
                else owner_trouble(user, manager.username)
            )
            if why:
                return _blocked(Kind.ACCOUNT, partner.key, partner.name, partner.key, why, fix)
        return Difference(
            kind=Kind.ACCOUNT,
            key=partner.key,
            label=partner.name,
            owner=partner.key,
            verdict=_verdict(account is None, changes),
            changes=changes,
            record_id=account.id if account else None,
            declared=declared,
            notes=tuple(notes),
        )

    def _account_fields(
        self, partner: Partner, account: AccountState | None, user: OrgUser | None
    ) -> dict[str, Declared]:
        adopted = partner.match is not None
        types = self.estate.account_types
        declared = {
            KEY_FIELD: Declared(partner.key, "email"),  # compared without case, as the field is
            "Name": Declared(partner.name, "string", _following(adopted)),
        }
        for name, value in partner.fields.items():
            declared[name] = Declared(value, types.get(name.lower(), ""))
        if user is not None and (account is None or partner.owner is not OwnerPolicy.UNMANAGED):
            managed = partner.owner is OwnerPolicy.MANAGED
            # an adopted account keeps its owner until the file names another manager
            policy = _following(adopted) if managed else Policy.SET_ONCE
            declared["OwnerId"] = Declared(user.id, "reference", policy)
        return declared

    def _kept_owner_trouble(self, account: AccountState) -> tuple[str, str]:
        if account.owner_has_role:
            return "", ""
        return (
            f"the account's owner {account.owner_username} has no role in Salesforce",
            f"Setup › Users › {account.owner_username} › Role, then run plan again",
        )

    def _account_notes(
        self, partner: Partner, account: AccountState | None, changes: tuple[FieldChange, ...]
    ) -> list[str]:
        notes = []
        if account is None:
            doubles = [
                a
                for a in self.estate.accounts.values()
                if not a.key and a.name.strip().casefold() == partner.name.strip().casefold()
            ]
            notes += [
                f"an account of that name exists ({a.id}); to use it, name it: match: Id={a.id}"
                for a in doubles
            ]
        elif any(c.field == "OwnerId" and c.written for c in changes):
            staying = sum(1 for c in self.estate.contacts.values() if c.account_id == account.id)
            notes.append(
                f"an owner change by API drops the account's team and shares, leaves {staying} "
                f"contacts with {account.owner_username} and moves the partner's roles"
            )
        return notes

    def _enable(self, partner: Partner, account: AccountState | None) -> Difference:
        before = None if account is None else False
        return Difference(
            kind=Kind.ENABLE,
            key=partner.key,
            label=partner.name,
            owner=partner.key,
            verdict=Verdict.UPDATE,
            changes=(FieldChange("IsPartner", before, True, Cause.NEW),),
            record_id=account.id if account else None,
            declared={"IsPartner": Declared(True, "boolean")},
        )

    # people

    def person(
        self, person: Person, partner: Partner, account: AccountState | None
    ) -> list[Difference]:
        state = effective_state(person, partner)
        contact = self.contacts.get(person.key.lower())
        user = self.estate.partner_users.get(contact.id) if contact else None
        if state is Presence.ABSENT:
            return [self._leaver(person, user)] if user and user.active else []
        return [
            self._contact(person, account, contact),
            *self._user(person, state, account, contact, user),
        ]

    def _contact(
        self, person: Person, account: AccountState | None, contact: ContactState | None
    ) -> Difference:
        types = self.estate.contact_types
        declared = {
            KEY_FIELD: Declared(person.key, "email"),
            "FirstName": Declared(person.first_name, "string"),
            "LastName": Declared(person.last_name, "string"),
            "Email": Declared(self.guard(person.email), "email"),
        }
        for name, value in person.contact_fields.items():
            declared[name] = Declared(value, types.get(name.lower(), ""))
        links = {"AccountId": ref("account", person.partner)}
        notes: tuple[str, ...] = ()
        found: dict[str, FieldValue] | None = None
        if contact is not None:
            found = {**contact.fields, KEY_FIELD: contact.key, "AccountId": contact.account_id}
            if account is not None:
                declared["AccountId"] = Declared(account.id, "reference")
                links = {}
                if contact.account_id != account.id:
                    notes = ("moves to another account; the partner user moves with it",)
        changes = compare_fields(declared, found, self._applied("Contact", person.key))
        moving = contact is not None and account is None
        verdict = Verdict.UPDATE if moving else _verdict(contact is None, changes)
        return Difference(
            kind=Kind.CONTACT,
            key=person.key,
            label=_full_name(person),
            owner=person.partner,
            verdict=verdict,
            changes=changes,
            record_id=contact.id if contact else None,
            links=links if verdict is not Verdict.SAME else {},
            declared=declared,
            notes=notes,
        )

    def _user(
        self,
        person: Person,
        state: Presence,
        account: AccountState | None,
        contact: ContactState | None,
        user: PartnerUser | None,
    ) -> list[Difference]:
        profile = self.estate.profiles.get(person.profile)
        if user is None and state is Presence.FROZEN:
            return []
        trouble = self._user_trouble(person, user)
        if trouble is None and user is None and account is not None and account.is_partner:
            kept = self._kept_owner_trouble(account)
            trouble = kept if kept[0] else None
        if trouble:
            return [_blocked(Kind.USER, person.key, _full_name(person), person.partner, *trouble)]
        assert profile is not None
        declared = self._user_fields(person, profile.id, state)
        found = None
        if user is not None:
            found = {**user.fields, "IsFrozen": user.frozen, "IsActive": user.active}
            found["PortalRole"] = user.portal_role or "Worker"
        else:
            del declared["IsFrozen"]
        changes = compare_fields(declared, found, self._applied("User", person.key))
        takes = user is None or any(
            c.field == "IsActive" and c.after is True and c.written for c in changes
        )
        if takes and not self.seats.take(profile.licence):
            licence = self.estate.licences.get(profile.licence)
            total = licence.total if licence else 0
            return [
                _blocked(
                    Kind.USER,
                    person.key,
                    _full_name(person),
                    person.partner,
                    f"no {profile.licence} licence left (of {total})",
                    "buy licences or deactivate partner users, then run plan again",
                )
            ]
        return [
            Difference(
                kind=Kind.USER,
                key=person.key,
                label=_full_name(person),
                owner=person.partner,
                verdict=_verdict(user is None, changes),
                changes=changes,
                record_id=user.id if user else None,
                links={"ContactId": ref("contact", person.key)} if user is None else {},
                declared=declared,
                notes=tuple(
                    f"{c.field}: {c.note}" for c in changes if not c.written and _worth_saying(c)
                ),
            )
        ]

    def _user_trouble(self, person: Person, user: PartnerUser | None) -> tuple[str, str] | None:
        profile = self.estate.profiles.get(person.profile)
        if profile is None:
            return (
                f"no profile {person.profile!r} in this org",
                "correct profile in the files, or create it from a partner profile",
            )
        if not profile.is_partner:
            return (
                f"profile {person.profile!r} is of licence {profile.licence}, not a partner's",
                "name a profile of a Partner Community licence",
            )
        holder = self.estate.user(person.username)
        if holder is not None and (user is None or holder.id != user.id):
            return (
                f"username {person.username} belongs to {holder.name} in this org",
                "change the username pattern or the person's username",
            )
        return None

    def _user_fields(
        self, person: Person, profile_id: FieldValue, state: Presence
    ) -> dict[str, Declared]:
        follow = Policy.FOLLOW_FILE
        fields = {
            "Username": Declared(person.username, "username", follow),
            "FirstName": Declared(person.first_name, "string"),
            "LastName": Declared(person.last_name, "string"),
            "Email": Declared(self.guard(person.email), "email", Policy.CONFIRMED),
            "ProfileId": Declared(profile_id, "reference"),
            "PortalRole": Declared(person.role.value, "picklist"),
            "IsActive": Declared(True, "boolean", Policy.PERSON_WINS),
            "IsFrozen": Declared(state is Presence.FROZEN, "boolean", Policy.PERSON_WINS),
            "Alias": Declared(person.alias, "string", follow),
            "CommunityNickname": Declared(person.nickname, "string", follow),
            "TimeZoneSidKey": Declared(person.time_zone, "picklist", follow),
            "LocaleSidKey": Declared(person.locale, "picklist", follow),
            "LanguageLocaleKey": Declared(person.language, "picklist", follow),
            "EmailEncodingKey": Declared(person.email_encoding, "picklist", follow),
        }
        for name, value in person.user_fields.items():
            fields[name] = Declared(value)
        if state is Presence.FROZEN:
            # the files ask for it: no reason to wait for a sign that a person agrees
            fields["IsFrozen"] = Declared(True, "boolean")
        return fields

    def _leaver(self, person: Person, user: PartnerUser) -> Difference:
        profile = next((p for p in self.estate.profiles.values() if p.id == user.profile_id), None)
        if profile is not None:
            self.seats.give_back(profile.licence)
        return Difference(
            kind=Kind.USER,
            key=person.key,
            label=_full_name(person),
            owner=person.partner,
            verdict=Verdict.UPDATE,
            changes=(FieldChange("IsActive", True, False, Cause.FILE),),
            record_id=user.id,
            declared={"IsActive": Declared(False, "boolean")},
            notes=("the user keeps the records owned; hand them on with offboard",),
        )

    def _people_blocked(self, partner: Partner, people: list[Person]) -> list[Difference]:
        return [
            _blocked(
                Kind.CONTACT,
                person.key,
                _full_name(person),
                partner.key,
                f"partner {partner.name} is blocked",
                "mend the partner first",
            )
            for person in people
            if effective_state(person, partner) is not Presence.ABSENT
        ]

    def _applied(self, object_: str, key: str) -> Mapping[str, FieldValue]:
        return self.applied.get((object_, key), _NOTHING)


def _lowered(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    return {name.lower(): value for name, value in fields.items()}


def _caseless(kind: str, value: FieldValue) -> object:
    """As a SOQL `=` compares: text without case."""
    plain = normalise(kind, value)
    return plain.lower() if isinstance(plain, str) and kind not in ("reference", "id") else plain


def _following(adopted: bool) -> Policy:
    return Policy.FOLLOW_FILE if adopted else Policy.MANAGED


def _full_name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}".strip()


def _worth_saying(change: FieldChange) -> bool:
    return change.field in ("Email", "IsActive", "IsFrozen", "Username")


def _verdict(new: bool, changes: tuple[FieldChange, ...]) -> Verdict:
    if new:
        return Verdict.CREATE
    return Verdict.UPDATE if any(c.written for c in changes) else Verdict.SAME


def _blocked(kind: Kind, key: str, label: str, owner: str, why: str, fix: str) -> Difference:
    return Difference(kind, key, label, Verdict.BLOCKED, owner=owner, why=why, fix=fix)


def _unmanaged(programme: Programme, estate: Estate) -> tuple[Unmanaged, ...]:
    partners = {key.lower() for key in programme.partners}
    people = {key.lower() for key in programme.people}
    return (
        *(
            Unmanaged("Account", a.id, a.name)
            for a in estate.accounts.values()
            if a.key and a.key.lower() not in partners
        ),
        *(
            Unmanaged("Contact", c.id, c.key)
            for c in estate.contacts.values()
            if c.key and c.key.lower() not in people
        ),
    )


def _baseline(
    differences: tuple[Difference, ...],
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
) -> tuple[AppliedValue, ...]:
    out = []
    for difference in differences:
        if difference.verdict is not Verdict.SAME:
            continue
        object_ = OBJECTS[difference.kind]
        key = difference.owner if difference.kind is Kind.MEMBER else difference.key
        known = applied.get((object_, key), _NOTHING)
        differing = {c.field for c in difference.changes}
        for name, want in difference.declared.items():
            if name not in differing and (
                name not in known
                or normalise(want.type, known[name]) != normalise(want.type, want.value)
            ):
                out.append(AppliedValue(object_, key, name, want.value))
    return tuple(out)
