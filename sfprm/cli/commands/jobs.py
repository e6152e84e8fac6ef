"""`sfprm jobs`: the job files and their runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfprm.blocks import Table, Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sized

    from sfprm.daemon.installation import Installation
    from sfprm.daemon.jobfiles import JobFile
    from sfprm.store.records import Run

app = typer.Typer(help="The job files and their runs.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--jobs", help="Folder of job files. [env: SFPRM_JOBS]")
]
Name = Annotated[str, typer.Argument(help="A job file's name.")]


def _files(surface: Surface, jobs: Path | None) -> dict[str, JobFile]:
    from sfprm.daemon.jobfiles import load_job_files

    settings = surface.settings
    return {f.name: f for f in load_job_files(jobs or settings.jobs, settings.orgs)}


def _named(files: dict[str, JobFile], name: str) -> JobFile:
    from sfprm.programme.complaints import did_you_mean

    if name not in files:
        raise BadRequest(
            f"no job file is named {name!r}.",
            hint=did_you_mean(name, files) or "`sfprm jobs list` shows them.",
        )
    return files[name]


def _installation(surface: Surface) -> Installation:
    from sfprm.daemon.installation import Installation
    from sfprm.events import NoProgress

    return Installation(surface.starter(NoProgress()))


@command(app, "list")
def list_(
    surface: Surface,
    jobs: Folder = None,
    known: Annotated[
        bool, typer.Option("--known", help="What a job file may name, instead.")
    ] = False,
) -> None:
    """The job files: what runs, when, and why; what is paused, and how each last ended."""
    if known:
        from sfprm.jobs.registry import KNOWN_JOBS, job_named

        rows = tuple((name, job_named(name).summary) for name in KNOWN_JOBS)
        surface.put((Table(("job", "what it does"), rows),), dict(rows))
        return
    from sfprm.insight.names import instant_text
    from sfprm.store.work import ALL

    files = _files(surface, jobs)
    installation = _installation(surface)
    shown: list[tuple[str, ...]] = []
    body: list[dict[str, Any]] = []
    with installation.main:
        for file in files.values():
            work = installation.org(file.org).starter.state().work
            pauses = work.pauses()
            held = pauses.get(ALL) or pauses.get(file.name)
            last = work.last_ended().get(file.name)
            body.append(
                {
                    "name": file.name,
                    "job": file.job.name,
                    "org": file.org,
                    "schedule": file.schedule,
                    "description": file.description,
                    "paused": held is not None,
                    "last": None if last is None else last.state.value,
                    "last_finished": None if last is None else last.finished,
                }
            )
            what = "paused" if held is not None else "never ran"
            if held is None and last is not None and last.finished is not None:
                what = f"{last.state.value} {instant_text(last.finished)}"
            where = f"{file.job.name} @{file.org}" if file.org else file.job.name
            shown.append((file.name, where, file.schedule, what, file.description))
        installation.close()
    surface.put((Table(("name", "job", "schedule", "last", "why"), tuple(shown)),), body)


def of(things: Sized, noun: str) -> str:
    """How many there are, in words."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


@command(app)
def validate(surface: Surface, jobs: Folder = None) -> None:
    """Check the job files, and the alert channels beside them, line by line."""
    from sfprm.daemon.channels import check_told, load_channels

    files = _files(surface, jobs)
    channels = load_channels(jobs or surface.settings.jobs)
    check_told(files.values(), channels)
    count = f"{of(files, 'job file')}, {of(channels, 'alert channel')}, no errors."
    surface.put((Text((count,)),), {"files": len(files), "channels": len(channels)})


@command(app, "next")
def next_(
    surface: Surface,
    jobs: Folder = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many instants a job.")] = 3,
) -> None:
    """When each job file is due next (its jitter left out)."""
    from sfprm.daemon.planner import next_times
    from sfprm.insight.names import instant_text

    now = surface.clock.now()
    due = {f.name: next_times(f, now, count) for f in _files(surface, jobs).values()}
    files = _files(surface, jobs)
    rows = tuple(
        (name, *(instant_text(t) for t in times), *[""] * (count - len(times)))
        if times
        else (name, files[name].schedule, *[""] * (count - 1))
        for name, times in due.items()
    )
    body = {name: [t.isoformat(timespec="seconds") for t in times] for name, times in due.items()}
    heads = ("name", *(["next"] + [""] * (count - 1)))
    surface.put((Table(heads, rows),), body)


@command(app)
def run(surface: Surface, name: Name, jobs: Folder = None) -> None:
    """Run one job file now, beside its schedule, under its own limits."""
    from dataclasses import replace

    from sfprm.cli.progress import progress_for
    from sfprm.daemon.installation import Installation
    from sfprm.jobs.runner import run_job

    file = _named(_files(surface, jobs), name)
    with (
        progress_for(quiet=surface.quiet, as_json=surface.as_json) as progress,
        surface.starter(progress) as main,
    ):
        installation = Installation(main)
        starter = replace(installation.org_of(file).starter, load=None)
        finished = run_job(file.job, file.options, starter, name=file.name, limits=file.limits)
        starter.close()
        installation.close()
    surface.show(finished)


Why = Annotated[str, typer.Option(help="Why, for whoever finds it paused.")]
All = Annotated[bool, typer.Option("--all", help="Everything of the org.")]
OrgName = Annotated[str, typer.Option("--org", help="Of which org, with --all.")]


def _target(surface: Surface, name: str | None, everything: bool, org: str) -> tuple[str, str]:
    """Org and name of what is to be paused or resumed."""
    if everything == (name is not None):
        raise BadRequest("name one job file, or --all.", hint="`sfprm jobs list` shows them.")
    if name is None:
        return org, ""
    return _named(_files(surface, None), name).org, name


@command(app)
def pause(
    surface: Surface,
    name: Annotated[str | None, typer.Argument(help="A job file's name.")] = None,
    everything: All = False,
    org: OrgName = "",
    why: Why = "",
) -> None:
    """Start no run of a job file, or of a whole org, until resumed; one under way goes on."""
    from sfprm.cli.surface import caller
    from sfprm.store.work import Pause

    where, what = _target(surface, name, everything, org)
    installation = _installation(surface)
    with installation.main:
        work = installation.org(where).starter.state().work
        work.pause(Pause(what, surface.clock.now(), caller(), why))
        installation.close()
    said = f"{what or 'everything'} is paused. Go on with: sfprm jobs resume {what or '--all'}"
    surface.put((Text((said,)),), {"paused": what or "*", "org": where})


@command(app)
def resume(
    surface: Surface,
    name: Annotated[str | None, typer.Argument(help="A job file's name.")] = None,
    everything: All = False,
    org: OrgName = "",
) -> None:
    """Go on with what was paused; missed slots are made up for as `if_late` says."""
    where, what = _target(surface, name, everything, org)
    installation = _installation(surface)
    with installation.main:
        was = installation.org(where).starter.state().work.resume(what)
        installation.close()
    said = f"{what or 'everything'} {'goes on' if was else 'was not paused'}."
    surface.put((Text((said,)),), {"resumed": what or "*", "was_paused": was})


@command(app)
def history(
    surface: Surface,
    name: Annotated[str | None, typer.Argument(help="Of this job file only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are due, and those superseded.")
    ] = False,
) -> None:
    """The latest runs, newest first."""
    from sfprm.insight.names import instant_text, span_text
    from sfprm.store.database import open_store

    with open_store(surface.settings.database) as store:
        runs = store.work.history(name, limit) if everything else store.runs(job=name, limit=limit)
    table = Table(
        ("run", "job", "due", "state", "try", "took", "by", "calls", "exit", "what"),
        tuple(
            (
                r.id,
                r.job,
                "" if r.due_at is None else instant_text(r.due_at),
                r.state.value,
                str(r.attempt),
                "" if r.finished is None else span_text(r.finished - r.started),
                r.started_by,
                str(r.calls),
                "" if r.exit_code is None else str(r.exit_code),
                r.message.splitlines()[0] if r.message else "",
            )
            for r in runs
        ),
        right=(4, 5, 7, 8),
    )
    body = [_row(r) for r in runs]
    none = "No run yet." if name is None else f"No run of {name} yet: sfprm jobs list"
    surface.put((table if runs else Text((none,)),), body)


def _row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "job": run.job,
        "state": run.state.value,
        "due_at": run.due_at,
        "started": run.started,
        "finished": run.finished,
        "started_by": run.started_by,
        "worker": run.worker,
        "attempt": run.attempt,
        "retry_of": run.retry_of,
        "calls": run.calls,
        "counts": dict(run.counts),
        "exit_code": run.exit_code,
        "message": run.message,
    }
