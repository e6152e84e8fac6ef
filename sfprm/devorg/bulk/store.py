"""Jobs, their data and their results in the org's database, so that they outlive the process, and
go with snapshots. Tables of their own, made when first needed.

Jobs are deleted after 7 days [D]; what they used of the day's allowances stays counted."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg.bulk.job import WORKING, Event, Job, State
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Store"]

LIFE = timedelta(days=7)
DAY = timedelta(hours=24)
_TABLES = (
    'CREATE TABLE IF NOT EXISTS "_bulk_jobs" (id TEXT PRIMARY KEY, kind TEXT, created TEXT, '
    "state TEXT, job TEXT, data TEXT)",
    'CREATE TABLE IF NOT EXISTS "_bulk_parts" (job TEXT, kind TEXT, place INT, rows INT, '
    "text TEXT, PRIMARY KEY (job, kind, place))",
    'CREATE TABLE IF NOT EXISTS "_bulk_used" (at TEXT, kind TEXT, amount INT)',
    'CREATE TABLE IF NOT EXISTS "_erased" (object TEXT, id TEXT, at TEXT)',
)


class Store:
    """What is kept of jobs, by id."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def prepare(self) -> None:
        """Make the tables; drop jobs past their time."""
        for table in _TABLES:
            self._run(table)
        old = stamp_text(self._org.clock.now() - LIFE)
        for (id_,) in self._run('SELECT id FROM "_bulk_jobs" WHERE created < ?', old):
            self.delete(id_)

    # Jobs

    def save(self, job: Job) -> None:
        """Keep a job, new or changed."""
        self._run(
            'INSERT INTO "_bulk_jobs" (id, kind, created, state, job) VALUES (?, ?, ?, ?, ?) '
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, job = excluded.job",
            job.id,
            job.kind,
            job.created,
            job.state,
            json.dumps(asdict(job)),
        )

    def find(self, id_: str) -> Job | None:
        """A job by its 18-character id."""
        rows = self._run('SELECT job FROM "_bulk_jobs" WHERE id = ?', id_)
        return _read(rows[0][0]) if rows else None

    def page(self, kind: str, first: int, count: int) -> list[Job]:
        """Jobs of a kind from the `first` on, the newest first."""
        rows = self._run(
            'SELECT job FROM "_bulk_jobs" WHERE kind = ? ORDER BY created DESC, id DESC '
            "LIMIT ? OFFSET ?",
            kind,
            count,
            first,
        )
        return [_read(text) for (text,) in rows]

    def working(self) -> list[str]:
        """Ids of the jobs that are closed and not at their end, oldest first."""
        marks = ", ".join("?" * len(WORKING))
        found = self._run(
            f'SELECT id FROM "_bulk_jobs" WHERE state IN ({marks}) ORDER BY id',  # noqa: S608
            *WORKING,
        )
        return [id_ for (id_,) in found]

    def delete(self, id_: str) -> None:
        """Forget a job with its data and results."""
        self._run('DELETE FROM "_bulk_jobs" WHERE id = ?', id_)
        self._run('DELETE FROM "_bulk_parts" WHERE job = ?', id_)

    # Data and results

    def put_data(self, id_: str, text: str) -> None:
        """Keep what was uploaded."""
        self._run('UPDATE "_bulk_jobs" SET data = ? WHERE id = ?', text, id_)

    def data(self, id_: str, most: int = -1) -> str:
        """What was uploaded, or its first characters; empty when nothing was."""
        column = "data" if most < 0 else f"substr(data, 1, {most})"
        rows = self._run(f'SELECT {column} FROM "_bulk_jobs" WHERE id = ?', id_)  # noqa: S608
        return str(rows[0][0]) if rows and rows[0][0] is not None else ""

    def add_part(self, id_: str, kind: str, rows: int, text: str) -> None:
        """Append a piece of results: so many rows as one text."""
        self._run(
            'INSERT INTO "_bulk_parts" SELECT ?, ?, coalesce(max(place), -1) + 1, ?, ? '
            'FROM "_bulk_parts" WHERE job = ? AND kind = ?',
            id_,
            kind,
            rows,
            text,
            id_,
            kind,
        )

    def parts(self, id_: str, kind: str) -> list[str]:
        """All pieces of one kind of results, in order."""
        rows = self._run(
            'SELECT text FROM "_bulk_parts" WHERE job = ? AND kind = ? ORDER BY place', id_, kind
        )
        return [text for (text,) in rows]

    def lines(self, id_: str, kind: str, first: int, count: int) -> list[str]:
        """Rows of results whose pieces are JSON lists of lines, from the `first` on."""
        found: list[str] = []
        before = 0
        for place, rows in self._run(
            'SELECT place, rows FROM "_bulk_parts" WHERE job = ? AND kind = ? ORDER BY place',
            id_,
            kind,
        ):
            if before < first + count and before + rows > first:
                [(text,)] = self._run(
                    'SELECT text FROM "_bulk_parts" WHERE job = ? AND kind = ? AND place = ?',
                    id_,
                    kind,
                    place,
                )
                start = max(first - before, 0)
                found += json.loads(text)[start : first + count - before]
            before += rows
        return found

    # Allowances

    def use(self, kind: str, amount: int) -> None:
        """Count toward the allowance of 24 hours."""
        self._run('INSERT INTO "_bulk_used" VALUES (?, ?, ?)', self._now(), kind, amount)

    def used(self, kind: str) -> int:
        """What was used in the last 24 hours."""
        since = stamp_text(self._org.clock.now() - DAY)
        [(total,)] = self._run(
            'SELECT coalesce(sum(amount), 0) FROM "_bulk_used" WHERE kind = ? AND at > ?',
            kind,
            since,
        )
        return int(total)

    # Records deleted for good

    def erase(self, object_: str, id_: str) -> None:
        """Note that a record is gone past the recycle bin."""
        self._run('INSERT INTO "_erased" VALUES (?, ?, ?)', object_, id_, self._now())

    def erased(self, object_: str, since: datetime, until: datetime) -> list[tuple[str, str]]:
        """(id, stamp) of the records so gone from `since` to before `until`, oldest first."""
        rows = self._run(
            'SELECT id, at FROM "_erased" WHERE object = ? AND at >= ? AND at < ? ORDER BY at, id',
            object_,
            stamp_text(since),
            stamp_text(until),
        )
        return [(str(id_), str(at)) for id_, at in rows]

    def _now(self) -> str:
        return stamp_text(self._org.clock.now())

    def _run(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._org.storage.execute(sql, parameters)


def _read(text: object) -> Job:
    values = json.loads(str(text))
    known = {field.name for field in fields(Job)}
    values = {name: value for name, value in values.items() if name in known}
    values["state"] = State(values["state"])
    values["outcome"] = Event(values["outcome"]) if values["outcome"] else None
    lock = values.get("lock")
    values["lock"] = (lock[0], lock[1]) if lock else None
    return Job(**values)
