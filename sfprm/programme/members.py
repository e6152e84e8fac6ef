"""Members of queues and public groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.model import (
    GroupMember,
    Member,
    PartnerMember,
    PartnerRoleMember,
    PersonMember,
    PortalRole,
    RoleMember,
    UserMember,
)
from sfprm.programme.names import Names, check_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.complaints import Place
    from sfprm.programme.programme_file import GroupFile, MemberFile, QueueFile
    from sfprm.programme.rows import Row
    from sfprm.programme.yaml_text import Tree

__all__ = ["members_from_rows", "members_of"]

_ROLES = {role.value.lower(): role for role in PortalRole} | {"user": PortalRole.WORKER}


def members_of(
    kind: str,
    label: str,
    written: QueueFile | GroupFile,
    tree: Tree,
    names: Names,
    complaints: Complaints,
) -> tuple[Member, ...]:
    """The members that stand below `queues:` or `groups:` (the `kind`), each once."""
    members: list[Member] = []
    subject = f"{kind.removesuffix('s')} {label!r}"
    for index, entry in enumerate(written.members):
        path = (kind, label, "members", index)
        place = tree.at(*path).place
        if isinstance(entry, str):
            known = names.has_partner(entry, place, complaints, subject)
            member: Member | None = PartnerMember(PartnerKey(entry)) if known else None
        else:
            place = tree.at(*path, _first_key(entry)).place
            member = _member(entry, place, subject, names, complaints)
        if member is not None and member in members:
            complaints.error(place, f"{subject} names the same member twice.")
        elif member is not None:
            members.append(member)
    return tuple(members)


def _first_key(entry: MemberFile) -> str:
    keys = ("partner", "person", "user", "group", "role")
    return next(key for key in keys if getattr(entry, key) is not None)


def _member(
    entry: MemberFile, place: Place, subject: str, names: Names, complaints: Complaints
) -> Member | None:
    if entry.partner is not None:
        if not names.has_partner(entry.partner, place, complaints, subject):
            return None
        key = PartnerKey(entry.partner)
        return (
            _partner_role(key, entry, place, subject, complaints)
            if entry.role
            else (PartnerMember(key))
        )
    if entry.person is not None:
        if entry.person in names.people:
            return PersonMember(PersonKey(entry.person))
        complaints.error(
            place,
            f"{subject} names person {entry.person!r}, which no file declares.",
            complaints.did_you_mean(entry.person, names.people, names.people),
        )
        return None
    if entry.user is not None:
        return UserMember(entry.user) if check_user(entry.user, place, names, complaints) else None
    if entry.group is not None:
        return GroupMember(names.use_group(entry.group, place, complaints))
    if entry.role is not None and entry.role.lower() in _ROLES:
        complaints.warn(
            place,
            f"{subject}: {entry.role!r} alone is an internal role of that name.",
            f"For a partner's role write {{partner: key, role: {entry.role}}}.",
        )
    return RoleMember(entry.role or "", entry.subordinates)


def _partner_role(
    partner: PartnerKey, entry: MemberFile, place: Place, subject: str, complaints: Complaints
) -> Member | None:
    written = entry.role or ""
    role = _ROLES.get(written.lower())
    if role is None:
        complaints.error(
            place,
            f"{subject}: a partner has no role {written!r}.",
            did_you_mean(written, ["Executive", "Manager", "Worker"]),
        )
        return None
    return PartnerRoleMember(partner, role, entry.subordinates)


def members_from_rows(
    rows: Sequence[Row],
    column: str,
    declared: Mapping[str, bool],
    complaints: Complaints,
) -> dict[str, list[PersonMember]]:
    """Members by the label that people's rows name in `queues` or `groups` (the `column`).

    `declared`: label → whether it is managed.
    """
    members: dict[str, list[PersonMember]] = {}
    one = column.removesuffix("s")
    for row in rows:
        for label in row.many(column):
            if label not in declared:
                complaints.error(
                    row.at(column),
                    f"{one} {label!r} is not declared{row.named(column)}.",
                    did_you_mean(label, declared)
                    or f"Write it below `{column}:` of programme.yaml.",
                )
            elif not declared[label]:
                complaints.error(
                    row.at(column),
                    f"{one} {label!r} is not managed, so its members cannot be set"
                    f"{row.named(column)}.",
                )
            else:
                members.setdefault(label, []).append(PersonMember(PersonKey(row.get("key"))))
    return members
