"""One history on each database; `make chaos` plays hundreds.

Histories that once failed are kept below as what befell them, so that what was mended stays so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.blows import JOBS, MORE_JOBS, Blow, Plan, drawn
from tests.chaos.history import play
from tests.chaos.stage import Base, ChaosOrg, Postgres, prepare
from tests.program_nursery import Nursery

LONG = bool(os.environ.get("SFPRM_TEST_LONG"))
SHORT = (drawn(11, shared=False, blows=3), drawn(4, shared=True, blows=3))
REGRESSIONS = (
    # newer slots took the place of runs that were just being begun, and nothing ever began
    Plan(
        19, True, False, {**JOBS, "recall": MORE_JOBS["recall"]},
        [Blow("cut"), Blow("cut"), Blow("kill", who=0), Blow("cut"), Blow("leads", count=8)],
    ),
    # runs that could not be given back while the database was away were kept for ever by the
    # heartbeat of the process that had had them
    Plan(
        12, True, False, {**JOBS, "recall": MORE_JOBS["recall"], "report": MORE_JOBS["report"]},
        [Blow("away", seconds=0.95), Blow("leads", count=2), Blow("away", seconds=0.95)],
    ),
    # a signal in the middle of a line of the log waited for that line for ever
    drawn(167, shared=False),
    # a hint whose connection was cut as it was signed off held up all later runs of its job
    drawn(260, shared=True),
)  # fmt: skip


QUIET = [Blow("leads", 1.0, count=12), Blow("person", 4.0)]
PLANTED = {
    # leads of one lead in eight are not seen
    "lost": """
import sfprm.distribution.route as room
real = room.read_leads
room.read_leads = lambda *a: (lead for lead in real(*a) if ord(lead.id[14]) % 4)
""",
    # each lead goes to somebody else first
    "doubled": """
import sfprm.distribution.writing as room
real = room.update
def update(session, name, rows, **more):
    real(session, name, [{**row, "OwnerId": session.identity.user_id} for row in rows], **more)
    return real(session, name, rows, **more)
room.update = update
""",
    # the winner is not charged the whole
    "credit_errors": """
from dataclasses import replace
import sfprm.store.ledgers as room
real = room.write
def write(connection, ledger):
    credits = {member: credit + 1 for member, credit in ledger.credits.items()}
    real(connection, replace(ledger, credits=credits))
room.write = write
""",
    "duplicate_mails": """
import sfprm.distribution.notify as room
real = room.send_email
room.send_email = lambda *a: [real(*a), real(*a)]
""",
    # every other slot is forgotten
    "missed_runs": """
import sfprm.daemon.planner as room
real = room.newest
room.newest = lambda *a: [at for at in real(*a) if at.second % 4]
""",
}
"""Faults in the program itself, that the checker must count. A second user of a contact, or a
second record of a key, is refused by the org: that counter is shown in `test_checker.py` alone."""


@pytest.fixture(scope="module")
def base(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """The beginning of every history, on an embedded org of this file's own."""
    folder = tmp_path_factory.mktemp("chaos")
    org = ChaosOrg.start(folder / "org")
    yield prepare(org, nursery, folder / "base")
    org.close()


@pytest.fixture(scope="module")
def postgres(postgres_server: str) -> Postgres:
    """A server whose databases may be cut off."""
    return Postgres(postgres_server)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize(
    "plan",
    (*SHORT, *REGRESSIONS) if LONG else SHORT,
    ids=lambda plan: f"{'postgresql' if plan.shared else 'sqlite'}-{plan.seed}",
)
def test_a_history_ends_well(base: Base, tmp_path: Path, postgres: Postgres, plan: Plan) -> None:
    """Nothing lost, nothing doubled, credits add up, every due run done once."""
    verdict = play(plan, base, tmp_path / "h", postgres if plan.shared else None)
    assert verdict.is_clean, ([str(blow) for blow in plan.blows], verdict.notes)


@pytest.mark.slow
@pytest.mark.skipif(not LONG, reason="SFPRM_TEST_LONG=1")
@pytest.mark.parametrize("counter", PLANTED)
def test_a_fault_of_the_program_is_counted(base: Base, tmp_path: Path, counter: str) -> None:
    """A quiet history with a program that does one thing wrong."""
    plan = Plan(1, False, False, {**JOBS, "recall": MORE_JOBS["recall"]}, QUIET)
    planted = f"{PLANTED[counter]}\nfrom sfprm.cli.main import main\nmain()\n"
    verdict = play(plan, base, tmp_path / "h", planted=planted, patience=12.0)
    assert getattr(verdict, counter) > 0, verdict.notes
