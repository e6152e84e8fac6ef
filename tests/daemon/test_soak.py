"""Thirty days in minutes: the daemon's clock and the org's are set by hand, day by day.

Leads arrive every day, people join and leave, two days are holidays, one the org is away. At the
end every lead has an owner or a next try, the journal verifies, and what should stay flat does.
The short form lives one of them.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfprm.clock import FakeClock
from sfprm.daemon.doing import Doing
from sfprm.daemon.installation import Installation
from sfprm.daemon.jobfiles import JobFile, load_job_files
from sfprm.daemon.planner import Planner, pick
from sfprm.events import NoProgress
from sfprm.jobs.starter import Starter
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings
from sfprm.store.records import RunState

if TYPE_CHECKING:
    from tests.conftest import DevOrg

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("SFPRM_TEST_LONG"))
DAYS = 30 if LONG else 1
STEP = timedelta(hours=2 if LONG else 6)
AWAY = 2 if LONG else 0
"""The day in whose first half the org does not answer."""
JOBS = {
    "route": "job: route\nevery: 4 hours\n",
    "recall": "job: recall\nevery: 6 hours\n",
    "people": "job: provision\ncalendar: {at: ['08:00'], holidays: PT}\ntime_zone: Europe/Lisbon\n",
    "verify": "job: verify\ncron: '0 2 * * *'\n",
    "report": "job: report\nafter: people\n",
}


class Simulated:
    """The daemon's own parts, driven by a clock that is set by hand."""

    def __init__(self, starter: Starter, clock: FakeClock, files: dict[str, JobFile]) -> None:
        self.installation = Installation(starter)
        self.doing = Doing(self.installation)
        self.planner = Planner()
        self.starter, self.clock, self.files = starter, clock, files

    def tick(self) -> None:
        """What the daemon does at one instant: name what is due, work it off."""
        work = self.starter.state().work
        now = self.clock.now()
        for run in self.planner.due(
            self.files.values(), now, last=work.newest_slots(), done=work.last_done()
        ):
            work.add_due(run)
        while True:
            away = self.doing.is_away("", self.clock.now())
            picked = pick(work.due(self.clock.now()), self.files, held=self.files if away else ())
            work.supersede([run.id for run in picked.superseded], now)
            if picked.run is None:
                return
            self.doing.do(self.files[picked.run.job], picked.run)


def resident_kb() -> int:
    """Memory of this process, in kB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


def state_bytes(starter: Starter) -> int:
    """The SQLite file with its log."""
    return sum(path.stat().st_size for path in starter.settings.state_dir.glob("state.db*"))


def _per_row(before: dict[str, int], after: dict[str, int]) -> float:
    """Bytes that a run or a decision added to the state."""
    rows = after["runs"] - before["runs"] + after["journal"] - before["journal"]
    return (after["bytes"] - before["bytes"]) / rows


@pytest.fixture
def org(devorg_process: DevOrg) -> Iterator[DevOrg]:
    """An org whose clock is set by hand, and goes by the machine's again afterwards."""
    yield devorg_process
    devorg_process.control("DELETE", "faults")
    devorg_process.control("POST", "clock", {"follow": True})


@pytest.mark.slow
def test_days_go_by(org: DevOrg, tmp_path: Path) -> None:
    """Nothing is lost, nothing grows that should not."""
    org.control("DELETE", "faults")
    org.reset("partners-ready")
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for name, text in JOBS.items():
        (jobs / f"{name}.yaml").write_text(text)
    env = org.env(tmp_path / "state", SFPRM_PROGRAMME=str(config), SFPRM_DEADLINE="5")
    clock = FakeClock(datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0))
    chance = random.Random(30)
    memory: list[int] = []
    sizes: list[dict[str, int]] = []
    with Starter(load_settings(env), clock, NoProgress()) as starter:
        files = {file.name: file for file in load_job_files(jobs)}
        simulated = Simulated(starter, clock, files)
        for day in range(DAYS):
            _one_day(org, config, simulated, chance, day)
            memory.append(resident_kb())
            sizes.append(starter.state().work.size() | {"bytes": state_bytes(starter)})
        store = starter.state()
        session = starter.connect()
        parked = {p.lead for p in store.parked() if p.next_try is not None}
        query = "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads')"
        left = [row["Id"] for row in select_all(session, query) if row["Id"] not in parked]
        assert left == []
        assert store.verify() == []
        open_runs = [r for r in store.work.open_runs() if r.state is RunState.RUNNING]
        assert open_runs == []
        done = store.work.last_done()
        assert set(done) == set(JOBS)
        assert all(
            clock.now() - (r.finished or r.started) < timedelta(days=2) for r in done.values()
        )
        runs = store.work.size()["runs"]
        assert runs < DAYS * 40
        if DAYS > 10:
            half = len(memory) // 2
            assert max(memory[half:]) < 1.25 * max(memory[:half]), memory
            # what is kept of a run and of a decision does not grow with their number
            print(f"memory {memory[0]} to {memory[-1]} kB; state {sizes[0]} to {sizes[-1]}")
            early, late = _per_row(sizes[1], sizes[half]), _per_row(sizes[half], sizes[-1])
            assert late < 1.3 * early, sizes


def _one_day(
    org: DevOrg, config: Path, simulated: Simulated, chance: random.Random, day: int
) -> None:
    org.event("leads-arrive", count=chance.randint(10, 40), seed=9000 + day)
    if day % 5 == 1:
        with (config / "people.csv").open("a", encoding="utf-8") as out:
            mail = f"dia{day}@sulcom.example.com"
            out.write(f"dia{day},sulcom,Dia,Novo{day},{mail},Worker,active\n")
    if day == AWAY:
        fault = {"kind": "503", "path": "/services/data", "times": 40}
        org.control("POST", "faults", fault)
    hours = 0
    while hours < 24:
        simulated.tick()
        simulated.clock.advance(STEP)
        org.control("POST", "clock", {"advance": STEP.total_seconds()})
        hours += STEP // timedelta(hours=1)
        if day == AWAY and hours == 12:
            org.control("DELETE", "faults")
