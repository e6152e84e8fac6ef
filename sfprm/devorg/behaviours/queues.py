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
        made: set[tuple[Any, Any]] = set()
        for row in batch.living:
            group = batch.org.storage.get("Group", str(row.get("GroupId"))) or {}
            if group.get("Type") not in _OWN_TYPES:
                row.refuse(
                    "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
                )
            elif batch.operation == "insert":
                self._member(batch, row, made)

    def _member(self, batch: Batch, row: Row, made: set[tuple[Any, Any]]) -> None:
        pair = (row.values["GroupId"], row.values["UserOrGroupId"])
        user = batch.org.storage.get("User", str(pair[1])) if str(pair[1])[:3] == "005" else None
        if user is not None and user["UserType"] == "CspLitePortal":
            row.refuse(
                "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "Operation not valid for this user type"
            )
        elif pair in made or batch.org.storage.find(
            "GroupMember", GroupId=pair[0], UserOrGroupId=pair[1]
        ):
            row.refuse(*_DOUBLED)
        made.add(pair)
