"""kill -9 of `sfprm apply` and `sfprm route` in the middle, then the same command again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Program
    from tests.journeys.conftest import Scene

Opener = Callable[[str], "Scene"]
Ends = dict[str, dict[str, list[Any]]]
WRITES = "/composite/sobjects"
WINDOW = 1.5
"""Seconds for which the org keeps the write that the process dies in."""
PATIENCE = 30.0
LATECOMERS = {"except": ["felix.gruber.alpentech@partners.example.com"]}


def until(reached: Callable[[], bool], what: str) -> None:
    """Wait for something that the org can be asked about."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def kill(sfprm: Program, scene: Scene, command: str, writes: int) -> None:
    """Run a command and kill it in the call after its first `writes` writes: it never hears what
    became of that one, which the org carries out all the same."""
    org = scene.org
    org.control("POST", "calls/reset")
    slow = {"kind": "slow", "path": WRITES, "after": writes, "times": 1, "seconds": WINDOW}
    org.control("POST", "faults", slow)
    process = sfprm.fork(command, env=scene.env)
    try:
        until(lambda: not org.control("GET", "faults"), f"{command} made too few writes")
    finally:
        process.kill()
        ended = process.wait(PATIENCE)
    assert ended == -signal.SIGKILL
    until(lambda: len(writes_to(scene)) == writes + 1, "the last write was not carried out")


def writes_to(scene: Scene) -> list[str]:
    """The writes that the org has answered."""
    entries = scene.org.control("GET", "calls")["entries"]
    return [e["path"] for e in entries if WRITES in e["path"]]


def ends_well(sfprm: Program, scene: Scene, command: str) -> dict[str, Any]:
    """The same command again; its result."""
    answer = sfprm(command, "--json", env=scene.env)
    assert answer.code == 0, answer.out + answer.err
    result: dict[str, Any] = answer.json["result"]
    return result


def states(sfprm: Program, scene: Scene) -> list[str]:
    """How the runs ended, latest first."""
    history = sfprm("jobs", "history", "--json", env=scene.env).json["result"]
    return [run["state"] for run in history]


@pytest.fixture(scope="module")
def undisturbed(
    sfprm: Program, open_scene: Opener, tmp_path_factory: pytest.TempPathFactory
) -> Ends:
    """What the org holds after `apply`, and then after `route`, when nothing happens to them."""
    scene = open_scene(str(tmp_path_factory.mktemp("undisturbed")))
    ends: Ends = {}
    ends_well(sfprm, scene, "apply")
    ends["apply"] = scene.estate()
    scene.org.event("first-login", **LATECOMERS)
    ends_well(sfprm, scene, "route")
    ends["route"] = scene.estate()
    return ends


@pytest.mark.slow
@pytest.mark.parametrize(
    ("apply_writes", "route_writes"),
    [(0, 9), (4, 4)],
    ids=["first and last write", "in the middle"],
)
def test_killed_and_run_again_ends_as_if_undisturbed(
    sfprm: Program,
    open_scene: Opener,
    undisturbed: Ends,
    tmp_path: Path,
    apply_writes: int,
    route_writes: int,
) -> None:
    """Same accounts, contacts, users, queues, members and owners; no double, nothing lost."""
    scene = open_scene(str(tmp_path))
    kill(sfprm, scene, "apply", apply_writes)
    ends_well(sfprm, scene, "apply")
    assert scene.estate() == undisturbed["apply"]
    assert ends_well(sfprm, scene, "plan")["changes"] == 0

    scene.org.event("first-login", **LATECOMERS)
    kill(sfprm, scene, "route", route_writes)
    result = ends_well(sfprm, scene, "route")
    assert result["taken_up"] > 0
    assert scene.estate() == undisturbed["route"]
    assert states(sfprm, scene) == ["done", "lost", "done", "lost"]
    assert sfprm("state", "verify", env=scene.env).code == 0
