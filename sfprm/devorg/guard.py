"""What the writing user's permissions and sharing say to rows, beside what the object's rules say.

- Object permissions: without Create `CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY` `entity type cannot be
  inserted: Lead` (unverified); without Edit or Delete `INSUFFICIENT_ACCESS_OR_READONLY`
  `insufficient access rights on object id` [R text].
- A record that the user does not see: `INVALID_CROSS_REFERENCE_KEY` as for one that is not there
  (unverified); one seen but not to be changed: `INSUFFICIENT_ACCESS_OR_READONLY`. Deleting and
  giving away need full access, or for giving away edit access and Transfer Leads / Transfer Record
  [D].
- A reference to a record that the user does not see:
  `INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY` [R]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.permissions import is_data

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["check_parents", "check_right", "check_rows"]

_READ_ONLY = ("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
_RIGHTS = {"insert": "create", "update": "edit", "delete": "delete"}


def check_right(batch: Batch) -> None:
    """Refuse all rows of a user without the object permission."""
    access, name = batch.context.access, batch.definition.name
    if not is_data(name) or access.may(name, _RIGHTS[batch.operation]):
        return
    for row in batch.living:
        if batch.operation == "insert":
            row.refuse(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {name}"
            )
        else:
            row.refuse(*_READ_ONLY)


def check_rows(batch: Batch) -> None:
    """Refuse rows whose records the user may not change so. After they were loaded."""
    access, name, sharing = batch.context.access, batch.definition.name, batch.org.sharing
    if not is_data(name) or access.unlimited(name, change=True):
        return
    ids = {str(row.id) for row in batch.living}
    seen = sharing.reach(access, name, ids, "read")
    editable = sharing.reach(access, name, seen, "edit")
    owned = sharing.reach(access, name, seen, "full")
    transfer = access.has("TransferAnyEntity") or (name == "Lead" and access.has("TransferAnyLead"))
    for row in batch.living:
        id_ = str(row.id)
        gives_away = batch.operation == "update" and row.changes("OwnerId")
        if id_ not in seen:
            row.refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            row.old = None
        elif batch.operation == "delete":
            if id_ not in owned:
                row.refuse(*_READ_ONLY)
        elif id_ not in editable or (gives_away and id_ not in owned and not transfer):
            row.refuse(*_READ_ONLY)


def check_parents(batch: Batch) -> None:
    """Refuse rows that newly refer to records that the user does not see."""
    access, sharing = batch.context.access, batch.org.sharing
    if access.everything or access.has("ModifyAllData") or access.has("ViewAllData"):
        return
    for field in batch.definition.fields:
        if field.type != "reference" or field.name in {"OwnerId", "CreatedById"}:
            continue
        for target in filter(is_data, field.reference_to):
            parent = batch.org.schema.object(target)
            if parent is None:
                continue
            named = {
                str(row.values[field.name]): row
                for row in batch.living
                if row.changes(field.name)
                and str(row.values[field.name] or "")[:3] == parent.key_prefix
            }
            seen = sharing.reach(access, target, named) if named else frozenset()
            for row in batch.living:
                value = str(row.values.get(field.name) or "")
                if value in named and value not in seen and row.changes(field.name):
                    row.refuse(
                        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
                        f"insufficient access rights on cross-reference id: {value[:15]}",
                    )
