"""`apply` as a user meets it: an error file mended and given back, and windows of the programme."""

from __future__ import annotations

import csv
import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.salesforce import collections
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program

ROOT = Path(__file__).parents[2]
INES = "ines.moura.acme-ibericos@partners.example.com"
USERS = "SELECT Username FROM User WHERE Contact.Partner_Key__c != null"


def mend(path: Path, key: str, field: str, value: str) -> None:
    """As somebody does in a spreadsheet."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["key"] == key and row[field]:
            row[field] = value
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_an_error_file_is_mended_and_given_back(
    ready_org: DevOrg, sfprm: Program, tmp_path: Path
) -> None:
    """Only what failed is tried again, with the mended value; the remark says to put it into the
    files; a second time there is nothing left to do."""
    ready_org.reset("partners-ready")
    env = ready_org.env(tmp_path / "state")
    with Starter(load_settings(env), FakeClock(NOW), NoProgress(), started_by="test") as starter:
        session = starter.connect()
        [ana] = select_all(session, "SELECT Id FROM User WHERE Name = 'Ana Costa'")
        collections.update(session, "User", [{"Id": ana["Id"], "Username": INES}])
        plan = tmp_path / "plan.json"
        # planned before the name was taken
        collections.update(
            session, "User", [{"Id": ana["Id"], "Username": "ana.costa@alder.example.com"}]
        )
        assert sfprm("plan", "--out", str(plan), env=env).code == 0
        collections.update(session, "User", [{"Id": ana["Id"], "Username": INES}])
        first = sfprm("apply", str(plan), env=env)
        assert first.code == 68, first.err
        assert "apply --resume" in first.out
        [errors] = (tmp_path / "state" / "runs").glob("*/errors.csv")
        mend(errors, "ines.moura", "Username", "ines.m@partners.example.com")
        again = sfprm("apply", "--retry", str(errors), env=env)
        assert again.code == 0, again.out + again.err
        assert "found done already" in again.out
        assert "ines.m@partners.example.com" in again.out + again.err
        assert "put them into the programme's files" in " ".join((again.out + again.err).split())
        names = {row["Username"] for row in select_all(session, USERS)}
        assert "ines.m@partners.example.com" in names
        assert len(names) == 30
        third = sfprm("apply", "--retry", str(errors), env=env)
    assert third.code == 0
    assert "0 changed" in third.out


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def test_windows_of_the_programme(ready_org: DevOrg, tmp_path: Path) -> None:
    """Outside of them accounts and contacts are written, users wait, and the next opening is said;
    inside the next apply does the rest. `--window always` overrules them. What a run logs once it
    has its plan carries the plan's id."""
    ready_org.reset("partners-ready")
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    with (folder / "programme.yaml").open("a") as file:
        file.write('windows: ["Mon-Fri 20:00-24:00 Europe/Lisbon"]\n')
    env = ready_org.env(tmp_path / "state", SFPRM_PROGRAMME=str(folder))
    clock = FakeClock(NOW)
    with Starter(load_settings(env), clock, NoProgress(), started_by="test") as starter:

        def apply(**options: Any) -> Finished:
            return run_job(ProvisionJob(), ProvisionOptions(**options), starter)

        def users() -> int:
            return len(select_all(starter.connect(), USERS))

        shut: Any = apply()
        assert shut.exit_code == 0
        assert shut.result.to_json()["window_opens"] == "Mon 23 Nov 20:00 Europe/Lisbon"
        words = "\n".join(line for b in shut.result.blocks() for line in getattr(b, "lines", ()))
        assert "waits until Mon 23 Nov 20:00 Europe/Lisbon" in words
        assert len(select_all(starter.connect(), "SELECT Id FROM Account WHERE IsPartner = true"))
        assert users() == 0
        wrong = apply(window=("Mon-Fri",))
        assert isinstance(wrong.error, BadRequest)
        assert "Mon-Fri" in wrong.error.message
        one = apply(window=("always",), target="sulcom")
        assert (one.exit_code, users() > 0) == (0, True)
        clock.sleep(8.5 * 3600)
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as events:
            whole: Any = apply()
        assert whole.exit_code == 0
        [at] = [n for n, event in enumerate(events) if event["event"] == "plan.made"]
        kept = starter.settings.state_dir / "runs" / whole.run / "plan.json"
        made = hashlib.sha256(kept.read_bytes()).hexdigest()[:12]
        assert {(e["run"], e["plan"]) for e in events[at:]} == {(whole.run, made)}
        assert events[-1]["event"] == "run.finished"
        assert "plan" not in structlog.contextvars.get_contextvars()
        assert whole.result.applied.waiting == ()
        assert users() == 30
