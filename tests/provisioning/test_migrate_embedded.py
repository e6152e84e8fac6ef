"""A migration by the command line, against the embedded org."""

from __future__ import annotations

import csv
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from sfprm.programme.load import load_programme

ROOT = Path(__file__).parents[2]
LEGACY = """\
Company;Country;Channel Manager;Level;Contact person;E-Mail;Role;Job Title
Quinta do Vale, Lda;PT;marta;Gold;Ana Sá;ana@quinta.example.com;Manager;=cmd|x
Quinta do Vale, Lda;PT;marta;Gold;Zé Só;ze@quinta.example.com;User;"Line
two"
ACME Ibéricos Lda;PT;marta;Gold;Novo Homem;novo@acme.example.com;;
"Øst 日本 ""Q"" 🙂";NO;pedro.reis;Silver;王 小明;wang@ost.example.com;;
Fabrik Süd;DE;nobody;Gold;Max Muster;max@sued.example.com;;
"""


def rows_of(path: str) -> list[dict[str, str]]:
    """A success or error file."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def env(ready: Any, tmp_path: Path) -> dict[str, str]:
    """The org with the sample programme applied, and a programme folder of the test's own."""
    assert not ready.apply().errors
    shutil.copytree(ROOT / "config", tmp_path / "config")
    more = {"SFPRM_PROGRAMME": str(tmp_path / "config")}
    settings: dict[str, str] = ready.org.env(tmp_path / "state", **more)
    return settings


def test_from_a_file_to_the_org_and_the_programme(
    ready: Any, sfprm: Any, env: dict[str, str], tmp_path: Path
) -> None:
    """Guess, look, load, mend, load; afterwards the files and the org say the same."""
    source, mapping = tmp_path / "legacy.csv", tmp_path / "legacy.mapping.yaml"
    source.write_text(LEGACY, "utf-8")
    before = ready.rows("SELECT COUNT(Id) n FROM Contact")[0]["n"]
    first = sfprm("migrate", str(source), "--json", env=env)
    assert (first.code, first.json["result"]["loaded"]) == (0, False), first.err
    assert ready.rows("SELECT COUNT(Id) n FROM Contact")[0]["n"] == before
    text = mapping.read_text("utf-8")
    assert "ACME Ibéricos Lda: ask" in text
    mapping.write_text(text.replace("Lda: ask", "Lda: acme-ibericos"), "utf-8")

    loaded = sfprm("migrate", str(source), "--json", env=env)
    assert loaded.code == 68, loaded.err
    result = loaded.json["result"]
    assert result["outcomes"] == {"created": 4, "held": 1}
    good, bad = rows_of(result["files"]["success"]), rows_of(result["files"]["errors"])
    assert [row["Contact person"] for row in good] == ["Ana Sá", "Zé Só", "Novo Homem", "王 小明"]
    assert good[0]["Job Title"] == "'=cmd|x"
    [acme] = ready.rows("SELECT Id FROM Account WHERE Partner_Key__c = 'acme-ibericos'")
    assert good[2]["sfprm_account_id"] == acme["Id"]
    assert all(row["sfprm_account_id"] for row in good)
    users = ready.rows(
        "SELECT Id, Contact.Name, Contact.Title, Contact.Account.Name FROM User "
        "WHERE Contact.Email LIKE '%@quinta.example.com' OR Contact.Email LIKE '%@ost.example.com' "
        "ORDER BY Id"
    )
    assert {row["sfprm_user_id"] for row in good} >= {row["Id"] for row in users}
    assert [row["Contact"]["Title"] for row in users] == ["=cmd|x", "Line\ntwo", None]
    assert users[2]["Contact"]["Account"]["Name"] == 'Øst 日本 "Q" 🙂'
    assert "'nobody' is no channel manager" in bad[0]["sfprm_error"]

    refused = sfprm("migrate", str(source), env=env)
    assert (refused.code, "--resume" in refused.err) == (2, True)
    again = sfprm("migrate", str(source), "--resume", "--json", env=env).json["result"]
    assert again["outcomes"] == {"unchanged": 4, "held": 1}

    mended = tmp_path / "mended.csv"
    errors = Path(result["files"]["errors"]).read_text("utf-8-sig")
    mended.write_text(errors.replace("nobody", "jonas", 1), "utf-8")
    rest = sfprm("migrate", str(mended), "--mapping", str(mapping), "--json", env=env)
    assert (rest.code, rest.json["result"]["outcomes"]) == (0, {"created": 1}), rest.out
    plan = sfprm("plan", "--detailed-exitcode", env=env)
    assert plan.code == 0, plan.out
    assert len(load_programme(tmp_path / "config").partners) == 15


def test_what_the_org_refuses_stands_in_the_error_file(
    ready: Any, sfprm: Any, env: dict[str, str], tmp_path: Path
) -> None:
    """A username that somebody has is one row's trouble; the rest goes on."""
    source = tmp_path / "more.csv"
    source.write_text(
        "partner.key,person.first_name,person.last_name,person.email,person.username\n"
        "sulcom,Ana,Nova,ana.nova@sulcom.example.com,\n"
        "sulcom,Rui,Novo,rui.novo@sulcom.example.com,marta.lopes@alder.example.com\n"
        "sulcom,Rui,Prata,rui.prata@acme-ibericos.example.com,\n",
        "utf-8",
    )
    done = sfprm("migrate", str(source), "--accept", "--json", env=env)
    assert done.code == 68, done.out
    result = done.json["result"]
    assert result["outcomes"] == {"created": 2, "failed": 1}
    assert [(f["row"], f["code"]) for f in result["findings"]] == [(4, "known-e-mail")]
    assert "Rui Prata at Acme Ibericos" in result["findings"][0]["what"]
    bad = rows_of(result["files"]["errors"])
    assert [row["person.last_name"] for row in bad] == ["Novo"]
    assert "belongs to Marta Lopes in this org" in bad[0]["sfprm_error"]

    used = (
        "SELECT COUNT(Id) n FROM User WHERE IsActive = true "
        "AND Profile.UserLicense.Name = 'Partner Community'"
    )
    ready.org.event("seats-bought", licence="Partner Community", seats=ready.rows(used)[0]["n"])
    late = tmp_path / "late ones.csv"
    late.write_text(
        "partner.key,person.last_name,person.email\nsulcom,Tarde,tarde@sulcom.example.com\n",
        "utf-8",
    )
    full = sfprm("migrate", str(late), "--accept", "--json", env=env)
    [row] = rows_of(full.json["result"]["files"]["errors"])
    command = f"sfprm migrate '{late}' --resume"
    assert row["sfprm_fix"] == f"buy licences or deactivate partner users, then run `{command}`"
    ready.org.event("seats-bought", licence="Partner Community", seats=50)
    bought = sfprm(*shlex.split(command)[1:], "--json", env=env)
    assert (bought.code, bought.json["result"]["outcomes"]) == (0, {"created": 1}), bought.out


def test_a_run_that_died_after_writing_the_files_goes_on(
    ready: Any, sfprm: Any, env: dict[str, str], tmp_path: Path
) -> None:
    """Declared and not yet in the org: --resume brings it there, partners without people too."""
    source = tmp_path / "late.csv"
    source.write_text(
        "partner.name,partner.manager,person.last_name,person.email\n"
        "Alone,marta,,\nTogether,marta,Nova,nova@together.example.com\n",
        "utf-8",
    )
    folder = tmp_path / "config" / "migrated"
    (tmp_path / "late.mapping.yaml").write_text(
        f"source: {source}\ncolumns:\n"
        + "".join(f"  {c}: {c}\n" for c in source.read_text().splitlines()[0].split(",")),
        "utf-8",
    )
    for budget in range(10, 40, 2):  # the files are written after some calls, and before others
        stopped = sfprm("migrate", str(source), env=env | {"SFPRM_CALL_BUDGET": str(budget)})
        assert stopped.code not in (0, 68), stopped.out
        if (folder / "late.yaml").exists():
            break
    done = sfprm("migrate", str(source), "--resume", "--json", env=env)
    assert (done.code, done.json["result"]["outcomes"]) == (0, {"created": 2}), done.out
    assert len(ready.rows("SELECT Id FROM Account WHERE Name IN ('Alone', 'Together')")) == 2


LEADS = """\
Lead Id,E-Mail,Owner,Status
{0},,ines.moura,Working
{1},,Inside Sales Desk,
{2},,acme-ibericos,
{3},,,Nonsense
{0},,rui.prata,
,{email},lena.berg@alder.example.com,{status}
"""


def test_owners_and_status_of_leads(
    ready: Any, sfprm: Any, env: dict[str, str], tmp_path: Path
) -> None:
    """Partners' people, queues, users; what cannot be told is held; again changes nothing."""
    for event in range(1, 6):
        body = {"LastName": f"L{event}", "Company": f"C{event}"}
        body["Email"] = f"l{event}@x.example.com"
        ready.session.request("POST", "sobjects/Lead", kind="write", json=body)
    found = ready.rows(
        "SELECT Id, Email, OwnerId, Status FROM Lead WHERE Company LIKE 'C_' ORDER BY Id"
    )
    ids = [row["Id"] for row in found]
    before = {row["Id"]: row["OwnerId"] for row in found}
    status = found[4]["Status"]
    values = ready.rows("SELECT MasterLabel FROM LeadStatus WHERE IsConverted = false")
    other = next(v["MasterLabel"] for v in values if v["MasterLabel"] != status)
    source = tmp_path / "leads.csv"
    text = LEADS.format(*ids, email=found[4]["Email"], status=status).replace("Working", other)
    source.write_text(text, "utf-8")
    done = sfprm("migrate", str(source), "--leads", "--accept", "--json", env=env)
    assert done.code == 68, done.err
    result = done.json["result"]
    assert (result["to_change"], len(result["findings"])) == (3, 3)
    assert [f["code"] for f in result["findings"]] == ["no-owner", "unknown-value", "duplicate"]
    owners = ready.rows("SELECT Id, Owner.Name, Status FROM Lead WHERE Company LIKE 'C_'")
    by_id = {row["Id"]: row for row in owners}
    assert (by_id[ids[0]]["Owner"]["Name"], by_id[ids[0]]["Status"]) == ("Inês Moura", other)
    assert by_id[ids[1]]["Owner"]["Name"] == "Inside Sales Desk"
    assert by_id[ids[4]]["Owner"]["Name"] == "Lena Berg"
    good = rows_of(result["files"]["success"])
    assert {row["sfprm_status"] for row in good} == {"changed"}
    assert all(row["sfprm_owner_before"] for row in good)
    again = sfprm("migrate", str(source), "--leads", "--json", env=env).json["result"]
    assert again["to_change"] == 0

    run = done.json["result"]["run"]
    dry = sfprm("undo", run, "--dry-run", "--json", env=env)
    assert (dry.code, len(dry.json["result"]["leads"])) == (0, 3), dry.err
    [lena] = ready.rows("SELECT Id FROM User WHERE Username = 'lena.berg@alder.example.com'")
    ready.org.event(
        "person-edits",
        object="Lead",
        id=ids[0],
        fields={"OwnerId": lena["Id"]},
        by="lena.berg@alder.example.com",
    )
    back = sfprm("undo", run, "--json", env=env)
    assert back.code == 68, back.err
    assert [(s["lead"], s["why"]) for s in back.json["result"]["stays"]] == [
        (ids[0], "its owner is Lena Berg by now")
    ]
    now = {r["Id"]: r for r in ready.rows("SELECT Id, OwnerId, Status FROM Lead")}
    assert [now[at]["OwnerId"] == before[at] for at in ids] == [False, True, True, True, True]
    assert now[ids[0]]["Status"] == other
    over = sfprm("undo", run, "--json", env=env).json["result"]
    assert (over["leads"], over["already"]) == ([], 2)
