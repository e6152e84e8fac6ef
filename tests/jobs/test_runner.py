"""The runner: rows, lock, org, bugs, interruptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import ValidationError

from sfprm.blocks import Block, Text
from sfprm.errors import (
    AnotherWriter,
    BadFiles,
    BudgetSpent,
    Bug,
    Interrupted,
    NotReady,
    SfprmError,
)
from sfprm.ids import RecordId, RunId
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.registry import KNOWN_JOBS, job_named
from sfprm.jobs.route import RouteJob, RouteOptions
from sfprm.jobs.runner import run_job
from sfprm.jobs.status import StatusJob, StatusOptions
from sfprm.store.records import Run, RunState

if TYPE_CHECKING:
    from tests.jobs.conftest import Begin

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class ProbeOptions(JobOptions):
    """What the probe is asked to do."""

    code: int = 0
    dry_run: bool = False
    calls: int = 0


@dataclass(frozen=True)
class ProbeResult(JobResult):
    """How it ended."""

    code: int

    def blocks(self) -> tuple[Block, ...]:
        return (Text(("probed",)),)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code}

    @property
    def exit_code(self) -> int:
        return self.code

    @property
    def counts(self) -> dict[str, int]:
        return {"probes": 1}


class Probe(Job[ProbeOptions, ProbeResult]):
    """A writing job that does what `act` says, then ends with the code asked for."""

    name: ClassVar[str] = "probe"
    summary: ClassVar[str] = "probes"
    writes: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = ProbeOptions

    def __init__(self, act: Callable[[JobContext], object] = lambda _: None) -> None:
        self.act = act

    def run(self, context: JobContext, options: ProbeOptions) -> ProbeResult:
        for _ in range(options.calls):
            context.session.request("GET", "limits", kind="limits")
        self.act(context)
        return ProbeResult(options.code)


def raises(error: BaseException) -> Probe:
    """A job that fails so."""

    def act(_: JobContext) -> None:
        raise error

    return Probe(act)


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, RunState.DONE), (68, RunState.PARTLY), (1, RunState.FAILED), (2, RunState.FAILED)],
)
def test_a_run_leaves_its_row(begin: Begin, code: int, state: RunState) -> None:
    """State, counts, calls, exit code, and the result beside it."""
    starter = begin()
    finished = run_job(Probe(), ProbeOptions(code=code, calls=2), starter)
    [row] = starter.state().runs()
    assert (row.id, row.job, row.state, row.exit_code) == (finished.run, "probe", state, code)
    assert (dict(row.counts), row.started_by, row.slot) == ({"probes": 1}, "test", None)
    assert row.calls == finished.calls >= 2
    assert row.finished is not None
    assert row.started <= row.finished
    assert row.options["calls"] == 2
    kept = starter.settings.state_dir / "runs" / finished.run / "result.json"
    assert json.loads(kept.read_text()) == {"code": code}


@pytest.mark.parametrize(
    ("error", "kind", "code", "state"),
    [
        (NotReady("not yet"), NotReady, 1, RunState.FAILED),
        (KeyboardInterrupt(), Interrupted, 130, RunState.INTERRUPTED),
        (ZeroDivisionError("our mistake"), Bug, 20, RunState.FAILED),
    ],
)
def test_an_error_ends_the_run_and_is_handed_back(
    begin: Begin, error: BaseException, kind: type[SfprmError], code: int, state: RunState
) -> None:
    """As data; the row says what happened; the lock is free again."""
    starter = begin()
    finished = run_job(raises(error), ProbeOptions(), starter)
    assert isinstance(finished.error, kind)
    assert (finished.exit_code, finished.result) == (code, None)
    [row] = starter.state().runs()
    assert (row.state, row.exit_code, row.message) == (state, code, finished.error.message)
    assert run_job(Probe(), ProbeOptions(), starter).exit_code == 0


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_online_run_keeps_what_the_org_told_of_its_day(begin: Begin, dry_run: bool) -> None:
    """For `status`, which asks no org."""
    starter = begin()
    assert starter.state().allowance() is None
    run_job(Probe(), ProbeOptions(calls=1, dry_run=dry_run), starter)
    seen = starter.state().allowance()
    assert seen is not None
    assert starter.session is not None
    assert (seen.used, seen.most) == starter.session.calls.allowance
    told = run_job(StatusJob(), StatusOptions(), starter)
    assert told.result is not None
    assert f"{seen.used:,} of {seen.most:,} used in 24 hours" in str(told.result.blocks())


def test_a_dry_run_leaves_no_row_and_takes_no_lock(begin: Begin) -> None:
    """While another writes."""
    starter = begin()
    seen = []

    def meanwhile(_: JobContext) -> None:
        seen.append(run_job(Probe(), ProbeOptions(dry_run=True), begin()).exit_code)

    run_job(Probe(meanwhile), ProbeOptions(), starter)
    assert seen == [0]
    assert len(starter.state().runs()) == 1


def test_one_writer_and_the_other_is_told_who(begin: Begin) -> None:
    """Exit 1, no row; after the first has ended, the same again succeeds."""
    starter = begin()
    refused = []

    def meanwhile(context: JobContext) -> None:
        refused.append((context.run, run_job(Probe(), ProbeOptions(), begin())))

    run_job(Probe(meanwhile), ProbeOptions(), starter)
    [(holder, second)] = refused
    assert isinstance(second.error, AnotherWriter)
    assert f"probe {holder}" in second.error.message
    assert second.exit_code == 1
    assert len(starter.state().runs()) == 1
    assert run_job(Probe(), ProbeOptions(), begin()).exit_code == 0


def test_waiting_for_another_writer(begin: Begin) -> None:
    """`--wait` waits no longer than asked."""
    waited = []

    def meanwhile(_: JobContext) -> None:
        waited.append(run_job(Probe(), ProbeOptions(), begin(wait=0.6)))

    run_job(Probe(meanwhile), ProbeOptions(), begin())
    assert isinstance(waited[0].error, AnotherWriter)
    assert 0.5 <= waited[0].seconds < 10


def test_a_state_of_another_org_is_refused_by_name(begin: Begin) -> None:
    """Nothing is run."""
    starter = begin()
    starter.state().bind_org(RecordId("00D000000000001EAA"), "Another Org", AT)
    finished = run_job(Probe(), ProbeOptions(), starter)
    assert isinstance(finished.error, NotReady)
    assert "Another Org" in finished.error.message
    assert "Alder Systems" in finished.error.message
    assert starter.state().runs() == []


def test_a_killed_run_is_lost_at_the_next_start(begin: Begin) -> None:
    """Its process left the row open."""
    starter = begin()
    run_job(Probe(), ProbeOptions(), starter)
    dead = Run(RunId("dead"), "probe", RunState.RUNNING, "test", AT)
    assert starter.state().start_run(dead)
    run_job(Probe(), ProbeOptions(), starter)
    states = {row.id: row.state for row in starter.state().runs()}
    assert states.pop(RunId("dead")) is RunState.LOST
    assert set(states.values()) == {RunState.DONE}


def test_a_due_run_happens_once(begin: Begin) -> None:
    """By (name, slot); another slot, or another job file at the same slot, is another run."""
    starter = begin()
    options = ProbeOptions()
    assert run_job(Probe(), options, starter, slot=AT).exit_code == 0
    again = run_job(Probe(), options, starter, slot=AT)
    assert isinstance(again.error, AnotherWriter)
    assert again.exit_code == 1
    assert run_job(Probe(), options, starter, slot=AT, name="night").exit_code == 0
    assert sorted(row.job for row in starter.state().runs()) == ["night", "probe"]


def test_the_budget_is_for_one_run(begin: Begin) -> None:
    """The daemon's session outlives its runs."""
    starter = begin(SFPRM_CALL_BUDGET="8")
    for _ in range(3):
        assert run_job(Probe(), ProbeOptions(calls=5), starter).exit_code == 0
    spent = run_job(Probe(), ProbeOptions(calls=9), starter)
    assert isinstance(spent.error, BudgetSpent)
    assert spent.exit_code == 1


def test_bad_files_are_found_before_the_login(begin: Begin, tmp_path: Path) -> None:
    """No call, no row."""
    starter = begin(SFPRM_PROGRAMME=str(tmp_path / "none"), SFPRM_LOGIN_URL="http://127.0.0.1:1")
    finished = run_job(RouteJob(), RouteOptions(), starter)
    assert isinstance(finished.error, BadFiles)
    assert (finished.exit_code, finished.calls) == (2, 0)
    assert starter.session is None
    assert starter.state().runs() == []


@pytest.mark.parametrize("name", KNOWN_JOBS)
def test_unknown_options_are_refused(name: str) -> None:
    """Of every job that a file may name."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        job_named(name).options.model_validate({"nonsense": 1})


@pytest.mark.parametrize("name", ["route", "recall", "check", "plan"])
def test_files_for_other_orgs_are_refused_before_anything_is_kept(begin: Begin, name: str) -> None:
    """Whichever job: no call after the login, the state is bound to no org, no row is left. (The
    embedded org, which is any kind, has to pass for a production org here.)"""
    starter = begin()
    session = starter.connect()
    session._identity = replace(session.identity, instance_name="EU1")
    programme = replace(starter.programme(), only_for=("sandbox",))
    starter.load = lambda: programme
    before = session.calls.total
    job = job_named(name)
    finished = run_job(job, job.options(), starter)
    assert isinstance(finished.error, NotReady)
    assert "only for sandbox" in finished.error.message
    assert "is a production org" in finished.error.message
    assert (session.calls.total, finished.shut_out) == (before, False)
    assert starter.state().org() is None
    assert starter.state().runs() == []
