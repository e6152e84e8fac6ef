"""Lines and columns of what is read from YAML and CSV."""

from __future__ import annotations

import pytest

from sfprm.programme.complaints import Complaints, Place, did_you_mean, nearest
from sfprm.programme.csv_text import parse_csv, split_list
from sfprm.programme.model import Origin
from sfprm.programme.source import decode
from sfprm.programme.yaml_text import Tree, parse_yaml


def tree(text: str) -> Tree:
    complaints = Complaints()
    source = decode(text.encode(), "f.yaml", complaints)
    assert source is not None
    parsed = parse_yaml(source, complaints)
    assert parsed is not None
    assert complaints.errors == []
    return parsed


def test_places_of_keys_and_values() -> None:
    """From 1, for block and flow style."""
    parsed = tree("a:\n  b: [x, {c: 'd e'}]\n")
    assert (parsed.key("a", "b").line, parsed.key("a", "b").column) == (2, 3)
    value = parsed.at("a", "b", 1, "c").place
    assert (value.line, value.column, value.width) == (2, 14, 5)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a: NO", "NO"),
        ("a: no", "no"),
        ("a: true", True),
        ("a: 0x1F", 31),
        ("a: 1_000", 1000),
        ("a: 1.5", 1.5),
        ("a: .inf", ".inf"),
        ("a: 2026-11-23", "2026-11-23"),
        ("a: '1'", "1"),
        ("a: ~", None),
        ("a:", None),
    ],
)
def test_plain_values(text: str, plain: object) -> None:
    """YAML 1.2: no Norway problem, no dates, no infinities."""
    assert tree(text).at("a").plain == plain


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: one two", 1, 8),
        ("a: 'one two'", 1, 9),
        ("a: >-\n  one\n  two", 3, 3),
        ("a: |\n  one two", 2, 7),
        ("a: one\n  two", 2, 3),
        ('a: "one\n  two"', 1, 4),  # escapes: the start is all that is sure
    ],
)
def test_place_inside_a_scalar(text: str, line: int, column: int) -> None:
    """Where the word `two` stands, however the text is written."""
    value = tree(text).at("a")
    place = value.within(value.text.find("two"), 3)
    assert (place.line, place.column) == (line, column)


def test_aliases_are_followed() -> None:
    """A shared list is read in both places."""
    assert tree("a: &x [1, 2]\nb: *x\n").root.data() == {"a": [1, 2], "b": [1, 2]}


def rows(text: str) -> tuple[list[tuple[int, dict[str, str]]], Complaints]:
    complaints = Complaints()
    source = decode(text.encode(), "f.csv", complaints)
    assert source is not None
    table = parse_csv(
        source, complaints, known=("a", "b"), required=("a",), extra=lambda c: c.startswith("x.")
    )
    found = [(row.line, {c: row.get(c) for c in row.cells}) for row in table.rows] if table else []
    return found, complaints


def test_rows_know_their_line_after_quoted_line_breaks() -> None:
    """A cell of three lines moves the rows after it down."""
    found, _ = rows('a,b\n1,"x\ny\r\nz"\n2,w\n')
    assert [line for line, _ in found] == [2, 5]


def test_blank_lines_and_spaces_do_not_count() -> None:
    """Cells are trimmed; empty rows left out."""
    found, complaints = rows("a , b\n\n 1 ,  2  \n,\n")
    assert found == [(3, {"a": "1", "b": "2"})]
    assert complaints.errors == []


def test_fields_and_attributes_are_columns_of_their_own() -> None:
    """The caller says which unknown columns are allowed."""
    found, complaints = rows("a,x.y\n1,2\n")
    assert found == [(2, {"a": "1", "x.y": "2"})]
    assert complaints.errors == []


def test_rows_after_a_bad_one_are_read() -> None:
    """One row of the wrong length is told, and the rest kept."""
    found, complaints = rows("a,b\n1\n2,3\n")
    assert [line for line, _ in found] == [3]
    assert [c.line for c in complaints.errors] == [2]


@pytest.mark.parametrize(
    ("cell", "values"), [("PT; ES", ("PT", "ES")), ("", ()), (" ; ", ()), ("PT;", ("PT",))]
)
def test_lists_in_cells(cell: str, values: tuple[str, ...]) -> None:
    """Separated by semicolons, empty parts dropped."""
    assert split_list(cell) == values


@pytest.mark.parametrize(
    ("name", "meant"),
    [("nordika", "nordica"), ("NORDICA", "nordica"), ("acme", "acme-ibericos"), ("zzz", None)],
)
def test_nearest(name: str, meant: str | None) -> None:
    """By likeness, letter case aside, else by beginning."""
    assert nearest(name, ["nordica", "acme-ibericos", "sulcom"]) == meant


def test_did_you_mean_names_the_place() -> None:
    """Where the near name is declared."""
    said = did_you_mean("nordika", ["nordica"], {"nordica": Origin("partners.csv", 3)})
    assert said == "Did you mean 'nordica' (partners.csv:3)?"


def test_the_same_complaint_is_kept_once() -> None:
    """Two checks that find one thing tell it once."""
    complaints = Complaints()
    for _ in range(2):
        complaints.error(Place("f", 1, 2), "wrong.")
    assert len(complaints.errors) == 1
