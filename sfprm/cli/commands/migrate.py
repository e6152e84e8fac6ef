"""`sfprm migrate FILE`: partners and people, or owners and status of leads, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.options import DeploymentWait
from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def migrate(
        surface: Surface,
        file: Annotated[Path, typer.Argument(help="A .csv, .xlsx or .parquet file.")],
        mapping: Annotated[
            Path | None,
            typer.Option(help="Mapping of its columns; default: FILE.mapping.yaml beside it."),
        ] = None,
        sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.")] = None,
        accept: Annotated[
            bool, typer.Option("--accept", help="Load at once by the mapping as guessed.")
        ] = False,
        dry_run: Annotated[bool, typer.Option(help="Report on the rows; change nothing.")] = False,
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on with a file that was begun before.")
        ] = False,
        leads: Annotated[
            bool, typer.Option("--leads", help="The file gives leads their owner and status.")
        ] = False,
        max_changes: Annotated[
            int | None, typer.Option(min=0, help="With --leads: refuse when more would change.")
        ] = None,
        deployment_wait: DeploymentWait = 120.0,
    ) -> None:
        """Load partners and people from a file, once; they are declared from then on.

        The first run guesses which column is what, writes that down and changes nothing.
        """
        if leads:
            from sfprm.jobs.migrate_leads import MigrateLeadsJob, MigrateLeadsOptions

            wanted = MigrateLeadsOptions(
                file=file,
                mapping=mapping,
                sheet=sheet,
                accept=accept,
                dry_run=dry_run,
                max_changes=max_changes,
            )
            surface.finish(MigrateLeadsJob(), wanted)
        from sfprm.jobs.migrate import MigrateJob, MigrateOptions

        options = MigrateOptions(
            file=file,
            mapping=mapping,
            sheet=sheet,
            accept=accept,
            dry_run=dry_run,
            resume=resume,
            deployment_wait=deployment_wait,
        )
        surface.finish(MigrateJob(), options)
