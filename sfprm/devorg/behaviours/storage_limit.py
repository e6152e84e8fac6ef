"""Data storage, when the control API sets a limit (`limits` {"storage_mb": n}): inserts beyond it
are refused with `STORAGE_LIMIT_EXCEEDED` `storage limit exceeded` [D code; text M]. Updates and
deletes go on. A real org lets its storage run over a little before it refuses; not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.usage import kilobytes_of, storage_kilobytes

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["StorageLimit"]


class StorageLimit(Behaviour):
    """No record more than there is room for."""

    objects = frozenset(
        {"Account", "Contact", "Lead", "Opportunity", "Case", "Task", "Campaign", "CampaignMember"}
    )

    def before(self, batch: Batch) -> None:
        """Refuse the rows for which there is no room."""
        most = batch.org.limits.storage_mb
        if most is None or batch.operation != "insert":
            return
        size = kilobytes_of(batch.definition.name)
        left = int(most * 1024) - storage_kilobytes(batch.org)
        for row in batch.living:
            left -= size
            if left < 0:
                row.refuse("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
