"""The tables of the engine that hands runs to workers (Procrastinate), on PostgreSQL.

They stand in a schema of their own, so that they and the state's tables never meet, and are made
and brought up to date by the same command as those: `sfprm state migrate`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SCHEMA", "ensure", "is_made"]

SCHEMA = "sfprm_engine"


def ensure(connection: Connection) -> bool:
    """Make the engine's tables, or run those of its migrations that have not run here. False when
    the engine is not installed (`sfprm[postgres]` installs it) or the database is SQLite."""
    if connection.dialect.name != "postgresql" or find_spec("procrastinate") is None:
        return False
    from procrastinate.schema import SchemaManager

    scripts = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    before = connection.execute(text("SHOW search_path")).scalar_one()
    connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
    fresh = connection.execute(text("SELECT to_regclass('procrastinate_jobs')")).scalar() is None
    connection.execute(text("CREATE TABLE IF NOT EXISTS sfprm_migrations (name text PRIMARY KEY)"))
    done = set(connection.execute(text("SELECT name FROM sfprm_migrations")).scalars())
    if fresh:
        _run(connection, SchemaManager.get_schema())
    for script in scripts:
        if script.name in done:
            continue
        if not fresh:
            _run(connection, script.read_text(encoding="utf-8"))
        connection.execute(
            text("INSERT INTO sfprm_migrations (name) VALUES (:name)"), {"name": script.name}
        )
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": before})
    return True


def _run(connection: Connection, script: str) -> None:
    """Several statements at once, as the engine ships them."""
    raw = connection.connection.cursor()
    try:
        raw.execute(script)
    finally:
        raw.close()


def is_made(connection: Connection) -> bool:
    """Whether the engine's tables are there."""
    found = connection.execute(
        text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.procrastinate_jobs"}
    ).scalar()
    return found is not None
