"""`sfprm programme fmt`: one form, comments kept, nothing said differently."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sfprm.cli.main import app
from sfprm.programme.complaints import Complaints
from sfprm.programme.formatting import formatted
from sfprm.programme.load import load_programme, programme_files
from sfprm.programme.source import decode
from sfprm.programme.spreadsheet import harmless, meant
from sfprm.programme.yaml_text import parse_yaml

ROOT = Path(__file__).parents[2]
LONG = settings(max_examples=2000 if os.environ.get("SFPRM_TEST_LONG") else 60, deadline=None)


def fmt(text: str, name: str = "f.yaml") -> tuple[str | None, list[str]]:
    """The canonical text and the complaints."""
    complaints = Complaints()
    source = decode(text.encode(), name, complaints)
    assert source is not None
    return formatted(source, complaints), [c.message for c in complaints.errors]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:   1\n", "a: 1\n"),
        ("a:\n- 1\n- 2\n", "a:\n  - 1\n  - 2\n"),
        ("a:\n      b: 1\n      c: 2\n", "a:\n  b: 1\n  c: 2\n"),
        ("# top\n\n\n\na: 1  # why\n", "# top\n\na: 1 # why\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ('a: "NO"\nb: \'x\'\n', 'a: "NO"\nb: \'x\'\n'),
        ("a: {b: 1,   c: [x,y]}", "a: {b: 1, c: [x, y]}\n"),
        ("a: |\n  one\n\n\n\n  two\n# end\n", "a: |\n  one\n\n\n\n  two\n# end\n"),
    ],
)  # fmt: skip
def test_yaml_form(before: str, after: str) -> None:
    """Indentation, blank lines and line ends; quotes and words are the writer's."""
    text, said = fmt(before)
    assert said in ([], ["formatting would change what the file says; it was not."])
    assert text is None or text.replace("  #", " #") == after
    assert text is not None or "|" in before


def test_long_braces_are_spread() -> None:
    """A collection that passes 120 columns stands on lines of its own."""
    names = [f"partner-{number:03}" for number in range(12)]
    text, _ = fmt("queues: {North: {members: [" + ", ".join(names) + "]}}\n")
    assert text is not None
    assert max(map(len, text.splitlines())) <= 120
    assert "      - partner-011" in text


def test_a_comment_within_braces_is_not_lost() -> None:
    """Where it cannot be kept, the file stays and the comment is named."""
    text, said = fmt("a: {b: 1, # one\n    c: 2} # two\n")
    kept = text is not None and "# one" in text and "# two" in text
    assert kept or said[0].startswith("formatting would lose the comment '# one'")


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/**/*.yaml")), ids=lambda p: p.name)
def test_sample_is_canonical(path: Path) -> None:
    """What is shipped is in the form that fmt writes."""
    text = path.read_text("utf-8")
    assert fmt(text) == (text, [])


WORDS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(["NO", "yes", "~", "1e3", "0x1f", "2026-11-23", "a: b", "#x", "- y", "'", '"']),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 10**6), WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@LONG
@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4), st.booleans())
def test_yaml_says_the_same_and_stays(document: dict[str, object], flow: bool) -> None:
    """Whatever a file holds: the same values after it, and nothing to change a second time."""
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.allow_unicode = True
    yaml.dump(document, out)
    before = decode(out.getvalue().encode(), "f.yaml", Complaints())
    assert before is not None
    parsed = parse_yaml(before, Complaints())
    text, said = fmt(out.getvalue())
    if text is None:
        assert said
        return
    after = decode(text.encode(), "f.yaml", Complaints())
    again = parse_yaml(after, Complaints()) if after is not None else None
    assert parsed is not None
    assert again is not None
    assert again.root.data() == parsed.root.data()
    assert fmt(text) == (text, [])


@LONG
@given(st.text(max_size=20) | st.text("'=+-@|1 ", max_size=6))
def test_harmless_cells_mean_what_they_did(text: str) -> None:
    """No cell starts like a formula but for numbers, and reading takes the apostrophe off."""
    cell = harmless(text)
    assert meant(cell) == text
    assert not cell.startswith(("=", "@", "|", "\t", "\r"))


@pytest.mark.parametrize("text", ["+351 21 555 0100", "-12.5", "+44 (0)20/7946-0958", "-"])
def test_numbers_stay_as_they_are(text: str) -> None:
    """They run nothing."""
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3+cmd|x", "@SUM(A1)", "|x"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    """Each way in which a spreadsheet takes text for a formula."""
    assert harmless(text) == f"'{text}"


def test_csv_form() -> None:
    """Trimmed, quoted only where needed, one kind of line end, empty rows left out."""
    text, said = fmt('key, name \r\na,"A"\r\n ,\r\nb,"B, C"\r\nc,=x\r\n', "f.csv")
    assert (text, said) == ('key,name\na,A\nb,"B, C"\nc,\'=x\n', [])


@LONG
@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), min_size=1, max_size=4))
def test_csv_stays(rows: list[list[str]]) -> None:
    """Nothing to change a second time."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    text, _ = fmt(f"key,name\n{out.getvalue()}".replace("\ud800", ""), "f.csv")
    assert text is None or fmt(text, "f.csv")[0] == text


def test_every_file_is_found(tmp_path: Path) -> None:
    """Main files, CSV files, includes, overlays."""
    names = {p.relative_to(ROOT / "config").as_posix() for p in programme_files(ROOT / "config")}
    assert {"programme.yaml", "routing.yaml", "partners.csv", "people.csv"} <= names
    assert {"overlays/sandbox.yaml", "overlays/production.yaml"} <= names


def test_command_checks_and_writes(copy: Path) -> None:
    """--check says which and exits 1; without it they are written; the programme is the same."""
    before = load_programme(copy)
    path = copy / "programme.yaml"
    path.write_text(path.read_text("utf-8").replace("tiers: [", "tiers:    [  "), "utf-8")
    run = CliRunner()
    checked = run.invoke(app, ["programme", "fmt", "--check", "--programme", str(copy)])
    assert (checked.exit_code, "programme.yaml" in checked.stdout) == (1, True)
    assert run.invoke(app, ["programme", "fmt", "--programme", str(copy)]).exit_code == 0
    again = run.invoke(app, ["programme", "fmt", "--check", "--programme", str(copy)])
    assert again.exit_code == 0, again.stdout
    assert load_programme(copy).digest == before.digest


@pytest.mark.parametrize("ends", [b"\r\n", b"\r"])
def test_ends_of_lines_are_a_change_too(copy: Path, ends: bytes) -> None:
    """As a spreadsheet writes them: no line differs, and the diff says what does."""
    path = copy / "partners.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", ends))
    shown = CliRunner().invoke(app, ["programme", "fmt", "--diff", "--programme", str(copy)])
    assert f"{path}: only the ends of its lines" in shown.stdout
    assert "1 file would change" in shown.stdout
