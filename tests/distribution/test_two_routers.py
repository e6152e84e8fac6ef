"""Two `sfprm route` at once as processes of their own, on one org: of one state, and of two."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from sfprm.clock import FakeClock, SystemClock
from sfprm.distribution.route import route
from sfprm.events import NoProgress
from sfprm.ids import RunId
from sfprm.routing.credits import broken_laws
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import JournalEntry, WriteState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sfprm.store.writer import Store
    from tests.conftest import Program
    from tests.distribution.conftest import Channel

LEADS = 60
PATIENCE = 60.0


def run_both(sfprm: Program, channel: Channel, states: Sequence[Path], *options: str) -> list[int]:
    """Both at once; the org holds the first write back, so that the other reads before it is
    done."""
    slow = {"kind": "slow", "path": "/composite/sobjects", "after": 0, "times": 1, "seconds": 1.5}
    channel.org.control("POST", "faults", slow)
    processes = [sfprm.fork("route", *options, env=channel.org.env(state)) for state in states]
    deadline = time.monotonic() + PATIENCE
    return [process.wait(max(0.1, deadline - time.monotonic())) for process in processes]


def state_of(channel: Channel, folder: Path) -> Store:
    """What a process left behind."""
    return open_store(load_settings(env=channel.org.env(folder)).database)


def decided(store: Store) -> list[JournalEntry]:
    return [e for e in store.entries() if e.kind == "route" and e.owner_new is not None]


def test_of_one_state_the_second_waits_and_finds_nothing(
    sfprm: Program, channel: Channel, tmp_path: Path
) -> None:
    """Every lead is decided once, by one of them."""
    channel.only(LEADS)
    state = tmp_path / "one"
    assert run_both(sfprm, channel, (state, state), "--wait", "30") == [0, 0]
    store = state_of(channel, state)
    try:
        entries = store.entries()
        assert set(Counter(e.lead for e in entries).values()) == {1}
        assert len(entries) == LEADS
        assert {r.job for r in store.runs()} == {"route"}
        assert len(store.runs()) == 2
        assert store.verify() == []
    finally:
        store.close()


def test_of_two_states_nobody_is_given_the_same_lead_for_good(
    sfprm: Program, channel: Channel, tmp_path: Path
) -> None:
    """Each lead ends with the owner that one of them decided; the other says so, keeps no credit
    for it, and leaves it alone."""
    channel.only(LEADS)
    states = [tmp_path / name for name in ("one", "two")]
    codes = run_both(sfprm, channel, states)
    assert set(codes) <= {0, 68}
    stores = [state_of(channel, state) for state in states]
    try:
        both = {e.lead for e in decided(stores[0])} & {e.lead for e in decided(stores[1])}
        assert both, "they were not at work at once"
        before = channel.owners()
        for store in stores:  # the second look, when automation has had its turn
            clock = FakeClock(SystemClock().now() + timedelta(minutes=6))
            route(
                channel.session,
                store,
                channel.programme,
                clock=clock,
                run=RunId("later"),
                progress=NoProgress(),
            )
        assert channel.owners() == before, "one fought for a lead that the other gave away"
        held = {r["Id"]: r["OwnerId"] for r in channel.query("SELECT Id, OwnerId FROM Lead")}
        for lead in both:
            last = [[e for e in decided(s) if e.lead == lead][-1] for s in stores]
            right = [e.state is WriteState.CONFIRMED and e.owner_new == held[lead] for e in last]
            same = last[0].owner_new == last[1].owner_new
            assert sum(right) == (2 if same else 1), (lead, last, held[lead])
            if not same:
                assert [e.state for e in last if not right[last.index(e)]] == [WriteState.OVERTAKEN]
        for store in stores:
            assert store.verify() == []
            for ledger in store.all_ledgers().values():
                assert broken_laws(ledger) == []
    finally:
        for store in stores:
            store.close()
