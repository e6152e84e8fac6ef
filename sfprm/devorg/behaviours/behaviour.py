"""What a behaviour is: one rule of Salesforce's over some objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["Behaviour"]


class Behaviour:
    """One rule. `objects` names the objects it is about. `prepare` may fill values before the
    required fields are checked; `before` may refuse rows and derive values; `after` runs when the
    rows are written, within the same transaction."""

    objects: frozenset[str] = frozenset()

    def prepare(self, batch: Batch) -> None:
        """Fill or derive values of an insert or update."""

    def before(self, batch: Batch) -> None:
        """Refuse rows, derive values."""

    def after(self, batch: Batch) -> None:
        """Do what follows from the write."""
