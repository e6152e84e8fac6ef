"""The program `sfprm`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sfprm import __version__
from sfprm.cli.commands import (
    daemon,
    demo,
    distribution,
    init,
    insight,
    jobs,
    login,
    org,
    programme,
    provisioning,
    state,
)

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


for group in (demo, init, login, provisioning, distribution, insight, daemon):
    group.add(app)
app.add_typer(programme.app, name="programme")
app.add_typer(jobs.app, name="jobs")
app.add_typer(state.app, name="state")
app.add_typer(org.app, name="org")


def main() -> None:
    """Run the program; the exit codes stand in `sfprm.errors`."""
    try:
        app()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
