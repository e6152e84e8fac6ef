"""What a run stands on, on PostgreSQL: who waits for a transaction behind it, and who does not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest

from sfprm.clock import SystemClock
from sfprm.errors import Replaced
from sfprm.jobs.presence import Fence, Presence
from sfprm.store.database import open_store
from sfprm.store.engine import writing
from tests.conftest import database

pytestmark = pytest.mark.postgres

NAME = "leads of 00D"
PATIENCE = 20.0


@pytest.fixture
def url(postgres_server: str, postgres_like: str) -> Iterator[str]:
    """A database with its tables."""
    with database(postgres_server, postgres_like) as made:
        yield made


def test_only_whoever_takes_over_waits_for_a_transaction(url: str) -> None:
    """While one thread journals behind the run's fence, its other threads and its helpers go on
    calling the org, and its heart goes on beating; another that takes the lease gets it only when
    the transaction is over, and then nothing passes any more."""
    store = open_store(url)
    other = open_store(url)
    now = datetime.now(UTC)
    with (
        ThreadPoolExecutor(3) as hands,
        Presence(store.work, SystemClock(), kind="worker", take_over=60) as presence,
        presence.keeping(NAME),
    ):
        held = store.work.take_lease(
            NAME, worker=presence.id, run="R", words="route", seconds=30, now=now
        )
        fence = Fence(presence, store.engine, (held,))
        with writing(store.engine) as connection:
            fence.in_transaction(connection, False)
            assert hands.submit(fence.before_call).result(PATIENCE) == 1
            assert hands.submit(fence.before_call).result(PATIENCE) == 2
            hands.submit(presence.beat).result(PATIENCE)
            hands.submit(store.work.abandon, presence.id).result(PATIENCE)
            taking = hands.submit(
                other.work.take_lease,
                NAME, worker="another", run="S", words="route", seconds=30, now=now,
            )  # fmt: skip
            assert not wait([taking], 0.3).done
        assert taking.result(PATIENCE).fence == held.fence + 1
        with pytest.raises(Replaced, match="taken over"):
            fence.before_call()
    store.close()
    other.close()
