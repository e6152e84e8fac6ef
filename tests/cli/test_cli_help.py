"""The program by itself: help, version, usage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from sfprm.cli.main import app

if TYPE_CHECKING:
    from tests.conftest import Program

FIRST_STEPS = {"demo", "init", "login", "check", "setup", "plan", "apply", "route", "why", "daemon"}
"""What the pages promise from the first; the rest is taken from the program."""


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The commands that do something, by their whole names."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
    else:
        for name, one in below.items():
            yield from _leaves(one, (*path, name))


COMMANDS = sorted(_leaves(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(sfprm: Program, name: str) -> None:
    """`--help` of every command, exit 0, with a sentence of its own."""
    answer = sfprm(*name.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"sfprm {name}" in answer.out
    assert len(answer.out.split("\n\n")[1].strip()) > 20


def test_help_names_every_command(sfprm: Program) -> None:
    """Nothing is hidden, and each in a line with words of its own."""
    lines = [x.split(maxsplit=1) for x in sfprm("--help").out.partition("Commands:")[2].split("\n")]
    listed = {line[0]: line[1] for line in lines if line}
    assert listed.keys() == {name.split()[0] for name in COMMANDS} >= FIRST_STEPS
    assert all(len(words) > 10 for words in listed.values())


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
