"""Writing many records at once: what is said of one holds of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.dml.coerce import coerce, column_coercer
from sfprm.devorg.ids import mint, mint_many
from sfprm.devorg.numbers import as_java_prints
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema import FieldDef, load_schema
from sfprm.devorg.storage import Storage


@pytest.fixture
def storage() -> Iterator[Storage]:
    """An empty org's storage in memory."""
    made = Storage(None)
    made.create(load_schema())
    yield made
    made.close()


@given(st.integers(0, 62**9 - 10_000), st.integers(0, 9_000))
@settings(max_examples=20, deadline=None)
def test_ids_minted_together_are_those_minted_one_by_one(first: int, count: int) -> None:
    """Over the borders of digits too."""
    several = mint_many("00Q", first, count)
    assert len(several) == count
    for place in {0, count // 3, count - 1} & set(range(count)):
        assert several[place] == mint("00Q", first + place)


FIELDS = (
    FieldDef("City", "string", "City", length=5),
    FieldDef("Notes__c", "textarea", "Notes"),
    FieldDef("Email", "email", "Email", length=20),
    FieldDef("Rating", "picklist", "Rating", picklist=("Hot", "Cold"), restricted_picklist=True),
    FieldDef("Size__c", "double", "Size", precision=6, scale=2),
)
VALUES = st.sampled_from(["Porto", " a ", "", "x\r\ny", "toolong", "hot", "a@b.example", None, 7])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@given(st.lists(VALUES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_column_is_made_as_its_values_are(field: FieldDef, values: list[Any]) -> None:
    """The same values, or the refusal of the first bad one."""
    one_by_one: Any
    together: Any
    try:
        one_by_one = [coerce(field, value) for value in values]
    except (RowProblem, Refusal) as refused:
        one_by_one = str(refused)
    try:
        together = column_coercer(field)(values)
    except (RowProblem, Refusal) as refused:
        together = str(refused)
    assert together == one_by_one


def test_records_are_changed_together(storage: Storage) -> None:
    """Whatever fields each change names; what is not there is not counted."""
    a, b = storage.insert("Account", [{"Name": "Acme"}, {"Name": "Berg"}])
    changes: list[tuple[str, dict[str, Any]]] = [
        (a, {"Name": "Acme 2"}),
        (b, {"AccountNumber": "7", "Name": "Berg 2"}),
        ("001000000000000AAA", {"Name": "none"}),
    ]
    assert storage.update_all("Account", changes) == 2
    assert [row["Name"] for row in storage.find("Account")] == ["Acme 2", "Berg 2"]


def test_what_is_in_the_bin_does_not_live(storage: Storage) -> None:
    """Only ids of records that are there are given back."""
    a, b = storage.insert("Account", [{"Name": "Acme"}, {"Name": "Berg", "IsDeleted": True}])
    assert storage.living("Account", [a, b, "001000000000000AAA"]) == {a}


def test_a_dropped_flag_is_forgotten(storage: Storage) -> None:
    """Records can be read after a deployed checkbox was deleted."""
    storage.add_column("Account", FieldDef("Vip__c", "boolean"))
    storage.insert("Account", [{"Name": "Acme", "Vip__c": True}])
    storage.drop_column("Account", "Vip__c")
    assert "Vip__c" not in storage.find("Account")[0]


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ({"a": 12345678.0, "b": ":12345678.5"}, b'{"a":1.2345678E7,"b":":12345678.5"}'),
        ([1e22, 0.0005], b"[1.0E22,5.0E-4]"),
        ({"id": "00Q5e300000AbCd"}, b'{"id":"00Q5e300000AbCd"}'),
        (1e16, b"1.0E16"),
    ],
)
def test_only_doubles_are_printed_anew(value: Any, printed: bytes) -> None:
    """Texts that look like doubles stay, wherever the double is."""
    assert as_java_prints(orjson.dumps(value)) == printed
