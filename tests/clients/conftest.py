"""Where other vendors' clients are, and how their programs are run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import NODE, PASSWORD


@pytest.fixture(scope="module")
def node(devorg_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program in Node with an empty home, trusting the org's certificate; its stdout."""
    home = tmp_path_factory.mktemp("node-home")

    def run(program: Path, *arguments: str, cwd: Path = home, **env: str) -> str:
        done = subprocess.run(
            [str(NODE), "--no-warnings", str(program), *arguments],
            cwd=cwd,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "NODE_EXTRA_CA_CERTS": str(devorg_process.ca),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def security_token(devorg_process: Any) -> str:
    """The security token of the story's agent, whose password is `PASSWORD` from now on."""
    devorg_process.reset("demo")
    answer = devorg_process.control(
        "POST", "passwords", {"username": devorg_process.username, "password": PASSWORD}
    )
    token: str = answer["security_token"]
    return token
