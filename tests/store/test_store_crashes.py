"""kill -9 in the middle of a batch, and the lock that dies with its holder."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import AnotherWriter
from sfprm.ids import RecordId
from sfprm.store.lock import org_lock
from sfprm.store.writer import Store

ORG = RecordId("00DKp0000000001")
ELSEWHERE = RecordId("00DKp0000000002")
HERE = Path(__file__).parent

DIES_IN_A_BATCH = """
import os, signal, sys
sys.path.insert(0, {here!r})
from conftest import Channel
from sfprm.routing.decide import ledger_keys
from sfprm.store.database import open_store
channel = Channel()
store = open_store({url!r})
declared = channel.programme()
with store.batch(ledger_keys(declared)) as writer:
    writer.save(channel.decide(writer, range(100, 160)), run=channel.run, programme=declared)
    os.kill(os.getpid(), signal.SIGKILL)
"""

HOLDS_THE_LOCK = """
import sys, time
from pathlib import Path
from sfprm.clock import SystemClock
from sfprm.ids import RecordId
from sfprm.store.lock import org_lock
with org_lock(Path({folder!r}), RecordId({org!r}), job="route", clock=SystemClock()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def clock() -> FakeClock:
    """Waiting costs no time."""
    return FakeClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def test_a_process_killed_in_a_batch_leaves_nothing_half_written(
    store: Store, state_url: str, channel: Any, run_script: Any
) -> None:
    """Everything was saved but not committed: the next batch finds the state from before."""
    channel.route(store, range(1, 8))
    before = (store.entries(), store.all_ledgers())
    script = DIES_IN_A_BATCH.format(here=str(HERE), url=state_url)
    code, _, err = run_script(script)
    assert code == -signal.SIGKILL, err
    assert (store.entries(), store.all_ledgers()) == before
    assert channel.route(store, [8])[0].sequence == 8
    assert store.verify() == []


def test_the_second_writer_is_told_who_holds_the_org(tmp_path: Path, clock: FakeClock) -> None:
    """Another process's lock refuses ours by name; killed with -9, it is gone at once."""
    folder = tmp_path / "locks"
    script = HOLDS_THE_LOCK.format(folder=str(folder), org=str(ORG))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(AnotherWriter, match=f"route, process {other.pid} on"),
            org_lock(folder, ORG, job="apply", clock=clock, wait=3),
        ):
            pass
        assert sum(clock.slept) == 3
        with org_lock(folder, ELSEWHERE, job="apply", clock=clock):
            pass
        other.kill()
        other.wait(20)
    with org_lock(folder, ORG, job="apply", clock=clock):
        pass


def test_a_lock_let_go_can_be_taken_again(tmp_path: Path, clock: FakeClock) -> None:
    """Also after the work inside failed."""
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            org_lock(tmp_path, ORG, job="route", clock=clock),
        ):
            raise ZeroDivisionError
    with (
        org_lock(tmp_path, ORG, job="route", clock=clock),
        pytest.raises(AnotherWriter, match="route"),
        org_lock(tmp_path, ORG, job="again", clock=clock),
    ):
        pass
