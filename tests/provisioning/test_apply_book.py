"""The journal of an apply: told ahead of what is sent, and whole at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sfprm.clock import FakeClock
from sfprm.events import NoProgress
from sfprm.ids import RecordId, RunId
from sfprm.provisioning.apply_book import Book
from sfprm.provisioning.sending import Sent
from sfprm.provisioning.steps import CreateAccount, PlannedStep
from sfprm.salesforce.collections import RowError, RowOutcome
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState, StepState
from sfprm.store.writer import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RUN = RunId("apply-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A state with one run."""
    with open_store(f"sqlite:///{tmp_path}/state.db") as opened:
        opened.start_run(Run(RUN, "apply", RunState.RUNNING, "test", NOW))
        yield opened


def accounts(many: int) -> list[PlannedStep]:
    """Steps that make accounts."""
    return [
        CreateAccount(
            key=f"p{n}",
            label=f"Partner {n}",
            owner=f"p{n}",
            ref=f"account:p{n}",
            after={"Name": f"Partner {n}"},
            remember={"Name": f"Partner {n}"},
        )
        for n in range(many)
    ]


def book_of(store: Store, steps: list[PlannedStep], first: int = 1) -> Book:
    """The book of a run of these."""
    clock = FakeClock(NOW)
    return Book(store, steps, run=RUN, clock=clock, progress=NoProgress(), first=first)


def states(store: Store) -> Counter[StepState]:
    """How many steps are in each state."""
    return Counter(step.state for step in store.steps(RUN))


def answer(part: list[PlannedStep]) -> Sent:
    """All made, but the first of them."""
    refused = RowOutcome(0, None, False, errors=(RowError("REQUIRED_FIELD_MISSING", "no name"),))
    made = [
        RowOutcome(n, RecordId(f"001dV{n:010d}"), True, created=True) for n in range(1, len(part))
    ]
    return Sent((refused, *made), tuple(dict(step.after) for step in part))


def test_what_is_sent_is_journalled_before_and_the_rest_comes_after(store: Store) -> None:
    """Steps are in the journal when they are sent, some more after that, all at the end."""
    steps = accounts(1500)
    book = book_of(store, steps, first=11)
    book.sent(steps[:200])
    assert states(store) == {StepState.SENT: 200}
    book.write_down(steps[200:400])
    found = states(store)
    assert found[StepState.SENT] == 400
    assert 0 < found[StepState.PLANNED] < 1100
    book.close()
    assert states(store) == {StepState.SENT: 400, StepState.PLANNED: 1100}
    told = store.steps(RUN)
    assert [(s.number, s.key) for s in told] == [(n + 11, f"p{n}") for n in range(1500)]
    assert all(s.after == {"Name": f"Partner {n}"} for n, s in enumerate(told))


def test_outcomes_are_written_down_with_the_next_chunk(store: Store) -> None:
    """Done and failed, in one transaction with the start of the next; each once."""
    steps = accounts(400)
    book = book_of(store, steps)
    book.sent(steps[:200])
    book.settle(steps[:200], answer(steps[:200]))
    assert states(store)[StepState.DONE] == 0
    assert book.ids["account:p7"] == RecordId("001dV0000000007")
    commits: list[str] = []
    store.on_commit(commits.append)
    book.write_down(steps[200:])
    assert commits == ["steps settled"]
    assert states(store) == {StepState.DONE: 199, StepState.FAILED: 1, StepState.SENT: 200}
    assert ("Account", "p0") not in store.applied()
    assert store.applied()["Account", "p7"] == {"Name": "Partner 7"}
    book.write_down()
    book.close()
    assert commits == ["steps settled"]


def test_a_step_far_ahead_may_be_left_out_first(store: Store) -> None:
    """What it is left out for is told, and all steps before it are in the journal."""
    steps = accounts(900)
    book = book_of(store, steps)
    book.skip([(steps[800], "its partner is blocked")])
    found = states(store)
    assert found[StepState.SKIPPED] == 1
    assert found[StepState.PLANNED] >= 800
    book.close()
    assert states(store) == {StepState.SKIPPED: 1, StepState.PLANNED: 899}
