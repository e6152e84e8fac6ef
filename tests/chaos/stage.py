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
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from sfprm.clock import SystemClock
from sfprm.salesforce.collections import delete
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.keeping import copy_state
from sfprm.store.writer import Store
from tests.chaos.blows import TAKE_OVER
from tests.program_nursery import Nursery, Nursling

__all__ = ["Base", "ChaosOrg", "Postgres", "Stage", "prepare", "set_stage"]

ROOT = Path(__file__).parents[2]
LATECOMERS = ["felix.gruber.alpentech@partners.example.com"]
RESTART_S = 0.3
"""Seconds until a process that ended is started again; five in life."""
DRAIN_S = 40.0
LEADS_KEPT = 300


@dataclass
class ChaosOrg:
    """An embedded org as a process, with a snapshot to begin each history from."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]

    @classmethod
    def start(cls, folder: Path) -> ChaosOrg:
        """On free ports."""
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "sfprm.devorg", "serve", "--http-port", "0"]
        with (folder / "org.log").open("wb") as errors:
            process = subprocess.Popen(
                [*command, "--https-port", "0", "--state", str(folder / "org")],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
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


@dataclass
class Postgres:
    """A server, and on it the state that every history begins with, to be copied by the server."""

    url: str
    _template: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def new(self, base: Path) -> str:
        """A database that holds the state of the file `base`."""
        with self._lock:  # histories are played side by side
            if not self._template:
                made = self._create()
                copy_state(f"sqlite:///{base}", self._url_of(made))
                self._template = made
        return self._url_of(self._create(f" TEMPLATE {self._template}"))

    def drop(self, url: str) -> None:
        """It is not needed any more."""
        self._say(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Nobody gets in while inside."""
        name = sa.make_url(url).database
        self._say(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.cut(url)
        yield
        self._say(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def cut(self, url: str) -> None:
        """End every connection to a database."""
        name = sa.make_url(url).database
        self._say(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    def _create(self, more: str = "") -> str:
        name = f"c{uuid.uuid4().hex}"
        self._say(f"CREATE DATABASE {name}{more}")
        return name

    def _url_of(self, name: str) -> str:
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def _say(self, sql: str) -> None:
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(sql))
        engine.dispose()


@dataclass(frozen=True)
class Base:
    """The beginning of every history: the org's snapshot `base`, the state in the file `state`,
    whose last journal entry is `last`; `at` of the org's clock. `config`: the programme."""

    org: ChaosOrg
    nursery: Nursery
    state: Path
    config: Path
    last: int
    at: datetime


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


def program(nursery: Nursery, env: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run the program to its end: exit code, stdout, stderr."""
    return nursery.run(arguments, _environment(env), ROOT, 120)


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    return {**kept, "LANG": "C.UTF-8", **env}


def prepare(org: ChaosOrg, nursery: Nursery, folder: Path) -> Base:
    """Bring org and state to the beginning: everything provisioned, every lead routed."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "config", folder / "config")
    path = folder / "config" / "routing.yaml"
    text = path.read_text().replace(
        "    assign: {pool: south}\n", "    assign: {pool: south}\n    notify: lead-assigned\n"
    )
    path.write_text(text)
    (folder / "jobs").mkdir()
    state = folder / "base.db"
    env = settings_of(org, folder, f"sqlite:///{state}")
    org.control("POST", "reset")
    org.control("POST", "seed", {"story": "partners-ready", "seed": 7})
    _keep_few(env)
    for arguments in (("apply",), ("route", "--limit", "2000")):
        code, out, err = program(nursery, env, *arguments, "--json")
        assert code in (0, 68), out + err
        org.control("POST", "events", {"event": "first-login", "except": LATECOMERS})
    # what earlier work left waiting does not wait in a history
    program(nursery, env, "route")
    org.control("POST", "snapshots", {"name": "base"})
    at = datetime.fromisoformat(org.control("GET", "clock")["now"])
    with open_store(env["SFPRM_DATABASE_URL"]) as store:
        last = store.work.size()["journal"]
    return Base(org, nursery, state, folder / "config", last, at)


def _keep_few(env: Mapping[str, str]) -> None:
    """Most leads of the story go: those there before a history only make it dear to check."""
    with open_session(load_settings(dict(env)), SystemClock()) as session:
        waiting = [row["Id"] for row in select_all(session, "SELECT Id FROM Lead ORDER BY Id")]
        delete(session, waiting[LEADS_KEPT:])


@dataclass
class Watched:
    """A process that is started again whenever it ends, as a service manager would."""

    arguments: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    nursery: Nursery
    script: str = ""
    process: Nursling | None = None
    logged: int = 0
    ended: float | None = None

    def start(self) -> None:
        """Start it, once more."""
        self.ended = None
        self.logged = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as err, open(os.devnull, "wb") as out:
            self.process = self.nursery.start(
                self.arguments,
                env=_environment(self.env),
                cwd=ROOT,
                out=out.fileno(),
                err=err.fileno(),
                script=self.script,
            )

    def send(self, number: signal.Signals) -> None:
        """A signal, if it lives."""
        if self.process is not None:
            self.process.send_signal(number)

    def restart_if_ended(self) -> None:
        """What a supervisor does at each look."""
        if self.process is None or self.process.poll() is None:
            return
        self.ended = self.ended or time.monotonic()
        if time.monotonic() - self.ended >= RESTART_S:
            self.start()

    @property
    def was_ready(self) -> bool:
        """Whether it came so far, since its last start, that its handlers stand."""
        said = self.log.read_bytes()[self.logged :]
        return any(word in said for word in (b"daemon.ready", b"worker.ready", b"stands_by"))


@dataclass
class Stage:
    """One history's processes and places."""

    base: Base
    folder: Path
    env: dict[str, str]
    postgres: Postgres | None
    watched: list[Watched] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *arguments: str, script: str = "") -> Watched:
        """Start a process and keep it going. `script`: what it runs in place of the program."""
        log = self.folder / f"{arguments[0]}-{len(self.watched)}.log"
        watched = Watched(arguments, self.env, log, self.base.nursery, script)
        watched.start()
        self.watched.append(watched)
        return watched

    def supervise(self) -> None:
        """Start what ended again, until `end`."""

        def watch() -> None:
            while not self._ends.wait(0.1):
                with self._lock:
                    if not self._ends.is_set():
                        for one in self.watched:
                            one.restart_if_ended()

        threading.Thread(target=watch, daemon=True).start()

    def send(self, who: int, number: signal.Signals) -> None:
        """A signal to one of the processes."""
        with self._lock:
            self.watched[who % len(self.watched)].send(number)

    def end(self) -> list[int]:
        """SIGTERM to all; their exit codes. What does not drain in time is killed (and shows as
        -9). One that was told before its handlers stood had nothing to drain."""
        with self._lock:
            self._ends.set()
        for one in self.watched:
            one.send(signal.SIGCONT)
            one.send(signal.SIGTERM)
        codes = []
        deadline = time.monotonic() + DRAIN_S
        for one in self.watched:
            assert one.process is not None
            try:
                code = one.process.wait(max(0.1, deadline - time.monotonic()))
            except TimeoutError:
                one.process.send_signal(signal.SIGUSR1)  # its log says where it hung
                time.sleep(1)
                one.process.kill()
                code = one.process.wait(20)
            codes.append(code if one.was_ready or code == -signal.SIGKILL else 0)
        return codes

    def session(self) -> Session:
        """A session of the checker's own."""
        return open_session(load_settings(self.env), SystemClock())

    def state(self) -> Store:
        """The state."""
        return open_store(self.env["SFPRM_DATABASE_URL"])

    @contextmanager
    def held(self) -> Iterator[None]:
        """Another process writes to the SQLite file and does not let go."""
        engine = sa.create_engine(self.env["SFPRM_DATABASE_URL"])
        with engine.connect() as connection:
            with suppress(sa.exc.OperationalError):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            connection.rollback()
        engine.dispose()

    def clear(self) -> None:
        """Let go of what a clean history leaves."""
        if self.postgres is not None:
            self.postgres.drop(self.env["SFPRM_DATABASE_URL"])
        shutil.rmtree(self.folder)


def set_stage(
    base: Base, folder: Path, jobs: Mapping[str, str], postgres: Postgres | None
) -> Stage:
    """The org and the state as at the beginning."""
    base.org.control("DELETE", "faults")
    base.org.control("POST", "snapshots/base/restore")
    base.org.control("POST", "calls/reset")
    folder.mkdir(parents=True)
    shutil.copytree(base.config, folder / "config")
    (folder / "jobs").mkdir()
    for name, text in jobs.items():
        (folder / "jobs" / f"{name}.yaml").write_text(text)
    (folder / "state").mkdir()
    if postgres is None:
        state = folder / "state" / "state.db"
        shutil.copyfile(base.state, state)
        database = f"sqlite:///{state}"
    else:
        database = postgres.new(base.state)
    return Stage(base, folder, settings_of(base.org, folder, database), postgres)
