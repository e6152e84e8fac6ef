"""A storm of faults over real sockets: each record exactly once, at few extra calls.

Short by default; SFPRM_TEST_LONG=1 makes it 10,000 calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import SystemClock
from sfprm.errors import OutcomeUnknown
from sfprm.salesforce.collections import RowOutcome, create, delete, update, upsert
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.query import Row, select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, eq, like
from sfprm.settings import load_settings

CALLS = 10_000 if os.environ.get("SFPRM_TEST_LONG") == "1" else 600
THREADS = 4
PER_ITEM = 7
"""Calls for each item, when nothing goes wrong: see `Storm.item`."""
RATE = 0.05
KINDS = (
    *("expired-session", "503", "html-503", "lock", "group-lock", "concurrent", "query-timeout"),
    *("slow", "drop-before", "drop-after", "duplicate", "truncated", "half", "wrong-content-type"),
)
"""All that the embedded org can do, but for the day's calls being used up, which ends a run, and
a person's edits, which are no fault."""
MANY = 1_000_000
KEY = "Storm_Key__c"
FILES = {
    "package.xml": """<Package xmlns="http://soap.sforce.com/2006/04/metadata">
        <types><members>Lead</members><name>CustomObject</name></types>
        <types><members>Admin</members><name>Profile</name></types>
        <version>66.0</version></Package>""",
    "objects/Lead.object": f"""<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
        <fields><fullName>{KEY}</fullName><externalId>true</externalId><label>Key</label>
        <length>40</length><type>Text</type><unique>true</unique></fields></CustomObject>""",
    "profiles/Admin.profile": f"""<Profile xmlns="http://soap.sforce.com/2006/04/metadata">
        <fieldPermissions><editable>true</editable><field>Lead.{KEY}</field>
        <readable>true</readable></fieldPermissions></Profile>""",
}


class HastyClock(SystemClock):
    """Real time, but waits are a hundred times shorter."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 100)


@dataclass
class Storm:
    """An org whose answers go wrong, and a session that threads share."""

    org: Any
    session: Session

    def begin(self) -> None:
        """From now on, one request in twenty is hit, by any of the kinds."""
        for seed, kind in enumerate(KINDS):
            fault = {"path": "^/services/data/", "kind": kind, "rate": RATE / len(KINDS)}
            self.org.control(
                "POST", "faults", {**fault, "seed": seed, "times": MANY, "seconds": 0.01}
            )

    def end(self) -> dict[str, int]:
        """No faults any more; how many of each kind there were."""
        hit = {f["kind"]: MANY - f["times"] for f in self.org.control("GET", "faults")}
        self.org.control("DELETE", "faults")
        return hit

    def leads(self, key: str) -> list[Row]:
        """Those with the key: one, or none."""
        return select_all(self.session, Query(("Id", "City"), "Lead", (eq(KEY, key),)))

    def item(self, number: int) -> None:
        """Seven calls about two leads, one of which is deleted in the end."""
        kept, gone = f"kept-{number:05}", f"gone-{number:05}"
        self.make({**lead(number), KEY: kept})
        done(upsert(self.session, "Lead", KEY, [{**lead(number), KEY: gone}]))
        done(upsert(self.session, "Lead", KEY, [{KEY: kept, "City": f"City {number}"}]))
        [found] = self.leads(kept)
        assert found["City"] == f"City {number}"
        done(update(self.session, "Lead", [{"Id": found["Id"], "City": f"Town {number}"}]))
        [doomed] = self.leads(gone)
        outcome = delete(self.session, [doomed["Id"]])[0]
        assert outcome.success or outcome.errors[0].code == "ENTITY_IS_DELETED"

    def make(self, row: dict[str, Any]) -> None:
        """Insert, which the session never repeats blindly: what is unknown is read back first. A
        network that doubles a request is met by the key being unique."""
        while True:
            try:
                outcome = create(self.session, "Lead", [row])[0]
            except OutcomeUnknown:
                if self.leads(str(row[KEY])):
                    return
            else:
                assert outcome.success or outcome.errors[0].code == "DUPLICATE_VALUE", outcome
                return


def lead(number: int) -> dict[str, Any]:
    return {"LastName": f"Storm {number:05}", "Company": "Storm", "City": "none"}


def done(outcomes: list[RowOutcome]) -> None:
    assert all(outcome.success for outcome in outcomes), outcomes


@pytest.fixture
def storm(devorg: Any, tmp_path: Path) -> Iterator[Storm]:
    """The embedded org with a unique key on Lead; no fault yet."""
    with open_session(load_settings(devorg.env(tmp_path)), HastyClock()) as session:
        files = {name: text.encode() for name, text in FILES.items()}
        assert deploy(session, files, clock=HastyClock()).success
        yield Storm(devorg, session)
    devorg.control("DELETE", "faults")


def test_each_record_is_there_exactly_once(storm: Storm) -> None:
    """Four threads, one login at a time between them, every kind of fault: inserts, upserts,
    updates and deletes each have their effect once, for at most two extra calls a fault."""
    items = CALLS // PER_ITEM
    storm.org.control("POST", "limits", {"daily_api": MANY})
    mark = storm.session.calls.snapshot()
    storm.begin()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(storm.item, range(items)))
    spent = storm.session.calls.since(mark)
    hit = storm.end()
    faults = sum(hit.values())
    wanted = items * PER_ITEM
    print(f"{spent.total:,} calls for {wanted:,}; {faults} faults, {spent.by_kind.get('login')}")
    query = Query((KEY, "City", "LastName"), "Lead", (like(KEY, "%-0%"),), (KEY,))
    assert [(row[KEY], row["City"]) for row in select_all(storm.session, query)] == [
        (f"kept-{number:05}", f"Town {number}") for number in range(items)
    ]
    assert spent.total <= wanted + 2.0 * faults
    assert spent.by_kind.get("login", 0) <= hit["expired-session"]
    assert faults > 0.02 * wanted
