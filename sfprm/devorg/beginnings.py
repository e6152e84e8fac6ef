"""Prepared orgs to go back to: the empty one, and stories that were seeded before. Going back to
one costs milliseconds, so a test may begin anew as often as it likes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sfprm.devorg.schema import Schema, load_schema
from sfprm.devorg.storage import Snapshot, Storage

__all__ = ["Beginnings"]

FRESH = timedelta(minutes=5)
"""How old a prepared story may be: its dates are told from the instant of its seeding."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    snapshot: Snapshot
    at: datetime


class Beginnings:
    """Snapshots by story and seed."""

    def __init__(self, base: Schema | None = None) -> None:
        self.base = base or load_schema()
        self._blank: Snapshot | None = None
        self._stories: dict[tuple[str, int], _Prepared] = {}

    def schema(self) -> Schema:
        """A new schema without any deployed field."""
        return Schema(self.base.objects())

    def empty(self, storage: Storage) -> Schema:
        """Make `storage` an empty org; its schema."""
        if self._blank is None:
            blank = Storage(None)
            blank.create(self.schema())
            self._blank = blank.snapshot()
            blank.close()
        schema = self.schema()
        storage.restore(self._blank, schema)
        return schema

    def keep(self, name: str, seed: int, storage: Storage, at: datetime) -> None:
        """Keep a story as it was just seeded, at that instant of the org's clock."""
        old = self._stories.pop((name, seed), None)
        if old is not None:
            old.snapshot.close()
        self._stories[name, seed] = _Prepared(storage.snapshot(), at)

    def again(self, name: str, seed: int, storage: Storage, now: datetime) -> Schema | None:
        """Make `storage` that story's org; its schema, or None when none is kept or fresh."""
        kept = self._stories.get((name, seed))
        if kept is None or not timedelta(0) <= now - kept.at <= FRESH:
            return None
        schema = self.schema()
        storage.restore(kept.snapshot, schema)
        return schema
