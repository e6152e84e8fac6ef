"""`simulate` over a real journal and over files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.distribution.past_leads import leads_from_csv
from sfprm.errors import BadRequest
from sfprm.ids import RunId
from sfprm.jobs.frame import JobContext
from sfprm.jobs.simulate import SimulateJob, SimulateOptions, SimulateResult
from sfprm.programme.model import Programme
from sfprm.settings import Settings

Simulate = Callable[..., SimulateResult]


@pytest.fixture
def simulated(channel: Any, tmp_path: Path) -> Simulate:
    """The job on the channel's journal, three days after."""

    def no_org() -> Any:
        raise AssertionError("the org was asked")

    def run(candidate: Programme, **options: Any) -> SimulateResult:
        context = JobContext(
            settings=Settings(),
            clock=FakeClock(channel.now + timedelta(days=3)),
            store=channel.store,
            progress=None,  # type: ignore[arg-type]  # a forecast shows none
            run=RunId("2026-03-05T09-00-00-0001"),
            run_dir=tmp_path,
            connect=no_org,
            load=lambda: candidate,
        )
        return SimulateJob().run(context, SimulateOptions(**options))

    return run


def heavier(declared: Programme) -> Programme:
    """The same channel with Sulcom at weight 10."""
    pool = next(iter(declared.routing.pools.values()))
    members = tuple(replace(m, weight=10 if m.name == "sulcom" else 1) for m in pool.members)
    pools = {pool.key: replace(pool, members=members)}
    return replace(declared, routing=replace(declared.routing, pools=pools), digest="candidate")


def test_candidate_and_todays_rules_stand_side_by_side(channel: Any, simulated: Simulate) -> None:
    """Sulcom gains ten of twelve; what decided last gives the same as it did."""
    channel.route(range(1, 13))
    found = simulated(heavier(channel.programme())).forecast
    got = {m.member: m.got for m in found.candidate.members}
    assert got == {"partner:acme": 1, "partner:nordica": 1, "partner:sulcom": 10}
    assert found.today is not None
    assert {m.member: m.got for m in found.today.members} == {
        "partner:acme": 6,
        "partner:nordica": 3,
        "partner:sulcom": 3,
    }
    assert found.moved >= 7
    assert found.to_json()["candidate"]["assigned"] == 12


def test_the_page_is_written(channel: Any, simulated: Simulate, tmp_path: Path) -> None:
    """With the names of the partners."""
    channel.route(range(1, 5))
    out = tmp_path / "forecast.html"
    result = simulated(channel.programme(), out=out, against="none")
    assert "Acme Ibericos" in out.read_text(encoding="utf-8")
    assert f"Written to {out}." in result.blocks()[-1].lines  # type: ignore[union-attr]


def test_purged_leads_are_left_out(channel: Any, simulated: Simulate) -> None:
    """Without facts there is nothing to forecast with."""
    entries = channel.route(range(1, 4))
    channel.store.purge_facts(leads=[entries[0].lead])
    assert simulated(channel.programme()).forecast.candidate.leads == 2
    channel.store.purge_facts(leads=[e.lead for e in entries])
    with pytest.raises(BadRequest, match="no leads to forecast"):
        simulated(channel.programme())


def test_leads_of_a_file(channel: Any, simulated: Simulate, tmp_path: Path) -> None:
    """A header of field names, in any case; numbers are numbers, codes with zeros stay text."""
    path = tmp_path / "leads.csv"
    path.write_text(
        "company,country,RATING,CreatedDate\n"
        "Quinta Um,PT,Hot,2026-03-01T10:00:00Z\n"
        '"Two, Lda",FR,Hot,\n',
        encoding="utf-8-sig",
    )
    found = simulated(channel.programme(), leads=str(path), against="none").forecast
    assert (found.candidate.assigned, found.candidate.parked_leads) == (1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Id,Country\n00Q1,PT\n", ":2: '00Q1' is not a Salesforce id"),
        ("Country,CreatedDate\nPT,yesterday\n", ":2: 'yesterday' is not an instant"),
        ("Country\n", "has no leads"),
        ('Country\n"PT\n', "is not a CSV file"),
    ],
)
def test_a_bad_file_is_named_with_its_line(
    channel: Any, tmp_path: Path, text: str, words: str
) -> None:
    """In one sentence."""
    path = tmp_path / "leads.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadRequest) as caught:
        leads_from_csv(path, channel.programme(), channel.now)
    assert words in str(caught.value)
