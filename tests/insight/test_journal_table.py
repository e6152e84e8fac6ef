"""The journal as a file, and people forgotten in it."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest
from sfprm.ids import RunId
from sfprm.insight.journal_table import COLUMNS
from sfprm.jobs.frame import JobContext
from sfprm.jobs.journal import ExportJob, ExportOptions, PurgeJob, PurgeOptions
from sfprm.settings import Settings


@pytest.fixture
def context(channel: Any, tmp_path: Path) -> JobContext:
    """A job's context, a day after the decisions, without an org."""

    def nothing() -> Any:
        raise AssertionError("neither org nor files are needed")

    return JobContext(
        settings=Settings(),
        clock=FakeClock(channel.now + timedelta(days=1)),
        store=channel.store,
        progress=None,  # type: ignore[arg-type]  # nothing is shown
        run=RunId("2026-03-03T09-00-00-0001"),
        run_dir=tmp_path,
        connect=nothing,
        load=nothing,
    )


def read(path: Path) -> list[dict[str, Any]]:
    """A file's rows."""
    match path.suffix:
        case ".parquet":
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
            return rows
        case ".jsonl":
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_every_entry_is_written(
    channel: Any, context: JobContext, tmp_path: Path, ending: str
) -> None:
    """In order, with the same columns in each form."""
    entries = channel.route(range(1, 6))
    out = tmp_path / f"journal.{ending}"
    done = ExportJob().run(context, ExportOptions(out=out))
    rows = read(out)
    assert (done.entries, len(rows)) == (5, 5)
    assert tuple(rows[0]) == COLUMNS
    assert [row["hash"] for row in rows] == [entry.hash for entry in entries]
    assert rows[0]["member"] == "partner:acme"
    assert float(rows[0]["credit_after"]) == -0.5


def test_an_empty_journal_is_an_empty_file(context: JobContext, tmp_path: Path) -> None:
    """With its columns."""
    out = tmp_path / "journal.parquet"
    assert ExportJob().run(context, ExportOptions(out=out)).entries == 0
    assert pq.read_table(out).column_names == list(COLUMNS)


def test_another_ending_is_refused(context: JobContext, tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(BadRequest) as caught:
        ExportJob().run(context, ExportOptions(out=tmp_path / "journal.xls"))
    assert ".parquet" in str(caught.value)


def test_purging_keeps_the_proof(channel: Any, context: JobContext, tmp_path: Path) -> None:
    """By lead and by age; the names are nowhere in the state file any more."""
    entries = channel.route(range(1, 4))
    by_lead = PurgeOptions(leads=(entries[0].lead,))
    assert PurgeJob().run(context, by_lead).entries == 1
    assert PurgeJob().run(context, PurgeOptions(older_than_days=2)).entries == 0
    assert PurgeJob().run(context, by_lead).entries == 0
    assert channel.store.verify() == []
    kept = [entry.label for entry in channel.store.entries()]
    assert kept == ["", "Quinta 2", "Quinta 3"]


def test_purging_nothing_in_particular_is_refused(context: JobContext) -> None:
    """A person says what is to be forgotten."""
    with pytest.raises(BadRequest, match="Nothing was named"):
        PurgeJob().run(context, PurgeOptions())
