"""Runs, steps, applied values, the org and parked leads: written and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sfprm.errors import Bug, NotReady
from sfprm.ids import RecordId, RunId
from sfprm.routing.values import Code, Reason
from sfprm.store.records import AppliedValue, RunState, SeenAllowance, Step, StepState
from sfprm.store.run_states import ENDINGS, RUN_MOVES, RunEvent, move
from sfprm.store.writer import Store

ORG = RecordId("00DKp0000000001")
OTHER = RecordId("00DKp0000000002")
LEAD = RecordId("00QKp0000000001")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("event", RunEvent)
def test_every_pair_of_run_state_and_event_moves_or_is_a_bug(
    state: RunState, event: RunEvent
) -> None:
    """The table is the whole truth: what is not in it cannot happen."""
    if (state, event) in RUN_MOVES:
        assert move(state, event) is RUN_MOVES[state, event]
    else:
        with pytest.raises(Bug, match=state.value):
            move(state, event)


def test_a_run_that_has_ended_never_moves() -> None:
    """Ends are ends: no row of the table leaves one. (A lost run has no end of its own.)"""
    assert not {state for state, _ in RUN_MOVES} & {*ENDINGS}


def test_a_run_is_read_back_as_it_was_written(store: Store, channel: Any) -> None:
    """Options, instants and counts survive both databases."""
    run = channel.a_run(options={"dry_run": True, "pool": "p"}, slot=channel.now)
    assert store.start_run(run)
    assert store.run(run.id) == run
    assert store.runs(job="route") == [run]
    assert store.runs(job="apply") == []


def test_a_slot_has_one_run(store: Store, channel: Any) -> None:
    """Two clocks that fire for one slot make one run; runs without a slot are free."""
    assert store.start_run(channel.a_run("one", slot=channel.now))
    assert not store.start_run(channel.a_run("two", slot=channel.now))
    assert store.start_run(channel.a_run("three"))
    assert store.start_run(channel.a_run("four"))
    assert {run.id for run in store.runs()} == {"one", "three", "four"}


def test_a_finished_run_keeps_what_came_of_it(store: Store, channel: Any) -> None:
    """Counts, calls, exit code and message."""
    store.start_run(channel.a_run())
    end = channel.now + timedelta(minutes=1)
    store.finish_run(
        channel.run, state=RunState.PARTLY, finished=end, counts={"done": 71}, calls=9, exit_code=68
    )
    run = store.run(channel.run)
    assert run is not None
    assert (run.state, run.finished, run.counts, run.calls, run.exit_code) == (
        RunState.PARTLY,
        end,
        {"done": 71},
        9,
        68,
    )
    with pytest.raises(Bug, match="partly"):
        store.finish_run(
            channel.run, state=RunState.DONE, finished=end, counts={}, calls=0, exit_code=0
        )


def test_latest_runs_come_first(store: Store, channel: Any) -> None:
    """And no more than asked for."""
    for minute in range(4):
        store.start_run(
            channel.a_run(f"r{minute}", started=channel.now + timedelta(minutes=minute))
        )
    assert [run.id for run in store.runs(limit=2)] == ["r3", "r2"]


def test_runs_of_dead_processes_are_lost(store: Store, channel: Any) -> None:
    """Only those that were running; said once."""
    store.start_run(channel.a_run("dead"))
    store.start_run(channel.a_run("due", state=RunState.DUE))
    lost = store.lose_runs(channel.now)
    assert [(run.id, run.state) for run in lost] == [("dead", RunState.LOST)]
    assert store.lose_runs(channel.now) == []


def test_a_run_given_up_may_turn_up_alive(store: Store, channel: Any) -> None:
    """One that only reads holds no lock; its own end then counts."""
    store.start_run(channel.a_run())
    store.lose_runs(channel.now)
    store.finish_run(
        channel.run, state=RunState.DONE, finished=channel.now, counts={}, calls=1, exit_code=0
    )
    run = store.run(channel.run)
    assert run is not None
    assert run.state is RunState.DONE


def test_steps_move_on_and_keep_what_they_found(store: Store, channel: Any) -> None:
    """States, record ids and messages of some steps; the others stay."""
    store.start_run(channel.a_run())
    steps = [
        Step(channel.run, n, "upsert", f"partner:{n}", StepState.PLANNED, {}, {"Name": f"P{n}"})
        for n in (1, 2, 3)
    ]
    store.add_steps(steps)
    assert store.steps(channel.run) == steps
    store.set_steps(channel.run, [1, 2], StepState.SENT, record_ids={1: LEAD})
    store.set_steps(channel.run, [1], StepState.DONE)
    store.set_steps(channel.run, [2], StepState.FAILED, messages={2: "no licence left"})
    found = [(s.number, s.state, s.record_id, s.message) for s in store.steps(channel.run)]
    assert found == [
        (1, StepState.DONE, LEAD, ""),
        (2, StepState.FAILED, None, "no licence left"),
        (3, StepState.PLANNED, None, ""),
    ]
    with pytest.raises(Bug, match="no step 9"):
        store.set_steps(channel.run, [9], StepState.DONE)


def test_applied_values_keep_their_type(store: Store, channel: Any) -> None:
    """A field that we emptied is not a field that we never wrote."""
    values = {"A": "text", "B": "", "C": 3, "D": 1.5, "E": True, "F": False, "G": None}
    store.record_applied(
        [AppliedValue("Account", "acme", name, value) for name, value in values.items()],  # type: ignore[arg-type]
        channel.run,
        channel.now,
    )
    found = store.applied()[("Account", "acme")]
    assert [(n, v, type(v)) for n, v in found.items()] == [
        (n, v, type(v)) for n, v in values.items()
    ]


def test_the_last_applied_value_counts(store: Store, channel: Any) -> None:
    """Written over, and forgotten as a whole record."""
    for value in ("old", "new"):
        store.record_applied(
            [AppliedValue("Account", "acme", "Name", value)], channel.run, channel.now
        )
    store.record_applied([AppliedValue("Account", "b", "Name", "B")], channel.run, channel.now)
    assert store.applied()[("Account", "acme")] == {"Name": "new"}
    store.forget_applied("Account", "acme")
    assert list(store.applied()) == [("Account", "b")]


def test_a_state_belongs_to_one_org(store: Store, channel: Any) -> None:
    """Another org is refused by name; the same one may be renamed."""
    assert store.org() is None
    store.bind_org(ORG, "Alder", channel.now)
    store.bind_org(ORG, "Alder Systems", channel.now + timedelta(days=1))
    org = store.org()
    assert org is not None
    assert (org.org_id, org.name, org.bound_at) == (ORG, "Alder Systems", channel.now)
    with pytest.raises(NotReady, match="Alder Systems") as caught:
        store.bind_org(OTHER, "Birch", channel.now)
    assert "Birch" in caught.value.message


def test_a_lead_parked_again_counts_its_tries(store: Store, channel: Any) -> None:
    """`since` stays, reasons and next try are the last ones."""
    later = channel.now + timedelta(hours=1)
    store.park(LEAD, [Reason(Code.REFUSED_BY_ORG, "no")], now=channel.now, next_try=None)
    store.park(LEAD, [Reason(Code.AUTOMATION, "a flow")], now=later, next_try=later)
    (parked,) = store.parked()
    assert (parked.since, parked.tries, parked.next_try) == (channel.now, 2, later)
    assert parked.reasons == (Reason(Code.AUTOMATION, "a flow"),)
    store.unpark([LEAD])
    assert store.parked() == []


def test_a_write_inside_a_write_is_a_bug_at_once(store: Store, channel: Any) -> None:
    """It would wait for itself on SQLite, and be outside the transaction on PostgreSQL."""
    with store.batch([]), pytest.raises(Bug, match="inside another"):
        store.start_run(channel.a_run())
    assert store.start_run(channel.a_run())


def test_what_is_committed_is_told(store: Store, channel: Any) -> None:
    """Listeners hear of a write after it is safe, and not of one that failed."""
    heard: list[str] = []
    store.on_commit(heard.append)
    store.start_run(channel.a_run())
    with pytest.raises(Bug):
        store.set_steps(RunId("none"), [1], StepState.DONE)
    assert heard == ["run started"]


def test_the_newest_allowance_is_kept(store: Store) -> None:
    """Two runs that end out of order leave what was seen last."""
    assert store.allowance() is None
    for used, minutes in ((5, 1), (9, 3), (7, 2)):
        store.see_allowance(SeenAllowance(used, 15_000, START + timedelta(minutes=minutes)))
    assert store.allowance() == SeenAllowance(9, 15_000, START + timedelta(minutes=3))
