"""The daemon as a process: what it runs, what it survives, how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfprm.clock import SystemClock
from sfprm.salesforce import collections as rows
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.store.lock import org_lock

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program
    from tests.program_nursery import Nursling

ROUTE = "job: route\nevery: 1 second\n"
HOURLY = "job: route\nevery: 1 hour\n"
PATIENCE = 30.0


@dataclass
class Running:
    """A daemon under way, with what it logs."""

    process: subprocess.Popen[str] | Nursling
    log: Path
    seen: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def until(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for the next log event of that name and fields; each is seen once."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.log.read_text(encoding="utf-8").split("\n")[:-1]
            for number, line in enumerate(lines[self.seen :], self.seen + 1):
                found: dict[str, Any] = json.loads(line)
                if found["event"] == event and fields.items() <= found.items():
                    self.seen = number
                    return found
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"no {event} {fields} in {lines}"
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; its exit code."""
        return self.process.wait(PATIENCE)


@dataclass(frozen=True)
class Stage:
    """An org, an empty state, a folder of job files, and the daemons started on them."""

    org: DevOrg
    sfprm: Program
    env: dict[str, str]
    jobs: Path
    started: list[Running]

    def start(self, *arguments: str, anew: bool = False, **env: str) -> Running:
        """Start a daemon; `anew`: in a new interpreter."""
        log = self.jobs.parent / f"daemon-{len(self.started)}.log"
        process: subprocess.Popen[str] | Nursling
        if anew:
            with log.open("w") as errors:
                process = self.sfprm.start(
                    *("daemon", *arguments),
                    env=self.env | env,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
        else:
            process = self.sfprm.fork("daemon", *arguments, log=log, env=self.env | env)
        self.started.append(Running(process, log))
        return self.started[-1]

    def history(self) -> list[dict[str, Any]]:
        """The runs, latest first."""
        result: list[dict[str, Any]] = self.sfprm("jobs", "history", "--json", env=self.env).json[
            "result"
        ]
        return result


FEW = "few-leads-wait"


@pytest.fixture(scope="module")
def few_leads(devorg_process: DevOrg, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A snapshot of the org after setup in which 300 leads wait, for speed."""
    devorg_process.reset("partners-ready")
    settings = load_settings(devorg_process.env(tmp_path_factory.mktemp("few")))
    with open_session(settings, SystemClock()) as session:
        query = "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads') ORDER BY Id"
        waiting = [row["Id"] for row in select_all(session, query)]
        rows.delete(session, waiting[300:])
    devorg_process.control("POST", "snapshots", {"name": FEW})
    return FEW


@pytest.fixture
def stage(
    devorg_process: DevOrg, few_leads: str, sfprm: Program, tmp_path: Path
) -> Iterator[Stage]:
    """Nothing running yet; the org after setup."""
    devorg_process.control("POST", "reset")
    devorg_process.control("POST", f"snapshots/{few_leads}/restore")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "route.yaml").write_text(ROUTE)
    env = devorg_process.env(tmp_path / "state", SFPRM_JOBS=str(jobs))
    stage = Stage(devorg_process, sfprm, env, jobs, [])
    yield stage
    for daemon in stage.started:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()
    devorg_process.control("DELETE", "faults")


def test_it_routes_what_arrives_and_drains_on_sigterm(stage: Stage) -> None:
    """Leads that come while it runs are decided; SIGTERM ends it with 0."""
    stage.org.reset("partners-ready")
    daemon = stage.start(anew=True)
    daemon.until("daemon.ready", jobs=["route"])
    daemon.until("run.finished", job="route", exit_code=0)
    arrived = stage.org.event("leads-arrive", count=5, seed=8)
    assert arrived["created"] == 5
    daemon.until("run.finished", job="route", exit_code=0)
    daemon.until("run.finished", job="route", exit_code=0)
    daemon.send(signal.SIGTERM)
    daemon.until("daemon.draining", signal="SIGTERM")
    assert daemon.end() == 0
    runs = stage.history()
    assert {run["state"] for run in runs} == {"done"}
    status = stage.sfprm("status", "--json", env=stage.env).json["result"]
    looked_at = sum(run["counts"]["looked_at"] for run in status["runs"])
    assert looked_at >= 2005 or len(runs) > len(status["runs"])


def slow_write(stage: Stage) -> None:
    """The next write takes a while."""
    slow = {"kind": "slow", "path": "/composite/sobjects", "times": 1, "seconds": 2.0}
    stage.org.control("POST", "faults", slow)


def until_struck(stage: Stage) -> None:
    """Wait until the slow write is under way."""
    deadline = time.monotonic() + PATIENCE
    while stage.org.control("GET", "faults"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_run_in_hand_ends_before_the_daemon_does(stage: Stage) -> None:
    """SIGTERM in the middle of a write."""
    slow_write(stage)
    daemon = stage.start()
    until_struck(stage)
    daemon.send(signal.SIGTERM)
    daemon.until("daemon.draining")
    daemon.until("run.finished", exit_code=0)
    assert daemon.end() == 0
    assert [run["state"] for run in stage.history()] == ["done"]


def test_a_second_signal_breaks_off(stage: Stage) -> None:
    """Exit 130; the run says so, and the next one finishes its work."""
    slow_write(stage)
    daemon = stage.start()
    until_struck(stage)
    daemon.send(signal.SIGTERM)
    daemon.until("daemon.draining")
    daemon.send(signal.SIGTERM)
    daemon.until("run.finished", exit_code=130)
    assert daemon.end() == 130
    assert [run["state"] for run in stage.history()] == ["interrupted"]
    again = stage.sfprm("route", "--json", env=stage.env)
    assert again.code == 0
    assert again.json["result"]["taken_up"] > 0


def test_sighup_rereads_the_job_files(stage: Stage) -> None:
    """A new file is in force; a bad one is refused and named, and the last good ones stay."""
    (stage.jobs / "route.yaml").write_text(HOURLY)
    daemon = stage.start()
    daemon.until("run.finished", job="route")
    (stage.jobs / "evening.yaml").write_text("job: report\nevery: 1 hour\n")
    daemon.send(signal.SIGHUP)
    daemon.until("files.reloaded", jobs=["evening", "route"])
    (stage.jobs / "evening.yaml").write_text("job: reprot\nevery: 1 hour\n")
    daemon.send(signal.SIGHUP)
    refused = daemon.until("files.refused")
    assert "evening.yaml:1:6" in refused["message"]
    daemon.send(signal.SIGTERM)
    assert daemon.end() == 0


def test_a_job_file_that_is_broken_during_a_run(stage: Stage) -> None:
    """Nobody sends a signal: it is refused by line and column, the run in hand ends well, the next
    one goes by the last good file, and the mended file is in force without a restart."""
    slow_write(stage)
    daemon = stage.start()
    until_struck(stage)
    (stage.jobs / "route.yaml").write_text("job: route\nevery: 1 secnd\n")
    daemon.until("run.finished", exit_code=0)
    told = [json.loads(line) for line in daemon.log.read_text().split("\n")[:-1]]
    refused = [e for e in told if e["event"] == "files.refused"] or [daemon.until("files.refused")]
    assert "route.yaml:2:8" in refused[0]["message"]
    daemon.until("run.finished", exit_code=0)
    (stage.jobs / "route.yaml").write_text(HOURLY)
    daemon.until("files.reloaded", jobs=["route"])
    daemon.send(signal.SIGTERM)
    assert daemon.end() == 0
    assert {run["state"] for run in stage.history()} == {"done"}


def test_a_bad_programme_keeps_the_last_good_one_in_force(
    stage: Stage, copy_of_sample: Callable[[], Path]
) -> None:
    """Logged with file and line; the runs go on."""
    folder = copy_of_sample()
    daemon = stage.start(SFPRM_PROGRAMME=str(folder))
    daemon.until("run.finished", exit_code=0)
    (folder / "partners.csv").write_text("")
    refused = daemon.until("files.refused")
    assert "partners.csv" in refused["message"]
    daemon.until("run.finished", exit_code=0)
    daemon.send(signal.SIGTERM)
    assert daemon.end() == 0


def test_a_bad_programme_at_the_start_is_refused(
    stage: Stage, copy_of_sample: Callable[[], Path]
) -> None:
    """Exit 2."""
    folder = copy_of_sample()
    (folder / "partners.csv").write_text("")
    assert stage.start(SFPRM_PROGRAMME=str(folder)).end() == 2


def test_a_second_daemon_on_the_same_state_is_refused_by_name(stage: Stage) -> None:
    """Naming the first."""
    first = stage.start()
    first.until("daemon.ready")
    second = stage.sfprm("daemon", env=stage.env)
    assert second.code == 1
    assert f"daemon, process {first.process.pid} on" in second.err
    assert "--standby" in second.err
    first.send(signal.SIGTERM)
    assert first.end() == 0


def test_once_runs_each_file_once_and_ends(stage: Stage) -> None:
    """For cron: two files of one job are two runs, under their own names."""
    (stage.jobs / "night.yaml").write_text("job: route\nevery: 1 hour\noptions: {limit: 10}\n")
    assert stage.start("--once").end() == 0
    assert sorted((run["job"], run["state"]) for run in stage.history()) == [
        ("night", "done"),
        ("route", "done"),
    ]


class _Passing(BaseHTTPRequestHandler):
    """Hands a login on to the org."""

    target: str

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = requests.post(
            self.target + self.path, data=body, headers=dict(self.headers), timeout=30
        )
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def _forward(port: int, target: str) -> Iterator[None]:
    handler = type("Passing", (_Passing,), {"target": target})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_an_org_that_is_away_and_comes_back(stage: Stage) -> None:
    """The run stays due, looked at less and less often, no trace; the same process runs it then."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    daemon = stage.start(SFPRM_LOGIN_URL=f"http://127.0.0.1:{port}")
    away = daemon.until("org.away")
    assert "exception" not in away
    assert daemon.until("org.away")["seconds"] > away["seconds"]
    with _forward(port, stage.org.http):
        daemon.until("run.finished", exit_code=0)
        daemon.send(signal.SIGTERM)
        assert daemon.end() == 0


def test_another_writer_makes_it_wait_not_fail(stage: Stage) -> None:
    """While somebody else holds the org, due runs stay due; then the daemon goes on."""
    settings = load_settings(stage.env)
    with open_session(settings, SystemClock()) as session:
        org = session.identity.org_id
    locks = settings.state_dir / "locks"
    with org_lock(locks, org, job="a person's apply", clock=SystemClock()):
        daemon = stage.start()
        waits = daemon.until("job.waits", job="route")
        assert "a person's apply, process" in waits["why"]
    daemon.until("run.finished", exit_code=0)
    daemon.send(signal.SIGTERM)
    assert daemon.end() == 0


def test_its_log_holds_no_secret_and_no_address(stage: Stage) -> None:
    """At level debug."""
    assert stage.start("--once", SFPRM_LOG_LEVEL="debug").end() == 0
    text = stage.started[0].log.read_text()
    assert '"call.done"' in text
    assert stage.env["SFPRM_CLIENT_SECRET"] not in text
    assert re.search(r"00D\w{12,15}!", text) is None
    assert "@" not in text
