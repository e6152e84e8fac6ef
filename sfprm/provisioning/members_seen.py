"""Who was in which group when sfprm last saw all of it.

The store keeps, under (`GroupMember`, group key), each member: True was added by sfprm, False was
there otherwise, None is gone; and under (`GroupMembers`, group key) the `stamp` of that look. A
group whose stamp is still the same need not be read again. The stamp is read before the members: a
change in between makes it stale, never wrong.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import SfprmError
from sfprm.estate.groups import Known, group_key, read_members
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Set

    from sfprm.estate.model import QueueState
    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue, Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader

__all__ = ["STAMPS", "known_of", "look_again", "managed_groups", "seen_values"]

STAMPS = "GroupMembers"
MEMBERS = "GroupMember"
_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def known_of(applied: Mapping[tuple[str, str], Mapping[str, FieldValue]]) -> Known:
    """What the estate's reader may rely on."""
    stamps = {key: str(v.get("stamp")) for (o, key), v in applied.items() if o == STAMPS}
    granted = {
        name
        for (object_, _), given in applied.items()
        if object_ == "PermissionSetAssignment"
        for name, there in given.items()
        if there
    }
    return Known(
        granted=frozenset(granted),
        accounts=frozenset(key for o, key in applied if o == "Account"),
        contacts=frozenset(key for o, key in applied if o == "Contact"),
        stamps=stamps,
        members={
            key: frozenset(m for m, there in applied.get((MEMBERS, key), _NOTHING).items()
                           if there is not None)
            for key in stamps
        },
    )  # fmt: skip


def managed_groups(
    programme: Programme, queues: Mapping[str, QueueState], groups: Mapping[str, QueueState]
) -> Iterator[tuple[str, QueueState]]:
    """(group key, state) of the queues and public groups whose members the files decide."""
    for queue in programme.queues.values():
        state = queues.get(queue.developer_name)
        if queue.managed and state is not None:
            yield group_key("Queue", queue.developer_name), state
    for group in programme.groups.values():
        state = groups.get(group.developer_name)
        if group.managed and state is not None:
            yield group_key("Regular", group.developer_name), state


def seen_values(
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    seen: Iterable[tuple[str, QueueState]],
    ours: Set[tuple[str, str]] = frozenset(),
) -> Iterator[AppliedValue]:
    """What is to be remembered of groups that were read row by row. `ours`: (group key, member)
    pairs that are remembered as added by sfprm in the same breath."""
    return _values(applied, ((key, s.stamp, s.members) for key, s in seen), ours)


def _values(
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    seen: Iterable[tuple[str, str, Iterable[RecordId]]],
    ours: Set[tuple[str, str]],
) -> Iterator[AppliedValue]:
    for key, stamp, members in seen:
        known = applied.get((MEMBERS, key), _NOTHING)
        if not stamp or applied.get((STAMPS, key), _NOTHING).get("stamp") == stamp:
            continue
        here: set[str] = set(members)
        for member in sorted(here):
            if known.get(member) is None and (key, member) not in ours:
                yield AppliedValue(MEMBERS, key, member, False)
        for member, there in known.items():
            if there is not None and member not in here:
                yield AppliedValue(MEMBERS, key, member, None)
        yield AppliedValue(STAMPS, key, "stamp", stamp)


def look_again(
    session: Session, store: StoreReader, touched: Mapping[str, RecordId]
) -> list[AppliedValue]:
    """Read these groups (group key → id) once more; what is to be remembered of them. When the org
    cannot be asked now, nothing: the next plan reads them."""
    try:
        members, stamps = read_members(session, touched.values())
    except SfprmError:
        return []
    seen = ((key, stamps[at], members[at]) for key, at in touched.items())
    known = store.applied_of({MEMBERS: touched, STAMPS: touched})
    return list(_values(known, seen, frozenset()))
