"""Queues, public groups, who is in them, the groups that stand for roles, and permission sets.

Members are read by exception: one aggregate query tells of every group how many members it has,
when the newest came and the last row's id. Only groups where that differs from what sfprm saw last,
when it knew all of them, are read row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.estate.rows import queue_state
from sfprm.ids import RecordId
from sfprm.programme.model import PartnerRoleMember, RoleMember
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.estate.model import QueueState
    from sfprm.programme.model import Member, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = [
    "Known",
    "group_key",
    "read_grants",
    "read_groups",
    "read_members",
    "read_role_groups",
]

_FIELDS = ("Id", "DeveloperName", "Name", "Email", "Type", "DoesSendEmailToMembers")
_EMPTY = "0"
_OWN = ("Queue", "Regular")
_ROLE_TYPES = ("Role", "RoleAndSubordinates", "RoleAndSubordinatesInternal")


@dataclass(frozen=True, slots=True)
class Known:
    """What sfprm remembers of its last look. `accounts` and `contacts`: keys that it has written.
    `members` by `group_key`: all members of a group when its stamp was that of `stamps`."""

    accounts: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    stamps: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    members: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    granted: frozenset[str] = frozenset()
    """Permission sets that sfprm has assigned to anybody, by id."""


def group_key(kind: str, developer_name: str) -> str:
    """How the state names a group: a queue by its API name, a public group by `group:` and it."""
    return developer_name if kind == "Queue" else f"group:{developer_name}"


def read_groups(
    session: Session,
    programme: Programme,
    known: Known,
    *,
    members: bool = True,
) -> tuple[dict[str, QueueState], dict[str, QueueState]]:
    """Queues and public groups of the programme, by API name. `members` False leaves out who is in
    them."""
    names = [q.developer_name for q in programme.queues.values()]
    names += [g.developer_name for g in programme.groups.values()]
    fields = (*_FIELDS, "(SELECT SobjectType FROM QueueSobjects)")
    rows: list[Row] = []
    for condition in split_in("DeveloperName", dict.fromkeys(names)):
        rows += select(session, Query(fields, "Group", (in_("Type", _OWN), condition)))
    # members of groups that are only referred to decide nothing: not read where others are known
    skipped = () if not known.stamps else _unmanaged(programme)
    read = [r for r in rows if members and (r["Type"], r["DeveloperName"]) not in skipped]
    found, stamps = _members(session, read, known)
    queues: dict[str, QueueState] = {}
    groups: dict[str, QueueState] = {}
    for row in rows:
        into = queues if row["Type"] == "Queue" else groups
        at = row["Id"]
        into[row["DeveloperName"]] = queue_state(row, found.get(at, {}), stamps.get(at, ""))
    return queues, groups


def _unmanaged(programme: Programme) -> set[tuple[str, str]]:
    return {
        *(("Queue", q.developer_name) for q in programme.queues.values() if not q.managed),
        *(("Regular", g.developer_name) for g in programme.groups.values() if not g.managed),
    }


def _members(
    session: Session, rows: Iterable[Row], known: Known
) -> tuple[dict[str, dict[RecordId, str]], dict[str, str]]:
    keys = {row["Id"]: group_key(row["Type"], row["DeveloperName"]) for row in rows}
    if not any(key in known.stamps for key in keys.values()):
        return read_members(session, keys)
    stamps = _stamps(session, keys)
    same = {at for at, key in keys.items() if stamps[at] == known.stamps.get(key)}
    empty = {at for at in keys if stamps[at] == _EMPTY}
    found, fresh = read_members(session, [at for at in keys if at not in same | empty])
    for at in same:
        found[at] = {RecordId(m): "" for m in known.members.get(keys[at], ())}
    return found | {at: {} for at in empty}, stamps | fresh


def read_members(
    session: Session, groups: Iterable[str]
) -> tuple[dict[str, dict[RecordId, str]], dict[str, str]]:
    """Members with their rows, and stamps, of these group ids: one call for every 2,000 members."""
    found: dict[str, dict[RecordId, str]] = {at: {} for at in groups}
    newest = dict.fromkeys(found, "")
    for condition in split_in("GroupId", found):
        fields = ("Id", "GroupId", "UserOrGroupId", "SystemModstamp")
        for row in select(session, Query(fields, "GroupMember", (condition,))):
            at = row["GroupId"]
            found[at][RecordId(row["UserOrGroupId"])] = row["Id"]
            newest[at] = max(newest[at], row["SystemModstamp"])
    return found, {
        at: _stamp(len(rows), newest[at], max(rows.values(), default=""))
        for at, rows in found.items()
    }


def _stamp(many: int, newest: str, last: str) -> str:
    """Of a group's members: it changes with each that comes or goes. The instant alone would miss
    a swap within one second; the last id misses none that is newer than all others."""
    return f"{many} {newest} {last}" if many else _EMPTY


def _stamps(session: Session, groups: Iterable[str]) -> dict[str, str]:
    """The `_stamp` of each group id: one call."""
    stamps = dict.fromkeys(groups, _EMPTY)
    select_ = ("GroupId", "COUNT(Id) many", "MAX(SystemModstamp) newest", "MAX(Id) highest")
    for condition in split_in("GroupId", list(stamps)):
        query = f"{Query(select_, 'GroupMember', (condition,)).text()} GROUP BY GroupId"
        for row in select(session, query):
            stamps[row["GroupId"]] = _stamp(row["many"], row["newest"], row["highest"])
    return stamps


def read_role_groups(
    session: Session, programme: Programme, accounts: Mapping[str, RecordId]
) -> dict[str, RecordId]:
    """The groups that stand for the roles that the files name as members (see
    `Estate.role_groups`). `accounts`: partner key in lower case → account. A role that is not
    there yet is left out."""
    wanted = list(_all_members(programme))
    names = {m.role for m in wanted if isinstance(m, RoleMember)}
    partners = {
        accounts[m.partner.lower()]
        for m in wanted
        if isinstance(m, PartnerRoleMember) and m.partner.lower() in accounts
    }
    conditions = [*split_in("DeveloperName", sorted(names))]
    conditions += split_in("PortalAccountId", sorted(partners))
    roles: dict[str, str] = {}
    fields = ("Id", "DeveloperName", "PortalAccountId", "PortalRole")
    for condition in conditions:
        for row in select(session, Query(fields, "UserRole", (condition,))):
            account = row.get("PortalAccountId")
            name = f"partner:{account}/{row['PortalRole']}" if account else ""
            roles[row["Id"]] = name or f"role:{row['DeveloperName']}"
    found: dict[str, RecordId] = {}
    for condition in split_in("RelatedId", sorted(roles)):
        query = Query(("Id", "Type", "RelatedId"), "Group", (in_("Type", _ROLE_TYPES), condition))
        for row in select(session, query):
            name = roles[row["RelatedId"]]
            if row["Type"] == "Role":
                found[name] = RecordId(row["Id"])
            elif row["Type"] == "RoleAndSubordinatesInternal" or name.startswith("partner:"):
                found[f"{name}+"] = RecordId(row["Id"])
    return found


def _all_members(programme: Programme) -> Iterable[Member]:
    for queue in programme.queues.values():
        yield from queue.members
    for group in programme.groups.values():
        yield from group.members


def read_grants(
    session: Session, names: Iterable[str], *, every: bool, also: Iterable[str] = ()
) -> tuple[dict[str, RecordId], dict[tuple[RecordId, RecordId], str]]:
    """Permission sets by API name, and who of the partners' users has them. `every`: also the
    assignments of permission sets that the files do not name (profiles' own are left out); `also`:
    ids of further permission sets."""
    wanted = sorted(set(names))
    sets: dict[str, RecordId] = {}
    for condition in split_in("Name", wanted):
        query = Query(("Id", "Name"), "PermissionSet", (condition, eq("IsOwnedByProfile", False)))
        sets |= {row["Name"]: RecordId(row["Id"]) for row in select(session, query)}
    known = [at for at in also if at not in sets.values()]
    for condition in split_in("Id", known):
        query = Query(("Id", "Name"), "PermissionSet", (condition,))
        sets |= {row["Name"]: RecordId(row["Id"]) for row in select(session, query)}
    if not sets and not every:
        return sets, {}
    where = ["Assignee.ContactId != null", eq("PermissionSet.IsOwnedByProfile", False)]
    if not every:
        where.append(in_("PermissionSetId", sorted(sets.values())))
    fields = ("Id", "AssigneeId", "PermissionSetId")
    grants = {
        (RecordId(row["AssigneeId"]), RecordId(row["PermissionSetId"])): row["Id"]
        for row in select(session, Query(fields, "PermissionSetAssignment", tuple(where)))
    }
    return sets, grants
