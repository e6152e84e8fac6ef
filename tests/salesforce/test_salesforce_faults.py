"""The retry table over real sockets: each fault of the embedded org, met by a read, an update and a
create."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import OutcomeUnknown, TryLater
from sfprm.salesforce.collections import create, update
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, eq
from sfprm.settings import load_settings

AGAIN, UNKNOWN, RAISED, ONCE = "again", "unknown", "raised", "once"
# fault: what a read and an update do, what a create does, and how many records that leaves
TABLE: dict[str, tuple[str, str, int]] = {
    "expired-session": (AGAIN, AGAIN, 1),
    "503": (AGAIN, UNKNOWN, 0),
    "html-503": (AGAIN, UNKNOWN, 0),
    "lock": (AGAIN, AGAIN, 1),
    "group-lock": (AGAIN, AGAIN, 1),
    "concurrent": (AGAIN, AGAIN, 1),
    "query-timeout": (AGAIN, UNKNOWN, 0),
    "exhausted": (RAISED, RAISED, 0),
    "slow": (ONCE, ONCE, 1),
    "drop-before": (AGAIN, UNKNOWN, 0),
    "drop-after": (AGAIN, UNKNOWN, 1),
    "truncated": (AGAIN, UNKNOWN, 1),
    "half": (AGAIN, UNKNOWN, 1),
    "wrong-content-type": (AGAIN, UNKNOWN, 1),
}


@pytest.fixture(scope="module")
def ready(devorg_process: Any) -> Any:
    """The embedded org, at the start of the story."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("demo")
    return devorg_process


@pytest.fixture(scope="module")
def logged_in(ready: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session that waits by a clock of its own."""
    settings = load_settings(ready.env(tmp_path_factory.mktemp("state")))
    with open_session(settings, FakeClock(datetime.now(UTC))) as session:
        _ = session.api_version
        yield session


@pytest.fixture
def live(ready: Any, logged_in: Session) -> Iterator[Session]:
    """The session, at the beginning of a run."""
    logged_in.calls.begin_run()
    yield logged_in
    ready.control("DELETE", "faults")


def leads(session: Session, company: str) -> list[Any]:
    return select_all(session, Query(("Id", "Rating"), "Lead", (eq("Company", company),)))


def hit(org: Any, kind: str, method: str, path: str) -> None:
    fault = {"path": path, "method": method, "kind": kind, "times": 1, "seconds": 0.01}
    org.control("POST", "faults", fault)


def outcome(session: Session, kind: str, work: Any) -> str:
    """Of the table's words, by the calls made and by what was raised."""
    mark = session.calls.snapshot()
    try:
        work()
    except OutcomeUnknown:
        assert session.calls.since(mark).total == 1
        return UNKNOWN
    except TryLater:
        assert session.calls.since(mark).total == 1
        return RAISED
    done = session.calls.since(mark)
    assert done.by_kind.get("login", 0) == (1 if kind == "expired-session" else 0)
    return {1: ONCE, 2: AGAIN}[done.total]


@pytest.mark.parametrize("kind", TABLE)
def test_a_read(ready: Any, live: Session, kind: str) -> None:
    """Again, once; but not when the day's calls are used up."""
    hit(ready, kind, "GET", "/query")
    asked = Query(("Id",), "Organization")
    assert outcome(live, kind, lambda: select_all(live, asked)) == TABLE[kind][0]


@pytest.mark.parametrize("kind", TABLE)
def test_an_update(ready: Any, live: Session, kind: str) -> None:
    """Likewise: its values are absolute. The record is as asked afterwards."""
    [made] = create(live, "Lead", [{"LastName": "x", "Company": f"Update {kind}"}])
    hit(ready, kind, "PATCH", "composite/sobjects")
    rows = [{"Id": made.id, "Rating": "Hot"}]
    said = outcome(live, kind, lambda: update(live, "Lead", rows))
    assert said == TABLE[kind][0]
    [row] = leads(live, f"Update {kind}")
    assert row["Rating"] == (None if said == RAISED else "Hot")


@pytest.mark.parametrize("kind", TABLE)
def test_a_create(ready: Any, live: Session, kind: str) -> None:
    """Again only when the org said that nothing was done; never twice in the org."""
    hit(ready, kind, "POST", "composite/sobjects")
    rows = [{"LastName": "x", "Company": f"Create {kind}"}]
    assert outcome(live, kind, lambda: create(live, "Lead", rows)) == TABLE[kind][1]
    assert len(leads(live, f"Create {kind}")) == TABLE[kind][2]
