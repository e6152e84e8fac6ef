"""Moving and keeping the state: copies between databases, backup, restore, export, a new org.

A backup is always one SQLite file, whatever the state is kept in, so it can be opened anywhere,
restored into either kind of database, and proved sound before it is needed.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import Integer, delete, func, insert, inspect, select, text

from sfprm.errors import BadRequest, BadSettings, NotReady
from sfprm.ids import RecordId
from sfprm.store.database import migrate, open_store
from sfprm.store.engine import connect_to, reading, writing
from sfprm.store.tables import metadata
from sfprm.store.work_tables import leases, parts, workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Table

    from sfprm.store.api import StoreReader

__all__ = ["backup", "copy_state", "export", "rebase", "restore"]

OF_THE_MOMENT: frozenset[Table] = frozenset({leases, parts, workers})
"""Tables that are not kept: who is at work now."""
PIECE = 2000
"""Rows copied at once."""


def copy_state(source: str, target: str, *, replace: bool = False) -> dict[str, int]:
    """Copy the state at `source` into the empty database at `target`; rows by table.

    Everything or nothing: one transaction. The tables are made, and the journal is verified in its
    new place before this returns. Raises NotReady when the target holds something already, but for
    `replace`: what it held goes in the same transaction, so it stands until the new is whole.
    """
    # the source's tables must be of this version
    open_store(source).close()
    migrate(target)
    origin, goal = connect_to(source), connect_to(target)
    try:
        with reading(origin) as old, writing(goal) as new:
            if replace:
                _empty(new)
            for table in metadata.sorted_tables:
                if new.execute(select(table).limit(1)).first() is not None:
                    raise NotReady(
                        "The target database holds a state already; nothing was copied.",
                        hint="Name an empty database, or drop the old state there first.",
                    )
            counts = {table.name: _copy(table, old, new) for table in _kept()}
    finally:
        origin.dispose()
        goal.dispose()
    with open_store(target) as store:
        broken = store.verify()
    if broken:
        raise NotReady(
            f"The copy does not verify: {broken[0]}",
            hint="Run `sfprm state verify` on the source: it broke its laws before it was copied.",
        )
    return counts


def _kept() -> list[Table]:
    return [table for table in metadata.sorted_tables if table not in OF_THE_MOMENT]


def _copy(table: Table, old: Connection, new: Connection) -> int:
    count = 0
    order = list(table.primary_key.columns)
    for page in old.execute(select(table).order_by(*order)).partitions(PIECE):
        new.execute(insert(table), [dict(row._mapping) for row in page])
        count += len(page)
    [first, *more] = order
    if new.dialect.name == "postgresql" and not more and isinstance(first.type, Integer):
        # numbers that the database gives go on after the last one copied
        name = new.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": table.name, "column": first.name},
        ).scalar()
        if name is not None and count:
            last = new.execute(select(func.max(first))).scalar_one()
            new.execute(text("SELECT setval(:name, :last)"), {"name": name, "last": last})
    return count


def backup(url: str, path: Path) -> dict[str, int]:
    """Write the state into a new SQLite file, mode 0600, while others go on working; rows by table.

    It is written beside its place and moved there when it is whole and verified.
    """
    if path.exists():
        raise BadRequest(f"{path} exists.", hint="Name a new file; backups are never overwritten.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"{path.parent}: {error.strerror}.") from None
    rough = path.with_name(f".{path.name}.part")
    rough.unlink(missing_ok=True)
    try:
        counts = copy_state(url, f"sqlite:///{rough}")
        _close_wal(rough)
        rough.rename(path)
    finally:
        for leftover in (rough, Path(f"{rough}-wal"), Path(f"{rough}-shm")):
            leftover.unlink(missing_ok=True)
    return counts


def _close_wal(path: Path) -> None:
    """One file alone, that needs nothing beside it."""
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def restore(url: str, path: Path, *, replace: bool = False) -> dict[str, int]:
    """Put a backup in the place of the state; rows by table.

    Raises NotReady when there is a state already, but for `replace`, which changes nothing until
    the whole backup is in its place. A backup of an older version
    is brought up to date in its copy; the file itself is left alone.
    """
    if not path.is_file():
        raise BadRequest(f"{path}: no such file.")
    engine = connect_to(url)
    try:
        with reading(engine) as connection:
            holds = _holds_something(connection)
        if holds and not replace:
            raise NotReady(
                "There is a state already; nothing was restored.",
                hint="Back it up, then run the same with --replace.",
            )
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "backup.db"
            shutil.copyfile(path, copy)
            migrate(f"sqlite:///{copy}")
            with open_store(f"sqlite:///{copy}") as held:
                broken = held.verify()
            if broken:
                raise NotReady(
                    f"The backup does not verify: {broken[0]}", hint="Use an older backup."
                )
            return copy_state(f"sqlite:///{copy}", url, replace=holds)
    finally:
        engine.dispose()


def _holds_something(connection: Connection) -> bool:
    there = set(inspect(connection).get_table_names())
    return any(
        table.name in there and connection.execute(select(table).limit(1)).first() is not None
        for table in metadata.sorted_tables
    )


def _empty(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))


def rebase(url: str, org: RecordId, archive: Path, now: datetime) -> dict[str, int]:
    """Archive the state of one org and begin an empty one for another (a refreshed sandbox has a
    new id, and a past like production's).

    Raises BadRequest when the state belongs to that org already.
    """
    with open_store(url) as store:
        held = store.org()
    if held is not None and held.org_id == org:
        name = f"{held.name} ({org})" if held.name else org  # no login has told its name yet
        raise BadRequest(
            f"The state belongs to {name} already; nothing was done.",
            hint="`sfprm login` tells the id of the org that the login leads to.",
        )
    counts = backup(url, archive)
    engine = connect_to(url)
    try:
        with writing(engine) as connection:
            _empty(connection)
    finally:
        engine.dispose()
    with open_store(url) as store:
        store.bind_org(org, "", now)
    return counts


def export(store: StoreReader, out: IO[str]) -> int:
    """Write the journal, the latest runs and the ledgers as JSON Lines, one record a line, for
    other programs; how many."""
    count = 0

    def put(kind: str, record: Mapping[str, Any]) -> None:
        nonlocal count
        out.write(json.dumps({"kind": kind, **record}, ensure_ascii=False, default=str) + "\n")
        count += 1

    org = store.org()
    if org is not None:
        put("org", {"id": org.org_id, "name": org.name, "bound_at": org.bound_at})
    for run in reversed(store.runs(limit=1_000_000)):
        put(
            "run",
            {
                "run": run.id,
                "job": run.job,
                "state": run.state.value,
                "due_at": run.due_at,
                "started": run.started,
                "finished": run.finished,
                "by": run.started_by,
                "counts": dict(run.counts),
                "calls": run.calls,
                "exit_code": run.exit_code,
                "message": run.message,
            },
        )
    after = 0
    while entries := store.entries(after=after, limit=PIECE):
        for entry in entries:
            put(
                "decision",
                {
                    "sequence": entry.sequence,
                    "decided_at": entry.decided_at,
                    "run": entry.run,
                    "what": entry.kind,
                    "lead": entry.lead,
                    "label": entry.label,
                    "offer": entry.offer,
                    "outcome": entry.outcome,
                    "rule": entry.rule,
                    "pool": entry.pool,
                    "owner_before": entry.owner_seen,
                    "owner": entry.owner_new,
                    "owner_name": entry.owner_name,
                    "state": entry.state.value,
                    "message": entry.message,
                    "hash": entry.hash,
                },
            )
        after = entries[-1].sequence
    for key, ledger in store.all_ledgers().items():
        put("ledger", {"ledger": key, "credits": dict(ledger.credits), "house": ledger.house})
    return count
