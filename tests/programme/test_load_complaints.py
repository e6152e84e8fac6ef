"""Each mistake in a programme file: where it is, what is wrong, what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfprm.errors import BadFiles, Complaint
from sfprm.programme.load import load

Spoil = Callable[..., list[Complaint]]

P, R, C, W = "programme.yaml", "routing.yaml", "partners.csv", "people.csv"
ROW = "hugo.matos,sulcom,Hugo,Matos,hugo.matos@sulcom.example.com,Worker,active"

# file, what stands there, what is put there, line:column, words of the message, words of the hint
MISTAKES = [
    # --- programme.yaml
    (P, "site:", "siet:", "7:1", "unknown key 'siet'", "Did you mean 'site'?"),
    (P, "Alder Partner Central", "42", "7:7", "'site': must be text, not the number 42", '"42"'),
    (P, "Alder Partner Central", "", "7:1", "'site': must be text, not nothing", "Write a value"),
    (
        P,
        "programme: Alder channel",
        "site: Twice",
        "7:1",
        "'site' stands twice; first on line 6",
        "one of",
    ),
    (P, "marta.lopes@alder", "marta lopes", "13:10", "is not a username", "form of an e-mail"),
    (P, "jonas.weber@", "marta.lopes@", "14:10", "are the same user", ""),
    (P, "{partner}", "{partnr}", "22:30", "unknown placeholder {partnr}", "'partner'"),
    (P, "{partner}", "{partner", "22:16", "unknown placeholder {", "Known: email_local"),
    (P, "role: Worker", "role: Boss", "23:11", "must be Executive, Manager, User or", ""),
    (P, "Europe/Lisbon", "Europe/Lisbonn", "26:11", "is not a time zone", "'Europe/Lisbon'"),
    (P, "pt_BR", "pt-BR", "36:20", "'pt-BR' is not a language of Salesforce", "'pt_BR'"),
    (P, "pt_PT", "portuguese", "35:18", "is not a locale", "pt_PT"),
    (P, "partners: partners.csv", "partners: nobody.csv", "", "no such file", "`partners:`"),
    (P, "[acme-ibericos, sulcom]", "[acme, sulcom]", "44:15", "which no file", "acme-ibericos"),
    (P, "[acme-ibericos, sulcom]", "[sulcom, sulcom]", "44:23", "same member twice", ""),
    (P, "[acme-ibericos, sulcom]", "[kari.vik]", "44:15", "", "{person: kari.vik}"),
    (P, "[acme-ibericos, sulcom]", "sulcom", "44:14", "must be a list, not 'sulcom'", ""),
    (P, "person: astrid.lund", "person: astrid.lun", "49:17", "no file", "'astrid.lund'"),
    (P, "person: astrid.lund", "user: marta", "49:15", "not a username", "marta.lopes@"),
    (P, "person: astrid.lund", "person: a\n        user: b@c.de", "49:9", "exactly one of", ""),
    (P, "leads-south@alder.example.com", "leads-south", "45:13", "not an e-mail address", ""),
    (P, "Partner leads South:", "Web Leads And Much More Than Forty Letters:", "43:3", "40", ""),
    (P, "channel_managers:", "\tchannel_managers:", "12:1", "not YAML", "spaces"),
    (P, "tiers: [Bronze", "tiers: [[Bronze", "19:1", "starts on line 17", ""),
    (P, "Alder channel", "!!python/object:os.system x", "6:12", "tag", "plain value"),
    # --- routing.yaml
    (R, "intake:", "intakes:", "7:1", "unknown key 'intakes'", "'intake'"),
    (R, "  - queue: Event Leads", "  - queue: Web Leads", "9:12", "twice", ""),
    (R, "  - queue: Event Leads", "  - Partner Leads south", "9:5", "declared as", "South'"),
    (R, "{partner: sulcom}", "{partner: sulkom}", "16:19", "'sulkom'", "'sulcom' ("),
    (R, "{partner: sulcom}", "{partner: acme-ibericos}", "16:9", "twice; first on line 15", ""),
    (R, "{partner: sulcom}", "{partnr: sulcom}", "16:10", "unknown key", "'partner'"),
    (R, "{partner: sulcom}", "{weight: 3}", "16:9", "exactly one of partner, queue, user", ""),
    (R, "{partner: sulcom}", "{queue: Web Leads}", "12:3", "is an intake", ""),
    (R, "{partner: sulcom}", "{user: sam}", "16:16", "'sam' is not a username", ""),
    (R, "weight: 2", "weight: -2", "15:42", "'weight': must be at least 0", ""),
    (R, "weight: 2", "weight: 1.5", "15:42", "must be a whole number", ""),
    (R, "weight: 2", "weight: yes", "15:42", "must be a whole number, not 'yes'", ""),
    (R, "cap: {open: 60}", "cap: {opne: 60}", "22:36", "unknown key 'opne'", "'open'"),
    (R, "cap: {open: 60}", "cap: {open: 0}", "22:42", "must be at least 1", ""),
    (R, "tier >= Silver", "tier >= Silber", "25:7", "not one of the tiers", "'Silver'"),
    (R, "tier >= Silver", "tier => Silver", "25:20", "operator is wanted", ""),
    (R, ">= Silver and", ">= Silver or", "25:30", "where 'and' is wanted", "two pools"),
    (R, "partner.certified_for", "partner.certified", "26:30", "no attribute", "certified_for"),
    (R, "Lead.Country in", "Lead.Cuntry in", "25:34", "no standard field", "'Country'"),
    (R, "Lead.Country in", "Load.Country in", "25:34", "neither partner.", "quoted"),
    (R, "greaterThan 50000000", "above 50000000", "43:26", "unknown operator", "Known:"),
    (R, "greaterThan 50000000", "greaterThan 50 Mio", "43:12", "no value for", "a number"),
    (R, "greaterThan 50000000", "startsWith 5", "43:12", "does not go with", "greaterThan"),
    (R, "greaterThan 50000000", "greaterThan", "43:37", "needs a value", ""),
    (R, "AnnualRevenue greater", "AnualRevenue greater", "43:12", "no standard", "AnnualRevenue"),
    (R, "1 AND 2", "1 AND 3", "52:18", "names criterion 3, but `when` has 2", "from 1"),
    (R, "1 AND 2", "1 AND (2", "52:20", "closing bracket is missing", ""),
    (R, "1 AND 2", "1 UND 2", "52:14", "'UND' is not expected here", ""),
    (R, "1 AND 2", '"1"', "52:12", "does not name criterion 2", "each criterion"),
    (R, "{pool: north}", "{pool: nroth}", "53:20", "no pool is named", "'north' ("),
    (R, "{pool: north}", "{pool: north, leave: true}", "53:13", "exactly one of", ""),
    (R, "{pool: north}", "{}", "53:13", "exactly one of user, queue, pool, sticky, leave", ""),
    (R, "user: lena.berg@alder.example.com", "user: marta", "44:20", "username", "marta.lopes"),
    (R, "name: Everything else", "name: Cold leads from the South", "63:11", "two rules", ""),
    (R, "    assign: {queue: Inside Sales Desk}", "    #", "63:5", "'assign' is missing", ""),
    (
        R,
        "    assign: {pool: south}",
        "    assign: {pool: south}\n    notify: led",
        "49:13",
        "notice",
        "",
    ),
    (R, "lead.Company }}", "laed.Company }}", "70:28", "nothing is known", "'lead'"),
    (R, "lead.Company }}", "lead.Company", "70:14", "notice 'lead-assigned', subject", ""),
    (R, "New lead: {{ lead.Company", "{{ lead.Cmpny", "70:18", "no standard field", "'Company'"),
    (R, "New lead: {{ lead.Company", "{{ lead['Id'].x ~ rule.nme", "70:33", "no 'nme'", "'name'"),
    (R, "owner.FirstName }}", "owner.Firstname }}", "72:16", "User has no standard", "'FirstName'"),
    # --- partners.csv
    (C, "manager,tier", "manger,tier", "1", "unknown column 'manger'", "'manager'"),
    (C, "Account.Phone", "Account.Fone", "1", "no standard field", "'Phone'"),
    (C, "Account.Phone", "Account.OwnerId", "1", "sfprm fills this field", "Leave it out"),
    (C, "Account.Phone", "Account.CreatedDate", "1", "lets nobody write", ""),
    (C, "\nsulcom,", "\nacme-ibericos,", "3", "declared twice; first at", "another key"),
    (C, "\nsulcom,", "\nSulcom,", "3", "'Sulcom' cannot be a key", "lower-case"),
    (C, "\nsulcom,", "\n,", "3", "a partner without a key", ""),
    (C, "Sulcom,marta", "Sulcom,martha", "3", "is not a channel manager", "'marta' ("),
    (C, "Sulcom,marta", ",marta", "3", "no name (column name)", ""),
    (C, "Sulcom,marta,Gold", "Sulcom,marta,Golden", "3", "not one of the tiers", "'Gold'"),
    (C, "Sulcom,marta", "Sulcom,marta,,", "3", "13 cells, but the header has 11", "quotes"),
    (C, "Sulcom,marta", "Sulcom", "3", "10 cells, but the header has 11", "commas"),
    (C, "Sulcom,marta", '"Sulcom,marta', "3", "not CSV from here on", "doubled"),
    (C, "AccountNumber=P-1001", "P-1001", "2", "does not name a field", "AccountNumber=P-1001"),
    (C, "AccountNumber=P-1002", "AccountNumber=P-1001", "10", "same account", ""),
    (C, "AccountNumber=P-1001", "AcountNumber=P-1001", "2", "no standard", "'AccountNumber'"),
    # --- people.csv
    (W, ROW, ROW.replace("@", " at "), "7", "is not an address (column email)", ""),
    (W, ROW, ROW.replace("sulcom,H", "sulcum,H"), "7", "is declared nowhere", "'sulcom' ("),
    (W, ROW, ROW.replace("Matos,", ",", 1), "7", "no last name (column last_name)", ""),
    (W, ROW, ROW.replace("Worker", "Wroker"), "7", "'Wroker' is not one of", "'Worker'"),
    (W, ROW, ROW.replace("active", "gone"), "7", "'gone' is not one of active, frozen", ""),
    (W, ROW, ROW.replace("hugo.matos,", "kari.vik,"), "29", "declared twice; first at", ""),
    (W, ROW, ROW.replace("hugo.matos@", "tiago.faria@"), "7", "is taken by the person at", "{key}"),
    (W, ROW, ROW.replace("Hugo", "H" * 41), "7", "longer than 40 characters", ""),
    (W, ROW, ROW.replace("hugo.matos@", "h" * 63 + "@"), "7", "is not an address", ""),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "message", "hint"),
    MISTAKES,
    ids=[
        f"{file}-{message[:30] or hint[:30] or 'twice'}-{n}"
        for n, (file, _, _, _, message, hint) in enumerate(MISTAKES)
    ],
)
def test_mistake(
    spoil: Spoil, file: str, old: str, new: str, where: str, message: str, hint: str
) -> None:
    """The complaint names the spot, says what is wrong and what to write."""
    complaints = spoil(file, (old, new))
    assert complaints, "nothing was complained about"
    shown = "\n".join(line for c in complaints for line in c.lines())
    assert any(
        c.where == f"{c.file}:{where}".rstrip(":") and message in c.message and hint in c.hint
        for c in complaints
    ), shown


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "message", "hint"), MISTAKES[:1] + MISTAKES[29:50]
)
def test_one_mistake_makes_few_complaints(
    spoil: Spoil, file: str, old: str, new: str, where: str, message: str, hint: str
) -> None:
    """A slip is told once, without a tail of consequences."""
    assert len(spoil(file, (old, new))) <= 2


def test_screen_is_the_wished_for_one(spoil: Spoil) -> None:
    """Where, what, the line with the spot marked, and what was probably meant."""
    [complaint] = spoil(R, ("{partner: sulcom}", "{partner: sulkom}"))
    folder = complaint.file.removesuffix(R)
    assert complaint.lines() == [
        f"{folder}routing.yaml:16:19: error: pool 'south' names partner 'sulkom', "
        "which no file declares.",
        "   16 |       - {partner: sulkom}",
        "      |                   ^~~~~~",
        f"   Did you mean 'sulcom' ({folder}partners.csv:3)?",
    ]


def test_all_files_in_one_run(copy: Path) -> None:
    """Mistakes in four files are told together, in order of file and line."""
    for file, old, new in (
        (P, "site:", "sites:"),
        (R, "{pool: north}", "{pool: nroth}"),
        (C, "Sulcom,marta", "Sulcom,martha"),
        (W, "ines.moura@", "ines.moura"),
    ):
        path = copy / file
        path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(BadFiles) as caught:
        load(copy)
    assert {Path(c.file).name for c in caught.value.complaints} == {P, R, C, W}
    order = [(c.file, c.line) for c in caught.value.complaints]
    assert order == sorted(order)
    assert caught.value.exit_code == 2


def test_a_wrong_part_does_not_hide_what_is_inside_its_neighbours(spoil: Spoil) -> None:
    """Form errors and unknown names of one file come out in the same run."""
    complaints = spoil(R, ("weight: 2", "weight: two"), ("{pool: north}", "{pool: nroth}"))
    assert [c.line for c in complaints] == [15, 53]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty."),
        (b" \n\n", "is empty."),
        (b"# only words\n", "holds only comments."),
        (b"\xff\xfea\x00", "is written in UTF-16, not in UTF-8."),
        (b"programme: S\xe3o\n", "is not UTF-8: byte 0xe3 cannot be read."),
        (b"- a\n- b\n", "the file must be a mapping (key: value), not a list."),
        (b"hello\n", "the file must be a mapping (key: value), not the text 'hello'."),
        (b"a: b\n---\nc: d\n", "not YAML: but found another document."),
        (b"[" * 1200, "nested more than 40 levels deep."),
        (b"a: " + b"[" * 60 + b"]" * 60, "nested more than 40 levels deep."),
        (b'site: "\\ud800"\n', "holds a control character or half of a character."),
    ],
)
def test_no_yaml_at_all(copy: Path, content: bytes, message: str) -> None:
    """Files that are no programme at all are told so in one line."""
    (copy / P).write_bytes(content)
    with pytest.raises(BadFiles) as caught:
        load(copy)
    assert message in [c.message for c in caught.value.complaints]


def test_alias_bomb_stays_small(copy: Path) -> None:
    """Nine levels of ten aliases each are refused, not expanded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (copy / P).write_text("\n".join(lines), "utf-8")
    with pytest.raises(BadFiles, match="values once aliases are followed"):
        load(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty."),
        (b"key;name;manager\n", "the cells are separated by ';', not by ','."),
        (b"key,name\n", "column 'manager' is missing."),
        (b"key,key,name,manager\n", "column 'key' stands twice."),
        (b"key,name,manager,\n", "a column without a name."),
        (b"key,name,manager\n\x00,b,c\n", "holds a control character (column key)."),
        (b"key,name,manager\nS\xe3o,b,c\n", "is not UTF-8: byte 0xe3 cannot be read."),
    ],
)
def test_no_csv_at_all(copy: Path, content: bytes, message: str) -> None:
    """The same for partners' files."""
    (copy / C).write_bytes(content)
    with pytest.raises(BadFiles) as caught:
        load(copy)
    assert message in [c.message for c in caught.value.complaints]


def test_person_without_any_username(spoil: Spoil) -> None:
    """One complaint for all people, not one each."""
    pattern = '    username: "{email_local}.{partner}@partners.example.com"\n'
    [complaint] = spoil(P, (pattern, ""))
    assert complaint.message == "no username is given for this person, nor for 29 more."


def test_username_taken_in_the_files(spoil: Spoil) -> None:
    """A pattern that gives two people the same username is told with both places."""
    complaints = spoil(P, ("{email_local}.{partner}", "{partner}"))
    assert len(complaints) == 18
    assert "taken by the person at" in complaints[0].message


def test_an_address_that_two_people_share(spoil: Spoil, copy: Path) -> None:
    """An office's own is allowed; what it may mean is said."""
    path = copy / P
    path.write_text(path.read_text("utf-8").replace("{email_local}.", "{key}.", 1), "utf-8")
    [found] = spoil(W, (ROW, ROW.replace("hugo.matos@", "tiago.faria@")), warnings=True)
    assert (found.severity, found.line) == ("warning", 7)
    assert "belongs to a person of the same partner" in found.message


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            R,
            "  - name: Everything else\n",
            "  - name: X\n    when: [Email equals]\n",
            "no rule takes",
        ),
        (R, '    when: ["Country equals SE, NO, DK", Rating equals Cold]\n', "", "never reached"),
        (R, "  - queue: Web Leads", "  - queue: Partner leads Sout", "is not declared"),
        (C, "skandia-pump,Skandia", "skandia-pump,Sulcom", "the same name"),
    ],
)
def test_warnings(spoil: Spoil, file: str, old: str, new: str, message: str) -> None:
    """Allowed, and probably not meant."""
    if file == C:
        old, new = old + " Pump", new
    found = spoil(file, (old, new), warnings=True)
    assert any(message in complaint.message for complaint in found)
    assert all(complaint.severity == "warning" for complaint in found)
