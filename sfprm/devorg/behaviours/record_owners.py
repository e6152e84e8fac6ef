"""Who may own a record: active users; for leads and cases, queues for that object too.

Inactive owner: `INACTIVE_OWNER_OR_USER` `operation performed with inactive user [005…] as owner of
lead` [R] unless the caller has Update Records with Inactive Owners, which moving a record away from
an inactive owner needs too [D]. Queue without the object: `INVALID_OPERATION` `Queue not associated
with this SObject type` [R]. Public group: `INVALID_CROSS_REFERENCE_KEY` (unverified). A Customer
Community user or a Chatter Free one cannot own a lead: `OP_WITH_INVALID_USER_TYPE_EXCEPTION` [R].
An owner without Read: `TRANSFER_REQUIRES_READ` `The new owner must have read permission` [R].
Whether a partner user ever logged in, or is in a Live site, does not matter to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.problems import RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["RecordOwners", "owner_problem"]

_PERMISSION = "UpdateWithInactiveOwner"


class RecordOwners(Behaviour):
    """The owner of a record, when it is set or changed."""

    objects = frozenset({"Lead", "Account", "Contact", "Opportunity", "Case", "Task", "Campaign"})

    def before(self, batch: Batch) -> None:
        """Check each distinct owner once."""
        if batch.operation == "delete":
            return
        rows = [row for row in batch.living if row.changes("OwnerId")]
        owners = {str(row.values["OwnerId"]) for row in rows}
        known = {owner: owner_problem(batch, owner) for owner in sorted(owners)}
        if batch.operation == "insert" and not any(known.values()):
            return
        for row in rows:
            problem = known[str(row.values["OwnerId"])] or self._former(batch, row.old)
            if problem is not None:
                row.problem = problem

    def _former(self, batch: Batch, old: Any) -> RowProblem | None:
        if old is None or batch.context.access.has(_PERMISSION):
            return None
        former = str(old["OwnerId"])
        if former[:3] != "005":
            return None
        user = batch.org.storage.get("User", former)
        return None if user is None or user["IsActive"] else _inactive(batch, former)


def owner_problem(batch: Batch, owner: str) -> RowProblem | None:
    """Why a user or queue may not own records of the batch's object; None when it may."""
    storage, object_ = batch.org.storage, batch.definition.name
    if owner[:3] == "00G":
        group = storage.get("Group", owner) or {}
        if group.get("Type") != "Queue":
            return RowProblem(
                "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "OwnerId"
            )
        if not storage.find("QueueSobject", QueueId=owner, SobjectType=object_):
            return RowProblem("INVALID_OPERATION", "Queue not associated with this SObject type")
        return None
    user = storage.get("User", owner) or {}
    if not user.get("IsActive") and not batch.context.access.has(_PERMISSION):
        return _inactive(batch, owner)
    if user.get("UserType") == "CspLitePortal" and object_ in {"Lead", "Task"}:
        return RowProblem(
            "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "Operation not valid for this user type"
        )
    if object_ == "Lead" and not batch.org.permissions.of(owner).object_visible("Lead"):
        return RowProblem(
            "TRANSFER_REQUIRES_READ", "The new owner must have read permission", "OwnerId"
        )
    return None


def _inactive(batch: Batch, owner: str) -> RowProblem:
    return RowProblem(
        "INACTIVE_OWNER_OR_USER",
        f"operation performed with inactive user [{owner[:15]}] as owner of "
        f"{batch.definition.name.lower()}",
    )
