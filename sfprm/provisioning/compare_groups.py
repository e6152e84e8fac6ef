"""Queues and their members, declared × applied × found. Pure.

A membership row has no fields: it is there or not. What sfprm added stands in the store as
(`GroupMember`, queue) → user id → True, so that with the policy `at_least` only our own additions
are ever taken away again (design, decision 8).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PersonKey, RecordId
from sfprm.programme.model import (
    MembersPolicy,
    PartnerMember,
    PersonMember,
    Presence,
    UserMember,
)
from sfprm.provisioning.difference import Difference, Kind, Verdict, ref
from sfprm.provisioning.fields import Cause, Declared, FieldChange, compare_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfprm.estate.model import Estate, QueueState
    from sfprm.programme.model import FieldValue, Programme, Queue

__all__ = ["compare_queues", "member_key"]

_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def member_key(queue: str, member: str) -> str:
    """The key of a membership: queue's API name and the member, `Norte/user:ines`."""
    return f"{queue}/{member}"


def compare_queues(
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    people: Sequence[Difference],
    unsettled: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Differences of all queues in file order; `people` are the differences found so far."""
    users = {d.key: d for d in people if d.kind is Kind.USER}
    folk: dict[str, list[str]] = {}
    for person in programme.people.values():
        folk.setdefault(person.partner, []).append(person.key)
    out: list[Difference] = []
    for queue in programme.queues.values():
        found = estate.queues.get(queue.developer_name)
        if queue.managed:
            out.append(_queue(queue, found, applied))
            out += _members(programme, queue, found, applied, estate, users, folk, unsettled)
        elif found is None:
            out.append(
                Difference(
                    Kind.QUEUE,
                    queue.developer_name,
                    queue.name,
                    Verdict.BLOCKED,
                    owner=queue.developer_name,
                    why=f"no queue {queue.developer_name} in this org",
                    fix=f"create it in Setup › Queues, or declare its members in {queue.origin}",
                )
            )
    return out


def _queue(
    queue: Queue,
    found: QueueState | None,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
) -> Difference:
    declared = {"Name": Declared(queue.name, "string")}
    if queue.notify is not None:
        declared["Email"] = Declared(queue.notify, "email")
    fields: dict[str, FieldValue] | None = None
    if found is not None:
        fields = {"Name": found.label, "Email": found.email}
    changes = list(
        compare_fields(declared, fields, applied.get(("Group", queue.developer_name), _NOTHING))
    )
    if found is None or not found.for_lead:
        cause = Cause.NEW if found is None else Cause.NEVER_WRITTEN
        changes.append(FieldChange("Lead", False, True, cause))
    return Difference(
        kind=Kind.QUEUE,
        key=queue.developer_name,
        label=queue.name,
        owner=queue.developer_name,
        verdict=Verdict.CREATE if found is None else Verdict.UPDATE if changes else Verdict.SAME,
        changes=tuple(changes),
        record_id=found.id if found else None,
        declared=declared,
    )


def _members(
    programme: Programme,
    queue: Queue,
    found: QueueState | None,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    users: Mapping[str, Difference],
    folk: Mapping[str, Sequence[str]],
    unsettled: frozenset[str],
) -> Iterator[Difference]:
    present = dict(found.members) if found else {}
    wanted_ids: set[RecordId] = set()
    seen: set[str] = set()
    for name, label, user_id, why in _wanted(programme, queue, estate, users, folk):
        if name in seen:
            continue
        seen.add(name)
        if user_id is not None:
            wanted_ids.add(user_id)
        yield _member(queue, name, label, user_id, why, present, unsettled)
    ours = {
        RecordId(user)
        for user, added in applied.get(("GroupMember", queue.developer_name), _NOTHING).items()
        if added
    }
    for user_id, row in present.items():
        exact = queue.members_policy is MembersPolicy.EXACT
        if user_id in wanted_ids or not (exact or user_id in ours):
            continue
        yield Difference(
            kind=Kind.MEMBER,
            key=member_key(queue.developer_name, user_id),
            label=_label_of(user_id, estate),
            owner=queue.developer_name,
            verdict=Verdict.REMOVE,
            changes=(FieldChange("UserOrGroupId", user_id, None, Cause.FILE),),
            record_id=row,
        )


def _member(
    queue: Queue,
    name: str,
    label: str,
    user_id: RecordId | None,
    why: str,
    present: Mapping[RecordId, RecordId],
    unsettled: frozenset[str],
) -> Difference:
    verdict = Verdict.CREATE
    if why:
        verdict = Verdict.BLOCKED
    elif user_id is not None and user_id in present:
        verdict = Verdict.SAME
    links = {"GroupId": ref("queue", queue.developer_name)}
    if user_id is None:
        links["UserOrGroupId"] = name
    key = member_key(queue.developer_name, name)
    ours = verdict is Verdict.SAME and user_id is not None and key in unsettled
    return Difference(
        kind=Kind.MEMBER,
        key=key,
        label=label,
        owner=queue.developer_name,
        verdict=verdict,
        changes=()
        if verdict is not Verdict.CREATE
        else (FieldChange("UserOrGroupId", None, user_id, Cause.NEW),),
        record_id=None,
        links=links,
        declared={str(user_id): Declared(True, "boolean")} if ours else {},
        why=why,
        fix="mend that first; the membership follows" if why else "",
    )


def _wanted(
    programme: Programme,
    queue: Queue,
    estate: Estate,
    users: Mapping[str, Difference],
    folk: Mapping[str, Sequence[str]],
) -> Iterator[tuple[str, str, RecordId | None, str]]:
    """(reference, label, user id if there is one, why not) of each declared member."""
    for member in queue.members:
        match member:
            case UserMember(username):
                user = estate.user(username)
                why = "" if user else f"no user {username} in this org"
                label = user.name if user else username
                yield ref("username", username.lower()), label, user.id if user else None, why
            case PersonMember(person):
                yield from _people(programme, (person,), users)
            case PartnerMember(partner):
                yield from _people(programme, folk.get(partner, ()), users)


def _people(
    programme: Programme, keys: Iterable[str], users: Mapping[str, Difference]
) -> Iterator[tuple[str, str, RecordId | None, str]]:
    for key in keys:
        person = programme.people[PersonKey(key)]
        partner = programme.partners[person.partner]
        if person.state is not Presence.ACTIVE or partner.state is not Presence.ACTIVE:
            continue
        label = f"{person.first_name} {person.last_name}".strip()
        difference = users.get(key)
        if difference is None or difference.verdict is Verdict.BLOCKED:
            yield ref("user", key), label, None, f"{label} has no user yet"
        else:
            yield ref("user", key), label, difference.record_id, ""


def _label_of(user_id: RecordId, estate: Estate) -> str:
    for user in estate.users.values():
        if user.id == user_id:
            return user.name
    for partner_user in estate.partner_users.values():
        if partner_user.id == user_id:
            return partner_user.username
    return user_id
