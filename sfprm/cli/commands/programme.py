"""`sfprm programme`: the declared files, checked line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Table, Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest

app = typer.Typer(help="The declared files, checked line by line.", no_args_is_help=True)


@command(app)
def validate(
    surface: Surface,
    org: Annotated[
        bool,
        typer.Option(
            "--org",
            help="Also hold fields, values and names against the org, as the files are with the "
            "environment's overlay. Reads only.",
        ),
    ] = False,
    all_overlays: Annotated[
        bool,
        typer.Option(
            "--all-overlays",
            help="With --org: the files alone, and with each overlay that is for this kind of org.",
        ),
    ] = False,
) -> None:
    """Check every file of the programme, overlays too; exit 2 when there are errors."""
    from sfprm.programme.layers import environments
    from sfprm.programme.load import load_all
    from sfprm.routing.opening import shut_pools

    settings = surface.settings
    if all_overlays and not org:
        raise BadRequest(
            "--all-overlays goes with --org.",
            hint="Without --org each overlay is checked anyhow, unless --environment names one.",
        )
    one = settings.environment and not all_overlays
    names = [settings.environment] if one else environments(settings.programme)
    loaded = load_all(settings.programme, settings.environment, *names)
    programme = loaded.programme
    managed = sum(queue.managed for queue in programme.queues.values())
    counts = [
        (len(programme.partners), "partners"),
        (len(programme.people), "people"),
        (managed, "queues"),
        (sum(group.managed for group in programme.groups.values()), "groups"),
        (len(programme.routing.pools), "pools"),
        (len(programme.routing.rules), "rules"),
    ]
    listed = ", ".join(f"{count} {noun}" for count, noun in counts if count or noun != "groups")
    where = f" ({programme.environment})" if programme.environment else ""
    also = f" Overlays {', '.join(names)}." if names and not one else ""
    told = [*loaded.warnings, *shut_pools(programme, surface.clock.now())]
    warnings = tuple("\n".join(w.lines()) for w in told)
    if not (org and surface.as_json):  # one object on stdout: the job's
        surface.put(
            (Text((f"{programme.name}{where}: {listed}.{also} No errors.",)),),
            {
                "programme": programme.name,
                "digest": programme.digest,
                "environment": programme.environment,
                "overlays": names,
            },
            warnings=warnings,
        )
    if org:
        from sfprm.jobs.validate import ValidateJob, ValidateOptions

        surface.finish(ValidateJob(), ValidateOptions(all_overlays=all_overlays))


@command(app)
def show(
    surface: Surface,
    key: Annotated[
        str | None,
        typer.Argument(help="One partner or person: each value, and the place it comes from."),
    ] = None,
) -> None:
    """The programme as it is understood, defaults and patterns filled in."""
    import json

    from sfprm.programme.canonical import to_json
    from sfprm.programme.load import load
    from sfprm.programme.show import describe
    from sfprm.programme.show_one import describe_one

    settings = surface.settings
    loaded = load(settings.programme, settings.environment)
    if key is None:
        lines = describe(loaded.programme).lines
        surface.put((Text(lines),), json.loads(to_json(loaded.programme)))
        return
    title, known = describe_one(loaded, key)
    rows = tuple((one.name, one.value, one.source) for one in known)
    body = {one.name: {"value": one.value, "from": one.source} for one in known}
    surface.put((Table(("", "value", "from"), rows, title=title),), {title: body})


@command(app)
def fmt(
    surface: Surface,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="YAML and CSV files; default: all files of the programme."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what changes.")] = False,
) -> None:
    """Write the files in one form, comments kept. What they say does not change."""
    from sfprm.cli.formatting import format_files
    from sfprm.programme.load import programme_files

    outcome = format_files(files or programme_files(surface.settings.programme))
    dry = check or diff
    if not dry:
        outcome.write()
    lines: list[str] = []
    for changed in outcome.changed:
        lines += changed.diff() if diff else [f"{changed.path}"]
    noun = "file" if len(outcome.changed) == 1 else "files"
    done = "would change" if dry else "changed"
    lines.append(f"{len(outcome.changed)} {noun} {done}, {outcome.same} as they should be.")
    surface.put(
        (Text(tuple(lines)),),
        {"changed": [str(c.path) for c in outcome.changed], "same": outcome.same, "wrote": not dry},
    )
    if check and outcome.changed:
        raise typer.Exit(1)
