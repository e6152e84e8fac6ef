"""What one user may reach of one object's records: a condition in SQL, or none at all.

The way to `read`: View All Data or View All of the object; org-wide default, internal or external;
else owned by oneself, by a user in a role below, by a queue of one's own or of theirs; shared by an
owner- or criteria-based rule (with a user below too, as hierarchies are granted access); owned by
another partner user of the account whose role is not higher, for a super user [D]; and the account
above what one owns. `edit` is the same with rules that give it; `full`, which deleting and giving
away need, is ownership, hierarchy and queues [D]. A lead that a partner owns is so out of sight of
internal users under private sharing, unless their role is above (operations.md, rule 6).

Contacts controlled by parent follow their account; partner users read their own account and its
contacts [D]; history follows its record; external users see themselves among users, and those of
their account with `enablePortalUserVisibility` [D]. Everything else is open to who may read the
object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from sfprm.devorg.metadata import stored
from sfprm.devorg.sharing.condition import NOBODY, Condition, among, both, either, inside
from sfprm.devorg.sharing.criteria import criteria
from sfprm.devorg.sharing.people import People
from sfprm.devorg.sharing.targets import owners, reached

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import ObjectDef

__all__ = ["Level", "Sharing"]

Level = Literal["read", "edit", "full"]
_OPEN = {
    "read": frozenset({"Read", "ReadWrite", "ReadWriteTransfer", "FullAccess"}),
    "edit": frozenset({"ReadWrite", "ReadWriteTransfer", "FullAccess"}),
    "full": frozenset({"FullAccess"}),
}
_GOVERNED = frozenset({"Account", "Contact", "Lead", "Opportunity", "Case", "Campaign"})
_SUPER_USERS_SEE = frozenset({"Lead", "Opportunity", "Case"})
_PARENTS = {
    # object: the fields by which a record belongs to another, and the object that it follows
    "LeadHistory": (("LeadId", "Lead"),),
    "AccountHistory": (("AccountId", "Account"),),
    "CampaignMember": (("LeadId", "Lead"), ("ContactId", "Contact")),
    "Task": (
        ("WhoId", "Lead"),
        ("WhoId", "Contact"),
        ("WhatId", "Account"),
        ("WhatId", "Opportunity"),
    ),
}


@dataclass(frozen=True, slots=True)
class _Standing:
    """A user among others: ids of users and queues whose records are as good as one's own."""

    below: frozenset[str]
    owning: frozenset[str]
    peers: frozenset[str]


class Sharing:
    """The org's sharing, computed when asked for and dropped with the next write."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._at = -1
        self._people: People | None = None
        self._standings: dict[str, _Standing] = {}
        self._known: dict[tuple[str, str, Level], Condition | None] = {}

    def forget(self) -> None:
        """Drop what was computed: the records were exchanged."""
        self._at = -1

    def filter(
        self, access: Access, object_: str, level: Level = "read"
    ) -> tuple[str, list[object]] | None:
        """The condition as the query runner takes it: SQL with `{t}` for the table's alias, and
        parameters; None when the caller reaches all records."""
        condition = self.condition(access, object_, level)
        return None if condition is None else (condition.sql, list(condition.values))

    def reach(
        self, access: Access, object_: str, ids: Iterable[str], level: Level = "read"
    ) -> frozenset[str]:
        """Those of these records that the caller reaches so far."""
        wanted = frozenset(ids)
        condition = self.condition(access, object_, level)
        if condition is None or not wanted:
            return wanted
        sql = condition.on("r")
        rows = self._org.storage.execute(
            f'SELECT r."Id" FROM "{object_}" AS r '  # noqa: S608 (a schema name)
            f'WHERE r."Id" IN (SELECT value FROM json_each(?)) AND ({sql.sql})',
            (json.dumps(sorted(wanted)), *sql.values),
        )
        return frozenset(str(row[0]) for row in rows)

    def condition(self, access: Access, object_: str, level: Level) -> Condition | None:
        """The condition on the object's records; None when there is none."""
        if access.unlimited(object_, change=level != "read"):
            return None
        self._renew()
        key = (access.user_id, object_, level)
        if key not in self._known:
            self._known[key] = self._make(access, object_, level)
        return self._known[key]

    def _renew(self) -> None:
        now = self._org.storage.changes
        if now != self._at:
            self._at = now
            self._people = None
            self._standings.clear()
            self._known.clear()

    # One object

    def _make(self, access: Access, object_: str, level: Level) -> Condition | None:
        definition = self._org.schema.object(object_)
        if definition is None:
            return None
        if object_ == "User":
            return self._users(access) if level == "read" else None
        if object_ in _PARENTS:
            return self._by_parents(access, definition, level)
        custom = object_.endswith("__c") and definition.field("OwnerId") is not None
        if object_ not in _GOVERNED and not custom:
            return None
        model = self._model(access, object_)
        if model == "ControlledByParent":
            return self._contact(access, level)
        if model in _OPEN[level]:
            return None
        parts = [self._own(access)]
        if level != "full":
            parts += self._shared(access, definition, level)
            if object_ in _SUPER_USERS_SEE or custom:
                parts += self._super(access)
        if level == "read":
            parts += self._implied(access, object_)
        if object_ in {"Opportunity", "Case"} and level != "full":
            parts += self._of_own_accounts(access, object_, level)
        return either(parts)

    def _model(self, access: Access, object_: str) -> str:
        """The org-wide default that counts for this user; external ones are stricter [D]."""
        rows = self._org.storage.find("EntityDefinition", QualifiedApiName=object_)
        column = "InternalSharingModel" if access.internal else "ExternalSharingModel"
        if rows and rows[0].get(column):
            return str(rows[0][column])
        return "ReadWrite" if access.internal else "Private"

    def _own(self, access: Access) -> Condition:
        return among("OwnerId", self._standing(access).owning)

    def _shared(self, access: Access, definition: ObjectDef, level: Level) -> list[Condition]:
        org, people = self._org, self._all()
        since = str(org.setting("networks_since") or "")[:10]
        found: list[Condition] = []
        for kind in ("SharingOwnerRule", "SharingCriteriaRule"):
            made = {one.full_name: one.created for one in stored.listed(org, kind, "{name}")}
            for name, rule in stored.all_of(org, kind).items():
                if name.partition(".")[0] != definition.name:
                    continue
                if level == "edit" and rule.value("accessLevel") not in {"Edit", "All"}:
                    continue
                target = rule.find("sharedTo")
                if target is None or not target.children:
                    continue
                early = bool(since) and made[name].date() < date.fromisoformat(since)
                whom = reached(people, target.children[0], inside_only=early)
                superiors = self._superiors_count(target.children[0].tag, target.children[0].text)
                below = self._standing(access).below if superiors else frozenset()
                if access.user_id not in whom and not whom & below:
                    continue
                if kind == "SharingCriteriaRule":
                    found.append(criteria(rule, definition))
                    continue
                source = rule.find("sharedFrom")
                if source is not None and source.children:
                    found.append(among("OwnerId", owners(people, source.children[0])))
        return found

    def _superiors_count(self, tag: str, name: str) -> bool:
        if tag != "group":
            return True
        people = self._all()
        group = people.group("Regular", name)
        return group is not None and bool(people.groups[group]["bosses"])

    def _super(self, access: Access) -> list[Condition]:
        """A super user: the permission, and the org's switch `enablePartnerSuperUserAccess` [D]."""
        if access.internal or not access.has("PortalSuperUser"):
            return []
        if not self._org.setting("Sharing", {}).get("enablePartnerSuperUserAccess"):
            return []
        return [among("OwnerId", self._standing(access).peers)]

    def _implied(self, access: Access, object_: str) -> list[Condition]:
        if object_ != "Account":
            return []
        own = self._own(access)
        kinds = ["Opportunity", "Case"]
        if self._model(access, "Contact") != "ControlledByParent":
            kinds.append("Contact")
        parts = []
        for place, child in enumerate(kinds):
            inner = own.on(f"i{place}")
            parts.append(
                Condition(
                    f'{{t}}."Id" IN '  # noqa: S608 (schema names)
                    f'(SELECT i{place}."AccountId" FROM "{child}" AS i{place} '
                    f"WHERE {inner.sql})",
                    inner.values,
                )
            )
        account = access.user.get("AccountId")
        if not access.internal and account:
            parts.append(Condition('{t}."Id" = ?', (account,)))
        return parts

    def _of_own_accounts(self, access: Access, object_: str, level: Level) -> list[Condition]:
        """What the account's owner gets by the role's setting [D]."""
        role = access.user.get("UserRoleId")
        row = self._org.storage.get("UserRole", str(role)) if role else None
        given = (row or {}).get(f"{object_}AccessForAccountOwner")
        if given not in ({"Read", "Edit"} if level == "read" else {"Edit"}):
            return []
        owner = Condition('{t}."OwnerId" = ?', (access.user_id,))
        return [inside("AccountId", "Account", owner, "o0")]

    def _contact(self, access: Access, level: Level) -> Condition | None:
        """Contacts controlled by parent; one without an account is its owner's alone [D]."""
        account = self.condition(access, "Account", level)
        private = both([Condition('{t}."AccountId" IS NULL'), self._own(access)])
        if account is None:
            return either([Condition('{t}."AccountId" IS NOT NULL'), private])
        return either([inside("AccountId", "Account", account, "p0"), private])

    def _by_parents(self, access: Access, definition: ObjectDef, level: Level) -> Condition | None:
        parts = [self._own(access)] if definition.field("OwnerId") else []
        if level == "full" and parts:
            return either(parts)
        for place, (field, parent) in enumerate(_PARENTS[definition.name]):
            if definition.field(field) is None or not access.object_visible(parent):
                continue
            found = self.condition(access, parent, level)
            every = Condition(
                f'{{t}}."{field}" IN (SELECT "Id" FROM "{parent}")'  # noqa: S608 (schema names)
            )
            parts.append(every if found is None else inside(field, parent, found, f"h{place}"))
        return either(parts) if parts else NOBODY

    def _users(self, access: Access) -> Condition | None:
        if access.internal:
            return None
        own = Condition('{t}."Id" = ?', (access.user_id,))
        account = access.user.get("AccountId")
        if account and self._org.setting("Sharing", {}).get("enablePortalUserVisibility"):
            return either([own, Condition('{t}."AccountId" = ?', (account,))])
        return own

    # One user

    def _standing(self, access: Access) -> _Standing:
        known = self._standings.get(access.user_id)
        if known is None:
            people, user_id = self._all(), access.user_id
            below = people.below(user_id)
            groups = people.groups_reached(user_id, below)
            queues = {one for one in groups if people.groups[one]["Type"] == "Queue"}
            user = people.users[user_id]
            role = user["UserRoleId"]
            level = people.in_roles(people.roles_from(str(role))) if role else frozenset()
            peers = frozenset(
                one
                for one in level
                if user["AccountId"] and people.users[one]["AccountId"] == user["AccountId"]
            )
            known = _Standing(below, frozenset({user_id} | below | queues), peers | {user_id})
            self._standings[user_id] = known
        return known

    def _all(self) -> People:
        if self._people is None:
            self._people = People(self._org.storage)
        return self._people
