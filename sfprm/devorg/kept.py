"""Lists and maps of JSON values kept in the org's storage: they survive a restart, and are rolled
back with the transaction that added to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.devorg.storage import Storage

__all__ = ["KeptList", "KeptMap"]


class KeptList:
    """One list, by name; values in the order in which they were added."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._first = f"{name}:0000000000"
        self._last = f"{name}:9999999999"

    def append(self, value: Any) -> None:
        """Add a JSON value at the end."""
        name, _, _ = self._first.partition(":")
        self._storage.meta_set(f"{name}:{self.mark() + 1:010d}", value)

    def extend(self, values: Sequence[Any]) -> None:
        """Add JSON values at the end."""
        name, _, _ = self._first.partition(":")
        keys = (f"{name}:{number:010d}" for number in count(self.mark() + 1))
        self._storage.meta_set_all(zip(keys, values, strict=False))

    def all(self) -> list[Any]:
        """Every value."""
        rows = self._storage.execute(
            'SELECT key FROM "_meta" WHERE key BETWEEN ? AND ? ORDER BY key',
            (self._first, self._last),
        )
        return [self._storage.meta_get(row[0]) for row in rows]

    def mark(self) -> int:
        """How many values there are: a place to return to."""
        rows = self._storage.execute(
            'SELECT MAX(key) FROM "_meta" WHERE key BETWEEN ? AND ?', (self._first, self._last)
        )
        last = rows[0][0]
        return int(str(last).partition(":")[2]) if last else 0

    def forget_after(self, mark: int) -> None:
        """Take back what was added since `mark`."""
        name, _, _ = self._first.partition(":")
        self._storage.execute(
            'DELETE FROM "_meta" WHERE key > ? AND key <= ?',
            (f"{name}:{mark:010d}", self._last),
        )


class KeptMap:
    """Values by key under one name, kept likewise."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._prefix = f"{name}/"
        self._end = f"{name}0"  # the character after the slash

    def get(self, key: str, default: Any = None) -> Any:
        """The value under this key, or the default."""
        return self._storage.meta_get(self._prefix + key, default)

    def among(self, keys: Sequence[str]) -> dict[str, Any]:
        """The values under these keys, as far as there are any."""
        rows = self._storage.execute(
            'SELECT key, value FROM "_meta" WHERE key IN (SELECT value FROM json_each(?))',
            (json.dumps([self._prefix + key for key in keys]),),
        )
        return {str(key)[len(self._prefix) :]: json.loads(value) for key, value in rows}

    def put_all(self, values: Mapping[str, Any]) -> None:
        """Keep JSON values by key."""
        self._storage.meta_set_all((self._prefix + key, one) for key, one in values.items())

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value."""
        self._storage.meta_set(self._prefix + key, value)

    def items(self) -> dict[str, Any]:
        """All values by key, in order of the keys."""
        rows = self._storage.execute(
            'SELECT key FROM "_meta" WHERE key > ? AND key < ? ORDER BY key',
            (self._prefix, self._end),
        )
        names = [str(row[0]) for row in rows]
        return {name[len(self._prefix) :]: self._storage.meta_get(name) for name in names}

    def remove(self, key: str) -> None:
        """Forget one value."""
        self._storage.execute('DELETE FROM "_meta" WHERE key = ?', (self._prefix + key,))

    def clear(self) -> None:
        """Forget all."""
        self._storage.execute(
            'DELETE FROM "_meta" WHERE key > ? AND key < ?', (self._prefix, self._end)
        )
