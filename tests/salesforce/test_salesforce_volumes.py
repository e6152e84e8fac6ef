"""Thousands of rows in and out of the embedded org, each way, and what they cost in calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest
from sfprm.salesforce.bulk import collect, ingest
from sfprm.salesforce.bulk_query import bulk_select
from sfprm.salesforce.collections import delete, update
from sfprm.salesforce.describe import FolderDescribes, describe
from sfprm.salesforce.incremental import Changes
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.read import read, read_ranges
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, in_, like
from sfprm.salesforce.write import write
from sfprm.settings import load_settings

FIELDS = ("Id", "Company", "AnnualRevenue", "NumberOfEmployees", "CreatedDate", "IsConverted",
          "Rating", "CreatedBy.Username")  # fmt: skip
EVERY_LEAD = Query(FIELDS, "Lead")
OURS = like("Email", "vol-%@load.example.org")


class QuickClock(FakeClock):
    """Moves on by itself; a wait for the org's jobs gives the org a real moment."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        time.sleep(0.01)


@pytest.fixture
def live(devorg: Any, tmp_path: Path) -> Iterator[Session]:
    """A session on the embedded org, at the start of the story."""
    clock = QuickClock(datetime.now(UTC))
    with open_session(load_settings(devorg.env(tmp_path)), clock) as session:
        yield session


def some_leads(count_: int) -> list[dict[str, Any]]:
    return [
        {
            "LastName": f'Reis, "{number}"\nü',
            "Company": f"Reis {number}, Lda",
            "Email": f"vol-{number}@load.example.org",
        }
        for number in range(count_)
    ]


def test_all_three_ways_read_the_same_rows(live: Session) -> None:
    """Pages, ranges of ids and a bulk job: same rows, same types."""

    def sorted_texts(rows: Any) -> list[str]:
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    pages = sorted_texts(select_all(live, EVERY_LEAD))
    assert len(pages) == 2025
    assert sorted_texts(read_ranges(live, EVERY_LEAD, parts=4)) == pages
    assert sorted_texts(bulk_select(live, EVERY_LEAD, page=700)) == pages


def test_a_bulk_insert_tells_of_each_row(live: Session) -> None:
    """One refused among 400; values with commas, quotes and line ends arrive as they were."""
    rows = some_leads(400)
    rows[7] = {**rows[7], "Company": None}
    jobs: list[Any] = []
    outcomes = ingest(
        live, "Lead", "insert", rows, key="Email", on_job=lambda *job: jobs.append(job)
    )
    assert [outcome.index for outcome in outcomes if not outcome.success] == [7]
    assert outcomes[7].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert count(live, Query(("Id",), "Lead", (OURS,))) == 399
    read = select_all(live, Query(("Id", "LastName", "Email"), "Lead", (OURS,)))
    by_mail = {row["Email"]: row for row in read}
    assert by_mail["vol-9@load.example.org"]["LastName"] == rows[9]["LastName"]
    assert by_mail["vol-9@load.example.org"]["Id"] == outcomes[9].id
    assert collect(live, jobs[0][0], rows, "insert", key="Email") == outcomes


def test_composite_writes_cost_a_call_for_a_thousand_rows(live: Session) -> None:
    """Insert, update and delete 1,200 leads: two calls each."""
    outcomes = write(live, "Lead", some_leads(1200), operation="insert")
    assert all(outcome.success and outcome.created for outcome in outcomes)
    changed = [{"Id": outcome.id, "Title": "Changed"} for outcome in outcomes]
    assert all(o.success for o in write(live, "Lead", changed, operation="update"))
    gone = write(live, "Lead", [{"Id": o.id} for o in outcomes], operation="delete")
    assert all(outcome.success for outcome in gone)
    counted = live.calls.by_kind
    assert (counted["insert"], counted["update"], counted["delete"]) == (2, 2, 2)
    assert count(live, Query(("Id",), "Lead", (OURS,))) == 0


def test_bulk_sets_null_and_leaves_alone(live: Session) -> None:
    """None is null; a field that a row has not stays."""
    rows = select_all(live, Query(("Id", "Rating", "Company"), "Lead", ("Rating = 'Hot'",), (), 2))
    first, second = rows
    changes = [{"Id": first["Id"], "Rating": None}, {"Id": second["Id"], "Company": "New"}]
    assert all(o.success for o in ingest(live, "Lead", "update", changes, key="Id"))
    ids = [row["Id"] for row in rows]
    after = {
        row["Id"]: row
        for row in select_all(live, Query(("Id", "Rating", "Company"), "Lead", (in_("Id", ids),)))
    }
    assert (after[ids[0]]["Rating"], after[ids[0]]["Company"]) == (None, first["Company"])
    assert (after[ids[1]]["Rating"], after[ids[1]]["Company"]) == ("Hot", "New")


def test_changes_and_deletes_since_a_mark(live: Session) -> None:
    """A look at all, one lead changed, one deleted: the next look tells of just these."""
    query = Query(("Id", "Company"), "Lead")
    first = Changes(live, query, None)
    ids = [change.row["Id"] for change in first]
    assert len(ids) == 2025
    live.clock.sleep(2)
    update(live, "Lead", [{"Id": ids[3], "Company": "Changed, Lda"}])
    delete(live, [ids[4]])
    second = Changes(live, query, first.mark)
    told = {change.row["Id"]: change.deleted for change in second if change.row["Id"] in ids[3:5]}
    assert told == {ids[3]: False, ids[4]: True}


def test_a_kept_describe_is_the_same_as_a_new_one(devorg: Any, tmp_path: Path) -> None:
    """Whether or not the org answers that nothing has changed."""
    told = []
    for _ in range(2):
        with open_session(
            load_settings(devorg.env(tmp_path)),
            FakeClock(datetime.now(UTC)),
            describes=FolderDescribes(tmp_path / "describes"),
        ) as session:
            told.append(describe(session, "Account"))
    assert told[0] == told[1] is not None


def test_a_parent_of_several_kinds_is_read_by_other_means_than_a_job(live: Session) -> None:
    """However many rows there are: a task's Who may be a lead or a contact, and so may not be
    typed from CSV. Asked for a job outright, the refusal says so."""
    [lead] = select_all(live, Query(("Id", "Name"), "Lead", limit=1))
    made = write(live, "Task", [{"Subject": "Call", "WhoId": lead["Id"]}], operation="insert")
    query = Query(("Id", "Who.Name"), "Task", (in_("Id", [str(made[0].id)]),))
    [row] = read(live, query, rows=10**6)
    assert row["Who"]["Name"] == lead["Name"]
    assert live.calls.by_kind.get("bulk") is None
    with pytest.raises(BadRequest, match=r"Who\.Name: a bulk query reads a parent of one kind"):
        list(bulk_select(live, query))
