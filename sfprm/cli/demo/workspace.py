"""The folder that the demo leaves: files, settings, state and the org's own data."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sfprm.cli.commands.init import copy_sample
from sfprm.errors import BadRequest

__all__ = ["Workspace", "prepare"]

MARK = ".sfprm-demo"
DEMO_PACE = "2 seconds"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of the demo stands."""

    root: Path

    @property
    def programme(self) -> Path:
        """The sample programme, to be edited at will."""
        return self.root / "config"

    @property
    def jobs(self) -> Path:
        """The sample jobs."""
        return self.root / "jobs"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.root / "state"

    @property
    def org(self) -> Path:
        """The embedded org's data, log and certificate authority."""
        return self.root / "org"

    @property
    def env_file(self) -> Path:
        """Settings that reach the demo's org and state."""
        return self.root / "demo.env"


def prepare(root: Path) -> Workspace:
    """A fresh folder with the sample in it. One left by an earlier demo is replaced.

    Raises BadRequest when the folder holds something else.
    """
    if root.exists():
        if not (root / MARK).is_file():
            raise BadRequest(
                f"{root} exists and was not made by the demo.",
                hint="Name another folder with --dir.",
            )
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / MARK).write_text("made by `sfprm demo`; replaced by the next one\n", encoding="utf-8")
    copy_sample(root)
    return Workspace(root.resolve())


def quicken(jobs: Path) -> None:
    """Let the sample's jobs run every two seconds, so that the demo's daemon has work to do."""
    for path in jobs.glob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        paced = [f"every: {DEMO_PACE}" if line.startswith("every:") else line for line in lines]
        path.write_text("\n".join(paced) + "\n", encoding="utf-8")
