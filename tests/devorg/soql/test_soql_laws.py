"""The chain against a naive evaluator over Python lists: what SOQL means, said a second time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.schema import load_schema
from sfprm.devorg.soql import run_query
from sfprm.devorg.storage import Storage

Row = dict[str, Any]
Condition = tuple[str, Callable[[Row], bool]]
"""A condition as SOQL text, and as what it must mean."""

WORDS = ["ab", "AB", "b", "Éa", "éA", "a_b", "a%b", "'q'", "back\\slash"]
RATINGS = ["Hot", "Warm", "Cold"]
NUMBERS = [-1.5, 0.0, 2.0, 10.0]
ROWS: list[Row] = [
    {
        "LastName": f"L{place:03d}",
        "Company": [None, *WORDS][place % 10],
        "Rating": [None, *RATINGS][place // 2 % 4],
        "AnnualRevenue": [None, *NUMBERS][place // 3 % 5],
        "IsConverted": place % 3 == 0,
    }
    for place in range(60)
]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[str], list[Row]]]:
    """Runs a query over ROWS."""
    schema = load_schema()
    storage = Storage(None)
    storage.create(schema)
    storage.insert("Lead", ROWS)

    def query(text: str) -> list[Row]:
        result = run_query(
            text,
            schema,
            storage,
            visible=lambda object_, field: True,
            object_visible=lambda object_: True,
            now=datetime(2026, 1, 1, tzinfo=UTC),
            user_zone="UTC",
        )
        for record in result.records:
            del record["attributes"]
        return list(result.records)

    yield query
    storage.close()


def quote(text: str) -> str:
    """A SOQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def folded(value: Any) -> Any:
    """Text is compared in upper case."""
    return value.upper() if isinstance(value, str) else value


def literal(value: Any) -> str:
    """Any value as SOQL."""
    if value is None:
        return "null"
    return quote(value) if isinstance(value, str) else str(value)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
VALUES: dict[str, list[Any]] = {"Company": WORDS, "Rating": RATINGS, "AnnualRevenue": NUMBERS}


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    """One comparison, or a list."""
    field = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from([None, *VALUES[field]]))
    kind = draw(st.sampled_from(["=", "!=", "order", "IN", "NOT IN", "LIKE", "flag"]))
    if kind == "flag":
        flag = draw(st.booleans())
        return f"IsConverted = {flag}", lambda row: row["IsConverted"] == flag
    if kind in ("=", "!="):
        text = f"{field} {kind} {literal(value)}"
        return text, lambda row: (folded(row[field]) == folded(value)) == (kind == "=")
    if kind in ("IN", "NOT IN"):
        several = draw(st.lists(st.sampled_from([None, *VALUES[field]]), min_size=1, max_size=3))
        wanted = {folded(one) for one in several}
        text = f"{field} {kind} ({', '.join(literal(one) for one in several)})"
        return text, lambda row: (folded(row[field]) in wanted) == (kind == "IN")
    if kind == "LIKE" and field != "AnnualRevenue":
        return draw(likes(field))
    op = draw(st.sampled_from(sorted(COMPARE)))
    bound = draw(st.sampled_from(VALUES[field]))
    return (
        f"{field} {op} {literal(bound)}",
        lambda row: row[field] is not None and COMPARE[op](folded(row[field]), folded(bound)),
    )


@st.composite
def likes(draw: st.DrawFn, field: str) -> Condition:
    """A LIKE whose pattern mixes wildcards, escaped wildcards and letters."""
    parts = draw(
        st.lists(
            st.sampled_from(
                [("%", ".*"), ("_", "."), ("\\%", "%"), ("\\_", "_"), ("a", "A"), ("B", "B"),
                 ("é", "É"), ("\\\\", r"\\"), ("h", "H")]
            ),
            min_size=1,
            max_size=4,
        )
    )  # fmt: skip
    pattern = "".join(one for one, _ in parts)
    regex = re.compile("".join(one for _, one in parts), re.DOTALL)
    return (
        f"{field} LIKE '{pattern}'",
        lambda row: row[field] is not None and regex.fullmatch(folded(row[field])) is not None,
    )


def negated(inner: Condition) -> Condition:
    """NOT of a condition, in brackets."""
    return f"(NOT ({inner[0]}))", lambda row: not inner[1](row)


def combined(parts: list[Condition], word: str) -> Condition:
    """Conditions with AND or OR between."""
    text = "(" + f" {word} ".join(one for one, _ in parts) + ")"
    whole = all if word == "AND" else any
    return text, lambda row: whole(test(row) for _, test in parts)


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map(negated),
        st.builds(
            combined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(condition=conditions)
def test_where_means_what_it_says(run: Callable[[str], list[Row]], condition: Condition) -> None:
    """A condition finds the rows for which it is true, complements including nulls."""
    text, test = condition
    found = run(f"SELECT LastName FROM Lead WHERE {text} ORDER BY LastName")
    assert [row["LastName"] for row in found] == [r["LastName"] for r in ROWS if test(r)]


def sort_key(field: str, value: Any) -> Any:
    """Picklists sort in Setup order, text in upper case."""
    return RATINGS.index(value) if field == "Rating" else folded(value)


@settings(max_examples=60, deadline=None)
@given(
    orders=st.lists(
        st.tuples(
            st.sampled_from(["Company", "Rating", "AnnualRevenue", "IsConverted"]),
            st.sampled_from(["", " ASC", " DESC"]),
            st.sampled_from(["", " NULLS FIRST", " NULLS LAST"]),
        ),
        min_size=1,
        max_size=3,
    ),
    limit=st.integers(0, 70),
    offset=st.integers(0, 70),
)
def test_order_by(
    run: Callable[[str], list[Row]],
    orders: list[tuple[str, str, str]],
    limit: int,
    offset: int,
) -> None:
    """Nulls come first unless told, then values in their order; LIMIT and OFFSET cut."""
    clause = ", ".join(field + direction + nulls for field, direction, nulls in orders)
    text = f"SELECT LastName FROM Lead ORDER BY {clause}, LastName LIMIT {limit} OFFSET {offset}"
    wanted = list(ROWS)
    for field, direction, nulls in reversed(orders):
        filled = [row for row in wanted if row[field] is not None]
        empty = [row for row in wanted if row[field] is None]
        filled.sort(
            key=lambda row, field=field: sort_key(field, row[field]),  # type: ignore[misc]
            reverse=direction == " DESC",
        )
        wanted = filled + empty if nulls == " NULLS LAST" else empty + filled
    names = [row["LastName"] for row in run(text)]
    assert names == [row["LastName"] for row in wanted][offset : offset + limit]


@settings(max_examples=60, deadline=None)
@given(
    group=st.sampled_from(["Company", "Rating", "IsConverted"]),
    condition=comparisons(),
    least=st.integers(0, 12),
)
def test_aggregates(
    run: Callable[[str], list[Row]], group: str, condition: Condition, least: int
) -> None:
    """Groups, their counts, sums and extremes equal those counted by hand."""
    text, test = condition
    found = run(
        f"SELECT {group} g, COUNT(Id) n, COUNT(AnnualRevenue) filled, SUM(AnnualRevenue) total, "
        f"AVG(AnnualRevenue) mean, MIN(LastName) low, MAX(LastName) high FROM Lead WHERE {text} "
        f"GROUP BY {group} HAVING COUNT(Id) >= {least}"
    )
    groups: dict[Any, list[Row]] = {}
    for row in ROWS:
        if test(row):
            groups.setdefault(folded(row[group]), []).append(row)
    wanted = {}
    for key, members in groups.items():
        values = [one["AnnualRevenue"] for one in members if one["AnnualRevenue"] is not None]
        if len(members) >= least:
            wanted[key] = (
                len(members),
                len(values),
                sum(values) if values else None,
                sum(values) / len(values) if values else None,
                min(one["LastName"] for one in members),
                max(one["LastName"] for one in members),
            )
    got = {folded(one["g"]): tuple(one.values())[1:] for one in found}
    assert len(got) == len(found)
    assert got == {key: pytest.approx(values) for key, values in wanted.items()}


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("SELECT FROMWhere()',=<>!:.IdaNn1-_%\\\n\x00é*"), max_size=60))
def test_no_text_breaks_the_chain(run: Callable[[str], list[Row]], text: str) -> None:
    """Whatever is sent, the answer is records or an error of the org's."""
    from sfprm.devorg.soql import NotImitated, SoqlError

    try:
        run("SELECT Id FROM Lead WHERE " + text)
        run(text)
    except (SoqlError, NotImitated):
        pass
