"""Orgs of the tests' own, in memory, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from sfprm.devorg import story
from sfprm.devorg.auth import ConnectedApp
from sfprm.devorg.org import AGENT_USERNAME, Org
from sfprm.devorg.schema import load_schema
from sfprm.devorg.storage import Snapshot, Storage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _org(stack: ExitStack, state_dir: Path) -> Org:
    """An org without tables, its clock standing still."""
    storage = Storage(None)
    stack.callback(storage.close)
    org = Org(storage, load_schema(), state_dir, ConnectedApp("id", "secret", AGENT_USERNAME))
    org.clock.set(NOW)
    return org


@pytest.fixture
def new_org(tmp_path: Path) -> Iterator[Callable[[], Org]]:
    """Makes orgs that hold nothing, their clocks standing at 2026-03-02 09:30 UTC."""
    with ExitStack() as stack:

        def make() -> Org:
            org = _org(stack, tmp_path)
            org.storage.create(org.schema)
            return org

        yield make


@pytest.fixture(scope="session")
def seeded() -> Iterator[Callable[[str], Snapshot]]:
    """Snapshots of stories seeded with 7 at that instant, each made once."""
    with ExitStack() as stack:

        @cache
        def snapshot(name: str) -> Snapshot:
            org = _org(stack, Path())
            org.storage.create(org.schema)
            story.seed(org, name, 7)
            taken = org.storage.snapshot()
            stack.callback(taken.close)
            return taken

        yield snapshot


@pytest.fixture
def story_org(tmp_path: Path, seeded: Callable[[str], Snapshot]) -> Iterator[Callable[[str], Org]]:
    """Makes an org of its own in the state of a story."""
    with ExitStack() as stack:

        def make(name: str) -> Org:
            org = _org(stack, tmp_path)
            org.storage.restore(seeded(name), org.schema)
            return org

        yield make


@pytest.fixture
def empty_org(story_org: Callable[[str], Org]) -> Org:
    """The story `empty`: organization, people, queues and sites, no accounts and leads."""
    return story_org("empty")


@pytest.fixture
def demo_org(story_org: Callable[[str], Org]) -> Org:
    """The story `demo`."""
    return story_org("demo")
