"""Orgs of the tests' own, in memory, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sfprm.devorg import story
from sfprm.devorg.auth import ConnectedApp
from sfprm.devorg.org import AGENT_USERNAME, Org
from sfprm.devorg.schema import load_schema
from sfprm.devorg.storage import Storage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def new_org(tmp_path: Path) -> Iterator[Callable[[], Org]]:
    """Makes orgs that hold nothing, their clocks standing at 2026-03-02 09:30 UTC."""
    with ExitStack() as stack:

        def make() -> Org:
            storage, schema = Storage(None), load_schema()
            stack.callback(storage.close)
            storage.create(schema)
            org = Org(storage, schema, tmp_path, ConnectedApp("id", "secret", AGENT_USERNAME))
            org.clock.set(NOW)
            return org

        yield make


@pytest.fixture
def empty_org(new_org: Callable[[], Org]) -> Org:
    """The story `empty`: organization, people, queues and sites, no accounts and leads."""
    org = new_org()
    story.seed(org, "empty", 7)
    return org


@pytest.fixture
def demo_org(new_org: Callable[[], Org]) -> Org:
    """The story `demo`."""
    org = new_org()
    story.seed(org, "demo", 7)
    return org
