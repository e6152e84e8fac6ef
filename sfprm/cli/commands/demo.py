"""`sfprm demo`: the whole story on the embedded org."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfprm.cli.surface import Surface, command

if TYPE_CHECKING:
    from sfprm.cli.demo.story import Figures
    from sfprm.cli.demo.workspace import Workspace
    from sfprm.cli.embedded import EmbeddedOrg


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def demo(
        surface: Surface,
        folder: Annotated[
            Path, typer.Option("--dir", help="Where the demo's files and state go.")
        ] = Path("sfprm-demo"),
        keep: Annotated[
            bool, typer.Option("--keep", help="Leave the embedded org running at the end.")
        ] = False,
        seed: Annotated[int, typer.Option(help="Seed of the 2,000 leads.")] = 7,
    ) -> None:
        """Tell the whole story on the embedded org. No Salesforce account is needed."""
        from sfprm.cli.demo.workspace import prepare
        from sfprm.cli.embedded import EmbeddedOrg

        workspace = prepare(folder)
        began = surface.clock.monotonic()
        with EmbeddedOrg(workspace.org, story="demo", seed=seed) as org:
            figures = _tell(surface, workspace, org)
            figures.seconds = surface.clock.monotonic() - began
            org.left_running = keep
            _end(surface, workspace, figures, org if keep else None, folder)


def _tell(surface: Surface, workspace: Workspace, org: EmbeddedOrg) -> Figures:
    from sfprm.cli.demo.narrator import Narrator
    from sfprm.cli.demo.story import Story
    from sfprm.cli.embedded import write_env_file
    from sfprm.cli.logs import configure
    from sfprm.cli.progress import progress_for
    from sfprm.cli.render import stdout
    from sfprm.jobs.runner import Starter
    from sfprm.settings import load_settings

    write_env_file(
        workspace.env_file,
        org.ready,
        SFPRM_PROGRAMME=str(workspace.programme),
        SFPRM_JOBS=str(workspace.jobs),
        SFPRM_STATE_DIR=str(workspace.state),
    )
    settings = load_settings({}, workspace.env_file)
    configure(settings, quiet=surface.quiet)
    silent = surface.as_json or surface.quiet
    narrator = Narrator(None if silent else stdout())
    with (
        progress_for(quiet=surface.quiet, as_json=surface.as_json) as progress,
        Starter(settings, surface.clock, progress, started_by="demo") as starter,
    ):
        return Story(org, starter, workspace, narrator).tell()


def _end(
    surface: Surface,
    workspace: Workspace,
    figures: Figures,
    running: EmbeddedOrg | None,
    folder: Path,
) -> None:
    from sfprm.cli.render import print_json, stdout

    if surface.as_json:
        print_json(figures.to_json())
        return
    console = stdout()
    calls = figures.calls
    lines = [
        "",
        f"Done in {figures.seconds:.0f} s. {figures.leads['owned']:,} of "
        f"{figures.leads['total']:,} leads have an owner, {figures.leads['parked']} are parked "
        f"with a reason; nobody was ever more than {figures.worst_drift:.2f} leads from its "
        "entitlement.",
        f"API calls: apply {calls['apply']}, second plan {calls['second_plan']}, "
        f"route {calls['route']}. Mails in the outbox: {figures.mails}.",
        "",
        f"Everything lies in {folder}/: the files (config/, jobs/), the state, the org's data.",
        "Look around:",
    ]
    env = f"--env-file {folder}/demo.env"
    sfprm = _program()
    lines += [f"  {sfprm} status {env}"]
    if running is None:
        lines += [
            f"  {sfprm} demo --keep        leaves the org running, for report, route, plan …",
        ]
    else:
        lines += [
            f"  {sfprm} report {env}",
            f"  {sfprm} plan {env}",
            f"  {sfprm} org event leads-arrive count=20 --org {running.ready.http}",
            f"  {sfprm} route {env}",
            f"  {sfprm} org outbox --org {running.ready.http}",
            f"The org runs on at {running.ready.http} and {running.ready.https} "
            f"(process {running.pid}).",
            f"  end it:  kill {running.pid}",
        ]
    for line in lines:
        console.print(line, markup=False)


def _program() -> str:
    """How this program is called from here: by its name, or by its path when it is not found."""
    if shutil.which("sfprm") is not None:
        return "sfprm"
    path = Path(sys.argv[0])
    return os.path.relpath(path) if path.is_file() else "sfprm"
