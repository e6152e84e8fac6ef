"""`journal`: the decisions as a file, and forgetting the people in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="Export the journal of decisions; forget people in it.")
    app.add_typer(group, name="journal")

    @command(group)
    def export(
        surface: Surface,
        out: Annotated[Path, typer.Argument(help="A .parquet, .csv or .jsonl file.")],
        days: Annotated[int | None, typer.Option(min=1, help="Only so far back.")] = None,
    ) -> None:
        """Write every decision to a file, for a tool of your own."""
        from sfprm.jobs.journal import ExportJob, ExportOptions

        surface.finish(ExportJob(), ExportOptions(out=out, days=days))

    @command(group)
    def purge(
        surface: Surface,
        lead: Annotated[list[str] | None, typer.Argument(help="Ids of leads.")] = None,
        older_than: Annotated[
            int | None, typer.Option(min=1, help="All leads decided so many days ago.")
        ] = None,
    ) -> None:
        """Forget personal data of leads for ever; the decisions stay provable."""
        from sfprm.jobs.journal import PurgeJob, PurgeOptions

        options = PurgeOptions(leads=tuple(lead or ()), older_than_days=older_than)
        surface.finish(PurgeJob(), options)
