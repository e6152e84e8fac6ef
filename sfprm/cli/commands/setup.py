"""`setup`: the one-time part, and what belongs to it: export, verify, restore."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def setup(
        surface: Surface,
        dry_run: Annotated[bool, typer.Option(help="Only the review; nothing is changed.")] = False,
        yes_irreversible: Annotated[
            str | None,
            typer.Option(help="The org's 18-character id: confirms what cannot be undone."),
        ] = None,
        convert: Annotated[
            list[str] | None,
            typer.Option(help="Rewrite what the review found: `all`, or a name; repeatable."),
        ] = None,
        window: Annotated[
            str | None,
            typer.Option(help='Rewrite only then: "22:00-06:00 Europe/Lisbon".'),
        ] = None,
        max_mails: Annotated[
            int, typer.Option(min=0, help="Most welcome mails that setup may cause.")
        ] = 0,
        hold_welcome_mail: Annotated[
            bool,
            typer.Option(
                "--hold-welcome-mail",
                help="Above --max-mails: switch the site's welcome mail off first, on again after.",
            ),
        ] = False,
        production: Annotated[
            bool, typer.Option("--production", help="Allow this on a production org.")
        ] = False,
        verify: Annotated[
            bool, typer.Option("--verify", help="Only look: exit 0 when all is there, else 1.")
        ] = False,
        export: Annotated[
            Path | None,
            typer.Option(help="Write the metadata to a new folder, for a pipeline to deploy."),
        ] = None,
        format_: Annotated[
            str, typer.Option("--format", help="Of --export: source or metadata.")
        ] = "source",
        restore: Annotated[
            Path | None, typer.Option(help="Put the originals of a backup folder back.")
        ] = None,
    ) -> None:
        """Turn PRM on (it cannot be undone), review exposure, deploy the external-id fields."""
        from pydantic import ValidationError

        from sfprm.errors import BadRequest
        from sfprm.jobs.setup import SetupJob, SetupOptions

        given: dict[str, Any] = {
            "dry_run": dry_run,
            "convert": tuple(convert or ()),
            "window": window,
            "max_mails": max_mails,
            "hold_welcome_mail": hold_welcome_mail,
            "production": production,
            "verify": verify,
            "export": export,
            "export_format": format_,
            "restore": restore,
        }
        try:
            options = SetupOptions(confirmed=yes_irreversible, **given)
        except ValidationError as error:
            first = error.errors()[0]
            words = str(first["msg"]).removeprefix("Value error, ")
            raise BadRequest(f"setup: {words}.", hint="See sfprm setup --help.") from None
        asks = options.writes and restore is None and yes_irreversible is None
        if asks and sys.stdin.isatty() and not surface.as_json:
            options = options.model_copy(update={"confirmed": _ask(surface, options)})
        surface.finish(SetupJob(), options)


def _ask(surface: Surface, options: Any) -> str | None:
    """Show the review and ask for the org's name; the answer goes to the job as it is."""
    from sfprm.cli.render import draw, stderr
    from sfprm.events import NoProgress
    from sfprm.jobs.runner import run_job
    from sfprm.jobs.setup import SetupJob

    with surface.starter(NoProgress()) as starter:
        review = run_job(SetupJob(), options.model_copy(update={"dry_run": True}), starter)
    if review.error is not None:
        raise review.error
    if review.result is None or not getattr(review.result, "irreversible", False):
        return None
    console = stderr()
    draw(review.result.blocks(), console)
    console.print()
    console.print("Turning PRM on cannot be undone.")
    return str(typer.prompt("Type the org's name to go on", err=True)).strip()
