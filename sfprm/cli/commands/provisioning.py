"""`check`, `setup`, `plan`, `apply`: making the org match the files."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def check(surface: Surface) -> None:
        """Say, item by item with the fix, whether org and files are ready."""
        from sfprm.jobs.check import CheckJob, CheckOptions

        surface.finish(CheckJob(), CheckOptions())

    @command(app)
    def setup(
        surface: Surface,
        dry_run: Annotated[bool, typer.Option(help="Only the review; nothing is changed.")] = False,
        yes_irreversible: Annotated[
            str | None,
            typer.Option(help="The org's 18-character id: confirms what cannot be undone."),
        ] = None,
        max_mails: Annotated[
            int, typer.Option(min=0, help="Most welcome mails that setup may cause.")
        ] = 0,
        production: Annotated[
            bool, typer.Option("--production", help="Allow this on a production org.")
        ] = False,
    ) -> None:
        """Turn PRM on (it cannot be undone), review exposure, deploy the external-id fields."""
        from sfprm.jobs.setup import SetupJob, SetupOptions

        confirmed = yes_irreversible
        if confirmed is None and not dry_run and sys.stdin.isatty() and not surface.as_json:
            confirmed = _ask(surface, production=production)
        options = SetupOptions(
            dry_run=dry_run, confirmed=confirmed, max_mails=max_mails, production=production
        )
        surface.finish(SetupJob(), options)

    @command(app)
    def plan(
        surface: Surface,
        detailed_exitcode: Annotated[
            bool, typer.Option("--detailed-exitcode", help="0 nothing to do, 1 error, 2 changes.")
        ] = False,
    ) -> None:
        """Show the difference between files and org; change nothing."""
        from sfprm.jobs.plan import PlanJob, PlanOptions

        surface.finish(PlanJob(), PlanOptions(detailed_exitcode=detailed_exitcode))

    @command(app)
    def apply(
        surface: Surface,
        max_changes: Annotated[
            int | None, typer.Option(min=0, help="Refuse when the plan holds more changes.")
        ] = None,
        dry_run: Annotated[bool, typer.Option(help="Show the plan; change nothing.")] = False,
    ) -> None:
        """Make the org match the files. The same command again goes on where it stopped."""
        from sfprm.jobs.provision import ProvisionJob, ProvisionOptions

        surface.finish(ProvisionJob(), ProvisionOptions(max_changes=max_changes, dry_run=dry_run))


def _ask(surface: Surface, *, production: bool) -> str | None:
    """Show the review and ask for the org's name; the answer goes to the job as it is."""
    from sfprm.cli.render import draw, stderr
    from sfprm.events import NoProgress
    from sfprm.jobs.runner import run_job
    from sfprm.jobs.setup import SetupJob, SetupOptions

    with surface.starter(NoProgress()) as starter:
        review = run_job(SetupJob(), SetupOptions(dry_run=True, production=production), starter)
    if review.error is not None:
        raise review.error
    if review.result is None or not getattr(review.result, "irreversible", False):
        return None
    console = stderr()
    draw(review.result.blocks(), console)
    console.print()
    console.print("Turning PRM on cannot be undone.")
    return str(typer.prompt("Type the org's name to go on", err=True)).strip()
