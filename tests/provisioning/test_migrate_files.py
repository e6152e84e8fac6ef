"""Migration's reading half: foreign tables, mappings, rows, findings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from sfprm.errors import BadFiles, BadRequest
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.provisioning.migrate_draft import Draft
from sfprm.provisioning.migrate_folder import prepared, write_prepared
from sfprm.provisioning.migrate_mapping import (
    Mapping_,
    guessed,
    mapping_text,
    missing_targets,
    read_mapping,
)
from sfprm.provisioning.migrate_outcome import outcomes, write_findings, write_outcomes
from sfprm.provisioning.migrate_rows import drafted, partner_domains, partner_names
from sfprm.provisioning.migrate_source import SourceRow, SourceTable, read_source_table

NASTY = [
    'say "x", y',
    "=cmd|' /C calc'!A0",
    "🙂 日本",
    "two\nlines",
    "'=x",
    "+351 21",
    "a;b",
    "x" * 255,
]


def table(columns: str, *rows: str) -> SourceTable:
    """A table from words separated by `|`."""
    return SourceTable(
        "legacy.csv",
        tuple(columns.split("|")),
        tuple(SourceRow(n, tuple(row.split("|"))) for n, row in enumerate(rows, 2)),
    )


class Anything:
    """An org that takes every value but `nowhere`."""

    def code(self, target: str, text: str) -> str | None:
        """The text itself."""
        return None if text == "nowhere" else text

    def most(self, target: str) -> int:
        """Telephone numbers of 40 characters."""
        return 40 if target == "Account.Phone" else 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A programme of one partner and one person."""
    folder = tmp_path / "programme"
    folder.mkdir()
    (folder / "programme.yaml").write_text(
        "# ours\nprogramme: Test\nsite: Central\nprofile: Partner User # theirs\n\n"
        "# who\nchannel_managers: {marta: marta.lopes@example.com}\ntiers: [Silver, Gold]\n"
        'defaults: {person: {username: "{key}@users.example.com"}}\n',
        "utf-8",
    )
    (folder / "partners.csv").write_text("key,name,manager\nacme,Acme,marta\n", "utf-8")
    (folder / "people.csv").write_text(
        "key,partner,first_name,last_name,email\nines,acme,Inês,Moura,ines@acme.example.com\n",
        "utf-8",
    )
    return folder


@pytest.fixture
def programme(root: Path) -> Programme:
    """That programme, loaded."""
    return load_programme(root)


Drafting = Callable[..., Draft]


@pytest.fixture
def draft(programme: Programme) -> Drafting:
    """Drafts a table by the guessed mapping; marta is everybody's manager."""

    def make(source: SourceTable, alike: dict[str, str] | None = None, **answers: str) -> Draft:
        columns = {c: g.target for c, g in guessed(source, "partners").items()}
        defaults = {"partner.manager": "marta"}
        mapping = Mapping_("partners", columns, defaults, alike=answers)
        return drafted(source, mapping, programme, alike=alike or {}, words=Anything())

    return make


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_usual_csv_is_read(tmp_path: Path, separator: str, encoding: str) -> None:
    """Separators and encodings that spreadsheets write; line breaks and quotes in cells."""
    path = tmp_path / "f.csv"
    text = separator.join(["a", "b"]) + "\r\n" + separator.join(['"x\r\n""y"""', "Ü"]) + "\r\n\r\n"
    path.write_bytes(text.encode(encoding))
    found = read_source_table(path)
    assert found.columns == ("a", "b")
    assert [(row.number, row.cells) for row in found.rows] == [(2, ('x\r\n"y"', "Ü"))]


def test_excel_is_read(tmp_path: Path) -> None:
    """Numbers without point, dates in ISO form, the sheet that is named."""
    book = openpyxl.Workbook()
    book.create_sheet("Partners")
    page = book["Partners"]
    page.append(["name", "number", "since", "at", "yes", None])
    page.append(["日本 🙂", 7.0, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), True, None])  # noqa: DTZ001
    path = tmp_path / "f.xlsx"
    book.save(path)
    found = read_source_table(path, "Partners")
    assert found.rows[0].cells == ("日本 🙂", "7", "2026-01-02", "2026-01-02T03:04:00", "true")
    with pytest.raises(BadRequest, match="sheet 'Sheet' is empty") as empty:
        read_source_table(path)
    assert "Partners" in empty.value.hint
    with pytest.raises(BadRequest, match="no sheet 'Partner'"):
        read_source_table(path, "Partner")


def test_parquet_is_read(tmp_path: Path) -> None:
    """Nulls are empty, lists have semicolons."""
    path = tmp_path / "f.parquet"
    columns = {"name": ["A", None], "many": [["x", "y"], []], "n": [1.5, 2.0]}
    parquet.write_table(pyarrow.table(columns), path)
    assert [r.cells for r in read_source_table(path).rows] == [("A", "x; y", "1.5"), ("", "", "2")]


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("f.csv", b"", "is empty"),
        ("f.csv", b"a,a\n1,2\n", "two columns are called 'a'"),
        ("f.csv", b"a,,b\n1,2,3\n", "column 2 has no name"),
        ("f.csv", b"a,b\n1,2,3\n", "row 2: 3 cells, but 2 columns"),
        ("f.csv", b"a\n\xff\xfa\n", "line 2: not UTF-8"),
        ("f.csv", b'a\n"x\n', "is not CSV"),
        ("f.xlsx", b"PK nothing", "is no Excel workbook"),
        ("f.parquet", b"PAR1 nothing", "is no Parquet file"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    """What is wrong, in a sentence."""
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(BadRequest, match=said):
        read_source_table(tmp_path / name)


def test_columns_of_ours_are_left_out(tmp_path: Path) -> None:
    """An error file is given back as it is."""
    (tmp_path / "errors.csv").write_text("a,sfprm_error,b\n1,x,'=2\n", "utf-8")
    found = read_source_table(tmp_path / "errors.csv")
    assert (found.columns, found.rows[0].cells) == (("a", "b"), ("1", "=2"))


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("Company", "partner.name"),
        ("Firma", "partner.name"),
        ("E-Mail Address", "person.email"),
        ("emial", "ignore"),
        ("Last Name", "person.last_name"),
        ("Nachname", "person.last_name"),
        ("Billing Country", "Account.BillingCountry"),
        ("Pais", "Account.BillingCountry"),
        ("Chanel Manager", "partner.manager"),
        ("Account.NumberOfEmployees", "Account.NumberOfEmployees"),
        ("partner.tier", "partner.tier"),
        ("Shoe size", "ignore"),
    ],
)
def test_columns_are_guessed(header: str, target: str) -> None:
    """By words of several languages, slips included; what is unknown is ignored."""
    assert guessed(table(header), "partners")[header].target == target


def test_name_is_the_partners_or_the_persons() -> None:
    """A bare `Name` beside a company is the person."""
    assert guessed(table("Name"), "partners")["Name"].target == "partner.name"
    assert guessed(table("Name|Company"), "partners")["Name"].target == "person.full_name"


def test_mapping_comes_back(tmp_path: Path) -> None:
    """Written, read, the same; any header and example."""
    source = table('Company|=x: "y"|NO|#', "Acme|🙂|a\nb|#c")
    path = tmp_path / "m.yaml"
    guesses = guessed(source, "partners")
    alike = {'A: "B"': ("ask", "Acme (001)")}
    text = mapping_text(source, "partners", guesses, defaults={}, values={}, alike=alike)
    path.write_text(text, "utf-8")
    mapping = read_mapping(path, source)
    assert mapping.columns == {c: g.target for c, g in guesses.items()}
    assert mapping.alike == {'A: "B"': "ask"}
    assert "such as Acme" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns: {Compny: partner.name}\n", "has no column 'Compny'"),
        ("columns: {Company: partner.nme}\n", "'partner.nme' is nothing that a column can be"),
        ("columns: {Company: partner.name, B: partner.name}\n", "is column 'Company' already"),
        ("columns: {}\ndefaults: {x: y}\n", "'x' is nothing known"),
        ("colums: {}\n", "unknown key 'colums'"),
    ],
)
def test_mistakes_in_a_mapping(tmp_path: Path, text: str, said: str) -> None:
    """With file and line."""
    path = tmp_path / "m.yaml"
    path.write_text(f"source: legacy.csv\n{text}", "utf-8")
    with pytest.raises(BadFiles) as caught:
        read_mapping(path, table("Company|B"))
    assert said in str(caught.value)
    assert "m.yaml:" in str(caught.value)


def test_what_is_missing() -> None:
    """Without a partner nothing can be loaded."""
    assert missing_targets(Mapping_("partners", {"a": "person.email"}))
    assert not missing_targets(Mapping_("partners", {"a": "partner.key"}))


COLUMNS = "Company|First Name|Last Name|E-Mail|Country|Phone|Level|Channel Manager"


@pytest.mark.parametrize(
    ("rows", "code", "number"),
    [
        (["|A|B|a@x.example.com||||"], "no-partner", 2),
        (["New|A||a@x.example.com||||"], "no-last-name", 2),
        (["New|A|B|nobody||||"], "bad-e-mail", 2),
        (["New|A|B|||||"], "bad-e-mail", 2),
        (["New|A|B|a@x.example.com|nowhere|||"], "unknown-value", 2),
        (["New|A|B|a@x.example.com||" + "1" * 41 + "||"], "too-long", 2),
        (["New|A|B|a@x.example.com||||pedro"], "unknown-manager", 2),
        (["n" * 256 + "|A|B|a@x.example.com||||"], "too-long", 2),
        (["New|A|B|a@x.example.com||||", "New|a|b|A@x.example.com||||"], "duplicate", 3),
        (["New|A|B|a@x.example.com||||pedro", "New|C|D|c@x.example.com||||"], "partner-held", 3),
        (["New|A|B|a@x.example.com|||Tin|"], "refused", 2),
    ],
)
def test_rows_that_are_held(
    draft: Drafting, root: Path, rows: list[str], code: str, number: int
) -> None:
    """Each with its row and reason; nothing of a held row goes into the files."""
    made = draft(table(COLUMNS, *rows))
    ready = prepared(root, "", "t", made)
    assert (number, code) in {(f.row, f.code) for f in made.findings if f.held}
    assert len(ready.programme.people) == 1 + len(rows) - len(made.held())


def test_a_refusal_names_rows_of_the_source(draft: Drafting, root: Path) -> None:
    """Not lines of a copy that nobody has."""
    file = root / "programme.yaml"
    file.write_text(file.read_text("utf-8").replace("{key}@", "{email_local}@"), "utf-8")
    made = draft(table(COLUMNS, "New|A|B|a@x.example.com||||", "New|C|D|a@x.example.com||||"))
    prepared(root, "", "t", made)
    [refused] = [f for f in made.findings if f.code == "refused"]
    assert (refused.row, "is taken by the person at row 2." in refused.what) == (3, True)
    assert "migrated" not in refused.what


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (["New|A|B|a@x.example.com||||", "New|C|D|a@x.example.com||||"], "shared-e-mail"),
        (["New|A|B|a@x.example.com|PT|||", "New|C|D|c@x.example.com|ES|||"], "contradiction"),
    ],
)
def test_what_is_only_said(draft: Drafting, rows: list[str], code: str) -> None:
    """The rows are loaded all the same."""
    made = draft(table(COLUMNS, *rows))
    assert [f.code for f in made.findings] == [code]
    assert not made.held()


def test_look_alikes_wait_for_an_answer(draft: Drafting) -> None:
    """Held until the mapping says new, an account's Id, or a partner's key."""
    source = table("Company|Last Name|E-Mail", "ACME Lda|B|b@x.example.com")
    likes = {"ACME Lda": "Acme (partner acme)"}
    assert draft(source, likes).held() == {2}
    assert draft(source, likes, **{"ACME Lda": "new"}).partner_of == {2: "acme-lda"}
    assert draft(source, likes, **{"ACME Lda": "acme"}).partner_of == {2: "acme"}
    by_id = draft(source, likes, **{"ACME Lda": "001000000000001AAA"})
    assert by_id.partners["acme-lda"]["match"] == "Id=001000000000001AAA"
    assert draft(source, likes, **{"ACME Lda": "acmee"}).held() == {2}


def test_domains_of_partners() -> None:
    """Of web pages and addresses, free mail left out, under the name as first written."""
    source = table(
        "Company|Website|E-Mail",
        "Acme|https://www.acme.example.com/x|a@gmail.com",
        "ACME||b@acme.example.org",
        "Other||",
    )
    columns = {c: g.target for c, g in guessed(source, "partners").items()}
    assert partner_domains(source, Mapping_("partners", columns)) == {
        "Acme": {"acme.example.com", "acme.example.org"},
        "Other": set(),
    }


def test_what_is_declared_is_not_declared_again(draft: Drafting) -> None:
    """A partner of the very same name, a person of the same name and address."""
    source = table("Company|Full Name|E-Mail", " acme |Inês  Moura|INES@acme.example.com")
    made = draft(source)
    assert (made.partners, made.people) == ({}, {})
    assert (made.partner_of, made.person_of) == ({2: "acme"}, {2: "ines"})


def test_any_text_arrives_in_the_files(draft: Drafting, root: Path) -> None:
    """Quotes, formulas, emoji, line breaks: declared as they are, harmless in the file."""
    source = SourceTable(
        "legacy.csv",
        ("Company", "Last Name", "E-Mail"),
        tuple(SourceRow(n, (x, x[:80], f"p{n}@x.example.com")) for n, x in enumerate(NASTY, 2)),
    )
    made = draft(source)
    ready = prepared(root, "", "t", made)
    assert made.findings == []
    assert [p.name for p in ready.programme.partners.values()][1:] == NASTY
    assert [p.last_name for p in ready.programme.people.values()][1:] == [x[:80] for x in NASTY]
    text = ready.files["migrated/t-partners.csv"]
    assert "'=cmd" in text
    assert "''=x" in text


def test_programme_keeps_its_comments_and_defaults(draft: Drafting, root: Path) -> None:
    """One line is added to programme.yaml, once, and the files that were only meant are named."""
    before = (root / "programme.yaml").read_text("utf-8")
    made = draft(table("Company|Last Name|E-Mail", "New|B|b@x.example.com"))
    write_prepared(root, prepared(root, "", "t", made))
    after = (root / "programme.yaml").read_text("utf-8")
    added = "include: migrated/*.yaml\npartners: partners.csv\npeople: people.csv\n"
    assert after.replace(added, "") == before
    assert list(load_programme(root).partners) == ["acme", "new"]
    again = draft(table("Company|Last Name|E-Mail", "Other|C|c@x.example.com"))
    write_prepared(root, prepared(root, "", "t", again))
    assert (root / "programme.yaml").read_text("utf-8") == after
    assert list(load_programme(root).partners) == ["acme", "new", "other"]


def test_only_programme_files_are_judged(draft: Drafting, root: Path) -> None:
    """A programme folder may hold other things, large or unreadable: they are left alone."""
    (root / ".venv").mkdir()
    (root / ".venv" / "broken.yaml").symlink_to(root / "nowhere")
    (root / "photo.png").symlink_to(root / "nowhere")
    made = draft(table("Company|Last Name|E-Mail", "New|B|b@x.example.com"))
    assert list(prepared(root, "", "t", made).programme.partners) == ["acme", "new"]


def test_outcomes_keep_the_source_rows(draft: Drafting, tmp_path: Path) -> None:
    """In order, with the source's own cells, formulas harmless, and read again as they were."""
    source = table("Company|Last Name|E-Mail|Notes", "|B|b@x.example.com|=1+1", "||bad|x")
    made = draft(source)
    done = outcomes(source, made, None, None, "sfprm migrate a.csv --resume")
    success, errors = write_outcomes(tmp_path, source, done)
    assert success is None
    assert errors is not None
    assert "'=1+1" in errors.read_text("utf-8-sig")
    assert [row.cells for row in read_source_table(errors).rows] == [r.cells for r in source.rows]
    report = write_findings(tmp_path, made.findings).read_text("utf-8-sig")
    assert "no-partner" in report


def test_a_row_is_told_all_that_is_wrong_with_it(draft: Drafting) -> None:
    """So that it is mended once, each with its column and what to do."""
    source = table("Company|Contact person|E-Mail", "New||bad")
    [done] = outcomes(source, draft(source), None, None, "sfprm migrate a.csv --resume")
    assert done.error == (
        "a person has no last name (column Contact person); "
        "'bad' is no e-mail address (column E-Mail)"
    )
    assert done.fix == "fill it, or empty the person's cells; correct it, as in name@example.com"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), max_size=5))
def test_no_row_is_lost(rows: list[list[str]]) -> None:
    """Whatever cells hold: each row ends as loaded or held, and none raises."""
    source = SourceTable(
        "f", ("Company", "Last Name", "E-Mail"),
        tuple(SourceRow(n, tuple(cells)) for n, cells in enumerate(rows, 2)),
    )  # fmt: skip
    columns = {c: g.target for c, g in guessed(source, "partners").items()}
    mapping = Mapping_("partners", columns, {"partner.manager": "marta"})
    programme = Programme("P", "S", "U", {}, {}, {}, {}, None)  # type: ignore[arg-type]
    made = drafted(source, mapping, programme, alike={}, words=Anything())
    assert {r.number for r in source.rows} == made.held() | set(made.partner_of)
    assert len(partner_names(source, mapping)) <= len(rows)
