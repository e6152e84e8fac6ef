"""Reading the partner estate: about ten calls for any programme of usual size.

A full scan of what carries a partner key costs one call per 2,000 rows, whatever the programme
names; only what is looked for by other fields (match values, names, usernames) is asked by IN
lists, and only for records that are not there yet. Frozen users are read by exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.estate.groups import Known, read_grants, read_groups, read_role_groups
from sfprm.estate.known_by_id import known_contacts
from sfprm.estate.model import Estate, Merged, OrgFacts
from sfprm.estate.read_accounts import AccountReader
from sfprm.estate.read_people import PeopleReader
from sfprm.estate.rows import (
    licence_of,
    profile_of,
    site_of,
)
from sfprm.ids import RecordId
from sfprm.programme.model import MembersPolicy
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select, select_all
from sfprm.salesforce.soql import Query, in_, split_in

if TYPE_CHECKING:
    from sfprm.estate.model import (
        Licence,
        Profile,
        Site,
    )
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["org_facts", "read_estate"]

_ABSENT = ("INVALID_TYPE", "NOT_FOUND")


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


def read_estate(
    session: Session,
    programme: Programme,
    *,
    sites: bool = True,
    members: bool = True,
    known: Known | None = None,
) -> Estate:
    """The estate as the programme needs to know it. `sites` False leaves the sites out, for two
    calls less: a plan does not depend on them. `members` False leaves out who is in queues and
    groups. `known`: what the state remembers, by which less is read and merges are followed.

    Works before partner management is on (no `IsPartner`), before the external-id fields are
    deployed or granted, and without digital experiences (no `Network`). Raises the error tree.
    """
    return _Reader(session, programme, known or Known()).read(sites, members)


@dataclass(frozen=True, slots=True)
class _Reader:
    session: Session
    programme: Programme
    known: Known

    def read(self, with_sites: bool, with_members: bool) -> Estate:
        org = org_facts(self.session)
        account_types = self._types("Account")
        contact_types = self._types("Contact")
        keys = self.programme.key_fields
        keyed = keys.account.lower() in account_types and keys.contact.lower() in contact_types
        profiles, licences = self._profiles()
        merged: dict[tuple[str, str], Merged] = {}
        shared = self.session, self.programme, self.known
        accounts = AccountReader(*shared, account_types, keyed).read(merged)
        portal = not account_types or "iscustomerportal" in account_types
        people = PeopleReader(*shared, contact_types, keyed, portal)
        contacts = people.contacts(accounts, merged)
        users, partner_users = people.users(accounts, contacts, org.agent_username)
        known_contacts(self.programme, contacts)
        sites = self._sites() if with_sites else {}
        queues, groups = read_groups(self.session, self.programme, self.known, members=with_members)
        by_key = {a.key.lower(): a.id for a in accounts.values() if a.key}
        permission_sets, grants = self._grants() if with_members else ({}, {})
        return Estate(
            org=org,
            licences=licences,
            profiles=profiles,
            users=users,
            accounts=accounts,
            contacts=contacts,
            partner_users=partner_users,
            sites=sites or {},
            queues=queues,
            account_types=account_types,
            contact_types=contact_types,
            has_sites=sites is not None,
            key_fields=keys,
            groups=groups,
            role_groups=read_role_groups(self.session, self.programme, by_key),
            permission_sets=permission_sets,
            grants=grants,
            merged=merged,
            record_types=self._record_types(),
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

    def _record_types(self) -> dict[tuple[str, str], RecordId]:
        named = {("Account", p.record_type) for p in self.programme.partners.values()}
        named |= {("Contact", p.record_type) for p in self.programme.people.values()}
        names = sorted({name for _, name in named if name})
        fields = ("Id", "SobjectType", "DeveloperName")
        return {
            (row["SobjectType"], row["DeveloperName"]): RecordId(row["Id"])
            for condition in split_in("DeveloperName", names)
            for row in select(self.session, Query(fields, "RecordType", (condition,)))
        }

    def _grants(self) -> tuple[dict[str, RecordId], dict[tuple[RecordId, RecordId], str]]:
        programme = self.programme
        names = {name for p in programme.people.values() for name in p.permission_sets}
        every = programme.permission_sets_policy is MembersPolicy.EXACT
        also = sorted(self.known.granted)
        if not names and not every and not also:
            return {}, {}
        return read_grants(self.session, names, every=every, also=also)

    # sites

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
