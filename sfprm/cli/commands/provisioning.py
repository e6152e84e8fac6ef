"""`check`, `plan`, `apply`: making the org match the files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.options import DeploymentWait
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def check(surface: Surface) -> None:
        """Say, item by item with the fix, whether org and files are ready."""
        from sfprm.jobs.check import CheckJob, CheckOptions

        surface.finish(CheckJob(), CheckOptions())

    @command(app)
    def plan(
        surface: Surface,
        out: Annotated[
            Path | None, typer.Option(help="Save the plan here, for `sfprm apply FILE`.")
        ] = None,
        detailed_exitcode: Annotated[
            bool, typer.Option("--detailed-exitcode", help="0 nothing to do, 1 error, 2 changes.")
        ] = False,
        target: Annotated[
            str | None, typer.Option(help="Only this partner (its key) and what it needs.")
        ] = None,
        unmanaged: Annotated[
            bool, typer.Option("--unmanaged", help="List what stands in the org and in no file.")
        ] = False,
        drift: Annotated[
            bool,
            typer.Option("--drift", help="Only what people changed by hand, each change once."),
        ] = False,
        format_: Annotated[
            str, typer.Option("--format", help="text, or markdown for a pull request.")
        ] = "text",
    ) -> None:
        """Show the difference between files and org; change nothing."""
        from sfprm.jobs.plan import PlanJob, PlanOptions

        if format_ not in ("text", "markdown"):
            raise BadRequest(f"--format {format_!r} is not one of text, markdown.")
        options = PlanOptions(
            detailed_exitcode=detailed_exitcode,
            out=out,
            target=target,
            unmanaged=unmanaged,
            drift=drift,
            format="markdown" if format_ == "markdown" else "text",
        )
        surface.finish(PlanJob(), options)

    @command(app)
    def apply(
        surface: Surface,
        plan: Annotated[
            Path | None, typer.Argument(help="A saved plan: exactly its steps, no others.")
        ] = None,
        resume: Annotated[
            str | None,
            typer.Option(help="Go on with the plan of this run; its mended error file counts."),
        ] = None,
        retry: Annotated[
            Path | None, typer.Option(help="A mended error file; its folder holds the plan.")
        ] = None,
        target: Annotated[
            str | None, typer.Option(help="Only this partner (its key) and what it needs.")
        ] = None,
        max_changes: Annotated[
            int | None, typer.Option(min=0, help="Refuse when the plan holds more changes.")
        ] = None,
        stop_on_error: Annotated[
            bool, typer.Option("--stop-on-error", help="End at the first row that fails.")
        ] = False,
        window: Annotated[
            list[str] | None,
            typer.Option(
                help="When steps that move roles may run: 'Mon-Fri 20:00-06:00 Europe/Lisbon', or "
                "always. Without it: the programme's windows."
            ),
        ] = None,
        deployment_wait: DeploymentWait = 120.0,
        dry_run: Annotated[bool, typer.Option(help="Show the plan; change nothing.")] = False,
    ) -> None:
        """Make the org match the files. The same command again goes on where it stopped."""
        from sfprm.jobs.provision import ProvisionJob, ProvisionOptions

        options = ProvisionOptions(
            plan=plan,
            resume=resume,
            retry=retry,
            target=target,
            max_changes=max_changes,
            stop_on_error=stop_on_error,
            window=tuple(window or ()),
            deployment_wait=deployment_wait,
            dry_run=dry_run,
        )
        surface.finish(ProvisionJob(), options)
