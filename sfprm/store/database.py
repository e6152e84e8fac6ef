"""Opening the state, and bringing its tables up to date."""

from __future__ import annotations

from datetime import UTC, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import func, inspect, select, text

from sfprm.errors import NotReady
from sfprm.store import engine_tables
from sfprm.store.engine import connect_to, lock_for_migration, reading, writing
from sfprm.store.tables import HEAD
from sfprm.store.work_tables import workers
from sfprm.store.writer import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.script import Script
    from sqlalchemy import Connection, Engine

__all__ = ["migrate", "open_store"]

VERSION_TABLE = "alembic_version"


def open_store(url: str) -> Store:
    """The state at the URL; close it after use (it is a context manager).

    A new database gets its tables. Raises BadSettings for a wrong URL, NotReady when the tables are
    of another version, TryLater when the database does not answer. Reads no clock: whatever needs
    the time is given it.
    """
    engine = connect_to(url)
    try:
        with reading(engine) as connection:
            found = _version(connection)
        if found is None:
            _upgrade(engine)
        elif found != HEAD:
            raise _wrong_version(found)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


def migrate(url: str) -> tuple[str, str]:
    """Bring the tables to this version; returns the versions before (`""` for none) and after.

    Safe to repeat and to run twice at once. Raises NotReady when the database is newer.
    """
    engine = connect_to(url)
    try:
        return _upgrade(engine), HEAD
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> str:
    # alembic is slow to import and needed only here
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with writing(engine) as connection:
        lock_for_migration(connection)
        before = _version(connection)
        engine_tables.ensure(connection)
        if before == HEAD:
            return HEAD
        config = Config()
        config.set_main_option("script_location", "sfprm.store:migrations")
        config.attributes["connection"] = connection
        scripts = list(ScriptDirectory.from_config(config).walk_revisions())
        known = {script.revision for script in scripts}
        if before is not None and before not in known:
            raise _wrong_version(before)
        _refuse_beside_others(connection, scripts, before)
        with _ONE_UPGRADE:
            command.upgrade(config, "head")
    return before or ""


_ONE_UPGRADE = Lock()
"""Alembic's operations are one global of the process: two threads would write into one database."""

SEEN_LATELY = timedelta(minutes=2)


def _refuse_beside_others(
    connection: Connection, scripts: Sequence[Script], before: str | None
) -> None:
    """A migration that an older process cannot work beside says `forward_safe = False`: it waits
    until the last of them has ended. All others only add."""
    if before is None or not inspect(connection).has_table("workers"):
        return
    pending = [s for s in scripts if s.revision > before]
    if all(getattr(s.module, "forward_safe", True) for s in pending):
        return
    last = connection.execute(select(func.max(workers.c.seen))).scalar()
    now = connection.execute(select(func.now())).scalar_one()
    if last is not None and last > now.astimezone(UTC) - SEEN_LATELY:
        raise NotReady(
            "Daemons or workers of an older sfprm are at work, and they cannot go on with the new "
            "tables.",
            hint="Stop them (`sfprm workers` lists them), then run `sfprm state migrate` again.",
        )


def _wrong_version(found: str) -> NotReady:
    if found > HEAD:
        return NotReady(
            f"The state database is of version {found}, newer than this sfprm knows ({HEAD}).",
            hint="Install the newer sfprm; an older one must not write to it.",
        )
    return NotReady(
        f"The state database is of version {found}; this sfprm needs {HEAD}.",
        hint="Copy the database, then run `sfprm state migrate`.",
    )
