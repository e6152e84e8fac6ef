"""Health, metrics, and the files in deploy/ that use them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from sfprm.daemon.health import HealthServer
from sfprm.daemon.metrics import Metrics
from sfprm.errors import BadSettings
from sfprm.ids import RecordId, RunId
from sfprm.jobs.runner import Finished
from sfprm.routing.values import Code, Reason
from sfprm.salesforce.calls import CallDone
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState, SeenAllowance
from sfprm.store.work import Pause

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
NAME = re.compile(r"\bsfprm_[a-z_]+")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The metrics of a process that did a little of everything."""
    settings = load_settings({"SFPRM_STATE_DIR": str(tmp_path)})
    with open_store(settings.database) as store:
        store.see_allowance(SeenAllowance(100, 15_000, NOW))
        store.park(
            RecordId("00Q000000000001"), [Reason(Code.NO_ELIGIBLE_MEMBER, "")], now=NOW,
            next_try=None,
        )  # fmt: skip
        run = Run(RunId("r"), "route", RunState.DUE, "t", NOW, NOW, due_at=NOW, not_before=NOW)
        store.work.add_due(run)
        store.work.claim(run.id, now=NOW, started_by="t")
        store.finish_run(run.id, state=RunState.DONE, finished=NOW, counts={}, calls=1, exit_code=0)
        store.work.pause(Pause("night", NOW, "ana"))
        metrics = Metrics(lambda: [("", store, settings)])
        metrics.call(CallDone("query", "GET", "/query", 200, 0.1, 1, "x"))
        metrics.call(CallDone("query", "GET", "/query", 0, 0.1, 1, "x"))
        metrics.rows("Lead", "update", 199, 1)
        metrics.run("route", Finished(RunId("r"), "route", 68, 1, 2.0))
        yield metrics.text().decode()


def test_the_page_counts(page: str) -> None:
    """Calls by kind and outcome, rows by object, operation and outcome, runs, the state."""
    for line in (
        'sfprm_api_calls_total{kind="query",outcome="done"} 1.0',
        'sfprm_api_calls_total{kind="query",outcome="silent"} 1.0',
        'sfprm_rows_total{object="Lead",operation="update",outcome="refused"} 1.0',
        'sfprm_runs_total{job="route",outcome="partly"} 1.0',
        'sfprm_api_calls_remaining{org=""} 14900.0',
        'sfprm_leads_parked{org="",reason="no-eligible-member"} 1.0',
        'sfprm_paused{job="night",org=""} 1.0',
        'sfprm_state_up{org=""} 1.0',
        'sfprm_offers_past_deadline{org=""} 0.0',
    ):
        assert line in page, f"{line} not in\n{page}"
    assert re.search(
        r'sfprm_last_success_timestamp_seconds\{job="route",org=""\} 1\.\d+e\+09', page
    )


def test_every_name_in_deploy_exists(page: str) -> None:
    """Alert rules and dashboard use only metrics that are there (or would be, in use)."""
    known = set(NAME.findall(page))
    source = (ROOT / "sfprm/daemon/metrics.py").read_text()
    known |= set(re.findall(r'"(sfprm_[a-z_]+)"', source))
    used: dict[str, set[str]] = {}
    for path in (ROOT / "deploy/prometheus/sfprm.rules.yml", ROOT / "deploy/grafana/sfprm.json"):
        used[path.name] = set(NAME.findall(path.read_text()))
        assert len(used[path.name]) > 8
    unknown = {n for names in used.values() for n in names} - known
    assert unknown == set()


def test_names_carry_base_units(page: str) -> None:
    """Seconds and bytes; counters end in _total; nothing in milliseconds or minutes."""
    for kind, name in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M):
        assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb)$", kind)
        if name == "counter":
            assert kind.endswith("_total")


def test_the_dashboard_is_whole() -> None:
    """JSON, panels that do not overlap, each with a query."""
    board = json.loads((ROOT / "deploy/grafana/sfprm.json").read_text())
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(places) == len(set(places)) >= 12
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_health_says_what_is_wrong() -> None:
    """200 and 503, a line a check; other paths are not there."""
    ready: dict[str, str] = {"state": "", "org": "away"}
    with HealthServer(
        "127.0.0.1:0", live=lambda: {"clock": ""}, ready=lambda: ready, metrics=lambda: b"m 1\n"
    ) as server:
        base = f"http://127.0.0.1:{server.port}"

        def get(path: str) -> tuple[int, str]:
            with requests.get(base + path, timeout=10) as answer:
                return answer.status_code, answer.text

        assert get("/livez") == (200, "ok clock\n")
        assert get("/readyz") == (503, "ok state\nFAIL org away\n")
        ready["org"] = ""
        assert get("/readyz")[0] == 200
        assert get("/metrics") == (200, "m 1\n")
        assert get("/")[0] == 404


def test_a_port_that_cannot_be_had() -> None:
    """Is said with the setting's name."""
    nothing: Any = dict
    with pytest.raises(BadSettings, match="SFPRM_HEALTH"):
        HealthServer("127.0.0.1:70000", live=nothing, ready=nothing, metrics=lambda: b"")


def test_a_state_that_does_not_answer_is_a_figure_not_a_failure(tmp_path: Path) -> None:
    """The scrape goes on."""
    settings = load_settings({"SFPRM_STATE_DIR": str(tmp_path)})
    with open_store(settings.database) as store:
        with store.engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE held"))
        text = Metrics(lambda: [("", store, settings)]).text().decode()
    assert 'sfprm_state_up{org=""} 0.0' in text
