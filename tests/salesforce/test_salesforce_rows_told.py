"""Rows written are counted for whoever listens, refused ones logged, whichever way they went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from sfprm.clock import FakeClock, SystemClock
from sfprm.salesforce.bulk import ingest
from sfprm.salesforce.calls import CallDone, log_call
from sfprm.salesforce.collections import create, delete, update
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.write import write
from sfprm.settings import load_settings

GONE = "00Q00000000"
"""How ids of leads begin that the org does not have."""
Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _every_level() -> None:
    """Whatever level an earlier test of the command line has set, all is heard."""
    structlog.reset_defaults()


def by_collections(session: Session, rows: Rows) -> None:
    """Up to 200 in a call."""
    update(session, "Lead", rows)


def by_composite(session: Session, rows: Rows) -> None:
    """More than 200: five such calls in one."""
    write(session, "Lead", rows, operation="update", key="Id")


def by_bulk(session: Session, rows: Rows) -> None:
    """A job."""
    ingest(session, "Lead", "update", rows, key="Id")


def test_every_way_tells_of_its_rows(devorg: Any, tmp_path: Path) -> None:
    """Done and refused, by object and operation; a refused row with its record's id and the code,
    and nothing of what it held."""
    settings = load_settings(devorg.env(tmp_path))
    with open_session(settings, FakeClock(SystemClock().now())) as session:
        counted: Counter[tuple[str, str, str]] = Counter()

        def tell(object_: str, operation: str, done: int, refused: int) -> None:
            counted.update({(object_, operation, "done"): done})
            counted.update({(object_, operation, "refused"): refused})

        session.on_rows = tell
        made = create(
            session, "Lead", [{"LastName": "Reis", "Company": "R"}] * 2 + [{"Title": "x"}]
        )
        assert counted == {("Lead", "create", "done"): 2, ("Lead", "create", "refused"): 1}
        ids = [str(one.id) for one in made if one.success]
        ways: list[tuple[Callable[[Session, Rows], None], int]] = [
            (by_collections, 2),
            (by_composite, 204),
            (by_bulk, 2),
        ]
        for way, count in ways:
            counted.clear()
            rows = [{"Id": id_, "Title": "a secret"} for id_ in (ids * count)[:2]]
            rows += [{"Id": f"{GONE}{n:04d}", "Title": "x"} for n in range(count - 1)]
            with structlog.testing.capture_logs() as logged:
                way(session, rows)
            assert counted == {
                ("Lead", "update", "done"): 2,
                ("Lead", "update", "refused"): count - 1,
            }, way.__name__
            told = [event for event in logged if event["event"] == "row.refused"]
            assert len(told) == count - 1
            assert told[0]["record"].startswith(GONE)
            assert told[0]["code"]
            assert "secret" not in str(logged)
        counted.clear()
        delete(session, ids)
        assert counted == {("", "delete", "done"): 2, ("", "delete", "refused"): 0}


@pytest.mark.parametrize(
    ("status", "event", "level"),
    [(200, "call.done", "debug"), (304, "call.done", "debug"), (0, "call.failed", "info"),
     (400, "call.failed", "info"), (503, "call.failed", "info")],
)  # fmt: skip
def test_calls_that_fail_are_logged_by_default(status: int, event: str, level: str) -> None:
    """With the id that Salesforce can be asked about."""
    with structlog.testing.capture_logs() as logged:
        log_call(CallDone("query", "GET", "query", status, 0.1, 1, "abc"))
    assert [(e["event"], e["log_level"], e["request_id"]) for e in logged] == [
        (event, level, "abc")
    ]
