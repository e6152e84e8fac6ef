"""`sfprm worker`, `sfprm workers`: more hands, and who does what."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Block, Table, Text
from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def worker(
        surface: Surface,
        jobs: Annotated[
            Path | None, typer.Option(help="Folder of job files. [env: SFPRM_JOBS]")
        ] = None,
    ) -> None:
        """Take runs that are due from the shared state (PostgreSQL) until SIGTERM. Any number of
        workers, on any number of machines; a daemon is a worker that also keeps the schedule."""
        from sfprm.cli.logs import configure
        from sfprm.daemon.notify import Supervisor
        from sfprm.daemon.signals import show_threads_when_asked
        from sfprm.daemon.watch import Watch
        from sfprm.daemon.worker import Worker
        from sfprm.events import NoProgress

        configure(surface.settings, daemon=True)
        show_threads_when_asked()
        with surface.starter(NoProgress()) as starter:
            starter.kind = "worker"
            code = Worker(
                starter,
                jobs or surface.settings.jobs,
                clock=False,
                supervisor=Supervisor(),
                watch=Watch(starter, alerts=False),
            ).run()
        raise typer.Exit(code)

    @command(app)
    def workers(
        surface: Surface,
        jobs: Annotated[
            Path | None, typer.Option(help="Folder of job files. [env: SFPRM_JOBS]")
        ] = None,
    ) -> None:
        """Who is at work, on which machine, and what each does in which org; who holds what. Asks
        the state of every org that the job files name."""
        from sfprm.daemon.installation import Installation
        from sfprm.daemon.jobfiles import load_job_files
        from sfprm.errors import BadFiles
        from sfprm.events import NoProgress
        from sfprm.insight.hands_now import hands_now
        from sfprm.insight.names import span_text

        settings = surface.settings
        now = surface.clock.now()
        silent = timedelta(seconds=settings.take_over_seconds)
        try:
            named = {file.org for file in load_job_files(jobs or settings.jobs, settings.orgs)}
        except BadFiles:  # `jobs validate` tells of them
            named = set()
        with surface.starter(NoProgress()) as main:
            installation = Installation(main)
            books = {org.name: org.starter.state().work for org in installation.states(named)}
            found = hands_now({name: book.workers() for name, book in books.items()})
            held = [(name, *lease) for name, book in books.items() for lease in book.leases()]
            shared = books[""].shared
            installation.close()
        rows = tuple(
            (
                hand.seen.kind,
                hand.seen.host,
                str(hand.seen.process),
                span_text(now - hand.seen.started),
                hand.words or "waits",
                ""
                if now - hand.seen.seen <= silent
                else f"silent for {(now - hand.seen.seen).seconds} s",
            )
            for hand in found
        )
        blocks: list[Block] = []
        if rows:
            blocks.append(Table(("kind", "host", "process", "up", "does", ""), rows, right=(2,)))
        elif shared:
            blocks.append(Text(("Nobody is at work on this state.",)))
        else:
            line = "The state is SQLite: one daemon works alone. See: sfprm status"
            blocks.append(Text((line,)))
        if held:
            blocks.append(
                Table(
                    ("writes", "holder"),
                    tuple((what, words) for _, what, words, _ in held),
                    title="Held",
                )
            )
        body = {
            "workers": [
                {
                    "id": hand.seen.id,
                    "kind": hand.seen.kind,
                    "host": hand.seen.host,
                    "process": hand.seen.process,
                    "started": hand.seen.started,
                    "seen": hand.seen.seen,
                    "doing": hand.seen.doing,
                    "org": hand.org,
                    "silent": now - hand.seen.seen > silent,
                }
                for hand in found
            ],
            "held": [
                {"org": org, "what": what, "by": words, "since": since}
                for org, what, words, since in held
            ],
        }
        surface.put(tuple(blocks), body)
