"""The demo's daemon: a process of its own, watched through the state, stopped by SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from sfprm.cli.demo.workspace import Workspace, quicken
from sfprm.errors import NotReady
from sfprm.jobs.runner import Starter
from sfprm.store.records import WriteState

__all__ = ["DaemonRun", "run_daemon"]

READY = '"daemon.ready"'
PATIENCE = 30.0
"""Seconds that the daemon may take to start, and again to decide the new leads."""
LOOK_EVERY = 0.2
DRAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class DaemonRun:
    """What came of it. `routed` of the `decided` leads have an owner; `seconds` from the leads'
    arrival to the last decision."""

    decided: int
    routed: int
    exit_code: int
    seconds: float


def run_daemon(
    workspace: Workspace,
    starter: Starter,
    *,
    leads_arrive: Callable[[], None],
    wanted: int,
) -> DaemonRun:
    """Start the daemon, let leads arrive, wait until as many are decided, stop it by SIGTERM."""
    quicken(workspace.jobs)
    log = workspace.state / "daemon.log"
    before = _decided(starter)
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "sfprm", "daemon", "--env-file", str(workspace.env_file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=workspace.root,
            env={k: v for k, v in os.environ.items() if not k.startswith("SFPRM_")},
        )
        try:
            _wait(starter, lambda: READY in log.read_text(encoding="utf-8"), process, "start")
            leads_arrive()
            began = starter.clock.monotonic()
            _wait(starter, lambda: len(_decided(starter) - before) >= wanted, process, "route")
            seconds = starter.clock.monotonic() - began
            process.send_signal(signal.SIGTERM)
            code = process.wait(DRAIN_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    new = _decided(starter) - before
    owned = {lead for lead, has_owner in new if has_owner}
    return DaemonRun(len(new), len(owned), code, seconds)


def _decided(starter: Starter) -> set[tuple[str, bool]]:
    """Leads whose routing has come to rest: (id, whether it has an owner)."""
    at_rest = (WriteState.CONFIRMED, WriteState.NOTHING_TO_WRITE)
    return {
        (entry.lead, entry.owner_new is not None)
        for entry in starter.state().entries(kinds=("route",), states=at_rest)
    }


def _wait(
    starter: Starter, done: Callable[[], bool], process: subprocess.Popen[bytes], what: str
) -> None:
    end = starter.clock.monotonic() + PATIENCE
    while not done():
        if process.poll() is not None or starter.clock.monotonic() > end:
            raise NotReady(
                f"the daemon did not {what} within {PATIENCE:.0f} s.",
                hint="Its log is state/daemon.log in the demo's folder.",
            )
        starter.clock.sleep(LOOK_EVERY)
