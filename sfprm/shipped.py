"""Files that are shipped with sfprm: the sample programme and jobs, metadata, editor schemas.

In an installed wheel they stand in `sfprm/_sample`; in a checkout, at the top of the repository.
"""

from __future__ import annotations

from pathlib import Path

from sfprm.errors import Bug

__all__ = ["metadata_files", "shipped"]


def shipped(folder: str) -> Path:
    """The shipped folder `config`, `jobs` or `docs/schema`."""
    package = Path(__file__).parent
    for root in (package / "_sample", package.parent):
        if (root / folder).is_dir():
            return root / folder
    raise Bug(f"the shipped folder {folder!r} is missing from this installation.")


def metadata_files(programme_root: Path) -> dict[str, bytes]:
    """What `setup` deploys, path inside the zip → content: the programme's own `metadata/`
    folder, or the shipped one."""
    own = programme_root / "metadata"
    folder = own if own.is_dir() else shipped("config") / "metadata"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
