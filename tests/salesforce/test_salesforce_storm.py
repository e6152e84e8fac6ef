"""A storm of faults over real sockets: each record exactly once, at few extra calls."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import SystemClock
from sfprm.salesforce.collections import create, upsert
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, like
from sfprm.settings import load_settings

KINDS = ("expired-session", "503", "lock", "drop-before", "drop-after")
WRITES = 240
EVERY = 20
"""One request in so many is hit: 5 %."""


class HastyClock(SystemClock):
    """Real time, but waits are a hundred times shorter."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 100)


@pytest.fixture
def stormy(devorg: Any, tmp_path: Path) -> Iterator[Session]:
    """A session on the embedded org; faults of every kind wait for its writes."""
    with open_session(load_settings(devorg.env(tmp_path)), HastyClock()) as session:
        _ = session.identity
        yield session
    devorg.control("DELETE", "faults")


def test_upserts_in_a_storm_are_done_exactly_once(devorg: Any, stormy: Session) -> None:
    """Four threads, one request in twenty hit: every account is there once, with its last value,
    for at most two extra calls a fault (logins, shared by the threads, apart)."""
    create(stormy, "Account", [{"Name": f"Storm {n:03}"} for n in range(WRITES)])
    ids = {
        row["Name"]: row["Id"]
        for row in select_all(stormy, Query(("Id", "Name"), "Account", (like("Name", "Storm %"),)))
    }
    chance = random.Random(5)
    faults = WRITES // EVERY
    for number in range(faults):
        fault = {
            "path": "/composite/sobjects/Account",
            "method": "PATCH",
            "kind": KINDS[number % len(KINDS)],
            "times": 1,
            "after": number * EVERY + chance.randrange(EVERY),
        }
        devorg.control("POST", "faults", fault)
    mark = stormy.calls.snapshot()

    def write(name: str) -> bool:
        row = {"Id": ids[name], "Phone": name[-3:]}
        return upsert(stormy, "Account", "Id", [row])[0].success

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, sorted(ids)))
    spent = stormy.calls.since(mark)
    assert not [f for f in devorg.control("GET", "faults") if f["times"]]
    assert WRITES < spent.total <= WRITES + 2 * faults
    query = Query(("Name", "Phone"), "Account", (like("Name", "Storm %"),))
    assert {row["Name"]: row["Phone"] for row in select_all(stormy, query)} == {
        name: name[-3:] for name in ids
    }
    assert count(stormy, query) == WRITES
