"""What is kept beside records: settings, and the serials that ids are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sfprm.devorg.ids import mint_many
from sfprm.devorg.storage.connection import Connection

__all__ = ["Meta"]

_UNKNOWN = "?"  # no JSON
_ASKED_OFTEN = ("setting:", "deployments:waiting")


class Meta(Connection):
    """A database with settings and serials."""

    def __init__(self, path: str | None) -> None:
        super().__init__(path)
        self._settings: dict[str, str | None] = {}
        with self.transaction():
            self._run('CREATE TABLE IF NOT EXISTS "_meta" (key TEXT PRIMARY KEY, value TEXT)')
            self._run('CREATE TABLE IF NOT EXISTS "_serial" (prefix TEXT PRIMARY KEY, last INT)')

    def next_id(self, prefix: str) -> str:
        """A new id for objects with this key prefix. Never given twice, unless rolled back."""
        return self.next_ids(prefix, 1)[0]

    def next_ids(self, prefix: str, count: int) -> list[str]:
        """That many new ids, in order."""
        rows = self.execute(
            'INSERT INTO "_serial" VALUES (?, ?) ON CONFLICT (prefix) '
            "DO UPDATE SET last = last + excluded.last RETURNING last",
            (prefix, count),
        )
        last = int(rows[0][0])
        return mint_many(prefix, last - count + 1, count)

    def meta_get(self, key: str, default: Any = None) -> Any:
        """A kept setting (any JSON value), or the default."""
        text = self._settings.get(key, _UNKNOWN)
        if text is _UNKNOWN:
            text = self._look_up(key)
        return default if text is None else json.loads(text)

    def _look_up(self, key: str) -> str | None:
        """The kept text. What every request asks for is held in memory."""
        with self._lock:
            rows = self.execute('SELECT value FROM "_meta" WHERE key = ?', (key,))
            text: str | None = rows[0][0] if rows else None
            if key.startswith(_ASKED_OFTEN):
                self._settings[key] = text
            return text

    def meta_set(self, key: str, value: Any) -> None:
        """Keeps a setting (any JSON value)."""
        with self._lock:
            self._settings.pop(key, None)
            self.execute('INSERT OR REPLACE INTO "_meta" VALUES (?, ?)', (key, json.dumps(value)))

    def meta_set_all(self, kept: Iterable[tuple[str, Any]]) -> None:
        """Keeps settings, given as (key, JSON value)."""
        lines = [(key, json.dumps(value)) for key, value in kept]
        with self.unit():
            for key, _ in lines:
                self._settings.pop(key, None)
            self._connection.executemany('INSERT OR REPLACE INTO "_meta" VALUES (?, ?)', lines)

    def _undone(self) -> None:
        super()._undone()
        self._settings.clear()
