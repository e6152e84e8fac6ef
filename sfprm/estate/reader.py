"""Reading the partner estate: about ten calls for any programme of usual size.

A full scan of what carries a partner key costs one call per 2,000 rows, whatever the programme
names; only what is looked for by other fields (match values, names, usernames) is asked by IN
lists, and only for records that are not there yet. Frozen users are read by exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.estate.model import KEY_FIELD, Estate, OrgFacts
from sfprm.estate.rows import (
    account_state,
    contact_state,
    licence_of,
    org_user,
    partner_user,
    profile_of,
    queue_state,
    site_of,
)
from sfprm.ids import RecordId
from sfprm.programme.model import ToUser, UserMember
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select, select_all
from sfprm.salesforce.soql import Query, eq, in_, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.estate.model import (
        AccountState,
        ContactState,
        Licence,
        OrgUser,
        PartnerUser,
        Profile,
        QueueState,
        Site,
    )
    from sfprm.programme.model import Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["USER_FIELDS", "org_facts", "read_estate"]

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
_WHO = ("Id", "Username", "Name", "IsActive", "UserRoleId", "UserRole.Name", "ContactId")
_ABSENT = ("INVALID_TYPE", "NOT_FOUND")
_MOST_NAMED_ACCOUNTS = 200


def org_facts(session: Session) -> OrgFacts:
    """Which org the session is connected to."""
    who = session.identity
    return OrgFacts(
        id=who.org_id,
        name=who.org_name,
        organization_type=who.organization_type,
        is_sandbox=who.is_sandbox,
        is_embedded=who.is_embedded,
        created=who.created,
        agent_id=who.user_id,
        agent_username=who.username,
    )


def read_estate(session: Session, programme: Programme, *, sites: bool = True) -> Estate:
    """The estate as the programme needs to know it. `sites` False leaves the sites out, for two
    calls less: a plan does not depend on them.

    Works before partner management is on (no `IsPartner`), before the external-id fields are
    deployed or granted, and without digital experiences (no `Network`). Raises the error tree.
    """
    return _Reader(session, programme).read(sites)


@dataclass(frozen=True, slots=True)
class _Reader:
    session: Session
    programme: Programme

    def read(self, with_sites: bool) -> Estate:
        org = org_facts(self.session)
        account_types = self._types("Account")
        contact_types = self._types("Contact")
        keyed = KEY_FIELD.lower() in account_types and KEY_FIELD.lower() in contact_types
        profiles, licences = self._profiles()
        accounts = self._accounts(account_types, keyed)
        contacts = self._contacts(contact_types, accounts, keyed)
        users, partner_users = self._users(contacts, keyed, org.agent_username)
        sites = self._sites() if with_sites else {}
        return Estate(
            org=org,
            licences=licences,
            profiles=profiles,
            users=users,
            accounts=accounts,
            contacts=contacts,
            partner_users=partner_users,
            sites=sites or {},
            queues=self._queues(),
            account_types=account_types,
            contact_types=contact_types,
            has_sites=sites is not None,
        )

    def _types(self, object_: str) -> dict[str, str]:
        told = describe(self.session, object_)
        return {} if told is None else {name: f.type for name, f in told.fields.items()}

    def _profiles(self) -> tuple[dict[str, Profile], dict[str, Licence]]:
        names = {self.programme.profile, *(p.profile for p in self.programme.people.values())}
        fields = (
            *("Id", "Name", "UserType", "UserLicense.Name"),
            *("UserLicense.TotalLicenses", "UserLicense.UsedLicenses"),
        )
        rows = select_all(self.session, Query(fields, "Profile", (in_("Name", sorted(names)),)))
        found = [row for row in rows if row.get("UserLicense")]
        licences = [licence_of(row["UserLicense"]) for row in found]
        return {row["Name"]: profile_of(row) for row in found}, {lic.name: lic for lic in licences}

    # accounts

    def _accounts(self, types: Mapping[str, str], keyed: bool) -> dict[RecordId, AccountState]:
        fields = self._account_fields(types, keyed)
        asked = [ne(KEY_FIELD, None)] if keyed else []
        for name, values in self._match_values(types).items():
            asked += split_in(name, sorted(values))
        found: dict[RecordId, AccountState] = {}
        for condition in _joined(asked):
            found |= self._accounts_where(fields, condition, types)
        # a probable double is looked for by name, but only for partners that are not there
        there = {a.key.lower() for a in found.values() if a.key}
        missing = [
            p.name
            for p in self.programme.partners.values()
            if p.key.lower() not in there and p.match is None
        ]
        for condition in split_in("Name", missing):
            found |= self._accounts_where(fields, condition, types)
        return found

    def _accounts_where(
        self, fields: tuple[str, ...], condition: str, types: Mapping[str, str]
    ) -> dict[RecordId, AccountState]:
        where = [condition]
        if "ispersonaccount" in types:
            where.append(eq("IsPersonAccount", False))
        query = Query(fields, "Account", tuple(where))
        states = (account_state(row) for row in select(self.session, query))
        return {state.id: state for state in states}

    def _account_fields(self, types: Mapping[str, str], keyed: bool) -> tuple[str, ...]:
        fields = ["Id", "Name", "OwnerId", "Owner.Username", "Owner.UserRoleId"]
        if keyed:
            fields.append(KEY_FIELD)
        if "ispartner" in types:
            fields.append("IsPartner")
        for partner in self.programme.partners.values():
            fields += [*partner.fields, *([partner.match.field] if partner.match else [])]
        return _visible(fields, types)

    def _match_values(self, types: Mapping[str, str]) -> dict[str, set[str]]:
        out: dict[str, set[str]] = {}
        for partner in self.programme.partners.values():
            if partner.match is not None and partner.match.field.lower() in types:
                out.setdefault(partner.match.field, set()).add(partner.match.value)
        return out

    # contacts and users

    def _contacts(
        self, types: Mapping[str, str], accounts: Mapping[RecordId, AccountState], keyed: bool
    ) -> dict[RecordId, ContactState]:
        fields = ["Id", "AccountId", "FirstName", "LastName", "Email"]
        fields += [KEY_FIELD] if keyed else []
        for person in self.programme.people.values():
            fields += person.contact_fields
        # people of an account that is about to be adopted may be there without a key
        adopted = [a.id for a in accounts.values() if not a.key][:_MOST_NAMED_ACCOUNTS]
        asked = [ne(KEY_FIELD, None)] if keyed else []
        asked += [in_("AccountId", adopted)] if adopted else []
        if not asked:
            return {}
        query = Query(_visible(fields, types), "Contact", (" OR ".join(asked),))
        states = (contact_state(row) for row in select(self.session, query))
        return {state.id: state for state in states}

    def _users(
        self, contacts: Mapping[RecordId, ContactState], keyed: bool, agent: str
    ) -> tuple[dict[str, OrgUser], dict[RecordId, PartnerUser]]:
        extra = {f for p in self.programme.people.values() for f in p.user_fields}
        fields = tuple(dict.fromkeys((*_WHO, *USER_FIELDS, "LastLoginDate", *sorted(extra))))
        named = [*self._internal_usernames(), agent]
        rows: dict[str, Row] = {}
        asked = [f"Contact.{KEY_FIELD} != null"] if keyed else []
        for condition in _joined([*asked, *split_in("Username", named)]):
            for row in select(self.session, Query(fields, "User", (condition,))):
                rows[row["Id"]] = row
        having = {row["ContactId"] for row in rows.values() if row.get("ContactId")}
        settled = {c.key.lower() for c in contacts.values() if c.key and c.id in having}
        # a username is looked up only while its person has no user
        wanted = [
            p.username for p in self.programme.people.values() if p.key.lower() not in settled
        ]
        for condition in split_in("Username", wanted):
            for row in select(self.session, Query(fields, "User", (condition,))):
                rows[row["Id"]] = row
        external = [row for row in rows.values() if row.get("ContactId")]
        frozen = self._frozen() if external else set()
        partner_users = (partner_user(row, row["Id"] in frozen) for row in external)
        users = (org_user(row) for row in rows.values())
        return {u.username.lower(): u for u in users}, {u.contact_id: u for u in partner_users}

    def _frozen(self) -> set[str]:
        query = Query(("UserId",), "UserLogin", (eq("IsFrozen", True),))
        return {row["UserId"] for row in select(self.session, query)}

    def _internal_usernames(self) -> list[str]:
        names = [m.username for m in self.programme.channel_managers.values()]
        for queue in self.programme.queues.values():
            names += [m.username for m in queue.members if isinstance(m, UserMember)]
        names += [
            rule.target.username
            for rule in self.programme.routing.rules
            if isinstance(rule.target, ToUser)
        ]
        for pool in self.programme.routing.pools.values():
            names += [m.name for m in pool.members if m.kind == "user"]
        return list(dict.fromkeys(name.strip().lower() for name in names))

    # sites and queues

    def _sites(self) -> dict[str, Site] | None:
        """None when digital experiences are off: the object is not there at all."""
        fields = ("Id", "Name", "Status", "OptionsSendWelcomeEmail", "CreatedDate")
        try:
            rows = select_all(self.session, Query(fields, "Network"))
        except OrgRefused as error:
            if error.code in _ABSENT or error.status == 404:
                return None
            raise
        if not rows:
            return {}
        groups = select_all(
            self.session,
            Query(("NetworkId", "ParentId", "AssignmentStatus"), "NetworkMemberGroup"),
        )
        return {row["Name"]: site_of(row, groups) for row in rows}

    def _queues(self) -> dict[str, QueueState]:
        names = [q.developer_name for q in self.programme.queues.values()]
        fields = (
            *("Id", "DeveloperName", "Name", "Email"),
            "(SELECT Id, UserOrGroupId FROM GroupMembers)",
            "(SELECT SobjectType FROM QueueSobjects)",
        )
        found: dict[str, QueueState] = {}
        for condition in split_in("DeveloperName", names):
            query = Query(fields, "Group", (eq("Type", "Queue"), condition))
            for row in select(self.session, query):
                found[row["DeveloperName"]] = queue_state(row)
        return found


def _joined(conditions: list[str]) -> list[str]:
    """The conditions as one OR, or one by one when they are long."""
    if not conditions:
        return []
    together = " OR ".join(conditions)
    return [together] if len(together) < _ROOM else conditions


_ROOM = 6000
"""Characters of SOQL that fit a URL with room for quoting."""


def _visible(fields: Iterable[str], types: Mapping[str, str]) -> tuple[str, ...]:
    """Fields that the agent sees, each once; parents' fields are taken as they are."""
    unique = {name.lower(): name for name in fields}
    return tuple(n for low, n in unique.items() if "." in n or not types or low in types)
