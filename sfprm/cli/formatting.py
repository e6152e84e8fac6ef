"""`sfprm programme fmt`: which files change, and writing them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import BadFiles
from sfprm.programme.complaints import Complaints
from sfprm.programme.formatting import formatted
from sfprm.programme.source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Changed", "Outcome", "format_files"]


@dataclass(frozen=True, slots=True)
class Changed:
    """A file whose form is another than it should be."""

    path: Path
    before: str
    after: str

    def diff(self) -> list[str]:
        """The change, as unified diff; in words where no line differs but for its end."""
        name = str(self.path)
        old, new = self.before.splitlines(), self.after.splitlines()
        lines = list(difflib.unified_diff(old, new, name, name, lineterm=""))
        return lines or [f"{name}: only the ends of its lines (to LF), or its first bytes (a BOM)"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What formatting finds; `same` counts the files that stay."""

    changed: tuple[Changed, ...]
    same: int

    def write(self) -> None:
        """Put the new text in place of the old."""
        for one in self.changed:
            one.path.write_bytes(one.after.encode())


def format_files(paths: Iterable[Path]) -> Outcome:
    """What would change. Raises BadFiles when any file cannot be read, or formatted safely."""
    complaints = Complaints()
    changed: list[Changed] = []
    same = 0
    for path in paths:
        source = read_source(path, str(path), complaints)
        text = formatted(source, complaints) if source is not None else None
        if source is None or text is None:
            continue
        if path.read_bytes() == text.encode():
            same += 1
        else:
            changed.append(Changed(path, source.text, text))
    if complaints.errors:
        raise BadFiles(complaints.errors)
    return Outcome(tuple(changed), same)
