"""The program by itself: help, version, usage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Program

COMMANDS = [
    *("demo", "init", "login", "check", "setup", "plan", "apply", "route", "reassign", "undo"),
    *("why", "report", "status", "daemon", "worker", "workers"),
    *("adopt", "recall", "simulate", "shadow", "certificate", "journal"),
    *("programme validate", "programme show", "state migrate", "state verify"),
    *("rules pull", "rules diff", "rules push"),
    *("jobs pause", "jobs resume"),
    *("state backup", "state restore", "state export", "state rebase"),
    *("jobs list", "jobs validate", "jobs next", "jobs run", "jobs history"),
    *("org serve", "org seed", "org reset", "org clock", "org event", "org outbox", "org faults"),
    "record",
    *("org snapshot", "org restore", "org fork", "org describe", "org switch"),
]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(sfprm: Program, name: str) -> None:
    """`--help` of every command, exit 0, with a sentence of its own."""
    answer = sfprm(*name.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"sfprm {name}" in answer.out
    assert len(answer.out.split("\n\n")[1].strip()) > 20


def test_help_names_every_command(sfprm: Program) -> None:
    """Nothing is left out of the list above."""
    answer = sfprm("--help")
    listed = {line.split()[0] for line in answer.out.partition("Commands:")[2].splitlines() if line}
    assert listed == {name.split()[0] for name in COMMANDS}


def test_help_needs_no_heavy_library() -> None:
    """The libraries that are slow to import are imported only by the commands that need them."""
    heavy = ("requests", "simple_salesforce", "sqlalchemy", "alembic", "starlette", "pydantic")
    script = (
        "import sys; import sfprm.cli.main; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_no_command_is_help(sfprm: Program) -> None:
    """Wrong usage: exit 2, and the list of commands."""
    answer = sfprm()
    assert answer.code == 2
    assert "Commands:" in answer.out + answer.err


def test_version(sfprm: Program) -> None:
    """One line."""
    answer = sfprm("--version")
    assert (answer.code, answer.out) == (0, "sfprm 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["plan", "--bogus"], "No such option: --bogus"),
        (["why"], "Missing argument"),
        (["route", "--limit", "0"], "greater than or equal to 1"),
        (["apply", "--max-changes", "-1"], "greater than or equal to 0"),
        (["reassign", "--limit", "many", "--to", "queue:X"], "--limit"),
        (["reassign"], "say where the leads go"),
        (["org", "event", "x", "oops", "--org", "http://127.0.0.1:1"], "'oops' is not key=value"),
        (["org", "faults", "--org", "http://127.0.0.1:1"], "name a kind of fault"),
    ],
)
def test_wrong_usage_is_two_and_no_trace(sfprm: Program, arguments: list[str], words: str) -> None:
    """Exit 2 with a sentence on stderr."""
    answer = sfprm(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("arguments", [["plan", "--bogus"], ["route", "--limit", "0"], ["why"]])
def test_wrong_usage_as_json(sfprm: Program, arguments: list[str]) -> None:
    """`--json` holds for usage too."""
    answer = sfprm(*arguments, "--json")
    assert (answer.code, answer.json["name"], answer.json["exitCode"]) == (2, "BadRequest", 2)


def test_a_closed_pipe_is_no_crash(sfprm: Program, tmp_path: Path) -> None:
    """`sfprm … | head` and its like."""
    process = sfprm.start("init", str(tmp_path / "new"), bufsize=0)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    process.wait(30)
    assert "Traceback" not in err
