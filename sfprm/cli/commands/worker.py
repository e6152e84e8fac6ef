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
        from sfprm.daemon.watch import Watch
        from sfprm.daemon.worker import Worker
        from sfprm.events import NoProgress

        configure(surface.settings, daemon=True)
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
    def workers(surface: Surface) -> None:
        """Who is at work on this state, on which machine, and what each does; who holds what."""
        from sfprm.insight.names import span_text
        from sfprm.store.database import open_store

        settings = surface.settings
        now = surface.clock.now()
        silent = timedelta(seconds=settings.take_over_seconds)
        with open_store(settings.database) as store:
            found = store.work.workers()
            held = store.work.leases()
            shared = store.work.shared
        rows = tuple(
            (
                w.kind,
                w.host,
                str(w.process),
                span_text(now - w.started),
                w.doing or "waits",
                "" if now - w.seen <= silent else f"silent for {(now - w.seen).seconds} s",
            )
            for w in found
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
                    tuple((name, words) for name, words, _ in held),
                    title="Held",
                )
            )
        body = {
            "workers": [
                {
                    "id": w.id,
                    "kind": w.kind,
                    "host": w.host,
                    "process": w.process,
                    "started": w.started,
                    "seen": w.seen,
                    "doing": w.doing,
                    "silent": now - w.seen > silent,
                }
                for w in found
            ],
            "held": [{"what": n, "by": words, "since": since} for n, words, since in held],
        }
        surface.put(tuple(blocks), body)
