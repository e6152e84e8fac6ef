"""`sfprm init DIR`: a sample programme, jobs and settings to start from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def init(
        surface: Surface,
        folder: Annotated[Path, typer.Argument(help="New folder to write to.")],
    ) -> None:
        """Write a sample programme, jobs and settings to start from."""
        written = copy_sample(folder)
        lines = (
            f"Wrote {len(written)} files to {folder}/:",
            *(f"  {path}" for path in written),
            "",
            f"Next: cd {folder}, copy config/.env.example to .env and fill in the login;",
            "then `sfprm login`, `sfprm check`, `sfprm setup`, `sfprm plan`.",
            "To try it without an account: `sfprm demo`.",
        )
        surface.put((Text(lines),), {"folder": str(folder), "files": written})


def copy_sample(folder: Path) -> list[str]:
    """Copy the shipped files; returns what was written, relative to the folder.

    Raises BadRequest when a file would be overwritten.
    """
    from sfprm.shipped import shipped

    pairs = [
        (path, Path(name) / path.relative_to(shipped(name)))
        for name in ("config", "jobs", "docs/schema")
        for path in sorted(shipped(name).rglob("*"))
        if path.is_file()
    ]
    for _, target in pairs:
        if (folder / target).exists():
            raise BadRequest(
                f"{folder / target} exists already; nothing was written.",
                hint="Name a new folder.",
            )
    for source, target in pairs:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / target)
    return [target.as_posix() for _, target in pairs]
