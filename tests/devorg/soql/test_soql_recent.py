"""What was changed lately, of owners with many records: found by the instant, not by the owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sfprm.devorg.schema import Schema, load_schema
from sfprm.devorg.soql import run
from sfprm.devorg.soql.options import QueryOptions
from sfprm.devorg.storage import Storage
from sfprm.devorg.values import datetime_text

START = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
LATEST = "SELECT LastName FROM Lead WHERE OwnerId IN ('{0}', '{1}') AND SystemModstamp >= {2}"


@pytest.fixture(scope="module")
def crowd() -> tuple[Schema, Storage, list[str]]:
    """Forty leads of two queues and of nobody asked for, changed a minute apart."""
    schema, storage = load_schema(), Storage(None)
    storage.create(schema)
    queues = storage.insert("Group", [{"Name": n, "Type": "Queue"} for n in ("A", "B", "C")])
    storage.insert(
        "Lead",
        [
            {
                "LastName": f"L{place:02d}",
                "Company": "Kilo",
                "OwnerId": queues[place % 3],
                "SystemModstamp": datetime_text(START + timedelta(minutes=place)),
            }
            for place in range(40)
        ],
    )
    return schema, storage, queues


def _asked(crowd: tuple[Schema, Storage, list[str]], tail: str) -> tuple[list[str], str]:
    """The names answered, and the plan by which the database found them."""
    schema, storage, queues = crowd
    text = LATEST.format(queues[0], queues[1], "2026-01-15T08:30:00Z") + tail
    options: QueryOptions = {
        "now": START,
        "user_zone": "UTC",
        "visible": lambda object_, field: True,
        "object_visible": lambda object_: True,
    }
    query, runner = run._prepared(text, schema, storage, options)
    statement = runner.statement(query)
    plan = storage.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)
    found = run.run_query(text, schema, storage, **options).records
    return [one["LastName"] for one in found], str(plan)


@pytest.mark.parametrize(
    "tail", ["", " ORDER BY SystemModstamp DESC, Id DESC LIMIT 50", " LIMIT 50"]
)
def test_few_changed_are_found_by_their_instant(
    crowd: tuple[Schema, Storage, list[str]], tail: str
) -> None:
    """However many records the owners have besides."""
    names, plan = _asked(crowd, tail)
    assert sorted(names) == [f"L{place}" for place in range(30, 40) if place % 3 < 2]
    assert "Lead.SystemModstamp+" in plan


def test_many_changed_are_found_by_their_owner(
    crowd: tuple[Schema, Storage, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the instant leaves more than `FEW`; the answer is the same."""
    monkeypatch.setattr(run, "FEW", 5)
    names, plan = _asked(crowd, "")
    assert sorted(names) == [f"L{place}" for place in range(30, 40) if place % 3 < 2]
    assert "Lead.OwnerId+" in plan


def test_the_newest_are_read_in_their_order(
    crowd: tuple[Schema, Storage, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a limit the index serves many as well; only records of one instant are sorted."""
    monkeypatch.setattr(run, "FEW", 5)
    names, plan = _asked(crowd, " ORDER BY SystemModstamp DESC, Id DESC LIMIT 3")
    assert names == ["L39", "L37", "L36"]
    assert "Lead.SystemModstamp+" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
