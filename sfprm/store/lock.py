"""One writer per org.

On SQLite an OS file lock in the state folder; on PostgreSQL a session's advisory lock. Both end
with their holder, however it ends: nothing is left behind by kill -9, and nothing is ever stale.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from sfprm.errors import AnotherWriter, BadSettings
from sfprm.store.engine import connect_to, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from sfprm.clock import Clock
    from sfprm.ids import RecordId

WRITING = "Another sfprm is writing to this org"
PACE_S = 0.5
"""Seconds between two looks at a lock that another holds."""


def org_lock(
    url: str,
    folder: Path,
    org: RecordId,
    *,
    job: str,
    clock: Clock,
    wait: float = 0.0,
) -> AbstractContextManager[None]:
    """Be the only writer to the org while inside; `job` is what others are told.

    `url` is the state database's, `folder` the lock files' (SQLite only). Waits at most `wait`
    seconds, then raises AnotherWriter, naming the holder.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _file_lock(folder, org, job, clock, wait, WRITING)
    return _advisory_lock(url, org, job, clock, wait)


def daemon_lock(folder: Path, *, clock: Clock, wait: float = 0.0) -> AbstractContextManager[None]:
    """Be the only daemon of this state folder while inside. Raises AnotherWriter, naming the
    holder."""
    return _file_lock(
        folder, "daemon", "daemon", clock, wait, "Another sfprm daemon runs on this state"
    )


def _await(
    take: Callable[[], bool],
    holder: Callable[[], str],
    clock: Clock,
    wait: float,
    busy: str = WRITING,
) -> None:
    end = clock.monotonic() + wait
    while not take():
        left = end - clock.monotonic()
        if left <= 0:
            raise AnotherWriter(f"{busy}: {holder()}.")
        clock.sleep(min(PACE_S, left))


@contextmanager
def _file_lock(
    folder: Path, name: str, job: str, clock: Clock, wait: float, busy: str
) -> Iterator[None]:
    path = folder / f"{name}.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise BadSettings(
            f"{path}: {error.strerror}.", hint="Name a writable folder in SFPRM_STATE_DIR."
        ) from None

    def take() -> bool:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        _await(take, lambda: _holder_in(path), clock, wait, busy)
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "job": job,
            "started": clock.now().isoformat(timespec="seconds"),
        }
        os.truncate(held, 0)
        os.pwrite(held, json.dumps(note).encode(), 0)
        yield
        # the file stays: removing it would let two hold locks on two files of one name
        os.truncate(held, 0)
    finally:
        os.close(held)


def _holder_in(path: Path) -> str:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return "it has just started or ended"
    return f"{note['job']}, process {note['pid']} on {note['host']}, since {note['started']}"


@contextmanager
def _advisory_lock(url: str, org: RecordId, job: str, clock: Clock, wait: float) -> Iterator[None]:
    digest = hashlib.sha256(f"sfprm writer {org}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    engine = connect_to(url)
    try:
        # AUTOCOMMIT: the lock is the session's; an open transaction would hold back vacuum
        with (
            translated(),
            engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            # cut by the server at 63 bytes; shows in pg_stat_activity too
            name = f"sfprm {job}, process {os.getpid()} on {socket.gethostname()}"
            connection.execute(
                text("SELECT set_config('application_name', :name, false)"), {"name": name[:63]}
            )

            def take() -> bool:
                taken = connection.execute(
                    text("SELECT pg_try_advisory_lock(:key)"), {"key": key}
                ).scalar_one()
                return bool(taken)

            _await(take, lambda: _holder_of(connection, key), clock, wait)
            try:
                yield
            finally:
                # a lost connection has let go already, and must not hide what was done
                with suppress(DBAPIError):
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
    finally:
        engine.dispose()


def _holder_of(connection: Connection, key: int) -> str:
    row = connection.execute(
        text(
            "SELECT a.application_name, a.backend_start FROM pg_locks l"
            " JOIN pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND l.classid = :high AND l.objid = :low"
        ),
        {"high": (key >> 32) & 0xFFFFFFFF, "low": key & 0xFFFFFFFF},
    ).one_or_none()
    if row is None:
        return "it has just ended"
    since = row.backend_start.isoformat(timespec="seconds")
    return f"{row.application_name.removeprefix('sfprm ')}, since {since}"
