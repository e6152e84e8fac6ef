"""One declared person against the org: contact, user, seat. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.model import OnTaken, Presence
from sfprm.provisioning.contact_finder import ContactFinder
from sfprm.provisioning.difference import (
    Difference,
    Flag,
    Kind,
    Verdict,
    blocked,
    ref,
    verdict_of,
)
from sfprm.provisioning.fields import (
    Cause,
    Declared,
    FieldChange,
    Policy,
    compare_fields,
    with_choices,
    written_new,
)
from sfprm.provisioning.seats import Seats
from sfprm.provisioning.survivors import STRICTNESS, heirs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfprm.estate.model import AccountState, ContactState, Estate, PartnerUser
    from sfprm.programme.model import FieldValue, Partner, Person, Programme
    from sfprm.provisioning.difference import SeatUse

__all__ = ["People", "effective_state", "full_name", "kept_owner_trouble"]

_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def effective_state(person: Person, partner: Partner) -> Presence:
    """A person of a frozen or absent partner is at least that."""
    return max(person.state, partner.state, key=STRICTNESS.__getitem__)


def kept_owner_trouble(account: AccountState) -> tuple[str, str]:
    """Why nobody can be made a user under this account's owner, and the fix; else two empty
    texts."""
    if account.owner_has_role:
        return "", ""
    return (
        f"the account's owner {account.owner_username} has no role in Salesforce",
        f"Setup › Users › {account.owner_username} › Role, then run plan again",
    )


def full_name(person: Person) -> str:
    """First and last name, as people read them."""
    return f"{person.first_name} {person.last_name}".strip()


class People:
    """Compares people one after another in file order, handing out seats as it goes."""

    def __init__(
        self,
        programme: Programme,
        applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
        estate: Estate,
        guard: Callable[[str], str],
    ) -> None:
        self.programme = programme
        self.key_field = programme.key_fields.contact
        self.homes = {c.id: c.account_id for c in estate.contacts.values()}
        self.housed = {self.homes.get(contact) for contact in estate.partner_users}
        """Accounts that have a user, and so their roles."""
        self.begun: set[str] = set()
        """Partners whose first user this plan makes."""
        declared = (
            (p.key, p.key_value, effective_state(p, programme.partners[p.partner]))
            for p in programme.people.values()
        )
        self.finder = ContactFinder(estate, heirs("Contact", declared, estate.merged))
        self.applied = applied
        self.estate = estate
        self.guard = guard
        self.seats = Seats(estate)

    def seat_use(self) -> tuple[SeatUse, ...]:
        """What the people compared so far take and give back."""
        return self.seats.use()

    def compare(
        self, person: Person, partner: Partner, account: AccountState | None
    ) -> list[Difference]:
        """The differences of one person: at most a contact's and a user's."""
        state = effective_state(person, partner)
        contact, trouble, said = self.finder.find(person, account)
        if trouble is not None and state is Presence.ACTIVE:
            return [blocked(Kind.CONTACT, person.key, full_name(person), person.partner, *trouble)]
        user = self.estate.partner_users.get(contact.id) if contact else None
        if state is Presence.ABSENT:
            return [self._leaver(person, user)] if user and user.active else []
        if state is Presence.FROZEN and contact is None:
            return []
        difference = self._contact(person, account, contact, user, said)
        if difference.verdict is Verdict.BLOCKED:
            return [difference]
        return [difference, *self._user(person, state, account, contact, user)]

    def _contact(
        self,
        person: Person,
        account: AccountState | None,
        contact: ContactState | None,
        user: PartnerUser | None,
        said: str,
    ) -> Difference:
        types = self.estate.contact_types
        declared = {
            self.key_field: Declared(person.key_value, "email"),
            "FirstName": Declared(person.first_name, "string"),
            "LastName": Declared(person.last_name, "string"),
            "Email": Declared(self.guard(person.email), "email"),
        }
        for name, value in person.contact_fields.items():
            declared[name] = Declared(value, types.get(name.lower(), ""))
        if person.record_type is not None:
            record_type = self.estate.record_types.get(("Contact", person.record_type))
            if record_type is None:
                why = f"Contact has no record type {person.record_type} in this org"
                fix = f"correct record_type in {person.origin}"
                return blocked(
                    Kind.CONTACT, person.key, full_name(person), person.partner, why, fix
                )
            declared["RecordTypeId"] = Declared(record_type, "reference")
        if person.currency is not None:
            declared["CurrencyIsoCode"] = Declared(person.currency, "picklist")
        declared = with_choices("Contact", declared, self.programme.who_wins)
        links = {"AccountId": ref("account", person.partner)}
        notes: tuple[str, ...] = (said,) if said else ()
        found: dict[str, FieldValue] | None = None
        if contact is not None:
            found = {**contact.fields, self.key_field: contact.key}
            found["AccountId"] = contact.account_id
            if account is not None:
                declared["AccountId"] = Declared(account.id, "reference")
                links = {}
            if user is not None and (account is None or contact.account_id != account.id):
                notes = (
                    *notes,
                    "moves to another partner, the user with it; leads and other records that "
                    "the user owns go along",
                )
        values: dict[str, FieldValue] | None = None
        if found is None:
            changes, values = written_new(declared)
        else:
            changes = compare_fields(declared, found, self._applied("Contact", person.key))
        moving = contact is not None and account is None
        if moving and contact is not None:  # the account's id is not known before it is made
            home = self.programme.partners[person.partner].name
            changes = (*changes, FieldChange("AccountId", contact.account_id, home, Cause.FILE))
        verdict = Verdict.UPDATE if moving else verdict_of(contact is None, changes)
        return Difference(
            kind=Kind.CONTACT,
            key=person.key,
            label=full_name(person),
            owner=person.partner,
            verdict=verdict,
            changes=changes,
            record_id=contact.id if contact else None,
            links=links if verdict is not Verdict.SAME else {},
            declared=declared,
            values=values,
            notes=notes,
            flags=frozenset({Flag.MOVES_USER}) if user is not None else frozenset(),
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
        flags = frozenset({Flag.NUMBER}) if person.on_taken is OnTaken.NUMBER else frozenset()
        if trouble is None and user is None and account is not None and account.is_partner:
            kept = kept_owner_trouble(account)
            trouble = kept if kept[0] else None
        if trouble:
            stopped = blocked(Kind.USER, person.key, full_name(person), person.partner, *trouble)
            return [replace(stopped, record_id=user.id if user else None)]
        assert profile is not None
        declared = self._user_fields(person, profile.id, state)
        found = None
        if user is not None:
            found = {**user.fields, "IsFrozen": user.frozen, "IsActive": user.active}
            if self.estate.org.is_sandbox and _is_disarmed(user.fields.get("Email")):
                # a refresh appends .invalid to every user's address (rule 7)
                del declared["Email"]
            found["PortalRole"] = user.portal_role or "Worker"
        else:
            del declared["IsFrozen"]
        values: dict[str, FieldValue] | None = None
        if found is None:
            changes, values = written_new(declared)
        else:
            changes = compare_fields(declared, found, self._applied("User", person.key))
        takes = user is None or any(
            c.field == "IsActive" and c.after is True and c.written for c in changes
        )
        home = account.id if account is not None else person.partner
        if takes and not self.seats.take(profile.licence, home):
            total = self.seats.total(profile.licence)
            return [
                blocked(
                    Kind.USER,
                    person.key,
                    full_name(person),
                    person.partner,
                    f"no {profile.licence} licence left (of {total})",
                    self.seats.fix(profile.licence),
                )
            ]
        housed = account is not None and account.id in self.housed
        if user is None and not housed and person.partner not in self.begun:
            self.begun.add(person.partner)
            flags |= {Flag.FIRST_USER}
        return [
            Difference(
                kind=Kind.USER,
                key=person.key,
                label=full_name(person),
                owner=person.partner,
                verdict=verdict_of(user is None, changes),
                changes=changes,
                record_id=user.id if user else None,
                links={"ContactId": ref("contact", person.key)} if user is None else {},
                declared=declared,
                values=values,
                notes=tuple(
                    f"{c.field}: {c.note}" for c in changes if not c.written and _worth_saying(c)
                ),
                flags=flags,
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
        if holder is not None and (
            holder.id != user.id and self._renames(person, user)
            if user is not None
            else person.on_taken is OnTaken.FAIL
        ):
            return (
                f"username {person.username} belongs to {holder.name} in this org",
                "change the username pattern or the person's username",
            )
        return None

    def _renames(self, person: Person, user: PartnerUser) -> bool:
        """Whether the file's username has changed since it was written."""
        last = self._applied("User", person.key).get("Username")
        return (
            last is not None
            and str(last).lower() != person.username.lower() != user.username.lower()
        )

    def _user_fields(
        self, person: Person, profile_id: FieldValue, state: Presence
    ) -> dict[str, Declared]:
        follow = Policy.FOLLOW_FILE
        same = _shared
        fields = {
            "Username": Declared(person.username, "username", follow),
            "FirstName": Declared(person.first_name, "string"),
            "LastName": Declared(person.last_name, "string"),
            "Email": Declared(self.guard(person.email), "email", Policy.CONFIRMED),
            "ProfileId": same(profile_id, "reference"),
            "PortalRole": same(person.role.value, "picklist"),
            "IsActive": same(True, "boolean", Policy.PERSON_WINS),
            "IsFrozen": same(state is Presence.FROZEN, "boolean", Policy.PERSON_WINS),
            "Alias": Declared(person.alias, "string", follow),
            "CommunityNickname": Declared(person.nickname, "string", follow),
            "TimeZoneSidKey": same(person.time_zone, "picklist", follow),
            "LocaleSidKey": same(person.locale, "picklist", follow),
            "LanguageLocaleKey": same(person.language, "picklist", follow),
            "EmailEncodingKey": same(person.email_encoding, "picklist", follow),
        }
        if person.federation_id is not None:
            fields["FederationIdentifier"] = Declared(person.federation_id, "string")
        for name, value in person.user_fields.items():
            fields[name] = Declared(value)
        fields = with_choices("User", fields, self.programme.who_wins)
        if state is Presence.FROZEN:
            # the files ask for it: no reason to wait for a sign that a person agrees
            fields["IsFrozen"] = Declared(True, "boolean")
        return fields

    def _leaver(self, person: Person, user: PartnerUser) -> Difference:
        profile = next((p for p in self.estate.profiles.values() if p.id == user.profile_id), None)
        if profile is not None:
            home = self.homes.get(user.contact_id) or person.partner
            self.seats.give_back(profile.licence, home)
        return Difference(
            kind=Kind.USER,
            key=person.key,
            label=full_name(person),
            owner=person.partner,
            verdict=Verdict.UPDATE,
            changes=(FieldChange("IsActive", True, False, Cause.FILE),),
            record_id=user.id,
            declared={"IsActive": Declared(False, "boolean")},
            notes=("the user keeps the records owned; hand them on with offboard",),
        )

    def _applied(self, object_: str, key: str) -> Mapping[str, FieldValue]:
        return self.applied.get((object_, key), _NOTHING)


@lru_cache(maxsize=4096)
def _shared(value: FieldValue, kind: str, policy: Policy = Policy.MANAGED) -> Declared:
    """A value that many people share, made once."""
    return Declared(value, kind, policy)


def _is_disarmed(address: FieldValue) -> bool:
    return str(address or "").strip().lower().endswith(".invalid")


def _worth_saying(change: FieldChange) -> bool:
    return change.field in ("Email", "IsActive", "IsFrozen", "Username")
