"""`sfprm init DIR` and the local commands in what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Program


@pytest.fixture(scope="module")
def folder(sfprm: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `init` wrote."""
    path = tmp_path_factory.mktemp("init") / "new"
    answer = sfprm("init", str(path), "--json")
    assert answer.code == 0
    assert sorted(answer.json["result"]["files"]) == sorted(
        p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()
    )
    return path


def test_what_init_writes_is_a_valid_programme(sfprm: Program, folder: Path) -> None:
    """12 partners, 30 people."""
    answer = sfprm("programme", "validate", cwd=folder)
    assert answer.code == 0
    assert "12 partners, 30 people, 2 queues" in answer.out


def test_what_init_writes_holds_valid_jobs(sfprm: Program, folder: Path) -> None:
    """Each job file with its next times, but for those that follow a change or another job."""
    files = sorted(path.stem for path in (folder / "jobs").glob("*.yaml"))
    said = sfprm("jobs", "validate", cwd=folder).out
    assert said == f"{len(files)} job files, 1 alert channel, no errors.\n"
    listed = sfprm("jobs", "list", "--json", cwd=folder).json["result"]
    assert [job["name"] for job in listed] == files
    due = sfprm("jobs", "next", "--count", "4", "--json", cwd=folder).json["result"]
    timeless = {j["name"] for j in listed if j["schedule"].startswith(("when ", "after "))}
    assert {"provision", "route", "recall"} <= due.keys() - timeless
    assert {name: len(times) for name, times in due.items()} == {
        name: 0 if name in timeless else 4 for name in files
    }


def test_init_writes_the_hidden_sample_too(folder: Path) -> None:
    """`.env.example` and the metadata that `setup` deploys."""
    assert (folder / "config" / ".env.example").is_file()
    assert (folder / "config" / "metadata" / "package.xml").is_file()


def test_init_refuses_to_overwrite(sfprm: Program, folder: Path) -> None:
    """Nothing is written, exit 2."""
    (folder / "config" / "people.csv").write_text("mine\n")
    (folder / "config" / "partners.csv").unlink()
    answer = sfprm("init", str(folder))
    assert answer.code == 2
    assert "exists already; nothing was written" in answer.err
    assert (folder / "config" / "people.csv").read_text() == "mine\n"
    assert not (folder / "config" / "partners.csv").exists()


def test_show_fills_in_what_is_not_written(sfprm: Program) -> None:
    """Patterns and defaults, as the programme is understood."""
    root = Path(__file__).parents[2]
    env = {"SFPRM_PROGRAMME": str(root / "config")}
    assert (
        "ines.moura.acme-ibericos@partners.example.com"
        in sfprm(*("programme", "show", "--json"), env=env).out
    )
    assert "Acme Ibericos" in sfprm("programme", "show", env=env).out


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["jobs", "history"],
        ["jobs", "list", "--known"],
        ["state", "migrate"],
        ["state", "verify"],
    ],
)
def test_local_commands_answer_with_one_json_object(
    sfprm: Program, tmp_path: Path, arguments: list[str]
) -> None:
    """{status, result, warnings} on an empty state, without any org."""
    answer = sfprm(*arguments, "--json", env={"SFPRM_STATE_DIR": str(tmp_path)})
    assert (answer.code, answer.err) == (0, "")
    assert set(answer.json) == {"status", "result", "warnings"}
    assert sfprm(*arguments, env={"SFPRM_STATE_DIR": str(tmp_path)}).out
