"""Each job once, on the embedded org after setup: its JSON, its words, its row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from sfprm.blocks import Table
from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.jobs.certificate import CertificateJob, CertificateOptions
from sfprm.jobs.check import CheckJob, CheckOptions
from sfprm.jobs.frame import Job, JobOptions
from sfprm.jobs.journal import PurgeJob, PurgeOptions
from sfprm.jobs.plan import PlanJob, PlanOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.reassign import ReassignJob, ReassignOptions
from sfprm.jobs.report import ReportJob, ReportOptions
from sfprm.jobs.route import RouteJob, RouteOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.jobs.setup import SetupJob, SetupOptions
from sfprm.jobs.shadow import ShadowJob, ShadowOptions
from sfprm.jobs.simulate import SimulateJob, SimulateOptions
from sfprm.jobs.status import StatusJob, StatusOptions
from sfprm.jobs.undo import UndoJob, UndoOptions
from sfprm.jobs.why import WhyJob, WhyOptions
from sfprm.settings import load_settings
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.conftest import DevOrg

Runs = dict[str, Finished]


@pytest.fixture(scope="module")
def runs(ready_org: DevOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """What each job came to, by name."""
    settings = load_settings(ready_org.env(tmp_path_factory.mktemp("jobs")))
    with Starter(settings, quick_clock(), NoProgress(), started_by="test") as starter:
        done: Runs = {}

        def run(key: str, job: Job[Any, Any], options: JobOptions) -> None:
            done[key] = run_job(job, options, starter)

        run("check", CheckJob(), CheckOptions())
        run("setup review", SetupJob(), SetupOptions(dry_run=True))
        run("plan", PlanJob(), PlanOptions(detailed_exitcode=True))
        run("too many", ProvisionJob(), ProvisionOptions(max_changes=5))
        run("provision dry", ProvisionJob(), ProvisionOptions(dry_run=True))
        run("provision", ProvisionJob(), ProvisionOptions())
        run("nothing", PlanJob(), PlanOptions(detailed_exitcode=True))
        ready_org.event("first-login")
        run("route dry", RouteJob(), RouteOptions(dry_run=True, limit=300))
        run("route", RouteJob(), RouteOptions(limit=300))
        entry = next(e for e in starter.state().entries(pool="south") if e.choices)
        run("why", WhyJob(), WhyOptions(lead=entry.lead))
        to = "queue:Partner leads South"
        run("reassign", ReassignJob(), ReassignOptions(leads=(entry.lead,), to=to))
        run("undo", UndoJob(), UndoOptions(undone=done["reassign"].run))
        run("report", ReportJob(), ReportOptions())
        run("shadow", ShadowJob(), ShadowOptions(days=60, limit=400))
        run("shadow again", ShadowJob(), ShadowOptions(days=60, limit=400))
        run("simulate", SimulateJob(), SimulateOptions(leads="org", days=60, standing="org"))
        run("certificate", CertificateJob(), CertificateOptions())
        run("purge", PurgeJob(), PurgeOptions(leads=(entry.lead,)))
        run("status", StatusJob(), StatusOptions())
        yield done


CODES = {
    **dict.fromkeys(("setup review", "provision dry", "provision", "nothing", "route dry"), 0),
    **dict.fromkeys(("route", "why", "reassign", "undo", "report", "status"), 0),
    **dict.fromkeys(("shadow", "shadow again", "simulate", "certificate", "purge"), 0),
    "check": 0,
    "plan": 2,  # there are changes
    "too many": 2,
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_ends_as_it_should(runs: Runs, name: str, code: int) -> None:
    """Exit codes."""
    finished = runs[name]
    assert finished.exit_code == code, finished.error


@pytest.mark.parametrize("name", [name for name in CODES if name != "too many"])
def test_each_result_is_plain_json_and_has_words(runs: Runs, name: str) -> None:
    """No date, no enum, no key that is not text; and a person has something to read."""
    result = runs[name].result
    assert result is not None
    body = result.to_json()
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    blocks = result.blocks()
    assert blocks
    for block in blocks:
        if isinstance(block, Table):
            assert {len(row) for row in block.rows} <= {len(block.columns)}
    assert all(n >= 0 for n in result.counts.values())


def test_a_dry_run_and_the_run_agree(runs: Runs) -> None:
    """The same leads to the same targets."""
    dry, real = runs["route dry"].result, runs["route"].result
    assert dry is not None
    assert real is not None
    assert dry.to_json()["by_target"] == real.to_json()["by_target"]
    assert dry.to_json()["leads"] == real.to_json()["leads"]


def test_a_shadow_decides_once_and_writes_nothing(runs: Runs) -> None:
    """The same rules beside the same router agree but for chance; the second look adds nothing."""
    first, again = runs["shadow"].result, runs["shadow again"].result
    assert first is not None
    assert again is not None
    assert (first.counts["new"], again.counts["new"]) == (400, 0)
    found = again.to_json()
    assert found["decided"] == 400
    assert found["same_owner"] + found["same_partner"] > found["compared"] / 2


def test_too_many_changes_are_refused_before_the_first(runs: Runs) -> None:
    """The brake holds."""
    assert isinstance(runs["too many"].error, BadRequest)
    plan = runs["provision"].result
    assert plan is not None
    assert plan.counts["changed"] > 5


def test_status_shows_the_runs_of_the_others(runs: Runs) -> None:
    """Reviews and dry runs leave none."""
    status = runs["status"].result
    assert status is not None
    jobs = [run["job"] for run in status.to_json()["runs"]]
    assert jobs[:4] == ["purge", "shadow", "shadow", "undo"]
    assert jobs[4:] == ["reassign", "route", "provision", "provision"]


def test_results_are_frozen(runs: Runs) -> None:
    """So are options."""
    with pytest.raises(ValidationError):
        RouteOptions(limit=1).limit = 2  # type: ignore[misc]
    assert replace(runs["route"], exit_code=3) != runs["route"]
