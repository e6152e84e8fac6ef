"""The wheel holds all that the program needs: `init` and `validate` without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NO_BACKEND = "Could not find a version that satisfies the requirement hatchling"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked to a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(folder)]
    done = subprocess.run(
        [*build, str(ROOT)], check=False, capture_output=True, text=True, timeout=120
    )
    if NO_BACKEND in done.stderr:
        pytest.skip("the build backend cannot be fetched here")
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    unpacked = folder / "site"
    with zipfile.ZipFile(built) as wheel:
        wheel.extractall(unpacked)
    return unpacked


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The unpacked program; -P keeps the working folder out of the search path."""
    code = (
        "import sys, sfprm.cli.main as m; "
        "assert m.__file__.startswith(sys.argv[1]), m.__file__; "
        "sys.argv = ['sfprm', *sys.argv[2:]]; m.main()"
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", "-c", code, str(installed), *arguments]
    return subprocess.run(
        command, check=False, cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )


def test_init_and_validate_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Sample files, their hidden one, and the metadata are inside."""
    made = run(installed, tmp_path, "init", "new")
    assert made.returncode == 0, made.stderr
    valid = run(installed, tmp_path / "new", "programme", "validate")
    assert valid.returncode == 0, valid.stderr
    assert run(installed, tmp_path / "new", "jobs", "validate").returncode == 0
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in ("config", "jobs")
        for path in (ROOT / name).rglob("*")
        if path.is_file()
    }
    got = {p.relative_to(tmp_path / "new").as_posix() for p in (tmp_path / "new").rglob("*")}
    assert wanted <= got


def test_the_wheel_holds_every_file_of_the_package(installed: Path) -> None:
    """Migrations, schema and story data included."""
    for path in (ROOT / "sfprm").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (installed / path.relative_to(ROOT)).is_file(), path


def test_the_embedded_org_starts_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Its data files are found."""
    code = (
        "import runpy, sys; sys.argv[0] = 'x'; runpy.run_module('sfprm.devorg', None, '__main__')"
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", "-c", code, "serve", "--http-port", "0", "--https-port", "0"]
    command += ["--state", str(tmp_path / "org"), "--seed-story", "demo"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as org:
        assert org.stdout is not None
        line = org.stdout.readline()
        org.terminate()
        _, err = org.communicate(timeout=30)
    assert '"http"' in line, err
