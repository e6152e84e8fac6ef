"""Daemons and workers as processes on one PostgreSQL: killed, stopped, woken, out of step."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program
    from tests.program_nursery import Nursling

pytestmark = pytest.mark.postgres

LONG = pytest.mark.skipif(not os.environ.get("SFPRM_TEST_LONG"), reason="SFPRM_TEST_LONG=1")
PATIENCE = 60.0
TAKE_OVER = float(os.environ.get("SFPRM_TEST_TAKE_OVER", "5"))
"""Seconds; ten by default. The machine that runs the tests may be slow, so not less."""
ROUTE = "job: route\nevery: 1 hour\n"


@dataclass
class Running:
    """A process under way, with what it logs."""

    process: Nursling
    log: Path
    ended: bool = field(default=False)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has logged."""
        lines = self.log.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def until(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for an event."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for found in self.events:
                if found["event"] == event and fields.items() <= found.items():
                    return found
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.process.send_signal(number)


@dataclass
class Hall:
    """An org, an empty shared state, job files, and the processes started on them."""

    org: DevOrg
    sfprm: Program
    env: dict[str, str]
    jobs: Path
    started: list[Running]

    def start(self, *arguments: str, **env: str) -> Running:
        """Start a process."""
        log = self.jobs.parent / f"{arguments[0]}-{len(self.started)}.log"
        process = self.sfprm.fork(*arguments, log=log, env=self.env | env)
        self.started.append(Running(process, log))
        return self.started[-1]

    def history(self) -> list[dict[str, Any]]:
        """All runs, latest first."""
        answer = self.sfprm("jobs", "history", "--all", "--json", env=self.env)
        result: list[dict[str, Any]] = answer.json["result"]
        return result

    def owners(self) -> Counter[str]:
        """How often the org was asked to give each lead to someone."""
        entries = self.org.control("GET", "calls")["entries"]
        return Counter(e["path"] for e in entries if e["method"] == "PATCH")

    def calls(self) -> int:
        """Calls that the org has had."""
        return len(self.org.control("GET", "calls")["entries"])

    def slow(self, seconds: float, after: int = 2, times: int = 1) -> None:
        """Writes of leads take a while."""
        fault = {"kind": "slow", "path": "/composite/sobjects", "after": after, "times": times}
        self.org.control("POST", "faults", fault | {"seconds": seconds})

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something that the org or the state can be asked about."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, [r.log.read_text() for r in self.started]
            time.sleep(0.05)

    def sound(self) -> None:
        """The journal verifies."""
        verified = self.sfprm("state", "verify", env=self.env)
        assert verified.code == 0, verified.err


@pytest.fixture
def hall(
    devorg_process: DevOrg, sfprm: Program, tmp_path: Path, postgres_url: str
) -> Iterator[Hall]:
    """Nothing running yet; the org after setup."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    devorg_process.control("POST", "calls/reset")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "route.yaml").write_text(ROUTE)
    env = devorg_process.env(
        tmp_path / "state",
        SFPRM_JOBS=str(jobs),
        SFPRM_DATABASE_URL=postgres_url,
        SFPRM_TAKE_OVER_SECONDS=str(TAKE_OVER),
        SFPRM_HEALTH="off",
    )
    hall = Hall(devorg_process, sfprm, env, jobs, [])
    assert sfprm("state", "migrate", env=env).code == 0
    yield hall
    for running in hall.started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGCONT)
            running.process.kill()
            running.process.wait()
    devorg_process.control("DELETE", "faults")


def seconds_between(before: datetime, event: dict[str, Any]) -> float:
    """From an instant of this machine to an event."""
    return (datetime.fromisoformat(event["timestamp"]) - before).total_seconds()


def test_a_killed_workers_run_is_taken_over(hall: Hall) -> None:
    """kill -9 in the middle of a write: another begins the run anew within the take-over time
    (and half of it for starting), finishes it, and nothing is doubled."""
    hall.slow(3.0)
    first = hall.start("daemon")
    begun = first.until("run.started")
    hall.until(lambda: not hall.org.control("GET", "faults"))
    second = hall.start("worker")
    second.until("worker.ready")
    killed = datetime.now(UTC)
    first.send(signal.SIGKILL)
    second.until("run.lost", run=begun["run"])
    again = second.until("run.started")
    taken = seconds_between(killed, again)
    print(f"taken over after {taken:.1f} s")
    assert taken < TAKE_OVER * 1.5
    done = second.until("run.finished")
    assert done["exit_code"] == 0
    states = {run["run"]: (run["state"], run["attempt"]) for run in hall.history()}
    assert states == {begun["run"]: ("lost", 1), again["run"]: ("done", 2)}
    hall.sound()
    routed = hall.sfprm("route", "--json", env=hall.env, timeout=90).json["result"]
    assert (routed["taken_up"], routed["leads"]["owned"]) == (0, 0)


@LONG
def test_the_next_step_comes_within_fifteen_seconds(hall: Hall) -> None:
    """At default settings: from kill -9 in the middle of a write to the next call of the worker
    that takes over."""
    del hall.env["SFPRM_TAKE_OVER_SECONDS"]
    hall.slow(3.0)
    first = hall.start("daemon")
    first.until("run.started")
    second = hall.start("worker")
    second.until("worker.ready")
    hall.until(lambda: not hall.org.control("GET", "faults"))
    first.send(signal.SIGKILL)
    killed = time.monotonic()
    second.until("run.started")
    # the write in flight is answered to nobody, and counted when its 3 seconds are over
    calls = hall.calls()
    hall.until(lambda: hall.calls() > calls)
    taken = time.monotonic() - killed
    print(f"the next step after {taken:.1f} s")
    assert taken < 15.0
    second.until("run.finished", exit_code=0)
    hall.sound()


def test_a_stopped_worker_that_wakes_does_no_harm(hall: Hall) -> None:
    """SIGSTOP for longer than its lease, SIGCONT after another has taken over: it finds its fence
    gone and sends nothing more."""
    hall.slow(1.0)
    first = hall.start("daemon")
    begun = first.until("run.started")
    hall.until(lambda: not hall.org.control("GET", "faults"))
    first.send(signal.SIGSTOP)
    second = hall.start("worker")
    second.until("run.lost", run=begun["run"])
    second.until("run.finished", exit_code=0)
    calls = len(hall.org.control("GET", "calls")["entries"])
    first.send(signal.SIGCONT)
    failed = first.until("run.failed", run=begun["run"])
    assert failed["error"] in ("Replaced", "TryLater")
    writes = [
        e for e in hall.org.control("GET", "calls")["entries"][calls:] if e["method"] != "GET"
    ]
    assert writes == []
    assert {run["state"] for run in hall.history()} == {"lost", "done"}
    hall.sound()


@LONG
def test_clocks_that_disagree_make_one_run_of_each_slot(hall: Hall) -> None:
    """Two daemons, one of them 90 seconds ahead."""
    (hall.jobs / "route.yaml").write_text("job: route\nevery: 2 seconds\noverlap: queue\n")
    first = hall.start("daemon")
    second = hall.start("daemon", SFPRM_TEST_SKEW_SECONDS="90")
    for running in (first, second):
        running.until("daemon.ready")
    hall.until(lambda: len([r for r in hall.history() if r["state"] == "done"]) >= 4)
    for running in (first, second):
        running.send(signal.SIGTERM)
        assert running.process.wait(PATIENCE) == 0
    slots = Counter(run["due_at"] for run in hall.history())
    assert set(slots.values()) == {1}


@LONG
def test_a_second_signal_hands_the_run_over_at_once(hall: Hall) -> None:
    """Exit 130, and nobody waits for the lease to lapse."""
    hall.slow(3.0)
    first = hall.start("daemon")
    first.until("run.started")
    hall.until(lambda: not hall.org.control("GET", "faults"))
    first.send(signal.SIGTERM)
    first.until("daemon.draining")
    first.send(signal.SIGTERM)
    assert first.process.wait(PATIENCE) == 130
    second = hall.start("worker")
    second.until("run.finished", exit_code=0)
    hall.sound()


def test_large_runs_are_shared(hall: Hall) -> None:
    """Three workers carry out the decisions of one; each lead is written once."""
    (hall.jobs / "route.yaml").write_text("job: route\ncron: '0 0 1 1 *'\n")
    workers = [hall.start("worker") for _ in range(2)]
    for running in workers:
        running.until("worker.ready")
    hall.org.control("POST", "calls/reset")
    hall.slow(0.4, after=0, times=100)
    answer = hall.sfprm("jobs", "run", "route", "--json", env=hall.env, timeout=90)
    assert answer.code == 0, answer.err
    leads = answer.json["result"]["leads"]
    assert leads["looked_at"] >= 2000
    writes = [
        e
        for e in hall.org.control("GET", "calls")["entries"]
        if "/composite/sobjects" in e["path"] and e["method"] == "PATCH"
    ]
    assert len(writes) <= leads["owned"] / 200 + 6
    hall.until(lambda: any(e["event"] == "run.helped" for w in workers for e in w.events))
    hall.sound()
    # what the helpers asked the org stands in the run's row, but not their logging in
    asked = sum(e["cost"] for e in hall.org.control("GET", "calls")["entries"])
    history = hall.history()
    assert [run["state"] for run in history] == ["done"]
    assert asked - 3 * len(workers) <= history[0]["calls"] <= asked


def test_workers_are_listed(hall: Hall) -> None:
    """Who, where, doing what; gone when they end."""
    worker = hall.start("worker")
    worker.until("worker.ready")
    listed = hall.sfprm("workers", "--json", env=hall.env).json["result"]["workers"]
    assert [(w["kind"], w["process"]) for w in listed] == [("worker", worker.process.pid)]
    worker.send(signal.SIGTERM)
    assert worker.process.wait(PATIENCE) == 0
    assert hall.sfprm("workers", "--json", env=hall.env).json["result"]["workers"] == []
