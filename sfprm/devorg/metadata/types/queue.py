"""Queue: a Group of type Queue, the objects that it takes, and its members.

Written and removed by the same rules as over REST, so a queue that owns records stays. A file that
has `queueMembers` leaves exactly those members, one without leaves them as they are; likewise the
objects of `queueSobject` (unverified). `queueRoutingConfig` is not imitated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import Node, element, render
from sfprm.devorg.stamps import read_stamp, stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Queues"]

_FIELDS = (
    "doesSendEmailToMembers",
    "email",
    "fullName",
    "name",
    "queueMembers",
    "queueRoutingConfig",
    "queueSobject",
)
_GROUP_KINDS = {
    # the list, one of it, the type of Group row that stands for it
    "publicGroups": ("publicGroup", "Regular"),
    "roleAndSubordinates": ("roleAndSubordinate", "RoleAndSubordinates"),
    "roleAndSubordinatesInternal": (
        "roleAndSubordinateInternal",
        "RoleAndSubordinatesInternal",
    ),
    "roles": ("role", "Role"),
}
_PATH = "queues/{}.queue"


class Queues:
    """`queues/<DeveloperName>.queue`."""

    names: tuple[str, ...] = ("Queue",)
    directory = "queues"
    suffix = ".queue"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The one queue that the file is."""
        name = base_name(file.path, self.suffix)
        yield Component("Queue", name, file.path, file.root, (("Queue", name),))

    def deploy(self, context: Context, component: Component) -> Change:
        """Make or change the queue, then its objects, then its members."""
        org, node, name = context.org, component.node, component.full_name
        refuse_unknown(node, _FIELDS, "Queue")
        routing = node.find("queueRoutingConfig")
        if routing is not None:
            raise Refused("queueRoutingConfig of a queue is not imitated by this org", routing)
        label = node.value("name")
        if not label:
            raise Refused("Required field is missing: name", node)
        objects, members = _objects(org, node), list(_members(org, node))
        values = {
            "Name": label,
            "Email": node.value("email") or None,
            "DoesSendEmailToMembers": node.flag("doesSendEmailToMembers"),
        }
        row = _row(org, name)
        if row is None:
            new = {"DeveloperName": name, "Type": "Queue", "DoesIncludeBosses": False, **values}
            [queue_id] = org.create("Group", [new], user_id=context.user_id)
            changed = True
        else:
            queue_id = str(row["Id"])
            different = {key: value for key, value in values.items() if row[key] != value}
            changed = bool(different)
            if different:
                record = {"Id": queue_id, **different}
                org.change("Group", [record], user_id=context.user_id)
        if node.find("queueSobject") is not None:
            changed |= _set(context, "QueueSobject", queue_id, "QueueId", "SobjectType", objects)
        if node.find("queueMembers") is not None:
            changed |= _set(context, "GroupMember", queue_id, "GroupId", "UserOrGroupId", members)
        return Change(created=row is None, changed=changed, id=queue_id)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove the queue with its members; one that owns records is refused."""
        row = _row(context.org, full_name)
        if row is None:
            return False
        _delete(context, "Group", str(row["Id"]))
        return True

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """All queues."""
        return [
            Listed(
                "Queue",
                str(row["DeveloperName"]),
                _PATH.format(row["DeveloperName"]),
                str(row["Id"]),
                read_stamp(str(row["CreatedDate"])),
                read_stamp(str(row["LastModifiedDate"])),
                str(row["LastModifiedById"] or ""),
            )
            for row in sorted(
                org.storage.find("Group", Type="Queue"), key=lambda row: str(row["DeveloperName"])
            )
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """A file each, from the rows."""
        files: dict[str, bytes] = {}
        for listed in self.listed(org, type_):
            if "*" not in members and listed.full_name not in members:
                continue
            row = org.storage.get("Group", listed.id) or {}
            taken = org.storage.find("QueueSobject", QueueId=listed.id)
            files[listed.path] = render(
                element(
                    "Queue",
                    ("doesSendEmailToMembers", bool(row["DoesSendEmailToMembers"])),
                    ("email", row["Email"]),
                    ("name", row["Name"]),
                    *_member_nodes(org, listed.id),
                    *(
                        element("queueSobject", ("sobjectType", one["SobjectType"]))
                        for one in taken
                    ),
                )
            )
        return files


def _row(org: Org, name: str) -> dict[str, Any] | None:
    rows = org.storage.find("Group", DeveloperName=name, Type="Queue")
    return rows[0] if rows else None


def _objects(org: Org, node: Node) -> list[str]:
    names = []
    for child in node.all("queueSobject"):
        refuse_unknown(child, ("sobjectType",), "QueueSobject")
        definition = org.schema.object(child.value("sobjectType") or "")
        if definition is None:
            raise Refused(
                f"In field: sobjectType - no CustomObject named {child.value('sobjectType')} found",
                child,
            )
        names.append(definition.name)
    return names


def _members(org: Org, node: Node) -> Iterator[str]:
    """Ids of the users and groups named."""
    for listing in node.all("queueMembers"):
        refuse_unknown(listing, ("users", *_GROUP_KINDS), "QueueMembers")
        for kind in listing.children:
            tag, type_ = ("user", "") if kind.tag == "users" else _GROUP_KINDS[kind.tag]
            refuse_unknown(kind, (tag,), kind.tag)
            for named in kind.children:
                if kind.tag == "users":
                    rows = org.storage.find("User", Username=named.text)
                else:
                    rows = org.storage.find("Group", DeveloperName=named.text, Type=type_)
                if not rows:
                    what = {"users": "User", "publicGroups": "Group"}.get(kind.tag, "Role")
                    raise Refused(f"In field: {tag} - no {what} named {named.text} found", named)
                yield str(rows[0]["Id"])


def _member_nodes(org: Org, queue_id: str) -> list[Node]:
    lists: dict[str, Node] = {}
    by_type = {type_: (plural, tag) for plural, (tag, type_) in _GROUP_KINDS.items()}
    for member in org.storage.find("GroupMember", GroupId=queue_id):
        member_id = str(member["UserOrGroupId"])
        if member_id[:3] == "005":
            row, plural, tag, name = org.storage.get("User", member_id), "users", "user", "Username"
        else:
            row, name = org.storage.get("Group", member_id), "DeveloperName"
            plural, tag = by_type.get(str((row or {}).get("Type")), ("", ""))
        if row is not None and plural:
            listed = lists.setdefault(plural, Node(plural))
            listed.children.append(Node(tag, str(row[name])))
    if not lists:
        return []
    return [Node("queueMembers", children=[lists[plural] for plural in sorted(lists)])]


def _set(
    context: Context, object_: str, queue_id: str, parent: str, value: str, wanted: Sequence[str]
) -> bool:
    """Make a queue's rows of one kind those wanted; whether anything changed."""
    there = {str(row[value]): str(row["Id"]) for row in context.org.storage.find(
        object_, {parent: queue_id})}  # fmt: skip
    for name, id_ in there.items():
        if name not in wanted:
            _delete(context, object_, id_)
    new = [{parent: queue_id, value: one} for one in dict.fromkeys(wanted) if one not in there]
    if new:
        context.org.create(object_, new, user_id=context.user_id)
    return bool(new) or any(name not in wanted for name in there)


def _delete(context: Context, object_: str, id_: str) -> None:
    """Delete by the full order of execution. Raises RowProblem."""
    from sfprm.devorg.dml import Context as Writing
    from sfprm.devorg.dml import Row, delete_rows

    org = context.org
    definition = org.schema.object(object_)
    assert definition is not None
    writing = Writing(org, org.permissions.system(context.user_id), stamp_text(context.at))
    row = Row(0, id=id_)
    delete_rows(writing, definition, [row])
    if row.problem is not None:
        raise row.problem
