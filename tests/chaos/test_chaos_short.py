"""One history on each database; `make chaos` plays hundreds.

Seeds that once failed are kept below, so that what was mended stays so: 19, where newer slots took
the place of runs that were just being begun, and nothing ever began.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.chaos.history import play
from tests.chaos.stage import ChaosOrg, prepare

LONG = bool(os.environ.get("SFPRM_TEST_LONG"))
REGRESSIONS: tuple[tuple[str, int], ...] = (("postgresql", 19), ("sqlite", 18))


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosOrg]:
    """An embedded org of this file's own."""
    started = ChaosOrg.start(tmp_path_factory.mktemp("chaos-org"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def base(org: ChaosOrg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of every history."""
    return prepare(org, tmp_path_factory.mktemp("chaos") / "base")


@pytest.fixture
def new_database(postgres_server: str) -> Callable[[], str]:
    """Makes empty databases."""

    def make() -> str:
        name = f"c{uuid.uuid4().hex}"
        engine = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = sa.make_url(postgres_server).set(database=name)
        return url.render_as_string(hide_password=False)

    return make


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize(("kind", "seed"), REGRESSIONS if LONG else REGRESSIONS[:1])
def test_a_history_ends_well(
    org: ChaosOrg,
    base: Path,
    tmp_path: Path,
    new_database: Callable[[], str],
    kind: str,
    seed: int,
) -> None:
    """Nothing lost, nothing doubled, credits add up, every due run done once."""
    database = new_database if kind == "postgresql" else None
    blows = 6 if LONG else 3
    verdict = play(seed, org, base, tmp_path / "h", new_database=database, blows=blows)
    assert verdict.is_clean, (verdict.story, verdict.notes)
