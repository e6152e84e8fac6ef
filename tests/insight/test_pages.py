"""Blocks as HTML, Markdown and CSV: nothing in a name can break out of its place."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.blocks import Bars, Table, Text
from sfprm.errors import BadRequest
from sfprm.insight.pages import csv_page, html_page, markdown_page, page

NASTY = '<script>alert(1)</script> | "x" & =cmd()'
BLOCKS = (
    Text(("Two leads.",)),
    Table(("name", "leads"), ((NASTY, "1,234"), ("Öre Åkeri", "−0.05")), "By partner", (1,)),
    Bars("By partner", "leads", ("candidate", "today"), (("Acme", (3, 4.0)), ("None", (0, 0)))),
)


class Tags(HTMLParser):
    """Collects the names of tags and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_escapes_and_closes_everything() -> None:
    """No script; every tag is closed in order; the names are readable."""
    found = Tags()
    found.feed(html_page("A & B", "now", BLOCKS))
    found.close()
    assert "script" not in found.tags
    assert found.open == []
    assert NASTY in found.text
    assert "1,234" in found.text


@given(st.text())
def test_markdown_keeps_its_columns(name: str) -> None:
    """Whatever a cell holds, its row has as many cells as the header."""
    table = Table(("name", "leads"), ((name, "1"),), "T", (1,))
    rows = [
        line for line in markdown_page("x", "y", (table,)).splitlines() if line.startswith("| ")
    ]
    bars = [row.replace("\\\\", "").replace("\\|", "").count("|") for row in rows]
    assert bars == [3, 3, 3]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd()", "'=cmd()"),
        ("+351 1", "'+351 1"),
        ("@x", "'@x"),
        ("−0.05", "-0.05"),
        ("1,234", "1234"),
        ("a, b", "a, b"),
    ],
)
def test_no_cell_begins_a_formula(cell: str, written: str) -> None:
    """And numbers are numbers that a sheet can add up."""
    text = csv_page((Table(("name",), ((cell,),), "T"),))
    assert list(csv.reader(io.StringIO(text))) == [["table", "name"], ["T", written]]


def test_a_form_that_is_not_there_is_refused() -> None:
    """With those that are."""
    with pytest.raises(BadRequest) as caught:
        page("pdf", "x", "y", BLOCKS)
    assert "html" in caught.value.hint
