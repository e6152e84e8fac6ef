"""What a history is played on: an embedded org, a state, and processes under a supervisor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from sfprm.clock import SystemClock
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.keeping import copy_state
from sfprm.store.writer import Store

ROOT = Path(__file__).parents[2]
TAKE_OVER = 5.0
"""Seconds; the machine that plays histories is busy."""
LATECOMERS = ["felix.gruber.alpentech@partners.example.com"]


@dataclass
class ChaosOrg:
    """An embedded org as a process, with a snapshot to begin each history from."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]

    @classmethod
    def start(cls, folder: Path) -> ChaosOrg:
        """On free ports."""
        command = [sys.executable, "-m", "sfprm.devorg", "serve", "--http-port", "0"]
        with (folder / "org.log").open("wb") as errors:
            process = subprocess.Popen(
                [*command, "--https-port", "0", "--state", str(folder / "org")],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert process.stdout is not None
        return cls(process, json.loads(process.stdout.readline()))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API."""
        url = f"{self.ready['http']}/_devorg/{path}"
        with requests.request(method, url, json=body, timeout=60) as answer:
            assert answer.status_code < 300, f"{method} {path}: {answer.text}"
            return answer.json() if answer.content else None

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def settings_of(org: ChaosOrg, folder: Path, database: str) -> dict[str, str]:
    """The settings of everything that works on the stage."""
    return {
        "SFPRM_LOGIN_URL": org.ready["http"],
        "SFPRM_CLIENT_ID": org.ready["client_id"],
        "SFPRM_CLIENT_SECRET": org.ready["client_secret"],
        "SFPRM_CA_BUNDLE": str(org.ready["ca"]),
        "SFPRM_STATE_DIR": str(folder / "state"),
        "SFPRM_PROGRAMME": str(folder / "config"),
        "SFPRM_JOBS": str(folder / "jobs"),
        "SFPRM_DATABASE_URL": database,
        "SFPRM_TAKE_OVER_SECONDS": str(TAKE_OVER),
        "SFPRM_HEALTH": "off",
    }


def program(env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sfprm", *arguments],
        env=_environment(env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    return {**kept, "LANG": "C.UTF-8", **env}


def prepare(org: ChaosOrg, folder: Path) -> Path:
    """Bring org and state to the beginning of every history: everything provisioned, every lead
    routed. The org is kept as the snapshot `base`; gives the state's file."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "config", folder / "config")
    path = folder / "config" / "routing.yaml"
    text = path.read_text().replace(
        "    assign: {pool: south}\n", "    assign: {pool: south}\n    notify: lead-assigned\n"
    )
    path.write_text(text)
    (folder / "jobs").mkdir()
    database = f"sqlite:///{folder / 'base.db'}"
    env = settings_of(org, folder, database)
    org.control("POST", "reset")
    org.control("POST", "seed", {"story": "partners-ready", "seed": 7})
    for arguments in (("apply",), ("route", "--limit", "2000")):
        done = program(env, *arguments, "--json")
        assert done.returncode in (0, 68), done.stdout + done.stderr
        org.control("POST", "events", {"event": "first-login", "except": LATECOMERS})
    # what earlier work left waiting does not wait in a history
    program(env, "route")
    org.control("POST", "snapshots", {"name": "base"})
    return folder / "base.db"


@dataclass
class Watched:
    """A process that is started again whenever it ends, as a service manager would."""

    arguments: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    logged: int = 0
    wanted: bool = True
    stopped: bool = False

    def start(self) -> None:
        """Start it, once more."""
        self.starts += 1
        self.logged = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sfprm", *self.arguments],
                env=_environment(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
                cwd=ROOT,
            )

    def send(self, number: signal.Signals) -> None:
        """A signal, if it lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.stopped = number is signal.SIGSTOP


@dataclass
class Stage:
    """One history's processes and places."""

    org: ChaosOrg
    folder: Path
    env: dict[str, str]
    watched: list[Watched] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    def add(self, *arguments: str) -> Watched:
        """Start a process and keep it going."""
        log = self.folder / f"{arguments[0]}-{len(self.watched)}.log"
        watched = Watched(arguments, self.env, log)
        watched.start()
        self.watched.append(watched)
        return watched

    def supervise(self) -> threading.Thread:
        """Start what ended again, until `end`."""

        def watch() -> None:
            while not self._ends.wait(0.2):
                for one in self.watched:
                    if one.wanted and one.process is not None and one.process.poll() is not None:
                        one.start()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread

    def end(self) -> list[int]:
        """SIGTERM to all; their exit codes. What does not drain in 40 s is killed (and shows as
        -9)."""
        self._ends.set()
        for one in self.watched:
            one.wanted = False
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
        codes = []
        deadline = time.monotonic() + 40
        for one in self.watched:
            assert one.process is not None
            try:
                code = one.process.wait(max(0.1, deadline - time.monotonic()))
                # one that had only begun to start has no handler yet, and nothing to drain
                young = one.log.stat().st_size == one.logged
                codes.append(0 if code == -signal.SIGTERM and young else code)
            except subprocess.TimeoutExpired:
                one.process.kill()
                codes.append(one.process.wait())
        return codes

    def session(self) -> Session:
        """A session of the checker's own."""
        return open_session(load_settings(self.env), SystemClock())

    def state(self) -> Store:
        """The state."""
        return open_store(self.env["SFPRM_DATABASE_URL"])


def set_stage(
    org: ChaosOrg, base: Path, folder: Path, new_database: Callable[[], str] | None
) -> Stage:
    """The org and the state as at the beginning; `new_database` makes an empty PostgreSQL one."""
    org.control("DELETE", "faults")
    org.control("POST", "snapshots/base/restore")
    org.control("POST", "calls/reset")
    folder.mkdir(parents=True)
    shutil.copytree(base.parent / "config", folder / "config")
    (folder / "jobs").mkdir()
    (folder / "state").mkdir()
    if new_database is None:
        database = f"sqlite:///{folder / 'state' / 'state.db'}"
    else:
        database = new_database()
    copy_state(f"sqlite:///{base}", database)
    return Stage(org, folder, settings_of(org, folder, database))


def cut_connections(url: str) -> None:
    """Every connection to a PostgreSQL database but this one."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with suppress(sa.exc.DBAPIError), engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()
