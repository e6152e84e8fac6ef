"""Groups, queues and their members. A queue is made in three steps: Group (Type Queue),
QueueSobject, GroupMember.

DeveloperName taken within a type: `DUPLICATE_DEVELOPER_NAME` ([R] code; text unverified). System
rows (Role, RoleAndSubordinates, …) are read-only [D]. QueueSobject and GroupMember: unique pairs
(unverified; the usual answer of setup rows, `DUPLICATE_VALUE` with both parts unknown [R]). A
Customer Community user cannot be a member: `OP_WITH_INVALID_USER_TYPE_EXCEPTION` [R]. Inactive
users stay as inert members [R]. A queue that owns records cannot be deleted; code and text
unverified. A dangling id is refused by the check of references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row

__all__ = ["Groups", "Members", "QueueObjects"]

_OWN_TYPES = frozenset({"Regular", "Queue"})
_QUEUEABLE = ("Lead", "Case", "Task")
_DOUBLED = (
    "DUPLICATE_VALUE",
    "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
)


class Groups(Behaviour):
    """Public groups and queues."""

    objects = frozenset({"Group"})

    def before(self, batch: Batch) -> None:
        """Refuse system rows, doubled names, and deleting a queue that owns records."""
        made: set[tuple[str, str]] = set()
        for row in batch.living:
            if row.get("Type") not in _OWN_TYPES:
                row.refuse(
                    "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
                )
            elif batch.operation == "delete":
                self._owns(batch, row)
            elif row.changes("DeveloperName"):
                self._name(batch, row, made)

    def _name(self, batch: Batch, row: Row, made: set[tuple[str, str]]) -> None:
        key = (str(row.get("Type")), str(row.values["DeveloperName"]).lower())
        found = batch.org.storage.find(
            "Group", Type=row.get("Type"), DeveloperName=row.values["DeveloperName"]
        )
        if key in made or any(one["Id"] != row.id for one in found):
            row.refuse(
                "DUPLICATE_DEVELOPER_NAME",
                f"The developer name {row.values['DeveloperName']} already exists or has been "
                "previously used. Please choose a different name.",
                "DeveloperName",
            )
        made.add(key)

    def _owns(self, batch: Batch, row: Row) -> None:
        for object_ in _QUEUEABLE:
            owned = batch.org.storage.execute(
                f'SELECT 1 FROM "{object_}" WHERE "OwnerId" = ? AND "IsDeleted" = 0 LIMIT 1',  # noqa: S608
                (row.id,),
            )
            if owned:
                row.refuse(
                    "DELETE_FAILED",
                    f"Your attempt to delete {row.get('Name')} could not be completed because it "
                    f"owns records of the type {object_}.",
                )
                return


class QueueObjects(Behaviour):
    """Which objects a queue takes."""

    objects = frozenset({"QueueSobject"})

    def before(self, batch: Batch) -> None:
        """Only queues, only queueable objects, each once."""
        if batch.operation != "insert":
            return
        made: set[tuple[Any, Any]] = set()
        for row in batch.living:
            queue = batch.org.storage.get("Group", str(row.values["QueueId"])) or {}
            pair = (row.values["QueueId"], row.values["SobjectType"])
            if queue.get("Type") != "Queue":
                row.refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "QueueId")
            elif pair[1] not in _QUEUEABLE:
                row.refuse(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"SObject Type: bad value for restricted picklist field: {pair[1]}",
                    "SobjectType",
                )
            elif pair in made or batch.org.storage.find(
                "QueueSobject", QueueId=pair[0], SobjectType=pair[1]
            ):
                row.refuse(*_DOUBLED)
            made.add(pair)


class Members(Behaviour):
    """Who is in a group or queue."""

    objects = frozenset({"GroupMember"})

    def before(self, batch: Batch) -> None:
        """Own groups only, each member once."""
        storage = batch.org.storage
        rows = batch.living
        groups = {str(row.get("GroupId")) for row in rows}
        types = dict(storage.columns("Group", ("Id", "Type"), Id=groups))
        there: set[tuple[Any, ...]] = set()
        barred: set[str] = set()
        if batch.operation == "insert":
            members = {str(row.values["UserOrGroupId"]) for row in rows}
            there.update(
                storage.columns("GroupMember", ("GroupId", "UserOrGroupId"), UserOrGroupId=members)
            )
            users = storage.columns("User", ("Id", "UserType"), Id=members)
            barred = {id_ for id_, type_ in users if type_ == "CspLitePortal"}
        for row in rows:
            if types.get(str(row.get("GroupId"))) not in _OWN_TYPES:
                row.refuse(
                    "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
                )
            elif batch.operation == "insert":
                self._member(row, there, barred)

    def _member(self, row: Row, there: set[tuple[Any, ...]], barred: set[str]) -> None:
        """`there`: pairs that are, those of rows before included; `barred`: users who may not."""
        pair = (row.values["GroupId"], row.values["UserOrGroupId"])
        if pair[1] in barred:
            row.refuse(
                "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "Operation not valid for this user type"
            )
        elif pair in there:
            row.refuse(*_DOUBLED)
        there.add(pair)
