"""Where a job's page goes: a file as named, or a file named by its moment in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["page_place"]


def page_place(out: Path, stem: str, ending: str, now: datetime) -> Path:
    """`out` itself when it has an ending; else it is a folder, made when missing, and the file is
    `STEM-2026-11-23T10-42-07.ENDING` in it. Raises BadRequest when the folder cannot be made."""
    if out.suffix and not out.is_dir():
        return out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f"{out}: {error.strerror}.", hint="Choose another --out.") from None
    return out / f"{stem}-{now:%Y-%m-%dT%H-%M-%S}.{ending}"
