"""bench_estate's own sums: verdicts, options, and users a second of an org."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_estate import BOUNDS, Bench, Unmeasured, options, show
from benchmarks.bench_users import measure_users
from sfprm.settings import load_settings

WHOLE: dict[str, Any] = {b.key: b.most if b.most is not None else 1 for b in BOUNDS}


def test_a_bound_missed_or_not_measured_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """At the bound is kept; over it and null are not; figures without a bound decide nothing."""
    assert show(WHOLE)
    assert capsys.readouterr().out.count(" kept") == 6
    assert not show({**WHOLE, "calls_apply": 701})
    assert "MISSED" in capsys.readouterr().out
    assert not show({**WHOLE, "rss_mb": None})
    assert "NOT MEASURED" in capsys.readouterr().out
    assert show({**WHOLE, "naive_calls_500": None})


def test_a_part_that_fails_leaves_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured before stays; the reason is kept."""
    bench = Bench(None, Path(), 0.0, {"rss_mb": 1})  # type: ignore[arg-type]  # needs no org

    def fails() -> None:
        bench.figures["calls_apply"] = 5
        raise Unmeasured("side apply: no seats")

    def cut_off() -> None:
        bench.side("apply", Path(), "state")

    bench.measure("whole", fails)
    bench.measure("slow", cut_off)
    assert bench.figures == {"rss_mb": 1, "calls_apply": 5}
    assert bench.trouble[0] == "whole: side apply: no seats"
    assert len(bench.trouble) == 2


@pytest.mark.parametrize("words", [["--help"], ["--partners", "0"], ["--users", "many"]])
def test_nothing_runs_for_help_or_bad_numbers(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """argparse ends it before an org is started."""
    with pytest.raises(SystemExit) as ended:
        options().parse_args(words)
    assert ended.value.code == (0 if words == ["--help"] else 2)


def test_users_a_second_are_measured_and_the_users_left_inactive(
    ready: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pace is that of the run; the next plan counts with it; more than the seats is refused."""
    settings = load_settings(ready.org.env(tmp_path / "state"))
    before = ready.rows("SELECT COUNT(Id) n FROM User WHERE IsActive = true")[0]["n"]
    assert measure_users(20, settings) == 0
    said = capsys.readouterr().out.splitlines()
    told = json.loads(said[-1])
    assert (told["users"], told["deactivated"]) == (20, 20)
    printed = float(said[0].split(": ")[1].split(" users a second")[0])
    assert printed == pytest.approx(told["users_a_second"], abs=0.11)
    assert ready.rows("SELECT COUNT(Id) n FROM User WHERE IsActive = true")[0]["n"] == before
    assert ready.rows("SELECT COUNT(Id) n FROM User WHERE Alias LIKE 'bench%'")[0]["n"] == 20

    assert measure_users(500, settings) == 1
    refused = capsys.readouterr()
    assert json.loads(refused.out.splitlines()[-1])["users"] == 0
    assert "no Partner Community licence left" in refused.err
