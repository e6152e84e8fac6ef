"""The program `sfprm`."""

from __future__ import annotations

import io
import sys
import traceback
from typing import Annotated, Any

import typer

from sfprm import __version__
from sfprm.cli.commands import (
    adopt,
    daemon,
    demo,
    distribution,
    init,
    insight,
    jobs,
    journal,
    login,
    migrate,
    org,
    people,
    programme,
    provisioning,
    record,
    rules,
    setup,
    state,
    worker,
)
from sfprm.cli.interpreter import set_up_interpreter
from sfprm.errors import BadRequest, Bug, Interrupted

__all__ = ["app", "main"]

app = typer.Typer(
    name="sfprm",
    help="Runs a partner channel on Salesforce: partners, people and queues from files; leads to "
    "partners by rule and by a fair round robin.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"sfprm {__version__}")
        raise typer.Exit


for group in (
    demo,
    init,
    login,
    setup,
    adopt,
    migrate,
    provisioning,
    people,
    distribution,
    rules,
    insight,
    journal,
    daemon,
    worker,
    record,
):
    group.add(app)
app.add_typer(programme.app, name="programme")
app.add_typer(jobs.app, name="jobs")
app.add_typer(state.app, name="state")
app.add_typer(org.app, name="org")


# UsageError: typer keeps a click of its own, and exports only what descends from it
UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the program; the exit codes stand in `sfprm.errors`."""
    set_up_interpreter()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no character of a name may end the program
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except UsageError as wrong:
        code = _show_usage(wrong)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        code = Interrupted.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        code = 141
    except Exception as unexpected:  # noqa: BLE001 - the program's edge, outside of any run
        code = _show_bug(unexpected)
    sys.exit(code or 0)


def _show_usage(wrong: Any) -> int:
    """Wrong options: in click's words, or as the JSON object that was asked for."""
    if "--json" in sys.argv[1:]:
        from sfprm.cli.render import print_error

        print_error(BadRequest(wrong.format_message()), as_json=True)
    else:
        wrong.show()
    return BadRequest.exit_code


def _show_bug(unexpected: Exception) -> int:
    from sfprm.cli.render import print_error

    traceback.print_exception(unexpected)
    bug = Bug(f"{type(unexpected).__name__}: {unexpected}")
    print_error(bug, as_json="--json" in sys.argv[1:])
    return Bug.exit_code
