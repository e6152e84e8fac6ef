"""`sfprm record`: run scenarios against an org and write scrubbed recordings."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest, OrgRefused

__all__ = ["add"]


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def record(
        surface: Surface,
        scenarios: Annotated[
            list[str] | None, typer.Argument(help="Names of scenarios. Default: all.")
        ] = None,
        org: Annotated[
            str,
            typer.Option(help="devorg (an embedded org), or live (SFPRM_TEST_LIVE_* names it)."),
        ] = "devorg",
        tests: Annotated[
            Path, typer.Option(help="Folder of the tests that tell the scenarios.")
        ] = Path("tests/contract"),
        into: Annotated[
            Path, typer.Option(help="Folder that the recordings are written to.")
        ] = Path("fixtures/recordings"),
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Replace recordings that are there.")
        ] = False,
        force: Annotated[
            bool, typer.Option("--force", help="Also in a production org, where scenarios write.")
        ] = False,
    ) -> None:
        """Run scenarios against an org and write what went to and fro, scrubbed."""
        if org not in ("devorg", "live"):
            raise BadRequest(f"--org {org}: it is devorg or live.")
        if find_spec("pytest") is None or find_spec("responses") is None:
            raise BadRequest(
                "Scenarios are pytest tests, and pytest or responses is not installed.",
                hint="Run: pip install 'sfprm[recording]'",
            )
        if not tests.exists():
            raise BadRequest(f"{tests}: no such folder.", hint="Name it with --tests.")
        arguments = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "sfprm.recording.plugin", str(tests)),
            *("--sfprm-mode", org, "--sfprm-record", "--sfprm-folder", str(into.absolute())),
            *(["--sfprm-overwrite"] if overwrite else []),
            *(["--sfprm-force-org"] if force else []),
            *(part for name in scenarios or () for part in ("--sfprm-scenario", name)),
        ]
        before = _written(into)
        done = subprocess.run(  # noqa: S603 - our own interpreter; names are arguments, no shell
            arguments, stdout=subprocess.DEVNULL if surface.quiet else sys.stderr, check=False
        )
        now = _written(into)
        files = sorted(str(path) for path in now if now[path] != before.get(path))
        said = "recorded: " + (", ".join(Path(path).stem for path in files) or "nothing")
        surface.put((Text((said,)),), {"recorded": files})
        if done.returncode == 4:
            raise BadRequest("The scenarios could not be run; pytest says why above.")
        if done.returncode:
            raise OrgRefused(
                "A scenario did not run to its end; it is not recorded.",
                hint="pytest says above which and why. A recording that is there is replaced only "
                "with --overwrite.",
            )


def _written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.yaml")}
