"""Who is below whom, and who is a member of what.

A user sees what users in roles below see, partner roles included, which stand below the account
owner's role [D]. Group types: Regular, Queue, Role, RoleAndSubordinates,
RoleAndSubordinatesInternal, Organization (all internal users), PRMOrganization (all partner users)
[D]; a group counts for the superiors of its members too when `DoesIncludeBosses`, a queue always
[D]."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.devorg.storage import Storage

__all__ = ["People"]


class People:
    """Users, roles and groups of one org at one moment."""

    def __init__(self, storage: Storage) -> None:
        self.users: dict[str, Mapping[str, Any]] = {
            str(row[0]): {
                "UserRoleId": row[1],
                "UserType": row[2] or "Standard",
                "AccountId": row[3],
            }
            for row in storage.execute(
                'SELECT "Id", "UserRoleId", "UserType", "AccountId" FROM "User"'
            )
        }
        self._parents: dict[str, str | None] = {}
        self._role_named: dict[str, str] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        for id_, parent, name in storage.execute(
            'SELECT "Id", "ParentRoleId", "DeveloperName" FROM "UserRole"'
        ):
            self._parents[id_] = parent
            self._role_named[str(name).lower()] = id_
            if parent:
                self._children[parent].append(id_)
        self._in_role: dict[str, list[str]] = defaultdict(list)
        for id_, user in self.users.items():
            if user["UserRoleId"]:
                self._in_role[str(user["UserRoleId"])].append(id_)
        self.groups: dict[str, Mapping[str, Any]] = {
            str(row[0]): {
                "Type": row[1],
                "RelatedId": row[2],
                "DeveloperName": row[3],
                "bosses": row[4],
            }
            for row in storage.execute(
                'SELECT "Id", "Type", "RelatedId", "DeveloperName", "DoesIncludeBosses" '
                'FROM "Group"'
            )
        }
        self._made: dict[tuple[str, str | None], str] = {
            (str(group["Type"]), group["RelatedId"]): id_
            for id_, group in self.groups.items()
            if group["Type"] not in {"Regular", "Queue"}
        }
        self._members: dict[str, list[str]] = defaultdict(list)
        self._member_of: dict[str, list[str]] = defaultdict(list)
        for group, member in storage.execute(
            'SELECT "GroupId", "UserOrGroupId" FROM "GroupMember"'
        ):
            self._members[group].append(member)
            self._member_of[member].append(group)

    # Roles

    def internal(self, user_id: str) -> bool:
        """The user has a Salesforce licence."""
        return bool(self.users[user_id]["UserType"] == "Standard")

    def role(self, developer_name: str) -> str | None:
        """The id of the role of that developer name."""
        return self._role_named.get(developer_name.lower())

    def roles_from(self, role_id: str) -> frozenset[str]:
        """A role and all roles below it."""
        found: set[str] = set()
        stack = [role_id]
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                stack += self._children[one]
        return frozenset(found)

    def in_roles(self, roles: Iterable[str]) -> frozenset[str]:
        """The users in these roles."""
        return frozenset(user for role in roles for user in self._in_role[role])

    def below(self, user_id: str) -> frozenset[str]:
        """The users in roles below the user's."""
        role = self.users[user_id]["UserRoleId"]
        if not role:
            return frozenset()
        return self.in_roles(self.roles_from(str(role)) - {str(role)})

    # Groups

    def groups_of(self, user_id: str) -> frozenset[str]:
        """The ids of all groups and queues that the user is in, through other groups too."""
        found: set[str] = set()
        stack = [*self._member_of[user_id], *self._made_groups(user_id)]
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                stack += self._member_of[one]
        return frozenset(found)

    def groups_reached(self, user_id: str, below: frozenset[str]) -> frozenset[str]:
        """The same, and those of users below that count for superiors."""
        found = set(self.groups_of(user_id))
        for other in below:
            found |= {
                one
                for one in self.groups_of(other)
                if self.groups[one]["bosses"] or self.groups[one]["Type"] != "Regular"
            }
        return frozenset(found)

    def members(self, group_id: str) -> frozenset[str]:
        """The users in a group, through other groups too."""
        found: set[str] = set()
        seen: set[str] = set()
        stack = [group_id]
        while stack:
            one = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in self.groups:
                found |= self._made_members(one)
                stack += self._members[one]
            elif one in self.users:
                found.add(one)
        return frozenset(found)

    def group(self, type_: str, developer_name: str) -> str | None:
        """The id of a public group or queue by its developer name."""
        wanted = developer_name.lower()
        for id_, group in self.groups.items():
            if group["Type"] == type_ and str(group["DeveloperName"]).lower() == wanted:
                return id_
        return None

    def _made_groups(self, user_id: str) -> list[str]:
        """The system's groups that a user is in by kind and role."""
        user = self.users[user_id]
        internal = user["UserType"] == "Standard"
        wanted: list[tuple[str, str | None]] = []
        if internal:
            wanted.append(("Organization", None))
        elif user["UserType"] == "PowerPartner":
            wanted.append(("PRMOrganization", None))
        role = user["UserRoleId"]
        if role:
            wanted.append(("Role", str(role)))
        seen: set[str] = set()
        while role and role not in seen:
            seen.add(str(role))
            wanted.append(("RoleAndSubordinates", str(role)))
            if internal:
                wanted.append(("RoleAndSubordinatesInternal", str(role)))
            role = self._parents.get(str(role))
        return [self._made[one] for one in wanted if one in self._made]

    def _made_members(self, group_id: str) -> frozenset[str]:
        group = self.groups[group_id]
        kind, related = group["Type"], group["RelatedId"]
        if kind == "Organization":
            return frozenset(one for one in self.users if self.internal(one))
        if kind == "PRMOrganization":
            return frozenset(
                one for one, user in self.users.items() if user["UserType"] == "PowerPartner"
            )
        if not related:
            return frozenset()
        if kind == "Role":
            return self.in_roles([str(related)])
        found = self.in_roles(self.roles_from(str(related)))
        if kind == "RoleAndSubordinatesInternal":
            return frozenset(one for one in found if self.internal(one))
        return found
