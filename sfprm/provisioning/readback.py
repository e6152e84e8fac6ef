"""Which of the records of a lost or refused create are in the org.

A create may not be repeated blindly, so the kinds that have no external id are read back by what
makes them one of a kind: a user by its contact, a queue by its API name, a queue's object and a
membership by their pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sfprm.ids import RecordId
from sfprm.provisioning.steps import (
    AddMember,
    CreateGroup,
    CreateQueue,
    CreateUser,
    GrantPermissionSet,
    PlannedStep,
    QueueForLead,
)
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from sfprm.salesforce.session import Session

__all__ = ["READ_BACK", "Found", "Rows"]

Found = dict[str, RecordId]
"""Ref of a step → the record that is there."""
Rows = Mapping[str, Mapping[str, Any]]
"""Ref of a step → the row that was sent."""


def _by(session: Session, object_: str, key: tuple[str, ...], rows: Rows, *also: str) -> Found:
    """Records whose `key` fields are those of a row; names compare without case."""
    asked = {tuple(str(row[f]).lower() for f in key): ref for ref, row in rows.items()}
    first = sorted({str(row[key[0]]) for row in rows.values()})
    found: Found = {}
    for condition in split_in(key[0], first):
        query = Query(("Id", *key), object_, (condition, *also))
        for row in select(session, query):
            ref = asked.get(tuple(str(row[f]).lower() for f in key))
            if ref is not None:
                found[ref] = RecordId(row["Id"])
    return found


def _users(session: Session, rows: Rows) -> Found:
    return _by(session, "User", ("ContactId",), rows)


def _groups(session: Session, rows: Rows) -> Found:
    return _by(session, "Group", ("DeveloperName",), rows, eq("Type", "Regular"))


def _grants(session: Session, rows: Rows) -> Found:
    return _by(session, "PermissionSetAssignment", ("AssigneeId", "PermissionSetId"), rows)


def _queues(session: Session, rows: Rows) -> Found:
    return _by(session, "Group", ("DeveloperName",), rows, eq("Type", "Queue"))


def _queue_objects(session: Session, rows: Rows) -> Found:
    return _by(session, "QueueSobject", ("QueueId", "SobjectType"), rows)


def _members(session: Session, rows: Rows) -> Found:
    return _by(session, "GroupMember", ("GroupId", "UserOrGroupId"), rows)


READ_BACK: Mapping[type[PlannedStep], Callable[[Session, Rows], Found]] = {
    CreateUser: _users,
    CreateGroup: _groups,
    CreateQueue: _queues,
    GrantPermissionSet: _grants,
    QueueForLead: _queue_objects,
    AddMember: _members,
}
"""The kinds that are created without a key of ours."""
