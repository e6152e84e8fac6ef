"""One writer per org, and one daemon per state folder, on one machine: OS file locks.

A lock ends with its holder, however that ends: nothing is left behind by kill -9, and nothing is
ever stale. On PostgreSQL, where several machines work, leases do this (`sfprm.jobs.presence`).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.errors import AnotherWriter, BadSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sfprm.clock import Clock
    from sfprm.ids import RecordId

WRITING = "Another sfprm is writing to this org"
PACE_S = 0.5
"""Seconds between two looks at a lock that another holds."""


def org_lock(
    folder: Path, org: RecordId, *, job: str, clock: Clock, wait: float = 0.0
) -> AbstractContextManager[None]:
    """Be the only writer to the org while inside; `job` is what others are told.

    Waits at most `wait` seconds, then raises AnotherWriter, naming the holder.
    """
    return _file_lock(folder, org, job, clock, wait, WRITING)


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
