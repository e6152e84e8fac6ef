"""Where other vendors' clients are (`make clients` installs them)."""

from __future__ import annotations

from pathlib import Path

MODULES = Path(__file__).parents[2] / ".clients" / "node_modules"
NODE = MODULES / ".bin" / "node"
"""Their own Node: what the newest sf CLI needs is newer than what many machines have."""

PASSWORD = "Correct-horse-7"
"""The password of the story's agent while these tests run."""


def installed(package: str) -> bool:
    """Whether the package is there, with a Node to run it."""
    return NODE.exists() and (MODULES / package).is_dir()
