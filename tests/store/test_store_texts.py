"""What is written out for speed says the same as the plain way to say it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.dialects import sqlite

from sfprm.ids import RecordId
from sfprm.store.canonical import canonical, instant_text, plain
from sfprm.store.column_types import PackedId
from sfprm.store.entries import HASHED, decision_text, facts_of
from sfprm.store.inserts import LONG, among, known_among, runs
from sfprm.store.records import JournalChoice

TEXTS = st.text(max_size=12)
MAYBE = st.none() | TEXTS
NUMBERS = st.integers(-(1 << 70), 1 << 70)
INSTANTS = st.none() | st.datetimes(timezones=st.just(UTC))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
CHOICES = st.lists(st.builds(JournalChoice, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS))
ROWS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("stream", "kind", "chain", "run", "lead", "outcome", "owner_seen"), TEXTS),
        **dict.fromkeys(("owner_new", "rule", "pool", "programme", "notify"), MAYBE),
        **dict.fromkeys(("sequence", "position", "algorithm"), NUMBERS),
        **dict.fromkeys(("offer", "refunds"), st.none() | NUMBERS),
        **dict.fromkeys(("decided_at", "next_try"), INSTANTS),
        "trials": st.lists(st.tuples(TEXTS, st.booleans(), st.lists(NUMBERS)).map(list)),
        "reasons": st.lists(st.tuples(TEXTS, TEXTS).map(list)),
    }
)


@given(ROWS, CHOICES)
@settings(max_examples=60)
def test_the_hashed_text_is_canonical(row: dict[str, Any], choices: list[JournalChoice]) -> None:
    body = {name: row[name] for name in HASHED}
    body["decided_at"] = instant_text(row["decided_at"])
    body["next_try"] = instant_text(row["next_try"])
    body["moves"] = [
        [c.ledger, c.class_digest, c.winner, c.before, c.after, c.sequence] for c in choices
    ]
    assert decision_text(row, choices) == canonical(body)


@given(st.dictionaries(TEXTS, VALUES, max_size=5), TEXTS, TEXTS, TEXTS, INSTANTS)
@settings(max_examples=60)
def test_facts_are_canonical(
    fields: dict[str, Any], label: str, intake: str, owner: str, created: datetime | None
) -> None:
    facts = facts_of(fields=fields, label=label, intake=intake, owner_name=owner, created=created)
    whole = {
        "created": instant_text(created),
        "fields": fields,
        "intake": intake,
        "label": label,
        "owner_name": owner,
    }
    assert facts.text == canonical(whole)
    assert facts.shape == canonical(sorted(fields))
    assert facts.values == canonical([label, owner, *[fields[name] for name in sorted(fields)]])


@given(VALUES)
@settings(max_examples=60)
def test_a_plain_value_is_canonical(value: Any) -> None:
    assert plain(value) == canonical(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_word_for_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        plain(value)


ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(st.text(ALPHABET, min_size=15, max_size=15))
@settings(max_examples=60)
def test_a_packed_id_is_its_number_to_the_base_of_62(text: str) -> None:
    packed = PackedId().process_bind_param(RecordId(text), sqlite.dialect())
    number = 0
    for digit in text:
        number = number * 62 + ALPHABET.index(digit)
    assert packed == number.to_bytes(12, "big")
    assert PackedId().process_result_value(packed, sqlite.dialect()) == RecordId(text)


@given(st.lists(st.integers(0, 200)))
@settings(max_examples=60)
def test_runs_are_the_numbers(numbers: list[int]) -> None:
    found = list(runs(numbers))
    assert [n for first, last in found for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(found))


def test_rows_are_found_by_runs_and_by_lists() -> None:
    table = Table("some", MetaData(), Column("number", Integer, primary_key=True))
    engine = create_engine("sqlite://")
    wanted = [3, *range(10, 10 + 2 * LONG), 70, 72, 900]
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(insert(table), [{"number": n} for n in range(100)])
        conditions = list(among(table.c.number, wanted))
        assert len(conditions) == 2
        found = [
            number
            for condition in conditions
            for number in connection.execute(select(table.c.number).where(condition)).scalars()
        ]
        assert sorted(found) == wanted[:-1]
        assert sorted(known_among(connection, table.c.number, wanted)) == wanted[:-1]
        assert known_among(connection, table.c.number, []) == []
    engine.dispose()
