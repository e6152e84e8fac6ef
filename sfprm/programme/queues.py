"""Queues and public groups: those that are declared, and those that are only referred to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.identity import developer_name_for, is_email
from sfprm.programme.members import members_from_rows, members_of
from sfprm.programme.model import GroupMember, Member, MembersPolicy, PublicGroup, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.complaints import Complaints, Place
    from sfprm.programme.names import Names
    from sfprm.programme.programme_file import GroupFile, ProgrammeFile, QueueFile
    from sfprm.programme.rows import Row
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_groups", "build_queues"]


def build_queues(
    file: ProgrammeFile, tree: Tree, people: Sequence[Row], names: Names, complaints: Complaints
) -> dict[str, Queue]:
    """Queues by label: the declared in file order, then the others in order of first use."""
    queues: dict[str, Queue] = {}
    by_api_name: dict[str, str] = {}
    managed = {label: written.managed for label, written in file.queues.items()}
    joining = members_from_rows(people, "queues", managed, complaints)
    for label, written in file.queues.items():
        place = tree.key("queues", label)
        _check_managed("queues", label, written, tree, complaints)
        if written.notify is not None and not is_email(written.notify):
            complaints.error(
                tree.at("queues", label, "notify").place,
                f"{written.notify!r} is not an e-mail address.",
            )
        members: list[Member] = [*members_of("queues", label, written, tree, names, complaints)]
        members += [m for m in joining.get(label, ()) if m not in members]
        name = written.developer_name or developer_name_for(label)
        queues[label] = Queue(
            name=label,
            developer_name=name,
            origin=place.origin,
            members=tuple(members),
            notify=written.notify,
            members_policy=MembersPolicy(written.members_policy),
            managed=written.managed,
            notify_members=written.notify_members,
        )
        _check_api_name("queue", label, name, place, by_api_name, complaints)
    for label, place in names.queue_uses.items():
        if label not in names.queues:
            name = developer_name_for(label)
            queues[label] = Queue(label, name, place.origin, managed=False)
            _check_api_name("queue", label, name, place, by_api_name, complaints)
    return queues


def build_groups(
    file: ProgrammeFile, tree: Tree, people: Sequence[Row], names: Names, complaints: Complaints
) -> dict[str, PublicGroup]:
    """Groups by label, as `build_queues`. Call it after that one: queues refer to groups."""
    groups: dict[str, PublicGroup] = {}
    by_api_name: dict[str, str] = {}
    managed = {label: written.managed for label, written in file.groups.items()}
    joining = members_from_rows(people, "groups", managed, complaints)
    for label, written in file.groups.items():
        place = tree.key("groups", label)
        _check_managed("groups", label, written, tree, complaints)
        members: list[Member] = [*members_of("groups", label, written, tree, names, complaints)]
        members += [m for m in joining.get(label, ()) if m not in members]
        name = written.developer_name or developer_name_for(label)
        groups[label] = PublicGroup(
            label,
            name,
            place.origin,
            tuple(members),
            MembersPolicy(written.members_policy),
            written.managed,
        )
        _check_api_name("group", label, name, place, by_api_name, complaints)
    for label, place in names.group_uses.items():
        if label not in names.groups:
            name = developer_name_for(label)
            groups[label] = PublicGroup(label, name, place.origin, managed=False)
            _check_api_name("group", label, name, place, by_api_name, complaints)
    _check_circles(groups, tree, complaints)
    return groups


def _check_managed(
    kind: str, label: str, written: QueueFile | GroupFile, tree: Tree, complaints: Complaints
) -> None:
    if not written.managed and written.members:
        complaints.error(
            tree.key(kind, label, "members"),
            f"{kind.removesuffix('s')} {label!r} is not managed, so its members cannot be set.",
            "Leave out `managed: false`, or the members.",
        )


def _check_circles(groups: Mapping[str, PublicGroup], tree: Tree, complaints: Complaints) -> None:
    """A group that is its own member, perhaps by way of others; Salesforce refuses it."""
    inside = {
        label: [m.group for m in group.members if isinstance(m, GroupMember)]
        for label, group in groups.items()
    }
    done: set[str] = set()
    for start in inside:
        path = [start]
        waiting = [iter(inside[start])]
        while waiting and start not in done:
            label = next(waiting[-1], None)
            if label is None:
                done.add(path.pop())
                waiting.pop()
            elif label in path:
                circle = " → ".join([*path[path.index(label) :], label])
                complaints.error(
                    tree.key("groups", label), f"groups are members of each other: {circle}."
                )
            elif label not in done:
                path.append(label)
                waiting.append(iter(inside.get(label, ())))


def _check_api_name(
    kind: str, label: str, name: str, place: Place, taken: dict[str, str], complaints: Complaints
) -> None:
    if not name:
        complaints.error(
            place,
            f"no API name can be made from the label {label!r}.",
            f"Declare it: {kind}s: {{{label}: {{developer_name: …}}}}",
        )
        return
    other = taken.setdefault(name.lower(), label)
    if other != label:
        complaints.error(
            place,
            f"{kind}s {other!r} and {label!r} have the same API name {name!r}.",
            "Give one of them a `developer_name`.",
        )
