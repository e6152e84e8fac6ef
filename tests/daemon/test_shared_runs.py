"""Large runs dealt out over processes: each part once, whoever dies, whatever files they have."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_estate import write_programme
from tests.daemon.test_several_machines import LONG, PATIENCE, Hall, hall

__all__ = ["hall"]

pytestmark = pytest.mark.postgres

CONFIG = Path(__file__).parents[2] / "config"
PARTNERS = 240
PEOPLE = 3 * PARTNERS
BROUGHT = 450


def doing(hall: Hall) -> dict[int, str]:
    """What each process is doing, by its number."""
    listed = hall.sfprm("workers", "--json", env=hall.env).json["result"]["workers"]
    return {worker["process"]: worker["doing"] for worker in listed}


def ended(hall: Hall, states: set[str]) -> Any:
    """The latest run, once it is in one of the states."""
    deadline = time.monotonic() + PATIENCE
    while True:
        latest = hall.history()[:1]
        if latest and latest[0]["state"] in states:
            return latest[0]
        assert time.monotonic() < deadline, latest
        time.sleep(0.2)


def test_a_large_apply_is_dealt_out_and_a_dead_workers_part_is_taken_up(
    hall: Hall, tmp_path: Path
) -> None:
    """Two helpers, whose own files are others than the run's; one is killed with a part in hand. In
    the end every partner and person is there once, and nothing is left to plan."""
    bought = {"event": "seats-bought", "licence": "Partner Community", "seats": PEOPLE}
    hall.org.control("POST", "events", bought)
    (hall.jobs / "provision.yaml").write_text("job: provision\ncron: '0 0 1 1 *'\n")
    (hall.jobs / "route.yaml").write_text("job: route\ncron: '0 0 1 1 *'\n")
    for running in [hall.start("worker", SFPRM_PROGRAMME=str(CONFIG)) for _ in range(2)]:
        running.until("worker.ready")
    write_programme(tmp_path / "many", PARTNERS, 4)
    hall.env["SFPRM_PROGRAMME"] = str(tmp_path / "many")
    hall.slow(0.2, after=0, times=1000)
    hall.start("jobs", "run", "provision", "--json")
    victim = hall.started[0]
    hall.until(lambda: doing(hall).get(victim.process.pid, "").startswith("parts of provision"))
    victim.send(signal.SIGKILL)
    done = ended(hall, {"done", "failed", "partly"})
    assert done["state"] == "done", done
    hall.org.control("DELETE", "faults")
    hall.started[1].until("run.helped")
    plan = hall.sfprm("plan", "--json", env=hall.env).json["result"]
    assert (plan["changes"], plan["counts"]["unchanged"] >= PARTNERS + PEOPLE) == (0, True)
    result = json.loads((Path(hall.env["SFPRM_STATE_DIR"]) / "runs" / done["run"] / "result.json")
                        .read_text("utf-8"))  # fmt: skip
    made = result["applied"]["done"]
    assert (made["CreateAccount"], made["CreateUser"]) == (PARTNERS, PEOPLE)
    assert made["AddMember"] == PEOPLE
    hall.sound()


def test_a_large_reassignment_is_dealt_out(hall: Hall) -> None:
    """Leads that a person moves are written by the helpers too, each once."""
    hall.start("worker").until("worker.ready")
    hall.org.control("POST", "calls/reset")
    hall.slow(0.3, after=0, times=100)
    asked = ("reassign", "--from", "queue:Web Leads", "--to", "queue:Event Leads", "--json")
    answer = hall.sfprm(*asked, env=hall.env, timeout=90)
    assert answer.code == 0, answer.err
    result = answer.json["result"]
    assert result["moved"] == len(result["moves"]) >= 1000
    writes = [e for e in hall.org.control("GET", "calls")["entries"] if e["method"] == "PATCH"]
    assert len(writes) == -(-result["moved"] // 200)
    hall.started[0].until("run.helped")
    hall.sound()


@LONG
def test_a_large_migration_is_dealt_out(hall: Hall, tmp_path: Path) -> None:
    """What a file brings is loaded by the helper too; every row has its outcome, each partner and
    person is there once, and the same file brings nothing more."""
    shutil.copytree(CONFIG, tmp_path / "config")
    hall.env["SFPRM_PROGRAMME"] = str(tmp_path / "config")
    bought = {"event": "seats-bought", "licence": "Partner Community", "seats": 4 * BROUGHT}
    hall.org.control("POST", "events", bought)
    helper = hall.start("worker")
    helper.until("worker.ready")
    source = tmp_path / "legacy.csv"
    lines = ["Company;Country;Channel Manager;Contact person;E-Mail"]
    lines += [
        f"Legacy {partner:03};PT;marta;Name{person} Of{partner:03};p{person}@l{partner}.example.com"
        for partner in range(BROUGHT)
        for person in range(3)
    ]
    source.write_text("\n".join(lines) + "\n", "utf-8")
    hall.slow(0.1, after=0, times=1000)
    answer = hall.sfprm("migrate", str(source), "--accept", "--json", env=hall.env, timeout=120)
    hall.org.control("DELETE", "faults")
    assert answer.code == 0, answer.out[-2000:]
    assert answer.json["result"]["outcomes"] == {"created": 3 * BROUGHT}
    assert helper.until("run.helped")["parts"] > 0
    again = hall.sfprm("migrate", str(source), "--resume", "--json", env=hall.env, timeout=120)
    assert again.json["result"]["outcomes"] == {"unchanged": 3 * BROUGHT}
    hall.sound()


def test_the_leads_of_a_large_offboarding_are_dealt_out(hall: Hall) -> None:
    """A person with a thousand leads leaves: the helper writes some of them, each once."""
    applied = hall.sfprm("apply", "--json", env=hall.env, timeout=90).json["result"]
    username = next(
        step["after"]["Username"]
        for step in applied["plan"]["steps"]
        if (step["kind"], step["key"]) == ("CreateUser", "ines.moura")
    )
    giving = ("reassign", "--from", "queue:Web Leads", "--to", f"user:{username}", "--override")
    moved = hall.sfprm(*giving, "--json", env=hall.env, timeout=90).json["result"]["moved"]
    assert moved >= 1000
    helper = hall.start("worker")
    helper.until("worker.ready")
    hall.org.control("POST", "calls/reset")
    hall.slow(0.3, after=0, times=100)
    leaving = ("offboard", "ines.moura", "--to", "queue:Web Leads", "--json")
    answer = hall.sfprm(*leaving, env=hall.env, timeout=90)
    assert answer.code == 0, answer.err
    assert answer.json["result"]["moved"] == {"Lead": moved}
    assert helper.until("run.helped")["parts"] > 0
    writes = [e for e in hall.org.control("GET", "calls")["entries"] if e["method"] == "PATCH"]
    assert len(writes) <= -(-moved // 200) + 2  # and two of the user: frozen, deactivated
    hall.sound()
