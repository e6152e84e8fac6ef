"""Two orgs under two programmes in one installation, with a daemon and a worker as processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.conftest import database
from tests.daemon.test_several_machines import Hall, hall

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hall"]

pytestmark = pytest.mark.postgres

NORTH = """\
intake:
  - queue: Web Leads
rules:
  - name: All to the manager's queue
    assign: {queue: Event Leads}
"""
BUDGET = 18


@pytest.fixture
def emea(hall: Hall, tmp_path: Path, postgres_server: str) -> Iterator[str]:
    """The address of a second org, known to the installation as `emea` with few calls a run."""
    wanted = {"name": "emea", "story": "partners-ready", "seed": 8}
    address = str(hall.org.control("POST", "orgs", wanted)["http"])
    orgs = tmp_path / "orgs"
    orgs.mkdir()
    hall.env["SFPRM_ORGS"] = str(orgs)
    with database(postgres_server) as url:
        env = {
            "SFPRM_LOGIN_URL": address,
            "SFPRM_CLIENT_ID": hall.org.client_id,
            "SFPRM_CLIENT_SECRET": hall.org.client_secret,
            "SFPRM_CA_BUNDLE": str(hall.org.ca),
            "SFPRM_STATE_DIR": str(tmp_path / "state-emea"),
            "SFPRM_DATABASE_URL": url,
            "SFPRM_TAKE_OVER_SECONDS": hall.env["SFPRM_TAKE_OVER_SECONDS"],
            "SFPRM_CALL_BUDGET": str(BUDGET),
        }
        (orgs / "emea.env").write_text("".join(f"{name}={text}\n" for name, text in env.items()))
        assert hall.sfprm("state", "migrate", env=hall.env | env).code == 0
        yield address
        for running in hall.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
    hall.org.control("DELETE", "orgs/emea")


def asked(address: str, path: str) -> Any:
    """The org's control API."""
    answer = requests.get(f"{address}/_devorg/{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def writes(address: str) -> int:
    """Requests that changed leads."""
    return sum(e["method"] == "PATCH" for e in asked(address, "calls")["entries"])


def logged(hall: Hall, event: str, job: str) -> dict[str, Any]:
    """What the daemon or the worker logs of a job, once one of them has."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        events = [e for running in hall.started for e in running.events]
        found[:] = [e for e in events if e["event"] == event and e.get("job") == job]
        return bool(found)

    hall.until(there)
    return found[0]


def busy_in_emea(hall: Hall) -> list[str]:
    """The jobs that processes do there."""
    told = hall.sfprm("workers", "--json", env=hall.env).json["result"]["workers"]
    assert len(told) == 2
    return [worker["doing"].partition(" ")[0] for worker in told if worker["org"] == "emea"]


def states(hall: Hall, env: dict[str, str]) -> list[tuple[str, str]]:
    """(job, state) of all runs of a state, latest first."""
    answer = hall.sfprm("jobs", "history", "--all", "--json", env=env)
    return [(run["job"], run["state"]) for run in answer.json["result"]]


def test_each_org_has_its_own_login_programme_budget_and_pause(
    hall: Hall, emea: str, copy_of_sample: Callable[[], Path]
) -> None:
    """The paused org is left alone while the other is routed; resumed, it is routed by its own
    programme until its own budget is spent, and the rest is done when there are calls again."""
    files = copy_of_sample()
    (files / "routing.yaml").write_text(NORTH)
    (hall.jobs / "route.yaml").write_text("job: route\nevery: 1 hour\n")
    (hall.jobs / "north.yaml").write_text(
        f"job: route\norg: emea\nprogramme: {files}\nevery: 1 hour\n"
    )
    north = dict(
        line.split("=", 1)
        for line in (Path(hall.env["SFPRM_ORGS"]) / "emea.env").read_text().splitlines()
    )
    north = hall.env | north
    paused = hall.sfprm("jobs", "pause", "--all", "--org", "emea", env=hall.env)
    assert paused.code == 0, paused.err
    for kind in ("daemon", "worker"):
        hall.start(kind).until(f"{kind}.ready")
    logged(hall, "run.finished", "route")
    assert ("route", "done") in states(hall, hall.env)
    listed = hall.sfprm("jobs", "list", "--json", env=hall.env).json["result"]
    assert {job["name"]: job["paused"] for job in listed} == {"route": False, "north": True}
    assert (writes(emea), states(hall, north)) == (0, [])
    assert writes(hall.org.http) > 0

    slow = {"kind": "slow", "path": "/services/data", "times": None, "seconds": 0.3}
    requests.post(f"{emea}/_devorg/faults", json=slow, timeout=30).raise_for_status()
    ours = writes(hall.org.http)
    assert hall.sfprm("jobs", "resume", "--all", "--org", "emea", env=hall.env).code == 0
    logged(hall, "run.started", "north")
    hall.until(lambda: "north" in busy_in_emea(hall))  # told with the next heartbeat
    failed = logged(hall, "run.failed", "north")
    assert f"{BUDGET} API calls" in failed["message"]
    assert 0 < writes(emea) < BUDGET
    assert writes(hall.org.http) == ours

    requests.delete(f"{emea}/_devorg/faults", timeout=30).raise_for_status()
    rest = hall.sfprm("route", "--json", "--wait", "20", env={
        **north, "SFPRM_PROGRAMME": str(files), "SFPRM_CALL_BUDGET": "1000",
    })  # fmt: skip
    assert rest.code == 0, rest.err
    verified = hall.sfprm("state", "verify", env=north)
    assert verified.code == 0, verified.err
    hall.sound()
    owners = {to["to"] for to in rest.json["result"]["by_target"]}
    assert owners <= {"Event Leads"}
