"""Bad programme files through the program: exit 2, file and line, and the org hears nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Answer, DevOrg, Program

Change = tuple[str, str | None, str | bytes]
Try = Callable[..., "Answer"]
P, R, C, W = "programme.yaml", "routing.yaml", "partners.csv", "people.csv"
SULCOM = "sulcom,Sulcom,marta,Gold"
LATIN1 = b"key,partner\n" + "inês,acme".encode("latin-1")

# case, change, where it is, what is wrong
CASES: list[tuple[str, Change, str, str]] = [
    ("unknown key", (P, "site:", "sight:"), f"{P}:7", "unknown key 'sight'"),
    ("wrong type", (R, "weight: 2", "weight: two"), f"{R}:15", "must be a whole number"),
    ("partner twice", (C, SULCOM, "acme-ibericos,Sulcom,marta,Gold"), f"{C}:3", "acme-ibericos"),
    (
        "missing member",
        (P, "[acme-ibericos, sulcom]", "[acme-ibericos, sulkom]"),
        f"{P}:",
        "sulkom",
    ),
    ("unknown field", (R, "Rating equals Cold", "Ratin equals Cold"), f"{R}:", "Ratin"),
    ("unknown pool", (R, "{pool: south}", "{pool: sout}"), f"{R}:", "sout"),
    ("malformed row", (C, SULCOM, 'sulcom,"Sulcom,marta,Gold'), f"{C}:", ""),
    ("a cell too many", (W, "rui.prata@acme-ibericos.example.com", "a@b.example.com,x"), W, ""),
    ("wrong encoding", (W, None, LATIN1), f"{W}:", "UTF-8"),
    ("empty file", (C, None, ""), C, "empty"),
]


@pytest.fixture
def apply_it(sfprm: Program, quiet_org: DevOrg, tmp_path: Path) -> Try:
    """`sfprm apply` with a programme folder; fails when the org was called."""

    def run(folder: Path, *arguments: str) -> Answer:
        quiet_org.control("POST", "calls/reset")
        env = quiet_org.env(tmp_path / "state", SFPRM_PROGRAMME=str(folder))
        answer = sfprm("apply", *arguments, env=env)
        assert quiet_org.control("GET", "calls")["entries"] == []
        return answer

    return run


@pytest.mark.parametrize(("case", "change", "where", "what"), CASES, ids=[c[0] for c in CASES])
def test_each_mistake_is_named_and_nothing_is_sent(
    apply_it: Try, spoilt: Callable[..., Path], case: str, change: Change, where: str, what: str
) -> None:
    """File and line, exit 2, no call to the org."""
    folder = spoilt(change)
    answer = apply_it(folder)
    assert (answer.code, answer.out) == (2, ""), case
    complaints = [line for line in answer.err.splitlines() if ": error: " in line]
    assert any(c.startswith(f"{folder}/{where}") and what in c for c in complaints), answer.err
    assert "Nothing was sent to the org." in answer.err
    assert "Traceback" not in answer.err


def test_all_mistakes_are_found_in_one_run(apply_it: Try, spoilt: Callable[..., Path]) -> None:
    """One of each file, all in one answer, in order."""
    folder = spoilt(
        (P, "site:", "sites:"),
        (R, "weight: 2", "weight: two"),
        (C, SULCOM, "sulcom,Sulcom,martha,Gold"),
        (W, "rui.prata@acme", "rui prata@acme"),
    )
    answer = apply_it(folder, "--json")
    assert answer.code == 2
    assert answer.json["name"] == "BadFiles"
    found = {(Path(c["file"]).name, c["line"]) for c in answer.json["complaints"]}
    assert found >= {(P, 7), (R, 15), (C, 3), (W, 3)}
    assert all(c["message"] for c in answer.json["complaints"])


@pytest.mark.parametrize("command", ["check", "route"])
def test_every_command_that_reads_the_files_refuses_them(
    sfprm: Program, quiet_org: DevOrg, spoilt: Callable[..., Path], tmp_path: Path, command: str
) -> None:
    """Before the login."""
    quiet_org.control("POST", "calls/reset")
    env = quiet_org.env(tmp_path / "state", SFPRM_PROGRAMME=str(spoilt((C, None, ""))))
    assert sfprm(command, env=env).code == 2
    assert quiet_org.control("GET", "calls")["entries"] == []


def test_no_programme_at_all_says_how_to_start(sfprm: Program, tmp_path: Path) -> None:
    """`sfprm init DIR`."""
    answer = sfprm("programme", "validate", "--programme", str(tmp_path))
    assert answer.code == 2
    assert "sfprm init DIR" in answer.err


@pytest.mark.parametrize(
    ("text", "words"),
    [("job: rout\nevery: 1 hour\n", "Did you mean 'route'?"), ("job: route\n", "exactly one of")],
)
def test_bad_job_files_are_named(sfprm: Program, tmp_path: Path, text: str, words: str) -> None:
    """By `jobs validate`, with file and line."""
    (tmp_path / "night.yaml").write_text(text)
    answer = sfprm("jobs", "validate", "--jobs", str(tmp_path))
    assert answer.code == 2
    assert f"{tmp_path}/night.yaml:1" in answer.err
    assert words in answer.err
