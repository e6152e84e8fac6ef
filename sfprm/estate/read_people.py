"""Reading the programme's people: contacts, and the users on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.estate.asking import joined, merged_into, visible
from sfprm.estate.look_up import look_up
from sfprm.estate.rows import contact_state, org_user, partner_user
from sfprm.programme.model import PeoplePolicy, ToUser, UserMember
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.estate.groups import Known
    from sfprm.estate.model import AccountState, ContactState, Merged, OrgUser, PartnerUser
    from sfprm.ids import RecordId
    from sfprm.programme.model import Person, Programme, PublicGroup, Queue
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["USER_FIELDS", "PeopleReader"]

USER_FIELDS = (
    "Username",
    "FirstName",
    "LastName",
    "Email",
    "Alias",
    "CommunityNickname",
    "TimeZoneSidKey",
    "LocaleSidKey",
    "LanguageLocaleKey",
    "EmailEncodingKey",
    "ProfileId",
    "PortalRole",
    "IsActive",
)
_WHO = (
    *("Id", "Username", "Name", "IsActive", "UserRoleId", "UserRole.Name", "ContactId"),
    "AccountId",
)


@dataclass(frozen=True, slots=True)
class PeopleReader:
    """Reads contacts and users for one programme. `types`: Contact's, as describe tells. `portal`:
    whether users have a portal role, which they do only with digital experiences."""

    session: Session
    programme: Programme
    known: Known
    types: Mapping[str, str]
    keyed: bool
    portal: bool = True

    def contacts(
        self,
        accounts: Mapping[RecordId, AccountState],
        merged: dict[tuple[str, str], Merged],
    ) -> dict[RecordId, ContactState]:
        """The contacts by id; what was merged is added to `merged`.

        Besides those with a key: people of accounts that are about to be adopted, and of accounts
        where a declared person is missing, for they may be there without a key.
        """
        key_field = self.programme.key_fields.contact
        fields = visible(self._contact_fields(), self.types)
        found: dict[RecordId, ContactState] = {}

        def read(condition: str) -> None:
            for row in select(self.session, Query(fields, "Contact", (condition,))):
                state = contact_state(row, key_field)
                found[state.id] = state

        adopted = {a.id for a in accounts.values() if not a.key}
        asked = [ne(key_field, None)] if self.keyed else []
        for condition in joined([*asked, *split_in("AccountId", sorted(adopted))]):
            read(condition)
        there = {c.key.lower() for c in found.values() if c.key}
        people = self.programme.people.values()
        missing = [p for p in people if p.key_value.lower() not in there]
        lost = [p.key_value for p in missing if p.key in self.known.contacts]
        merged |= merged_into(self.session, "Contact", key_field, lost)
        kept = {m.kept for (object_, _), m in merged.items() if object_ == "Contact"}
        by_key = {a.key.lower(): a.id for a in accounts.values() if a.key}
        homes = {by_key[key] for p in missing if (key := self._partner_key(p)) in by_key}
        more = split_in("Id", sorted(kept - set(found))) + split_in("AccountId", sorted(homes))
        for condition in joined(more):
            read(condition)
        matches = self._matches(missing, found)
        for condition in joined([c for n, v in matches.items() for c in split_in(n, sorted(v))]):
            read(condition)
        return found

    def _matches(
        self, missing: list[Person], found: Mapping[RecordId, ContactState]
    ) -> dict[str, set[str]]:
        """Values to look for, by field; what has been found by its Id already is left out."""
        out: dict[str, set[str]] = {}
        for person in missing:
            match = person.match
            if match is None or match.field.lower() not in self.types:
                continue
            if match.field.lower() != "id" or match.value not in found:
                out.setdefault(match.field, set()).add(match.value)
        return out

    def _partner_key(self, person: Person) -> str:
        return self.programme.partners[person.partner].key_value.lower()

    def _contact_fields(self) -> list[str]:
        fields = ["Id", "AccountId", "FirstName", "LastName", "Email"]
        fields += [self.programme.key_fields.contact] if self.keyed else []
        for person in self.programme.people.values():
            fields += [*person.contact_fields, *([person.match.field] if person.match else [])]
            fields += ["RecordTypeId"] if person.record_type else []
            fields += ["CurrencyIsoCode"] if person.currency else []
        return fields

    def users(
        self,
        accounts: Mapping[RecordId, AccountState],
        contacts: Mapping[RecordId, ContactState],
        agent: str,
    ) -> tuple[dict[str, OrgUser], dict[RecordId, PartnerUser]]:
        """Users asked for by username, by username in lower case; partner users by contact."""
        people = self.programme.people.values()
        extra = {f for p in people for f in p.user_fields}
        extra |= {"FederationIdentifier"} if any(p.federation_id for p in people) else set()
        own = [name for name in USER_FIELDS if self.portal or name != "PortalRole"]
        fields = tuple(dict.fromkeys((*_WHO, *own, "LastLoginDate", *sorted(extra))))
        rows: dict[str, Row] = {}

        def read(condition: str) -> None:
            for row in select(self.session, Query(fields, "User", (condition,))):
                rows[row["Id"]] = row

        named = [*self._internal_usernames(), agent]
        asked = [f"Contact.{self.programme.key_fields.contact} != null"] if self.keyed else []
        asked += split_in("Username", named)
        asked += split_in("ContactId", [c.id for c in contacts.values() if not c.key])
        asked += split_in("AccountId", self._delegated(accounts))
        keys = {c.key.lower() for c in contacts.values() if c.key}
        unmade = [p.username for p in people if p.key_value.lower() not in keys]
        few = split_in("Username", unmade)
        if len(few) == 1:  # asked for in the same breath
            asked += few
        for condition in joined(asked):
            read(condition)
        having = {row["ContactId"] for row in rows.values() if row.get("ContactId")}
        settled = {c.key.lower() for c in contacts.values() if c.key and c.id in having}
        # a username is looked up only while its person has no user
        known = set(unmade) if len(few) == 1 else set()
        wanted = [
            p.username
            for p in people
            if p.key_value.lower() not in settled and p.username not in known
        ]
        for row in look_up(self.session, fields, "User", "Username", wanted):
            rows[row["Id"]] = row
        external = [row for row in rows.values() if row.get("ContactId")]
        frozen = self._frozen() if external else set()
        partner_users = (partner_user(row, row["Id"] in frozen) for row in external)
        users = (org_user(row) for row in rows.values())
        return {u.username.lower(): u for u in users}, {u.contact_id: u for u in partner_users}

    def _delegated(self, accounts: Mapping[RecordId, AccountState]) -> list[str]:
        """Accounts whose own administrators decide who is in them (rule 27)."""
        keys = {
            p.key_value.lower()
            for p in self.programme.partners.values()
            if p.people is PeoplePolicy.DELEGATED
        }
        return [a.id for a in accounts.values() if a.key and a.key.lower() in keys]

    def _frozen(self) -> set[str]:
        query = Query(("UserId",), "UserLogin", (eq("IsFrozen", True),))
        return {row["UserId"] for row in select(self.session, query)}

    def _internal_usernames(self) -> list[str]:
        programme = self.programme
        names = [m.username for m in programme.channel_managers.values()]
        groups: list[Queue | PublicGroup] = [*programme.queues.values(), *programme.groups.values()]
        for group in groups:
            names += [m.username for m in group.members if isinstance(m, UserMember)]
        names += [
            target.username
            for rule in programme.routing.all_rules
            for target in rule.targets
            if isinstance(target, ToUser)
        ]
        for pool in programme.routing.pools.values():
            names += [m.name for m in pool.members if m.kind == "user"]
        return list(dict.fromkeys(name.strip().lower() for name in names))
