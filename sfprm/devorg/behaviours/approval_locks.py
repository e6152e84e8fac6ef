"""Records in an approval process are locked: a write or deletion is refused with `ENTITY_IS_LOCKED`
(code [D]; text `the entity is locked for editing` unverified). Administrators may still edit by
default (Modify All Data) [D help, unverified for the API]; `even_administrators` locks them out
too, as an org's own trigger may.

Set `approval_locks`: {"ids": [...], "even_administrators"?: bool}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.ids import canonical, is_id

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "ApprovalLocks"]


class ApprovalLocks(Behaviour):
    """Nobody edits what waits for approval."""

    objects = settable.RECORDS

    def before(self, batch: Batch) -> None:
        """Refuse locked records."""
        locks = settable.setting(batch.org, "approval_locks")
        if not locks or batch.operation == "insert":
            return
        if batch.context.access.has("ModifyAllData") and not locks.get("even_administrators"):
            return
        ids = {canonical(one) for one in locks["ids"]}
        for row in batch.living:
            if row.id in ids:
                row.refuse("ENTITY_IS_LOCKED", "the entity is locked for editing")


def _check(org: Org, value: Any) -> None:
    if not isinstance(value, dict) or set(value) - {"ids", "even_administrators"}:
        raise ValueError("an object with ids and even_administrators is needed")
    ids = value.get("ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) and is_id(one) for one in ids):
        raise ValueError("ids: a list of record ids is needed")


SETTING = settable.Settable("approval_locks", _check)
