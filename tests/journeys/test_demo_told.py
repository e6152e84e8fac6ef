"""The whole story, told once, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.store.database import open_store

if TYPE_CHECKING:
    from tests.conftest import Program
    from tests.journeys.conftest import Told


@pytest.fixture
def figures(told: Told) -> dict[str, Any]:
    """The JSON answer's result."""
    result: dict[str, Any] = told.said["result"]
    return result


def test_the_demo_ends_well(told: Told) -> None:
    """Exit 0, one JSON object, no talk, no warning."""
    assert (told.code, told.err) == (0, "")
    assert set(told.said) == {"status", "result", "warnings"}
    assert (told.said["status"], told.said["warnings"]) == (0, [])


def test_the_answer_has_exactly_the_promised_keys(figures: dict[str, Any]) -> None:
    """As scripts rely on it."""
    assert list(figures) == [
        *("leads", "worst_drift", "second_plan_changes", "calls", "reassigned", "undone"),
        *("refused", "mails", "daemon", "seconds"),
    ]
    assert set(figures["leads"]) == {"total", "owned", "parked"}
    assert set(figures["calls"]) == {"apply", "second_plan", "route"}
    assert set(figures["daemon"]) == {"routed", "exit_code"}


def test_every_lead_has_an_owner_or_a_reason(figures: dict[str, Any]) -> None:
    """2,000, and some of them parked."""
    leads = figures["leads"]
    assert leads["total"] == leads["owned"] + leads["parked"] == 2000
    assert 0 < leads["parked"] < 200


def test_the_second_plan_is_empty(figures: dict[str, Any]) -> None:
    """What was applied is what was declared."""
    assert figures["second_plan_changes"] == 0


@pytest.mark.parametrize(("step", "most"), [("apply", 40), ("second_plan", 12), ("route", 30)])
def test_few_calls(figures: dict[str, Any], step: str, most: int) -> None:
    """Calls counted at the door."""
    assert 0 < figures["calls"][step] <= most


def test_the_bulk_move_is_undone_whole(figures: dict[str, Any]) -> None:
    """150 there, 150 back, one refused."""
    assert (figures["reassigned"], figures["undone"], figures["refused"]) == (150, 150, 1)


def test_the_outbox(figures: dict[str, Any]) -> None:
    """30 welcome mails and one notice."""
    assert figures["mails"] == 31


def test_the_daemon_routed_what_came_and_drained(figures: dict[str, Any]) -> None:
    """50 leads, exit 0."""
    assert figures["daemon"] == {"routed": 50, "exit_code": 0}


def test_fair_and_fast(figures: dict[str, Any]) -> None:
    """Within (8 − 1)/2 leads of the entitlement at the end, within a minute."""
    assert figures["worst_drift"] <= 3.5
    assert figures["seconds"] < 60


def test_status_works_without_the_org(sfprm: Program, told: Told) -> None:
    """The demo's org is gone; its state is not."""
    answer = sfprm("status", "--env-file", str(told.folder / "demo.env"), "--json")
    assert answer.code == 0
    jobs = {run["job"] for run in answer.json["result"]["runs"]}
    assert {"route", "provision", "reassign", "undo"} <= jobs


def test_why_works_without_the_org(sfprm: Program, told: Told) -> None:
    """Replayed from the journal."""
    store = open_store(f"sqlite:///{told.folder / 'state' / 'state.db'}")
    try:
        entry = next(e for e in store.entries(pool="north") if e.choices)
    finally:
        store.close()
    answer = sfprm("why", entry.lead, "--env-file", str(told.folder / "demo.env"))
    assert answer.code == 0
    assert entry.owner_name in answer.out
    assert "replayed" in answer.out


def test_the_journal_verifies(sfprm: Program, told: Told) -> None:
    """Chains, credits, bounds."""
    assert sfprm("state", "verify", "--env-file", str(told.folder / "demo.env")).code == 0


def test_plan_without_the_org_says_so(sfprm: Program, told: Told) -> None:
    """One sentence."""
    answer = sfprm("plan", "--env-file", str(told.folder / "demo.env"))
    assert answer.code == 1
    assert "cannot be reached" in answer.err


def test_no_secret_is_left_open(told: Told) -> None:
    """The settings are the person's alone, and the secret stands in no other file but the org's."""
    env_file = told.folder / "demo.env"
    assert env_file.stat().st_mode & 0o077 == 0
    settings = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    secret = settings["SFPRM_CLIENT_SECRET"].encode()
    holders = {
        path.relative_to(told.folder).parts[0]
        for path in told.folder.rglob("*")
        if path.is_file() and secret in path.read_bytes()
    }
    assert holders <= {"demo.env", "org"}


def test_the_demo_replaces_nothing_but_its_own(sfprm: Program, tmp_path: Path) -> None:
    """A folder of somebody else's is refused."""
    (tmp_path / "sfprm-demo").mkdir()
    (tmp_path / "sfprm-demo" / "mine").touch()
    answer = sfprm("demo", cwd=tmp_path)
    assert answer.code == 2
    assert "was not made by the demo" in answer.err
