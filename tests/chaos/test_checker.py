"""The checker of histories notices what it is there to notice; drawing and counting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sfprm.ids import RecordId, RunId
from sfprm.store.records import JournalEntry, Run, RunState, WriteState
from tests.chaos.blows import drawn
from tests.chaos.checker import COUNTED, Seen, judge
from tests.chaos.tally import Tally

T = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEAD, OTHER = RecordId("00Q000000000001"), RecordId("00Q000000000002")
INTAKE, ANNA, BERT = (
    RecordId("00G000000000001"), RecordId("005000000000001"), RecordId("005000000000002"),
)  # fmt: skip


def entry(sequence: int, owner: RecordId | None, **more: object) -> JournalEntry:
    """A decision about LEAD."""
    made = JournalEntry(
        sequence=sequence, stream="live", kind="route", chain="rules", run=RunId("r"), lead=LEAD,
        offer=1, decided_at=T, outcome="user", owner_seen=INTAKE, owner_new=owner, owner_name="",
        state=WriteState.CONFIRMED, rule=None, trials=(), pool=None, choices=(), facts={}, label="",
        intake="", programme="", algorithm=1, reasons=(), next_try=None, hash="",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def beat(seconds: int, state: RunState = RunState.DONE, **more: object) -> Run:
    """A run of `beat`, due so long after T."""
    at = T + timedelta(seconds=seconds)
    made = Run(RunId(f"b{seconds}"), "beat", state, "daemon", at, slot=at, due_at=at)
    return replace(made, **more)  # type: ignore[arg-type]


WELL = Seen(
    leads={LEAD: BERT, OTHER: INTAKE},
    changes=[(LEAD, ANNA), (LEAD, BERT)],
    waiting=[],
    parked=frozenset({OTHER}),
    entries=[entry(1, ANNA), entry(2, BERT)],
    unsound=[],
    keys={"User.ContactId": ["003A", "003B"]},
    mails=[("a@example.com", "s", "b"), ("a@example.com", "s", "c")],
    runs=[
        beat(0),
        beat(2, RunState.LOST),
        beat(2, id=RunId("again"), retry_of=RunId("b2")),
        beat(4),
        beat(6, RunState.DUE),
    ],
    calm=T + timedelta(seconds=5),
)


def without_beat(seconds: int) -> Callable[[Seen], Seen]:
    """A slot has no run."""
    at = T + timedelta(seconds=seconds)
    return lambda seen: replace(seen, runs=[r for r in seen.runs if r.due_at != at])


WRONG: tuple[tuple[str, str, Callable[[Seen], Seen]], ...] = (
    ("lost", "waits", lambda s: replace(s, waiting=[LEAD])),
    ("lost", "by no decision", lambda s: replace(s, parked=frozenset())),
    (
        "lost",
        "never carried out",
        lambda s: replace(s, entries=[*s.entries, entry(3, ANNA, state=WriteState.DECIDED)]),
    ),
    ("doubled", "is with", lambda s: replace(s, leads={**s.leads, LEAD: ANNA})),
    ("doubled", "went to", lambda s: replace(s, changes=[*s.changes, (LEAD, ANNA)])),
    ("doubled", "went to", lambda s: replace(s, changes=[*s.changes, (OTHER, ANNA)])),
    ("doubled", "went to", lambda s: replace(s, changes=s.changes[::-1])),
    ("credit_errors", "pool", lambda s: replace(s, unsound=["pool south does not add up"])),
    ("duplicate_users", "2 of", lambda s: replace(s, keys={"User.ContactId": ["003A", "003A"]})),
    ("duplicate_mails", "2 times", lambda s: replace(s, mails=[s.mails[0], s.mails[0]])),
    ("missed_runs", "was not done", without_beat(4)),
    (
        "missed_runs",
        "done 2 times",
        lambda s: replace(s, runs=[*s.runs, beat(4, id=RunId("twice"))]),
    ),
    (
        "missed_runs",
        "never ended",
        lambda s: replace(s, runs=[*s.runs, beat(8, RunState.RUNNING)]),
    ),
    ("missed_runs", "nobody went on", lambda s: replace(s, runs=[*s.runs, beat(8, RunState.LOST)])),
    (
        "missed_runs",
        "never begun",
        lambda s: replace(s, runs=[*s.runs, beat(2, RunState.DUE, job="route")]),
    ),
)


def test_what_is_well_is_clean() -> None:
    """No false alarm: a re-offered lead, a parked one, a run taken over, one due after the end."""
    assert judge(WELL).notes == []


@pytest.mark.parametrize(("counter", "words", "spoil"), WRONG)
def test_each_wrong_is_counted(counter: str, words: str, spoil: Callable[[Seen], Seen]) -> None:
    """Under its own name, and told."""
    verdict = judge(spoil(WELL))
    assert getattr(verdict, counter) >= 1
    assert any(words in note for note in verdict.notes)
    assert not verdict.is_clean


def test_a_seed_draws_one_history() -> None:
    """The same each time; every kind of blow comes, and stops longer than the take-over time."""
    assert drawn(7, shared=True) == drawn(7, shared=True)
    plans = [drawn(seed, shared=seed % 2 == 0) for seed in range(200)]
    kinds = {blow.kind for plan in plans for blow in plan.blows}
    assert len(kinds) == 11
    longest = max(b.seconds for p in plans for b in p.blows if b.kind == "stop" and p.shared)
    assert longest > 3.0


def test_a_count_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Rows are read again; counts are summed over all of them."""
    path = tmp_path / "results.jsonl"
    row = {"database": "sqlite", "version": "v", "unclean_ends": 0, **dict.fromkeys(COUNTED, 0)}
    Tally(path).add({**row, "seed": 1})
    Tally(path).add({**row, "seed": 3, "lost": 2})
    tally = Tally(path)
    assert tally.has("sqlite", 1)
    assert not tally.has("postgresql", 1)
    assert tally.bad() == ["sqlite:3"]
    assert tally.summary() == {"histories": 2, **dict.fromkeys(COUNTED, 0), "lost": 2}
