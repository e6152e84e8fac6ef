"""Connections to the state database: SQLite or PostgreSQL, set up the same way every time.

SQLite runs in WAL mode, so that readers never wait for the writer, and with synchronous=FULL: the
org is written as soon as a decision is committed, and a commit that a power cut could take back
(NORMAL allows that in WAL mode) would leave leads given away without a credit paid.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from sfprm.errors import BadSettings, Bug, NotReady, SfprmError, TryLater

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

SQLITE_PATIENCE_S = 30
"""How long a connection waits for another's write transaction, in seconds."""

STOPPED_S = 30
"""How long PostgreSQL lets a transaction stand without a statement, in seconds."""

POSTGRESQL_DRIVER = "postgresql+psycopg"


def connect_to(url: str) -> Engine:
    """An engine for the URL. Makes the SQLite file (0600) and its folder (0700) when missing.

    Raises BadSettings for a URL of another kind.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    try:
        return _postgresql(parsed)
    except ModuleNotFoundError:
        raise BadSettings(
            "The state database is PostgreSQL, and its driver is not installed.",
            hint="Run: pip install 'sfprm[postgres]'",
        ) from None


def _postgresql(url: URL) -> Engine:
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: object) -> None:
        # a process that is stopped inside a transaction must not hold its rows for ever
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {STOPPED_S * 1000}")
        connection.commit()

    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise BadSettings("SFPRM_DATABASE_URL is not a database URL.", hint=_FORMS) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername=POSTGRESQL_DRIVER)
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", POSTGRESQL_DRIVER):
        raise BadSettings(f"SFPRM_DATABASE_URL: {parsed.drivername} is not supported.", hint=_FORMS)
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadSettings(
            "SFPRM_DATABASE_URL: state kept in memory would be lost at the end of each command.",
            hint=_FORMS,
        )
    return parsed


_FORMS = "Write sqlite:///path/state.db or postgresql+psycopg://user@host/name."


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # made here so that it is nobody else's to read from its first byte; its -wal and -shm
        # files take the same mode
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise BadSettings(
            f"{path}: {error.strerror}.", hint="Name a writable folder in SFPRM_STATE_DIR."
        ) from None
    engine = create_engine(url, connect_args={"timeout": SQLITE_PATIENCE_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: object) -> None:
        # None: the driver opens no transactions of its own; ours are opened in `begin` below
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("sfprm_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database throughout, and writes nothing."""
    with translated():
        options: dict[str, Any] = {}
        if engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed at the end, taken back when anything is raised.

    On SQLite it holds the one write lock from its first statement on (BEGIN IMMEDIATE), so it
    never fails half-way for want of it.
    """
    with (
        translated(),
        engine.connect().execution_options(sfprm_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def at_once(engine: Engine) -> Iterator[Connection]:
    """A connection whose every statement is a transaction of its own: one round trip each."""
    with (
        translated(),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """The database's own errors, in ours. What it says is kept; it holds no password."""
    try:
        yield
    except SfprmError:
        raise
    except IntegrityError as error:
        raise Bug(f"The state database refused a row: {error.orig}.") from error
    except DBAPIError as error:
        raise _trouble(error) from error


def _trouble(error: DBAPIError) -> SfprmError:
    words = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason"
    if "file is not a database" in words or "malformed" in words:
        return NotReady(
            f"The state database cannot be read: {words}.",
            hint="Restore it with `sfprm state restore`, or move the file away to start anew.",
        )
    if "no such table" in words or "does not exist" in words:
        return NotReady(
            f"The state database is not of this version: {words}.",
            hint="Run `sfprm state migrate`.",
        )
    return TryLater(
        f"The state database could not be used: {words}.",
        hint="Check SFPRM_DATABASE_URL, that the server runs and the disk has room; then run the "
        "same command again.",
    )


def lock_for_migration(connection: Connection) -> None:
    """One migration at a time. SQLite's write transaction is that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('sfprm migrate'))"))
