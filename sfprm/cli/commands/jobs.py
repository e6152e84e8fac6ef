"""`sfprm jobs`: the job files and their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Table, Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest

app = typer.Typer(help="The job files and their runs.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--jobs", help="Folder of job files. [env: SFPRM_JOBS]")
]


@command(app, "list")
def list_(
    surface: Surface,
    jobs: Folder = None,
    known: Annotated[
        bool, typer.Option("--known", help="What a job file may name, instead.")
    ] = False,
) -> None:
    """The job files: what runs, when, and why."""
    if known:
        from sfprm.jobs.registry import KNOWN_JOBS, job_named

        rows = tuple((name, job_named(name).summary) for name in KNOWN_JOBS)
        surface.put((Table(("job", "what it does"), rows),), dict(rows))
        return
    from sfprm.daemon.jobfiles import load_job_files

    files = load_job_files(jobs or surface.settings.jobs)
    table = Table(
        ("name", "job", "schedule", "why"),
        tuple((f.name, f.job.name, f.schedule, f.description) for f in files),
    )
    body = [{"name": f.name, "job": f.job.name, "schedule": f.schedule} for f in files]
    surface.put((table,), body)


@command(app)
def validate(surface: Surface, jobs: Folder = None) -> None:
    """Check the job files line by line."""
    from sfprm.daemon.jobfiles import load_job_files

    files = load_job_files(jobs or surface.settings.jobs)
    surface.put((Text((f"{len(files)} job files, no errors.",)),), {"files": len(files)})


@command(app, "next")
def next_(
    surface: Surface,
    jobs: Folder = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many instants a job.")] = 3,
) -> None:
    """When each job file is due next."""
    from sfprm.daemon.jobfiles import load_job_files
    from sfprm.daemon.schedule import next_times

    now = surface.clock.now()
    due = {
        f.name: [t.isoformat(timespec="seconds") for t in next_times(f, now, count)]
        for f in load_job_files(jobs or surface.settings.jobs)
    }
    rows = tuple((name, *times, *[""] * (count - len(times))) for name, times in due.items())
    surface.put((Table(("name", *[""] * count), rows),), due)


@command(app)
def run(
    surface: Surface,
    name: Annotated[str, typer.Argument(help="A job file's name.")],
    jobs: Folder = None,
) -> None:
    """Run one job file now."""
    from sfprm.daemon.jobfiles import load_job_files
    from sfprm.programme.complaints import did_you_mean

    files = {f.name: f for f in load_job_files(jobs or surface.settings.jobs)}
    if name not in files:
        raise BadRequest(
            f"no job file is named {name!r}.",
            hint=did_you_mean(name, files) or "`sfprm jobs list` shows them.",
        )
    surface.finish(files[name].job, files[name].options)


@command(app)
def history(
    surface: Surface,
    limit: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
) -> None:
    """The latest runs, newest first."""
    from sfprm.store.database import open_store

    with open_store(surface.settings.database) as store:
        runs = store.runs(limit=limit)
    table = Table(
        ("run", "job", "state", "by", "calls", "exit"),
        tuple(
            (
                r.id,
                r.job,
                r.state.value,
                r.started_by,
                str(r.calls),
                "" if r.exit_code is None else str(r.exit_code),
            )
            for r in runs
        ),
        right=(4, 5),
    )
    body = [{"run": r.id, "job": r.job, "state": r.state.value, "calls": r.calls} for r in runs]
    surface.put((table if runs else Text(("No run yet.",)),), body)
