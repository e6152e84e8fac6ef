"""What `bench_scale` measures with: an embedded org, a database for each measurement, a daemon and
workers as processes, and the CPU seconds of each of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

__all__ = ["CORES", "ROOT", "WAIT_S", "Place", "Took", "measured", "run"]

ROOT = Path(__file__).parents[1]
WAIT_S = 0.25
"""Seconds that the org waits at each write call."""
PATIENCE_S = 120.0
"""Seconds until the workers must be there."""
LONGEST_S = 900.0
"""Seconds after which a run has hung."""
CORES = os.cpu_count() or 1
READY = (b"daemon.ready", b"worker.ready")
"""What a process logs once it takes work."""
OVER = ("done", "partly")
"""States of a run that came to its end."""


@dataclass(frozen=True)
class Took:
    """One measurement. `seconds` from the run's start to its end, by its row; `at_work`, `org`,
    `database`: CPU seconds of all workers together, the org, and the database; `writes` are write
    calls that the org saw. `busy`: CPU seconds of the whole machine, `short`: seconds in which
    somebody waited for a core (0 where the kernel does not tell). `alone`: seconds before and after
    the work that can be shared, as the run tells (0 where it does not): reading, planning, keeping
    the plan."""

    workers: int
    seconds: float
    at_work: float
    org: float
    database: float
    writes: int
    busy: float
    short: float
    alone: float = 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds of everything."""
        return self.at_work + self.org + self.database

    @property
    def waited(self) -> float:
        """Seconds that the org waited in all."""
        return self.writes * WAIT_S

    @property
    def ours(self) -> float:
        """Part of the machine that this run took."""
        return self.cpu / (self.seconds * CORES)

    @property
    def others(self) -> float:
        """Part of the machine that was taken by what has nothing to do with it."""
        return max(0.0, self.busy - self.cpu) / (self.seconds * CORES)

    def in_words(self) -> str:
        """One line of the table."""
        return (
            f"{self.workers} workers {self.seconds:8.1f} s   CPU: workers {self.at_work:6.1f}, "
            f"org {self.org:6.1f}, database {self.database:5.1f} s   {self.writes:,} write calls; "
            f"machine: {self.ours:.0%} ours, {self.others:.0%} others', "
            f"short of a core {self.short / self.seconds:.0%} of the time"
        )


@dataclass(frozen=True)
class Place:
    """An org and its process, a database server and its, and a folder."""

    http: str
    ready: dict[str, Any]
    org: int
    server: str
    database: int
    folder: Path

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the org's control API."""
        url = f"{self.http}/_devorg/{path}"
        with requests.request(method, url, json=body, timeout=600) as answer:
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def seed(self) -> None:
        """The story's org, with calls enough."""
        self.control("POST", "reset")
        self.control("POST", "seed", {"story": "partners-ready", "seed": 7})
        self.control("POST", "limits", {"daily_api": 10_000_000})

    def env(self, programme: Path, job: str = "") -> dict[str, str]:
        """Settings on a new, empty database; the job's file is the only one."""
        name = f"s{uuid.uuid4().hex}"
        engine = sa.create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        database = sa.make_url(self.server).set(database=name)
        jobs = self.folder / f"jobs-{name}"
        jobs.mkdir()
        if job:
            (jobs / f"{job}.yaml").write_text(f"job: {job}\nevery: 30 days\n")
        kept = {k: os.environ[k] for k in ("PATH", "PYTHONPATH", "HOME") if k in os.environ}
        return {
            **kept,
            "SFPRM_LOGIN_URL": self.http,
            "SFPRM_CLIENT_ID": self.ready["client_id"],
            "SFPRM_CLIENT_SECRET": self.ready["client_secret"],
            "SFPRM_CA_BUNDLE": str(self.ready["ca"]),
            "SFPRM_STATE_DIR": str(self.folder / f"state-{name}"),
            "SFPRM_PROGRAMME": str(programme),
            "SFPRM_JOBS": str(jobs),
            "SFPRM_DATABASE_URL": database.render_as_string(hide_password=False),
            "SFPRM_MAX_IN_FLIGHT": "1",
            "SFPRM_CALLS_IN_FLIGHT": "16",
            "SFPRM_TAKE_OVER_SECONDS": "60",
            "SFPRM_HEALTH": "off",
        }


def run(env: dict[str, str], *arguments: str) -> Any:
    """Run the program to its end; its result."""
    done = subprocess.run(
        [sys.executable, "-m", "sfprm", *arguments, "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode not in (0, 68):
        raise SystemExit(
            f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return json.loads(done.stdout)["result"]


def measured(place: Place, programme: Path, job: str, workers: int) -> Took:
    """Run the job from the snapshot on, by so many processes in all, as in life: a daemon and
    workers that wait for work, and a run that comes due."""
    place.control("POST", "snapshots/bench/restore")
    place.control("DELETE", "faults")
    slow = {"kind": "slow", "path": "/composite", "seconds": WAIT_S, "times": None}
    place.control("POST", "faults", slow)
    env = place.env(programme, job)
    run(env, "state", "migrate")
    run(env, "jobs", "pause", job)
    with _at_work(place, env, workers) as hands:
        place.control("POST", "calls/reset")
        org, database = _cpu(place.org), _cpu(place.database)
        busy, short = _busy(), _short()
        spent = sum(_cpu(one.pid) for one in hands)
        run(env, "jobs", "resume", job)
        name, seconds = _finished(env, job, hands)
        spent = sum(_cpu(one.pid) for one in hands) - spent
        busy, short = _busy() - busy, _short() - short
        kinds = place.control("GET", "calls")["by_kind"]
        applied = _told(Path(env["SFPRM_STATE_DIR"]), name).get("applied")
        return Took(
            workers=workers,
            seconds=seconds,
            at_work=spent,
            org=_cpu(place.org) - org,
            database=_cpu(place.database) - database,
            writes=sum(n for kind, n in kinds.items() if kind in ("collections", "composite")),
            busy=busy,
            short=short,
            alone=max(0.0, seconds - applied["seconds"]) if applied else 0.0,
        )


def _finished(
    env: dict[str, str], job: str, hands: Sequence[subprocess.Popen[bytes]]
) -> tuple[str, float]:
    """Wait for the end of the job's run; its id, and what it took in seconds."""
    engine = sa.create_engine(env["SFPRM_DATABASE_URL"], isolation_level="AUTOCOMMIT")
    asked = sa.text("SELECT id, state, started, finished FROM runs WHERE job = :job")
    deadline = time.monotonic() + LONGEST_S
    try:
        with engine.connect() as connection:
            while time.monotonic() < deadline:
                rows = connection.execute(asked, {"job": job}).all()
                for row in rows:
                    if row.state in OVER:
                        return row.id, (row.finished - row.started).total_seconds()
                if any(row.state == "failed" for row in rows) or any(
                    one.poll() is not None for one in hands
                ):
                    break
                time.sleep(0.2)
    finally:
        engine.dispose()
    raise SystemExit(f"{job} did not come to its end; its database: {env['SFPRM_DATABASE_URL']}")


def _told(state: Path, name: str) -> Any:
    """The run's result, which is kept right after its row."""
    path = state / "runs" / name / "result.json"
    for _ in range(100):
        with suppress(OSError, ValueError):
            return json.loads(path.read_text())
        time.sleep(0.1)
    raise SystemExit(f"There is no result at {path}.")


@contextmanager
def _at_work(
    place: Place, env: dict[str, str], count: int
) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """A daemon, and workers up to so many processes, ready; ended when it is left."""
    hands = []
    try:
        logs = [place.folder / f"worker-{uuid.uuid4().hex}.log" for _ in range(count)]
        for at, path in enumerate(logs):
            with path.open("wb") as log:
                command = [sys.executable, "-m", "sfprm", "worker" if at else "daemon"]
                hands.append(
                    subprocess.Popen(
                        command, env=env, stdout=subprocess.DEVNULL, stderr=log, cwd=ROOT
                    )
                )
        deadline = time.monotonic() + PATIENCE_S
        while not all(any(word in path.read_bytes() for word in READY) for path in logs):
            if time.monotonic() > deadline or any(one.poll() is not None for one in hands):
                raise SystemExit(f"The workers did not start: see {place.folder}/worker-*.log.")
            time.sleep(0.2)
        time.sleep(1.0)  # what is left of starting is done before the clock runs
        yield hands
    finally:
        for one in hands:
            one.send_signal(signal.SIGTERM)
        for one in hands:
            one.wait(60)


def _cpu(process: int) -> float:
    """CPU seconds of a process and its children, those that have ended included (Linux)."""
    ticks, family = 0.0, {process}
    for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            number, parent = int(stat.parent.name), int(fields[1])
            if number == process or parent in family:
                family.add(number)
                ticks += sum(map(int, fields[11:15]))  # user, system, and those of dead children
    return ticks / os.sysconf("SC_CLK_TCK")


def _busy() -> float:
    """CPU seconds that the machine has worked since it started (Linux)."""
    user, nice, system, _, _, irq, soft, stolen = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _short() -> float:
    """Seconds in which something that could have run waited for a core (Linux: PSI)."""
    with suppress(OSError):
        some = Path("/proc/pressure/cpu").read_text().split("\n", 1)[0]
        return int(some.rpartition("total=")[2]) / 1_000_000
    return 0.0
