"""SOQL against a second, naive evaluator: plain Python over lists, written from the rules alone.

Each example makes a data set and runs many random queries on it. SFPRM_TEST_LONG=1 runs a hundred
times as many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.schema import Schema, load_schema
from sfprm.devorg.soql import run_query
from sfprm.devorg.storage import Storage
from tests.devorg.soql.naive import CUSTOM, GROUPS, Maker, Row, kept_sets, key, totals

LONG = os.environ.get("SFPRM_TEST_LONG") == "1"
EXAMPLES = 1_500 if LONG else 25
QUERIES = 60

World = tuple[Schema, Storage]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A schema with custom fields, and a storage without records."""
    schema, storage = load_schema(), Storage(None)
    for name, field in product(("Account", "Contact"), CUSTOM):
        schema.add_field(name, field)
    storage.create(schema)
    yield schema, storage
    storage.close()


def ask(world: World, maker: Maker, text: str) -> Any:
    """The answer of the org, without its attributes."""
    schema, storage = world
    return run_query(
        text,
        schema,
        storage,
        visible=lambda object_, field: True,
        object_visible=lambda object_: True,
        now=maker.now,
        user_zone=maker.zone,
        week_starts=maker.week_starts,
        fiscal_month=maker.fiscal_month,
    )


def names(found: Any, name: str = "LastName") -> list[str]:
    """The names of the records answered."""
    return [record[name] for record in found.records]


def prepared(world: World, seed: int) -> Maker:
    """A new data set."""
    maker = Maker(seed)
    maker.fill(world[1])
    return maker


seeds = st.integers(0, 2**64)
many = settings(max_examples=EXAMPLES, deadline=None)


@many
@given(seed=seeds)
def test_where(world: World, seed: int) -> None:
    """Every operator and null rule, parents, dates in a zone; NOT and brackets around them."""
    maker = prepared(world, seed)
    for _ in range(QUERIES):
        text, test = maker.contact_condition()
        query = f"SELECT LastName FROM Contact WHERE {text} ORDER BY LastName"
        wanted = [row["LastName"] for row in maker.contacts if test(row)]
        assert names(ask(world, maker, query)) == wanted, query


@many
@given(seed=seeds)
def test_order(world: World, seed: int) -> None:
    """ORDER BY over fields of the record and its parent, with nulls; LIMIT and OFFSET."""
    maker = prepared(world, seed)
    fields = ["Word__c", "Source__c", "Score__c", "Birthdate", "CreatedDate", "Account.Word__c",
              "Account.Source__c", "Account.Name"]  # fmt: skip
    for _ in range(QUERIES):
        clause, order = maker.sorting(fields)
        limit, offset = maker.chance.randrange(50), maker.chance.randrange(20)
        condition, test = maker.contact_condition()
        query = f"SELECT LastName FROM Contact WHERE {condition} ORDER BY {clause}, LastName "
        query += f"LIMIT {limit} OFFSET {offset}"
        rows = order([row for row in maker.contacts if test(row)])
        assert names(ask(world, maker, query)) == [
            row["LastName"] for row in rows[offset : offset + limit]
        ], query


@many
@given(seed=seeds)
def test_joins(world: World, seed: int) -> None:
    """Semi- and anti-joins both ways, with conditions beside them, and child sub-queries."""
    maker = prepared(world, seed)
    for _ in range(QUERIES // 2):
        inner, inner_test = maker.contact_condition()
        outer, outer_test = maker.condition()
        op = maker.chance.choice(["IN", "NOT IN"])
        query = (
            f"SELECT Name, (SELECT LastName FROM Contacts WHERE {inner} ORDER BY LastName LIMIT 2) "
            f"FROM Account WHERE Id {op} (SELECT AccountId FROM Contact WHERE {inner}) AND {outer} "
            "ORDER BY Name"
        )
        chosen = [row for row in maker.contacts if inner_test(row)]
        parents = {row["AccountId"] for row in chosen}
        found = ask(world, maker, query)
        wanted = [
            a for a in maker.accounts if (a["Id"] in parents) == (op == "IN") and outer_test(a)
        ]
        assert names(found, "Name") == [row["Name"] for row in wanted], query
        for record, account in zip(found.records, wanted, strict=True):
            own = [row["LastName"] for row in chosen if row["AccountId"] == account["Id"]][:2]
            got = [one["LastName"] for one in (record["Contacts"] or {"records": []})["records"]]
            assert got == own, query
        query = (
            f"SELECT LastName FROM Contact WHERE AccountId {op} "
            f"(SELECT Id FROM Account WHERE {outer}) AND {inner} ORDER BY LastName"
        )
        ids = {row["Id"] for row in maker.accounts if outer_test(row)}
        assert names(ask(world, maker, query)) == [
            row["LastName"] for row in chosen if (row["AccountId"] in ids) == (op == "IN")
        ], query


@many
@given(seed=seeds)
def test_groups(world: World, seed: int) -> None:
    """GROUP BY, ROLLUP and CUBE with all aggregates, WHERE and HAVING; and without groups."""
    maker = prepared(world, seed)
    for _ in range(QUERIES // 2):
        chance = maker.chance
        by = chance.sample(list(GROUPS), chance.choice([0, 1, 1, 2, 3]))
        kind = chance.choice(["", "ROLLUP", "CUBE"]) if by else ""
        condition, test = maker.contact_condition()
        offered = [one for one in totals([]) if not any(f"({name})" in one for name in by)]
        chosen = chance.sample(offered, chance.randrange(1, 4))
        least = chance.randrange(4)
        having = chance.choice(
            ["", f"COUNT(Id) >= {least}", f"(NOT (COUNT(Id) < {least} OR COUNT(Id) > {least + 5}))"]
        )
        clause = f" GROUP BY {kind}({', '.join(by)})" if kind else f" GROUP BY {', '.join(by)}"
        query = (
            "SELECT "
            + ", ".join([*(f"{one} g{n}" for n, one in enumerate(by)), *chosen])
            + f" FROM Contact WHERE {condition}"
            + (clause + (f" HAVING {having}" if having else "") if by else "")
        )
        rows = [row for row in maker.contacts if test(row)]
        wanted = []
        for kept in kept_sets(len(by), kind):
            groups: dict[tuple[Any, ...], list[Row]] = {}
            for row in rows:
                values = [GROUPS[one](row) if n in kept else None for n, one in enumerate(by)]
                groups.setdefault(tuple(values), []).append(row)
            if not by:
                groups.setdefault((), [])
            for values_of, members in groups.items():
                count = len(members)
                fits = count >= least and (not having.startswith("(") or count <= least + 5)
                if not by or not having or fits:
                    wanted.append([*values_of, *(totals(members)[one] for one in chosen)])
        got = [
            [key(one) if n < len(by) else one for n, one in enumerate(list(record.values())[1:])]
            for record in ask(world, maker, query).records
        ]
        assert sorted(got, key=repr) == sorted(
            [[pytest.approx(v) if isinstance(v, float) else v for v in one] for one in wanted],
            key=lambda one: repr([v.expected if hasattr(v, "expected") else v for v in one]),
        ), query
