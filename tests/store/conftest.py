"""A store on each database, and plain values to put into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sfprm.store.database import open_store
from sfprm.store.writer import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty, open store."""
    with open_store(store_url) as opened:
        yield opened
