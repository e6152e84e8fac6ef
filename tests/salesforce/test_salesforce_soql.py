"""Quoting and splitting: a value goes through SOQL and comes back the same."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import Bug
from sfprm.ids import RecordId
from sfprm.salesforce.soql import (
    Query,
    Value,
    compare,
    contains,
    eq,
    in_,
    like,
    literal,
    not_in,
    split_in,
)

_BACK = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)


def read_string(text: str) -> str:
    """What SOQL's reader makes of a string literal (a tiny one, written from the grammar)."""
    found = _STRING.fullmatch(text)
    assert found, f"not one string literal: {text}"
    return re.sub(r"\\(.)", lambda m: _BACK.get(m[1], m[1]), found[1], flags=re.DOTALL)


@settings(max_examples=200)
@given(st.text())
def test_quoted_text_reads_back_as_itself(value: str) -> None:
    """Whatever the text holds, it stays inside its quotes and comes back unchanged."""
    assert read_string(literal(value)) == value


@settings(max_examples=100)
@given(st.lists(st.text(max_size=60), max_size=80), st.integers(min_value=40, max_value=400))
def test_split_lists_lose_nothing(values: list[str], room: int) -> None:
    """All values, in order, over all parts."""
    parts = split_in("Name", values, room=room)
    back = [read_string(m[0]) for part in parts for m in _STRING.finditer(part)]
    assert back == values


@settings(max_examples=100)
@given(st.lists(st.text(max_size=20), max_size=80))
def test_split_lists_fit_the_room(values: list[str]) -> None:
    """Each condition, percent-encoded, stays within the room it was given."""
    assert all(len(quote(part)) <= 600 for part in split_in("Name", values, room=600))


def test_ids_split_into_few_parts() -> None:
    """2,000 ids of 18 characters fit into six GETs."""
    ids = [f"00Q{n:012d}AAA" for n in range(2000)]
    assert len(split_in("Id", ids)) == 6


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-12, "-12"),
        (50_000_000.0, "50000000"),
        (0.25, "0.25"),
        ("O'Brien \\ Söhne", "'O\\'Brien \\\\ Söhne'"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 678, UTC), "2026-01-02T03:04:05Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-02T01:04:05Z",
        ),
        (RecordId("0015500001QdQWa"), "'0015500001QdQWaAAN'"),
    ],
)
def test_literals(value: Value, written: str) -> None:
    """Each type as the SOQL grammar writes it."""
    assert literal(value) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_values_without_a_literal_are_refused(value: Value) -> None:
    """What SOQL cannot say is a mistake of ours, not a query."""
    with pytest.raises(Bug):
        literal(value)


@pytest.mark.parametrize("field", ["Name = 'x' OR Id", "1Name", "", "Name)", "a..b"])
def test_field_names_are_checked(field: str) -> None:
    """A field name cannot smuggle a condition in."""
    with pytest.raises(Bug):
        eq(field, "x")


def test_an_unknown_operator_is_refused() -> None:
    """Only SOQL's comparisons are written."""
    with pytest.raises(Bug, match="LIKE"):
        compare("Name", "LIKE", "x")


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (eq("Owner.Name", "x"), "Owner.Name = 'x'"),
        (in_("Id", ["a", "b"]), "Id IN ('a', 'b')"),
        (in_("Name", []), "Id = null"),
        (not_in("Name", []), "Id != null"),
        (like("Name", "a%"), "Name LIKE 'a%'"),
        (contains("Name", "5%_"), r"Name LIKE '%5\%\_%'"),
    ],
)
def test_conditions(condition: str, written: str) -> None:
    """Helpers write what they say; an empty list never becomes `IN ()`."""
    assert condition == written


def test_a_query_writes_its_parts_in_order() -> None:
    """Conditions are put in parentheses, so that an OR inside one stays there."""
    query = Query(
        ("Id", "Name"), "Lead", ("A = 1 OR B = 2", "C = 3"), ("CreatedDate", "Id"), limit=5
    )
    assert query.text() == (
        "SELECT Id, Name FROM Lead WHERE (A = 1 OR B = 2) AND (C = 3) "
        "ORDER BY CreatedDate, Id LIMIT 5"
    )


def test_a_query_can_be_narrowed() -> None:
    """`also` adds conditions to a copy."""
    assert Query(("Id",), "Lead").also("A = 1").text() == "SELECT Id FROM Lead WHERE A = 1"
