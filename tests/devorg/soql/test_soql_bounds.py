"""Queries of extreme size: answered, or refused in the org's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sfprm.devorg.schema import load_schema
from sfprm.devorg.soql import SoqlError, run_query
from sfprm.devorg.soql.spool import BLOCK, LARGE, Records, Rows
from sfprm.devorg.storage import Storage


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        (" OR ".join(["Rating = 'Hot'"] * 5_000), 2),
        (" AND ".join(["Rating = 'Hot'"] * 5_000), 2),
        ("Company IN (" + ", ".join(["'lima'"] * 12_000) + ")", 2),
        ("Company IN (" + "'é', " * 200 + "'KILO')", 2),
        ("Company IN ('" + "é" * 20 + "', 'KILO')", 2),
        ("Company = '" + "é" * 20 + "'", 0),
        (f"AnnualRevenue IN ({', '.join(['10'] * 20_000)})", 1),
        (f"AnnualRevenue < {'9' * 5_000}", 4),
        (f"AnnualRevenue < {'9' * 25}", 4),
        (r"LastName != '\ud800'", 5),
        (r"LastName = '\ud83d\ude00'", 0),
    ],
)
def test_long_conditions(ask: Any, condition: str, count: int) -> None:
    """Long lists and chains, great numbers and halves of letters are no trouble."""
    assert ask(f"SELECT COUNT() FROM Lead WHERE {condition}").total_size == count


def test_great_limit(ask: Any) -> None:
    """A LIMIT beyond every number is no limit."""
    assert ask(f"SELECT Id FROM Lead LIMIT {'9' * 25}").total_size == 5


@pytest.mark.parametrize("count", ["99999", "9" * 5_000])
def test_dates_beyond_the_calendar(ask: Any, count: str) -> None:
    """A range outside the calendar is an error, not a crash."""
    with pytest.raises(SoqlError) as caught:
        ask(f"SELECT Id FROM Lead WHERE CreatedDate = LAST_N_YEARS:{count}")
    assert "Invalid date" in caught.value.message


def test_too_many_columns(ask: Any) -> None:
    """More aggregates than the database takes are refused."""
    with pytest.raises(SoqlError) as caught:
        ask(f"SELECT {', '.join(['COUNT(Id)'] * 3_000)} FROM Lead")
    assert caught.value.error_code == "QUERY_TOO_COMPLICATED"


@pytest.mark.parametrize(("limit", "fits"), [("", False), (" LIMIT 2000", True)])
def test_two_thousand_groups_at_most(limit: str, fits: bool) -> None:
    """Groups cannot be paged, so more than a batch of them is refused."""
    schema = load_schema()
    storage = Storage(None)
    storage.create(schema)
    storage.insert("Account", [{"Name": f"A{place}"} for place in range(2_001)])
    options: dict[str, Any] = {
        "visible": lambda object_, field: True,
        "object_visible": lambda object_: True,
        "now": datetime(2026, 1, 1, tzinfo=UTC),
        "user_zone": "UTC",
    }
    text = f"SELECT Name, COUNT(Id) FROM Account GROUP BY Name{limit}"
    try:
        if fits:
            assert run_query(text, schema, storage, **options).total_size == 2_000
        else:
            with pytest.raises(SoqlError, match="EXCEEDED_ID_LIMIT"):
                run_query(text, schema, storage, **options)
    finally:
        storage.close()


@pytest.mark.parametrize("count", [0, 1, BLOCK, LARGE, LARGE + 1, LARGE + 2 * BLOCK + 7])
def test_packed_rows_read_as_a_list(count: int) -> None:
    """Many rows or few: any place and any slice give what a list gives."""
    wanted = [{"n": place, "half": place / 2} for place in range(count)]
    rows = Rows()
    for start in range(0, count, BLOCK):
        rows.add([(one["n"], one["half"]) for one in wanted[start : start + BLOCK]])
    records = Records(rows, lambda row: {"n": row[0], "half": row[1]})
    assert list(records) == wanted
    assert len(records) == count
    slices = [
        slice(0, 5),
        slice(990, 1_010),
        slice(count - 3, None),
        slice(None, None, 997),
        slice(9, 3),
    ]
    assert [records[one] for one in slices] == [wanted[one] for one in slices]
    for place in {0, count // 2, count - 1} if count else set():
        assert records[place] == wanted[place]
    with pytest.raises(IndexError):
        records[count]
