"""LeadHistory and AccountHistory: one row a change of a tracked field, only for fields that are
tracked (operations.md rule 23). A change of owner writes two rows, one with ids and one with names;
the field is called `Owner`, or `ownerAssignment` when an assignment rule changed it; creation
writes `created` (as seen in real orgs, unverified)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["History"]


class History(Behaviour):
    """History rows for tracked fields."""

    objects = frozenset({"Lead", "Account"})

    def after(self, batch: Batch) -> None:
        """Write what changed."""
        tracked = batch.org.setting("tracked", {}).get(batch.definition.name, [])
        if not tracked or batch.operation == "delete":
            return
        names = _owner_names(batch) if "OwnerId" in tracked else {}
        parent = f"{batch.definition.name}Id"
        born = _entry(batch, None, "created", None, None, None)
        rows: list[dict[str, Any]] = []
        for row in batch.living:
            if batch.operation == "insert":
                rows.append({**born, parent: row.id})
                if row.assigned_from is not None and "OwnerId" in tracked:
                    rows += _owner(batch, row, names, row.assigned_from)
                continue
            for name in tracked:
                if not row.changes(name):
                    continue
                old, new = (row.old or {}).get(name), row.values[name]
                if name == "OwnerId":
                    rows += _owner(batch, row, names, str(old))
                else:
                    rows.append(_entry(batch, row, name, old, new, "Text"))
        if rows:
            batch.org.storage.insert(f"{batch.definition.name}History", rows)


def _entry(
    batch: Batch, row: Row | None, name: str, old: Any, new: Any, type_: str | None
) -> dict[str, Any]:
    return {
        f"{batch.definition.name}Id": row.id if row is not None else None,
        "Field": name,
        "DataType": type_,
        "OldValue": None if old is None else str(old),
        "NewValue": None if new is None else str(new),
        "CreatedById": batch.context.user_id,
        "CreatedDate": batch.context.now,
        "IsDeleted": False,
    }


def _owner(batch: Batch, row: Row, names: dict[str, str], old: str) -> list[dict[str, Any]]:
    new = str(row.values["OwnerId"])
    called = "Owner" if row.assigned_from is None else "ownerAssignment"
    return [
        _entry(batch, row, called, names.get(old), names.get(new), "Text"),
        _entry(batch, row, called, old, new, "EntityId"),
    ]


def _owner_names(batch: Batch) -> dict[str, str]:
    ids: set[str] = set()
    for row in batch.living:
        before = row.old["OwnerId"] if row.old is not None else row.assigned_from
        if before is not None and row.changes("OwnerId"):
            ids |= {str(before), str(row.values["OwnerId"])}
    return _names(batch.org, ids)


def _names(org: Org, ids: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for object_, prefix in (("User", "005"), ("Group", "00G")):
        wanted = sorted(one for one in ids if one[:3] == prefix)
        if wanted:
            found |= {
                str(one["Id"]): str(one["Name"]) for one in org.storage.find(object_, Id=wanted)
            }
    return found
