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
        standby: Annotated[
            bool,
            typer.Option(
                "--standby", help="Wait for this state's other daemon to end, then go on for it."
            ),
        ] = False,
    ) -> None:
        """Run jobs/*.yaml until SIGTERM (drains, exit 0; a second one breaks off, exit 130).

        SIGHUP reads the job files again; a change of a file is seen without it.
        """
        from sfprm.cli.logs import configure
        from sfprm.daemon.life import Daemon
        from sfprm.daemon.notify import Supervisor
        from sfprm.daemon.signals import show_threads_when_asked
        from sfprm.daemon.watch import Watch
        from sfprm.daemon.worker import Worker
        from sfprm.events import NoProgress

        configure(surface.settings, daemon=True)
        show_threads_when_asked()
        with surface.starter(NoProgress()) as starter:
            starter.kind = "daemon"
            folder = jobs or surface.settings.jobs
            if once or not starter.state().work.shared:
                life = Daemon(
                    starter,
                    folder,
                    once=once,
                    standby=standby,
                    supervisor=Supervisor(),
                    watch=None if once else Watch(starter),
                )
                code = life.run()
            else:  # several daemons share the work: none needs to stand by
                code = Worker(
                    starter, folder, clock=True, supervisor=Supervisor(), watch=Watch(starter)
                ).run()
        raise typer.Exit(code)
