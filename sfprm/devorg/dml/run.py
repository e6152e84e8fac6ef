"""The order of execution, once for insert, once for update, once for delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sfprm.devorg.behaviours import behaviours_for
from sfprm.devorg.dml.context import Batch, Context, Row
from sfprm.devorg.dml.defaults import fill_defaults, require
from sfprm.devorg.dml.parse import parse_rows
from sfprm.devorg.dml.references import check_references, resolve_parents
from sfprm.devorg.dml.uniques import check_uniques
from sfprm.devorg.guard import check_parents, check_right, check_rows
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import RowProblem
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["delete_rows", "insert_rows", "update_rows", "write_all"]

_WATCHED = frozenset(
    {"User", "Profile", "PermissionSet", "PermissionSetAssignment", "UserLicense", "RecordType"}
)
"""Objects whose change may change what users see."""


def insert_rows(context: Context, definition: ObjectDef, rows: list[Row]) -> None:
    """Insert the rows that are not refused; refused ones get their problem."""
    batch = Batch(context, definition, "insert", rows)
    check_right(batch)
    behaviours = behaviours_for(definition.name)
    fill_defaults(batch)
    resolve_parents(batch)
    for behaviour in behaviours:
        behaviour.prepare(batch)
    require(batch)
    check_references(batch)
    check_parents(batch)
    check_uniques(batch)
    for behaviour in behaviours:
        behaviour.before(batch)
    living = batch.living
    if not living:
        return
    audit = _audit(batch)
    ids = context.org.storage.next_ids(definition.key_prefix, len(living))
    for row, new_id in zip(living, ids, strict=True):
        row.id = new_id
        row.values["Id"] = new_id
        row.values.update(audit)
        row.created = True
    context.org.storage.insert(definition.name, [row.values for row in living])
    _after(batch)


def update_rows(context: Context, definition: ObjectDef, rows: list[Row]) -> None:
    """Update the rows that are not refused, by `Row.id`."""
    batch = Batch(context, definition, "update", rows)
    behaviours = behaviours_for(definition.name)
    _load(batch)
    check_right(batch)
    check_rows(batch)
    resolve_parents(batch)
    for behaviour in behaviours:
        behaviour.prepare(batch)
    require(batch)
    check_references(batch)
    check_parents(batch)
    check_uniques(batch)
    for behaviour in behaviours:
        behaviour.before(batch)
    audit = _audit(batch)
    living = batch.living
    changes = [(str(row.id), {**row.values, **audit}) for row in living]
    context.org.storage.update_all(definition.name, changes)
    if living:
        _after(batch)


def delete_rows(context: Context, definition: ObjectDef, rows: list[Row]) -> None:
    """Delete the rows that are not refused: to the recycle bin where the object has one."""
    batch = Batch(context, definition, "delete", rows)
    _load(batch)
    check_right(batch)
    check_rows(batch)
    for behaviour in behaviours_for(definition.name):
        behaviour.before(batch)
    _remove(batch)
    if batch.living:
        _after(batch)


def write_all(
    org: Org,
    operation: Literal["insert", "update"],
    object_: str,
    records: Sequence[Mapping[str, Any]],
    user_id: str | None,
) -> list[str]:
    """The org's own writes: see `Org.create` and `Org.change`."""
    definition = org.schema.object(object_)
    if definition is None:
        raise LookupError(f"the org has no object {object_}")
    access = org.permissions.system(user_id or org.agent_id)
    context = Context(org, access, stamp_text(org.clock.now()), auto_assign=False)
    with org.storage.transaction():
        rows = parse_rows(context, definition, operation, records)
        (insert_rows if operation == "insert" else update_rows)(context, definition, rows)
        for row in rows:
            if row.problem is not None:
                raise row.problem
    return [str(row.id) for row in rows]


def _load(batch: Batch) -> None:
    """Give each row its record as it stands; refuse those without one."""
    for row in batch.living:
        if not is_id(row.id) or str(row.id)[:3] != batch.definition.key_prefix:
            row.refuse("MALFORMED_ID", f"malformed id {row.id}", "Id")
        else:
            row.id = canonical(str(row.id))
    ids = sorted({str(row.id) for row in batch.living})
    found = {str(one["Id"]): one for one in batch.org.storage.find(batch.definition.name, Id=ids)}
    seen: set[str] = set()
    for row in batch.living:
        row.old = found.get(str(row.id))
        if row.old is None:
            row.refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        elif row.old.get("IsDeleted"):
            row.refuse("ENTITY_IS_DELETED", "entity is deleted")
        elif row.id in seen:
            row.refuse("DUPLICATE_VALUE", f"Duplicate id in list: {row.id}", "Id")
        seen.add(str(row.id))


def _audit(batch: Batch) -> dict[str, Any]:
    now, user = batch.context.now, batch.context.user_id
    stamps: dict[str, Any] = {
        "LastModifiedDate": now,
        "LastModifiedById": user,
        "SystemModstamp": now,
    }
    if batch.operation == "insert":
        stamps = {"CreatedDate": now, "CreatedById": user, **stamps}
    return {name: value for name, value in stamps.items() if batch.definition.field(name)}


def _after(batch: Batch) -> None:
    if batch.definition.name in _WATCHED:
        batch.org.changed()
    for behaviour in behaviours_for(batch.definition.name):
        behaviour.after(batch)


def _remove(batch: Batch) -> None:
    """Delete each row with what hangs on it; a refused child keeps its parent."""
    for row in batch.living:
        try:
            with batch.org.storage.savepoint():
                _remove_below(batch, row)
                _remove_one(batch, row)
        except RowProblem as problem:
            row.problem = problem


def _remove_below(batch: Batch, row: Row) -> None:
    storage, schema = batch.org.storage, batch.org.schema
    for child in batch.definition.children:
        hanging = schema.object(child.child)
        if not child.cascade_delete or hanging is None or hanging.field(child.field) is None:
            continue
        below = [
            Row(place, id=str(one["Id"]))
            for place, one in enumerate(storage.find(hanging.name, **{child.field: row.id}))
            if not one.get("IsDeleted")
        ]
        if below:
            delete_rows(batch.context, hanging, below)
            for one in below:
                if one.problem is not None:
                    raise one.problem


def _remove_one(batch: Batch, row: Row) -> None:
    """To the recycle bin where the object has one, else for good."""
    assert row.id is not None
    if batch.definition.field("IsDeleted") is None:
        batch.org.storage.delete(batch.definition.name, row.id)
    else:
        batch.org.storage.update(
            batch.definition.name, row.id, {"IsDeleted": True, **_audit(batch)}
        )
