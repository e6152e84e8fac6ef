"""`sfprm daemon`: runs the job files on their schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def daemon(
        surface: Surface,
        jobs: Annotated[
            Path | None, typer.Option(help="Folder of job files. [env: SFPRM_JOBS]")
        ] = None,
        once: Annotated[
            bool, typer.Option("--once", help="Run every job file once and end; for cron.")
        ] = False,
    ) -> None:
        """Run jobs/*.yaml until SIGTERM (drains, exit 0; a second one breaks off, exit 130)."""
        from sfprm.cli.logs import configure
        from sfprm.daemon.life import Daemon
        from sfprm.events import NoProgress

        configure(surface.settings, daemon=True)
        with surface.starter(NoProgress()) as starter:
            code = Daemon(starter, jobs or surface.settings.jobs, once=once).run()
        raise typer.Exit(code)
