"""Hints of due runs, over a real PostgreSQL: one that cannot be signed off holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest
import sqlalchemy as sa

from sfprm.errors import TryLater
from sfprm.jobs.queue import Queue, serve
from sfprm.store.engine_tables import SCHEMA
from tests.conftest import database

pytestmark = pytest.mark.postgres

SOON_S = 30
WAITING = sa.text(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'"
)


@pytest.fixture
def shared_url(postgres_server: str, postgres_like: str) -> Iterator[str]:
    """A state in PostgreSQL, otherwise empty."""
    with database(postgres_server, postgres_like) as url:
        yield url


@contextmanager
def cut_when_signing_off(url: str) -> Iterator[None]:
    """From here on until the end of the test: the first connection that would sign a hint off is
    cut in the middle of it. All others live."""
    engine = sa.create_engine(url)
    over = Event()

    def hold(held: Event) -> None:
        with engine.connect() as holder, engine.connect() as looker:
            holder.execute(sa.text(f"SELECT id FROM {SCHEMA}.procrastinate_jobs FOR UPDATE"))
            held.set()
            waiting = None
            while waiting is None and not over.wait(0.02):
                waiting = looker.execute(WAITING).scalar()
                looker.rollback()
            if waiting is not None:
                looker.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": waiting})
            holder.rollback()

    held = Event()
    thread = Thread(target=hold, args=(held,))
    thread.start()
    assert held.wait(SOON_S)
    try:
        yield
    finally:
        over.set()
        thread.join()
        engine.dispose()


def test_a_hint_that_was_acted_on_while_connections_were_cut_lets_the_next_pass(
    shared_url: str,
) -> None:
    """The worker lives on and its heart beats, so nobody else takes the hint from it; it signs the
    hint off itself, and the next run of the job is heard of."""
    heard: list[str] = []

    async def listen() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def run(_org: str, name: str, _job: str) -> None:
            heard.append(name)
            if name == "first":
                queue.run_is_due("org", "second", "beat")
                held.enter_context(cut_when_signing_off(shared_url))
            else:
                loop.call_soon_threadsafe(stop.set)

        while not stop.is_set():
            try:
                await serve(
                    shared_url,
                    run=run,
                    help_=lambda _invitation: None,
                    name="worker",
                    beat=0.2,
                    silence=1.0,
                    stop=stop,
                )
            except TryLater:
                continue  # as a worker does

    queue = Queue(shared_url)
    queue.run_is_due("org", "first", "beat")
    with ExitStack() as held:
        held.callback(queue.close)
        asyncio.run(asyncio.wait_for(listen(), SOON_S))
    assert heard == ["first", "second"]
