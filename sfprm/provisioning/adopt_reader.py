"""Reads what adoption needs: about twelve calls, and a page for every 2,000 rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.ids import RecordId
from sfprm.provisioning.adopt_found import (
    Found,
    FoundAccount,
    FoundGroup,
    FoundMember,
    FoundOwner,
    FoundPerson,
    FoundSite,
)
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import count, select, select_all
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.model import FieldValue, KeyFields
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["read_found"]

_PERSON = (
    *("Id", "Username", "FirstName", "LastName", "Email", "Alias", "CommunityNickname"),
    *("TimeZoneSidKey", "LocaleSidKey", "LanguageLocaleKey", "EmailEncodingKey", "PortalRole"),
    *("IsActive", "Profile.Name", "ContactId", "FederationIdentifier"),
    *("Contact.FirstName", "Contact.LastName", "Contact.Email", "Contact.AccountId"),
)
_OWNER = ("OwnerId", "Owner.Username", "Owner.Name", "Owner.IsActive", "Owner.UserRoleId")
_OBJECTS = "(SELECT SobjectType FROM QueueSobjects)"
_OWN = ("Queue", "Regular")
_ROLE_TYPES = ("Role", "RoleAndSubordinates", "RoleAndSubordinatesInternal")


def read_found(session: Session, keys: KeyFields, account_fields: Sequence[str]) -> Found:
    """Partner accounts with the fields named, active and inactive partner users, lead queues, the
    groups that they and partners are in, and sites. Raises the error tree."""
    return _Reader(session, keys, tuple(account_fields)).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    session: Session
    keys: KeyFields
    account_fields: tuple[str, ...]

    def read(self) -> Found:
        people = self._people()
        accounts = self._accounts({p.account_id for p in people})
        return Found(
            org_name=self.session.identity.org_name,
            accounts=accounts,
            people=tuple(sorted(people, key=lambda p: p.contact_id)),
            groups=self._groups(people),
            sites=self._sites(),
            person_accounts=self._person_accounts(),
        )

    def _visible(self, object_: str, names: Iterable[str]) -> tuple[str, ...]:
        told = describe(self.session, object_)
        return tuple(n for n in names if "." in n or (told is not None and told.field(n)))

    # people

    def _people(self) -> list[FoundPerson]:
        keyed = self._visible("Contact", [self.keys.contact])
        fields = (*self._visible("User", _PERSON), *(f"Contact.{name}" for name in keyed))
        rows = select_all(self.session, Query(fields, "User", (eq("UserType", "PowerPartner"),)))
        rows = [row for row in rows if row.get("Contact")]
        frozen = {
            row["UserId"]
            for row in select(
                self.session, Query(("UserId",), "UserLogin", (eq("IsFrozen", True),))
            )
        }
        granted = self._grants() if rows else {}
        return [self._person(row, frozen, granted) for row in rows]

    def _person(self, row: Row, frozen: set[str], granted: Mapping[str, list[str]]) -> FoundPerson:
        contact = row["Contact"]
        return FoundPerson(
            contact_id=RecordId(row["ContactId"]),
            user_id=RecordId(row["Id"]),
            account_id=RecordId(contact["AccountId"]),
            key=contact.get(self.keys.contact) or None,
            first_name=contact["FirstName"] or "",
            last_name=contact["LastName"] or "",
            contact_email=contact["Email"] or "",
            email=row["Email"] or "",
            username=row["Username"],
            nickname=row["CommunityNickname"] or "",
            alias=row["Alias"] or "",
            role=row.get("PortalRole") or "Worker",
            profile=row["Profile"]["Name"],
            time_zone=row["TimeZoneSidKey"],
            locale=row["LocaleSidKey"],
            language=row["LanguageLocaleKey"],
            email_encoding=row["EmailEncodingKey"],
            active=bool(row["IsActive"]),
            frozen=row["Id"] in frozen,
            federation_id=row.get("FederationIdentifier") or None,
            permission_sets=tuple(sorted(granted.get(row["Id"], ()))),
            user_first_name=row["FirstName"] or "",
            user_last_name=row["LastName"] or "",
        )

    def _grants(self) -> dict[str, list[str]]:
        where = ("Assignee.ContactId != null", eq("PermissionSet.IsOwnedByProfile", False))
        query = Query(("AssigneeId", "PermissionSet.Name"), "PermissionSetAssignment", where)
        granted: dict[str, list[str]] = {}
        for row in select(self.session, query):
            granted.setdefault(row["AssigneeId"], []).append(row["PermissionSet"]["Name"])
        return granted

    # accounts

    def _accounts(self, housed: set[RecordId]) -> tuple[FoundAccount, ...]:
        told = describe(self.session, "Account")
        seen = told.fields if told is not None else {}
        wanted = (self.keys.account, "IsPartner", *self.account_fields)
        fields = ("Id", "Name", *_OWNER, *self._visible("Account", wanted))
        if "recordtypeid" in seen:
            fields = (*fields, "RecordType.DeveloperName")
        if "currencyisocode" in seen:
            fields = (*fields, "CurrencyIsoCode")
        conditions = [eq("IsPartner", True)] if "ispartner" in seen else []
        also = (eq("IsPersonAccount", False),) if "ispersonaccount" in seen else ()
        found: dict[str, Row] = {}
        for condition in conditions:
            for row in select(self.session, Query(fields, "Account", (condition, *also))):
                found[row["Id"]] = row
        for condition in split_in("Id", sorted(housed - found.keys())):
            for row in select(self.session, Query(fields, "Account", (condition, *also))):
                found[row["Id"]] = row
        bare = self._contacts_of(found)
        return tuple(self._account(found[at], bare.get(at, 0)) for at in sorted(found))

    def _account(self, row: Row, bare: int) -> FoundAccount:
        owner = row["Owner"]
        fields: dict[str, FieldValue] = {
            name: row[name] for name in self.account_fields if row.get(name) not in (None, "")
        }
        return FoundAccount(
            id=RecordId(row["Id"]),
            name=row["Name"],
            key=row.get(self.keys.account) or None,
            owner=FoundOwner(
                RecordId(row["OwnerId"]),
                owner["Username"],
                owner["Name"],
                bool(owner["IsActive"]),
                owner["UserRoleId"] is not None,
            ),
            is_partner=bool(row.get("IsPartner")),
            fields=fields,
            record_type=(row.get("RecordType") or {}).get("DeveloperName"),
            currency=row.get("CurrencyIsoCode"),
            bare_contacts=bare,
        )

    def _contacts_of(self, accounts: Iterable[str]) -> dict[str, int]:
        """Contacts without a partner user, by account."""
        bare: dict[str, int] = {}
        users = "Id NOT IN (SELECT ContactId FROM User WHERE ContactId != null)"
        for condition in split_in("AccountId", sorted(accounts)):
            query = Query(("AccountId", "COUNT(Id) many"), "Contact", (condition, users)).text()
            for row in select(self.session, f"{query} GROUP BY AccountId"):
                bare[row["AccountId"]] = int(row["many"])
        return bare

    def _person_accounts(self) -> int:
        told = describe(self.session, "Account")
        if told is None or told.field("IsPersonAccount") is None or not told.field("IsPartner"):
            return 0
        where = (eq("IsPersonAccount", True), eq("IsPartner", True))
        return count(self.session, Query(("Id",), "Account", where))

    # queues and groups

    def _groups(self, people: Sequence[FoundPerson]) -> tuple[FoundGroup, ...]:
        fields = ("Id", "Name", "DeveloperName", "Type", "Email", _OBJECTS)
        where = (in_("Type", _OWN),)
        rows = {row["Id"]: row for row in select(self.session, Query(fields, "Group", where))}
        members: dict[str, list[str]] = {}
        query = Query(("GroupId", "UserOrGroupId"), "GroupMember", (in_("Group.Type", _OWN),))
        for row in select(self.session, query):
            members.setdefault(row["GroupId"], []).append(row["UserOrGroupId"])
        named = self._members({m for of in members.values() for m in of}, people, rows)
        found = {
            at: FoundGroup(
                RecordId(at),
                row["Name"],
                row["DeveloperName"],
                row["Type"] == "Queue",
                row.get("Email") or None,
                tuple(sorted((named[m] for m in members.get(at, ())), key=repr)),
            )
            for at, row in rows.items()
            if row["Type"] != "Queue"
            or any(s["SobjectType"] == "Lead" for s in row.get("QueueSobjects") or ())
        }
        return tuple(found[at] for at in sorted(_of_partners(found)))

    def _members(
        self, ids: set[str], people: Sequence[FoundPerson], groups: Mapping[str, Row]
    ) -> dict[str, FoundMember]:
        """Each id that stands in GroupMember, taken apart."""
        named = {m: FoundMember("unknown", m) for m in ids}
        for person in people:
            named[person.user_id] = FoundMember("person", person.contact_id)
        users = sorted(m for m in ids if m.startswith("005") and named[m].kind == "unknown")
        for condition in split_in("Id", users):
            for row in select(self.session, Query(("Id", "Username"), "User", (condition,))):
                named[row["Id"]] = FoundMember("user", row["Username"])
        for at in ids & groups.keys():
            named[at] = FoundMember("group", groups[at]["DeveloperName"])
        self._roles(sorted(m for m in ids if m.startswith("00G") and m not in groups), named)
        return named

    def _roles(self, ids: list[str], named: dict[str, FoundMember]) -> None:
        rows: list[Row] = []
        for condition in split_in("Id", ids):
            query = Query(("Id", "Type", "RelatedId"), "Group", (condition,))
            rows += [r for r in select(self.session, query) if r["Type"] in _ROLE_TYPES]
        fields = ("Id", "DeveloperName", "PortalAccountId", "PortalRole")
        roles = {
            row["Id"]: row
            for condition in split_in("Id", sorted({r["RelatedId"] for r in rows}))
            for row in select(self.session, Query(fields, "UserRole", (condition,)))
        }
        for row in rows:
            role, below = roles.get(row["RelatedId"]), row["Type"] != "Role"
            if role is None:
                continue
            if role.get("PortalAccountId"):
                named[row["Id"]] = FoundMember(
                    "partner-role", role["PortalAccountId"], role["PortalRole"] or "Worker", below
                )
            elif row["Type"] != "RoleAndSubordinates":
                named[row["Id"]] = FoundMember("role", role["DeveloperName"], below=below)

    # sites

    def _sites(self) -> tuple[FoundSite, ...]:
        try:
            rows = select_all(self.session, Query(("Id", "Name", "Status"), "Network"))
        except OrgRefused as error:
            if error.code in ("INVALID_TYPE", "NOT_FOUND") or error.status == 404:
                return ()
            raise
        if not rows:
            return ()
        fields = ("NetworkId", "ParentId", "AssignmentStatus")
        groups = select_all(self.session, Query(fields, "NetworkMemberGroup"))
        there = [g for g in groups if "remove" not in str(g["AssignmentStatus"]).lower()]
        profiles = self._names("Profile", {g["ParentId"] for g in there})
        sets = self._names("PermissionSet", {g["ParentId"] for g in there})
        return tuple(
            FoundSite(
                row["Name"],
                row["Status"],
                tuple(sorted(_of_site(profiles, row, there))),
                tuple(sorted(_of_site(sets, row, there))),
            )
            for row in sorted(rows, key=lambda r: r["Id"])
        )

    def _names(self, object_: str, ids: set[str]) -> dict[str, str]:
        prefix = "00e" if object_ == "Profile" else "0PS"
        return {
            row["Id"]: row["Name"]
            for condition in split_in("Id", sorted(i for i in ids if i.startswith(prefix)))
            for row in select(self.session, Query(("Id", "Name"), object_, (condition,)))
        }


def _of_site(names: Mapping[str, str], site: Row, groups: Iterable[Row]) -> list[str]:
    return [
        names[g["ParentId"]]
        for g in groups
        if g["NetworkId"] == site["Id"] and g["ParentId"] in names
    ]


def _of_partners(groups: Mapping[str, FoundGroup]) -> set[str]:
    """Lead queues, and public groups that partners are in or that such a one contains."""
    by_name = {g.developer_name: at for at, g in groups.items() if not g.is_queue}
    kept = {
        at
        for at, group in groups.items()
        if group.is_queue or any(m.kind in ("person", "partner-role") for m in group.members)
    }
    waiting = list(kept)
    while waiting:
        inner = {by_name[m.name] for m in groups[waiting.pop()].members if m.kind == "group"}
        waiting += inner - kept
        kept |= inner
    return kept
