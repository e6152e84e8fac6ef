"""Runs from due to done, pauses, leases and parts, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import update

from sfprm.errors import Bug
from sfprm.ids import RunId
from sfprm.store.engine import writing
from sfprm.store.records import Run, RunState
from sfprm.store.run_states import ENDINGS, RUN_MOVES, RunEvent, move
from sfprm.store.runs import MOST_ATTEMPTS
from sfprm.store.work import Lease, Part, Pause, WorkerSeen
from sfprm.store.work_tables import leases
from sfprm.store.writer import Store

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

# every legal move; what is not here must be refused
LEGAL = """
due         started                 running
due         failed                  failed
due         interrupted             interrupted
due         a newer slot is due     superseded
running     could not begin         due
running     finished                done
running     finished with failures  partly
running     failed                  failed
running     interrupted             interrupted
running     its process died        lost
lost        finished                done
lost        finished with failures  partly
lost        failed                  failed
lost        interrupted             interrupted
"""


@pytest.mark.parametrize(("state", "event"), list(product(RunState, RunEvent)))
def test_every_cell_of_the_table(state: RunState, event: RunEvent) -> None:
    """Legal moves lead where the table above says; all others are bugs."""
    table = {
        (line[:12].strip(), line[12:36].strip()): line[36:].strip()
        for line in LEGAL.strip().splitlines()
    }
    expected = table.get((state.value, event.value))
    if expected is None:
        assert (state, event) not in RUN_MOVES
        with pytest.raises(Bug, match="cannot be"):
            move(state, event)
    else:
        assert move(state, event) is RunState(expected)


def due(number: int, job: str = "route", **fields: Any) -> Run:
    """A run of the minute `number`."""
    slot = NOW + number * MINUTE
    values = {"due_at": slot, "not_before": slot, "locked": False, **fields}
    return Run(RunId(f"run-{job}-{number}"), job, RunState.DUE, "schedule", NOW, slot, **values)


def claim(store: Store, run: Run, **fields: Any) -> bool:
    """Start a due run, locked as a writer's is."""
    begun = store.work.claim(run.id, now=NOW, started_by="test", **fields)
    store.work.lock_run(run.id)
    return begun


def test_a_slot_has_one_run_whoever_names_it(store: Store) -> None:
    """Two clocks, one row; claimed once."""
    run = due(1)
    assert store.work.add_due(run)
    assert not store.work.add_due(due(1, not_before=NOW))
    assert store.work.due(NOW) == []
    assert [r.id for r in store.work.due(NOW + MINUTE)] == [run.id]
    assert claim(store, run)
    assert not claim(store, run)
    assert store.work.newest_slots() == {"route": NOW + MINUTE}


def test_a_run_that_could_not_begin_is_due_still(store: Store) -> None:
    """While it was tried nobody could supersede it."""
    store.work.add_due(due(1))
    store.work.claim(due(1).id, now=NOW, started_by="test")
    store.work.supersede([due(1).id], NOW)
    store.work.put_back(due(1).id)
    assert [r.id for r in store.work.due(NOW + MINUTE)] == [due(1).id]


def test_a_run_that_waits_for_the_lock_is_not_lost(store: Store) -> None:
    """Whoever gets the lock first takes only runs that held it for dead."""
    store.work.add_due(due(1))
    store.work.claim(due(1).id, now=NOW, started_by="test")
    assert store.lose_runs(NOW) == []
    store.work.lock_run(due(1).id)
    assert [run.id for run in store.lose_runs(NOW)] == [due(1).id]


def test_a_superseded_run_is_not_started(store: Store) -> None:
    """And says so."""
    store.work.add_due(due(1))
    store.work.supersede([due(1).id], NOW)
    assert not claim(store, due(1))
    [row] = store.work.history()
    assert row.state is RunState.SUPERSEDED
    assert store.runs() == []


def test_a_lost_runs_slot_goes_to_a_successor(store: Store) -> None:
    """Due at once, until it has taken too many lives; a person's run has none."""
    store.work.add_due(due(1))
    claim(store, due(1))
    store.start_run(Run(RunId("cli"), "route", RunState.RUNNING, "cli", NOW))
    for attempt in range(2, MOST_ATTEMPTS + 2):
        lost = store.lose_runs(NOW)
        assert {run.state for run in lost} == {RunState.LOST}
        waiting = store.work.due(NOW)
        if attempt > MOST_ATTEMPTS:
            assert waiting == []
            break
        [again] = waiting
        assert (again.attempt, again.slot, again.retry_of) == (
            attempt,
            NOW + MINUTE,
            lost[0].id if attempt > 2 else due(1).id,
        )
        assert claim(store, again)


def test_a_run_that_was_replaced_stays_lost(store: Store) -> None:
    """Though its process turns up alive and reports."""
    store.work.add_due(due(1))
    claim(store, due(1))
    store.lose_runs(NOW)
    store.finish_run(due(1).id, state=RunState.DONE, finished=NOW, counts={}, calls=0, exit_code=0)
    held = store.run(due(1).id)
    assert held is not None
    assert held.state is RunState.LOST


def test_a_failed_run_is_tried_again_later(store: Store) -> None:
    """In its slot, as the next attempt."""
    store.work.add_due(due(1))
    claim(store, due(1))
    store.finish_run(
        due(1).id, state=RunState.FAILED, finished=NOW, counts={}, calls=3, exit_code=1
    )
    again = store.work.retry(due(1).id, NOW, NOW + MINUTE)
    assert again is not None
    assert (again.attempt, again.slot) == (2, NOW + MINUTE)
    assert store.work.due(NOW) == []
    assert [r.id for r in store.work.due(NOW + MINUTE)] == [again.id]
    assert store.work.last_done() == {}
    assert store.work.last_ended()["route"].id == due(1).id


def test_pauses(store: Store) -> None:
    """Set once, lifted once."""
    store.work.pause(Pause("route", NOW, "ana", "audit"))
    store.work.pause(Pause("route", NOW + MINUTE, "rui"))
    assert store.work.pauses() == {"route": Pause("route", NOW, "ana", "audit")}
    assert store.work.resume("route")
    assert not store.work.resume("route")


def seen(name: str) -> WorkerSeen:
    """A worker."""
    return WorkerSeen(name, "worker", "north", 7, NOW, datetime.now(UTC), "")


def lease(store: Store, worker: str, seconds: float = 60.0) -> Any:
    """Try to hold the name `leads`."""
    return store.work.take_lease(
        "leads", worker=worker, run="r", words=f"by {worker}", seconds=seconds,
        now=datetime.now(UTC),
    )  # fmt: skip


def test_a_lease_is_held_by_one_and_its_fence_grows(store: Store) -> None:
    """The next is told who has it; when it lapsed or was let go, it has another fence."""
    first = lease(store, "one")
    assert first.fence == 1
    refused = lease(store, "two")
    assert refused.fence == 0
    assert refused.holder.startswith("by one, since ")
    store.work.drop_lease(first)
    assert lease(store, "two", seconds=0.0).fence == 2
    assert lease(store, "one").fence == 3
    store.work.drop_lease(first)  # too late: it is another's by now, or the same worker's anew
    assert lease(store, "two").fence == 0


def test_a_beat_keeps_what_lives_and_revives_nothing(store: Store) -> None:
    """Leases, runs and parts of the worker alone."""
    work = store.work
    lease(store, "one", seconds=0.5)
    work.add_due(due(1))
    claim(store, due(1), worker="one", seconds=0.0)
    work.beat(seen("one"), 60.0, {"leads"})
    assert lease(store, "two").fence == 0
    work.beat(seen("one"), -1.0, {"leads"})
    assert lease(store, "two").fence == 2
    work.beat(seen("one"), 60.0, {"leads"})
    assert [name for name, _, _ in work.leases()] == ["leads"]
    assert [w.id for w in work.workers()] == ["one"]
    work.leave("one")
    assert work.workers() == []


def test_a_beat_keeps_only_what_is_in_hand(store: Store) -> None:
    """A run and a lock that could not be given back while the database was away are not kept for
    ever by the heartbeat of the process that had them: only those named are touched."""
    work = store.work
    lease(store, "one", seconds=60.0)
    work.add_due(due(1))
    claim(store, due(1), worker="one", seconds=60.0)
    work.beat(seen("one"), -1.0, {"another"})
    assert lease(store, "two").fence == 0
    if work.shared:
        assert work.lose_lapsed() == []
    work.beat(seen("one"), -1.0, {due(1).id, "leads"})
    assert lease(store, "two").fence == 2
    if work.shared:
        assert [run.id for run in work.lose_lapsed()] == [due(1).id]


def test_a_part_is_done_once(store: Store) -> None:
    """Taken up by the next when its worker is silent; the first one's result is then refused."""
    work = store.work
    run = RunId("r")
    work.add_parts([Part(f"r.{n}", run, n, "carry", {"n": n}) for n in range(2)])
    first = work.take_part(run, worker="one", seconds=-1.0)
    assert first is not None
    assert first.content == {"n": 0}
    second = work.take_part(run, worker="two", seconds=60.0)
    assert second is not None
    assert (second.id, second.fence) == ("r.0", 2)
    assert not work.finish_part(first, state="done", result=1)
    assert work.finish_part(second, state="done", result=2)
    third = work.take_part(run, worker="one", seconds=60.0)
    assert third is not None
    assert third.id == "r.1"
    assert work.take_part(run, worker="two", seconds=60.0) is None
    assert work.parts_by_state(run) == {"done": 1, "running": 1}
    assert [p.result for p in work.parts_of(run)] == [2, None]
    work.forget_parts(run)
    assert work.parts_of(run) == []


def test_a_part_waits_for_those_before_it(store: Store) -> None:
    """The first that may begin is taken, in order of number; a failed one is waited for in vain."""
    work = store.work
    run = RunId("r")
    waits = {0: (), 1: (0,), 2: (), 3: (1, 2)}
    work.add_parts([Part(f"r.{n}", run, n, "carry", {}, after=a) for n, a in waits.items()])

    def take() -> Part | None:
        return work.take_part(run, worker="one", seconds=60.0)

    first, third = take(), take()
    assert first is not None
    assert third is not None
    assert (first.number, third.number) == (0, 2)
    assert take() is None
    work.finish_part(first, state="done", result={"users": 40})
    second = take()
    assert second is not None
    assert (second.number, second.after, second.before) == (1, (0,), ({"users": 40},))
    work.finish_part(third, state="done", result=None)
    work.finish_part(second, state="failed", result=None, message="refused")
    assert take() is None


def test_parts_wait_for_those_that_were_stored_before(store: Store) -> None:
    """A later handing out: what is done already is not waited for, the rest is, each once."""
    work = store.work
    run = RunId("r")

    def add(waits: dict[int, tuple[int, ...]]) -> None:
        work.add_parts([Part(f"r.{n}", run, n, "carry", {}, after=a) for n, a in waits.items()])

    def take() -> Part | None:
        return work.take_part(run, worker="one", seconds=60.0)

    add({0: (), 1: (), 2: (1,)})
    first, second = take(), take()
    assert first is not None
    assert second is not None
    work.finish_part(first, state="done", result="first")
    add({3: (0, 1), 4: (3,), 5: (0,)})
    fifth = take()
    assert fifth is not None
    assert (fifth.number, fifth.before) == (5, ("first",))
    assert take() is None
    work.finish_part(second, state="done", result="second")
    found = [take(), take()]
    assert [part.number for part in found if part] == [2, 3]
    assert found[1] is not None
    assert found[1].before == ("first", "second")
    assert take() is None
    work.finish_part(found[1], state="done", result=None)
    last = take()
    assert last is not None
    assert last.number == 4


def test_parts_of_dead_runs_are_forgotten(store: Store) -> None:
    """Only those of runs under way are kept."""
    work = store.work
    work.add_due(due(1))
    claim(store, due(1), worker="one", seconds=60.0)
    for run in (due(1).id, RunId("gone")):
        work.add_parts([Part(f"{run}.0", run, 0, "carry", {})])
    work.forget_orphans()
    assert len(work.parts_of(due(1).id)) == 1
    assert work.parts_of(RunId("gone")) == []


def test_leases_stand_until_they_are_anothers(store: Store) -> None:
    """All of them, and with the number they were taken with."""
    mine = lease(store, "one", seconds=60.0)
    assert store.work.stands([mine])
    assert not store.work.stands([mine, Lease("other", 1)])
    store.work.drop_lease(mine)
    assert not store.work.stands([mine])
    lease(store, "two", seconds=60.0)
    assert not store.work.stands([mine])


def test_calls_are_counted_under_the_lease_they_were_made_behind(store: Store) -> None:
    """Nobody's once another has taken it."""
    held = [
        store.work.take_lease(name, worker="w1", run="r1", words="", seconds=9, now=NOW)
        for name in ("leads", "accounts")
    ]
    assert store.work.calls_under(held) == 0
    with writing(store.engine) as connection:
        connection.execute(update(leases).values(calls=7))
    assert store.work.calls_under(held) == 7
    store.work.drop_lease(held[0])
    again = store.work.take_lease("leads", worker="w2", run="r2", words="", seconds=9, now=NOW)
    assert (store.work.calls_under([again]), store.work.calls_under(held[:1])) == (0, 0)


def test_every_ending_is_in_the_table() -> None:
    """A run may end in each state that has an event for it."""
    assert {RUN_MOVES[RunState.RUNNING, event] for event in ENDINGS.values()} == set(ENDINGS)
