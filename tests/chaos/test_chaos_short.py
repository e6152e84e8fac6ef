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
)  # fmt: skip


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
