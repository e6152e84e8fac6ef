"""A partner's or a person's leaving, as far as setup goes: freeze, take out of queues and groups,
deactivate; and the way back, on the same users.

Each act can be repeated: what is done already is found done. Leads are handed on by the job, since
only distribution knows how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey, PersonKey, RecordId
from sfprm.programme.complaints import did_you_mean
from sfprm.salesforce import collections
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.model import Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = [
    "Leaver",
    "Leavers",
    "Membership",
    "NotDone",
    "activate",
    "add_members",
    "deactivate",
    "find_leavers",
    "freeze",
    "leave_groups",
    "memberships",
    "move_records",
]

_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class Leaver:
    """One user who leaves, as found. `person`: the key in the files, '' when none names them."""

    id: RecordId
    username: str
    name: str
    active: bool
    frozen: bool
    person: str = ""


@dataclass(frozen=True, slots=True)
class Leavers:
    """Who leaves. `partner` is the partner's key when a whole partner does, with its account."""

    target: str
    account: RecordId | None
    account_name: str
    manager: RecordId | None
    users: tuple[Leaver, ...]
    whole_partner: bool

    def usernames(self) -> dict[RecordId, str]:
        """Id → username."""
        return {u.id: u.username for u in self.users}


@dataclass(frozen=True, slots=True)
class Membership:
    """A GroupMember row: who is in which queue or public group."""

    row: RecordId
    group: RecordId
    group_name: str
    member: RecordId


@dataclass(frozen=True, slots=True)
class NotDone:
    """What the org refused, with its words and the fix."""

    what: str
    why: str
    fix: str = ""


def find_leavers(session: Session, programme: Programme, target: str) -> Leavers:
    """Who is meant by a partner's or a person's key: every user of the partner's account, declared
    or not, or the one of the person. Raises BadRequest when nobody has that key."""
    keys = programme.key_fields
    partner = programme.partners.get(PartnerKey(target))
    person = programme.people.get(PersonKey(target))
    if partner is not None:
        rows = list(_accounts(session, keys.account, partner.key_value))
        if not rows:
            raise BadRequest(f"the org has no account with the key {partner.key_value}.")
        account = rows[0]
        users = _users(session, keys.contact, eq("AccountId", account["Id"]), programme)
        owner = RecordId(account["OwnerId"])
        name = str(account["Name"])
        return Leavers(target, RecordId(account["Id"]), name, owner, users, True)
    if person is not None:
        condition = eq(f"Contact.{keys.contact}", person.key_value)
        users = _users(session, keys.contact, condition, programme)
        home = programme.partners[person.partner]
        rows = list(_accounts(session, keys.account, home.key_value))
        found = rows[0] if rows else None
        if not users:
            raise BadRequest(
                f"{target} has no user in this org.", hint="There is nothing to take away."
            )
        return Leavers(
            target,
            RecordId(found["Id"]) if found else None,
            str(found["Name"]) if found else home.name,
            RecordId(found["OwnerId"]) if found else None,
            users,
            False,
        )
    names = [*programme.partners, *programme.people]
    raise BadRequest(
        f"no partner and no person of the programme has the key {target!r}.",
        hint=did_you_mean(target, names) or "`sfprm programme show` lists them.",
    )


def _accounts(session: Session, key_field: str, key: str) -> Iterable[Row]:
    return select(session, Query(("Id", "Name", "OwnerId"), "Account", (eq(key_field, key),)))


def _users(
    session: Session, key_field: str, condition: str, programme: Programme
) -> tuple[Leaver, ...]:
    fields = ("Id", "Username", "Name", "IsActive", f"Contact.{key_field}")
    rows = list(select(session, Query(fields, "User", (condition, "ContactId != null"))))
    frozen = _frozen(session, [row["Id"] for row in rows])
    keys = {p.key_value.lower(): p.key for p in programme.people.values()}
    return tuple(
        Leaver(
            RecordId(row["Id"]),
            row["Username"],
            row["Name"],
            bool(row["IsActive"]),
            row["Id"] in frozen,
            keys.get(str((row.get("Contact") or {}).get(key_field) or "").lower(), ""),
        )
        for row in sorted(rows, key=lambda r: str(r["Username"]))
    )


def _frozen(session: Session, users: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for condition in split_in("UserId", users):
        query = Query(("UserId",), "UserLogin", (condition, eq("IsFrozen", True)))
        found |= {row["UserId"] for row in select(session, query)}
    return found


def freeze(session: Session, users: Sequence[Leaver], *, frozen: bool) -> list[NotDone]:
    """Freeze (or let go) the users that are not so yet. A frozen user cannot log in."""
    todo = [u for u in users if u.frozen is not frozen]
    rows: list[dict[str, Any]] = []
    names: list[str] = []
    for condition in split_in("UserId", [u.id for u in todo]):
        for row in select(session, Query(("Id", "UserId"), "UserLogin", (condition,))):
            rows.append({"Id": row["Id"], "IsFrozen": frozen})
            names.append(next(u.username for u in todo if u.id == row["UserId"]))
    return _update(session, "UserLogin", rows, names)


def deactivate(session: Session, users: Sequence[Leaver]) -> list[NotDone]:
    """Set the active ones inactive: frees their seats. A refused one stays as it is."""
    todo = [u for u in users if u.active]
    rows = [{"Id": u.id, "IsActive": False} for u in todo]
    return _update(session, "User", rows, [u.username for u in todo])


def activate(session: Session, users: Sequence[Leaver]) -> list[NotDone]:
    """Set the inactive ones active again; each takes a seat."""
    todo = [u for u in users if not u.active]
    rows = [{"Id": u.id, "IsActive": True} for u in todo]
    return _update(session, "User", rows, [u.username for u in todo])


def move_records(
    session: Session, object_: str, users: Sequence[Leaver], to: RecordId
) -> tuple[int, list[NotDone]]:
    """Give what the users own of an object to another user; how many, and what was refused."""
    ids: list[str] = []
    for condition in split_in("OwnerId", [u.id for u in users]):
        ids += [row["Id"] for row in select(session, Query(("Id",), object_, (condition,)))]
    rows = [{"Id": at, "OwnerId": to} for at in ids]
    refused = _update(session, object_, rows, ids)
    return len(rows) - len(refused), refused


def memberships(
    session: Session, users: Sequence[Leaver], account: RecordId | None
) -> list[Membership]:
    """Queues and public groups that the users are in, and with an account those that its partner
    roles are in."""
    members = [str(u.id) for u in users]
    if account is not None:
        roles = [row["Id"] for row in select(
            session, Query(("Id",), "UserRole", (eq("PortalAccountId", account),)))]  # fmt: skip
        for condition in split_in("RelatedId", roles):
            query = Query(("Id",), "Group", (condition,))
            members += [row["Id"] for row in select(session, query)]
    found = []
    fields = ("Id", "GroupId", "Group.Name", "Group.Type", "UserOrGroupId")
    own = in_("Group.Type", ("Queue", "Regular"))
    for condition in split_in("UserOrGroupId", members):
        for row in select(session, Query(fields, "GroupMember", (condition, own))):
            group = row.get("Group") or {}
            found.append(
                Membership(
                    RecordId(row["Id"]),
                    RecordId(row["GroupId"]),
                    str(group.get("Name") or ""),
                    RecordId(row["UserOrGroupId"]),
                )
            )
    return found


def leave_groups(session: Session, held: Sequence[Membership]) -> list[NotDone]:
    """Take the memberships away; the groups stay."""
    outcomes = collections.delete(session, [m.row for m in held]) if held else []
    return [
        NotDone(f"membership in {m.group_name}", str(o.error), o.error.hint if o.error else "")
        for m, o in zip(held, outcomes, strict=True)
        if not o.success and not {e.code for e in o.errors} & _GONE
    ]


def add_members(session: Session, held: Sequence[Membership]) -> list[NotDone]:
    """Give memberships back; one that is there already is done."""
    rows = [{"GroupId": m.group, "UserOrGroupId": m.member} for m in held]
    outcomes = collections.create(session, "GroupMember", rows) if rows else []
    return [
        NotDone(f"membership in {m.group_name}", str(o.error), o.error.hint if o.error else "")
        for m, o in zip(held, outcomes, strict=True)
        if not o.success and "DUPLICATE_VALUE" not in {e.code for e in o.errors}
    ]


def _update(
    session: Session, object_: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[NotDone]:
    outcomes = collections.update(session, object_, rows) if rows else []
    return [
        NotDone(name, o.error.message, o.error.hint)
        for name, o in zip(names, outcomes, strict=True)
        if o.error is not None
    ]
