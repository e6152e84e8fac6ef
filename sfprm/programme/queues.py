"""Queues: those that are declared, and those that are only referred to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.complaints import Complaints
from sfprm.programme.identity import developer_name_for, is_email
from sfprm.programme.model import (
    Member,
    MembersPolicy,
    PartnerMember,
    PersonMember,
    Queue,
    UserMember,
)
from sfprm.programme.names import Names, check_user

if TYPE_CHECKING:
    from sfprm.programme.complaints import Place
    from sfprm.programme.programme_file import ProgrammeFile, QueueFile
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_queues"]


def build_queues(
    file: ProgrammeFile, tree: Tree, names: Names, complaints: Complaints
) -> dict[str, Queue]:
    """Queues by label: the declared in file order, then the others in order of first use."""
    queues: dict[str, Queue] = {}
    by_api_name: dict[str, str] = {}
    for label, written in file.queues.items():
        place = tree.key("queues", label)
        queue = Queue(
            name=label,
            developer_name=written.developer_name or developer_name_for(label),
            origin=place.origin,
            members=_members(label, written, tree, names, complaints),
            notify=written.notify,
            members_policy=MembersPolicy(written.members_policy),
            managed=written.managed,
        )
        if written.notify is not None and not is_email(written.notify):
            complaints.error(
                tree.at("queues", label, "notify").place,
                f"{written.notify!r} is not an e-mail address.",
            )
        if not written.managed and written.members:
            complaints.error(
                tree.key("queues", label, "members"),
                f"queue {label!r} is not managed, so its members cannot be set.",
                "Leave out `managed: false`, or the members.",
            )
        queues[label] = queue
        _check_api_name(queue, place, by_api_name, complaints)
    for label, place in names.queue_uses.items():
        if label not in names.queues:
            queue = Queue(label, developer_name_for(label), place.origin, managed=False)
            queues[label] = queue
            _check_api_name(queue, place, by_api_name, complaints)
    return queues


def _check_api_name(
    queue: Queue, place: Place, taken: dict[str, str], complaints: Complaints
) -> None:
    if not queue.developer_name:
        complaints.error(
            place,
            f"no API name can be made from the label {queue.name!r}.",
            f"Declare it: queues: {{{queue.name}: {{developer_name: …}}}}",
        )
        return
    other = taken.setdefault(queue.developer_name.lower(), queue.name)
    if other != queue.name:
        complaints.error(
            place,
            f"queues {other!r} and {queue.name!r} have the same API name {queue.developer_name!r}.",
            "Give one of them a `developer_name`.",
        )


def _members(
    label: str, written: QueueFile, tree: Tree, names: Names, complaints: Complaints
) -> tuple[Member, ...]:
    members: list[Member] = []
    for index, entry in enumerate(written.members):
        at = tree.at("queues", label, "members", index)
        place = at.place
        subject = f"queue {label!r}"
        if isinstance(entry, str):
            if names.has_partner(entry, place, complaints, subject):
                members.append(PartnerMember(PartnerKey(entry)))
        elif entry.partner is not None:
            place = tree.at("queues", label, "members", index, "partner").place
            if names.has_partner(entry.partner, place, complaints, subject):
                members.append(PartnerMember(PartnerKey(entry.partner)))
        elif entry.person is not None:
            place = tree.at("queues", label, "members", index, "person").place
            if entry.person in names.people:
                members.append(PersonMember(PersonKey(entry.person)))
            else:
                complaints.error(
                    place,
                    f"{subject} names person {entry.person!r}, which no file declares.",
                    complaints.did_you_mean(entry.person, names.people, names.people),
                )
        elif entry.user is not None:
            place = tree.at("queues", label, "members", index, "user").place
            if check_user(entry.user, place, names, complaints):
                members.append(UserMember(entry.user))
        if members and members[-1] in members[:-1]:
            complaints.error(place, f"{subject} names the same member twice.")
            members.pop()
    return tuple(members)
