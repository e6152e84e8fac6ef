"""What a programme was read from, to tell whether it is still the same.

A daemon asks for its programme at every run. Reading a large one takes half a second; looking at
the same files again, byte by byte, a few milliseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Footprint", "files_like"]


def files_like(folder: Path, pattern: str) -> tuple[Path, ...]:
    """The files below the folder that a pattern stands for, sorted."""
    return tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))


@dataclass(slots=True)
class Footprint:
    """The files that were read, and the patterns that were looked for with what they brought. By
    contents, not by dates: two versions of a file may bear the same."""

    _digests: dict[Path, bytes] = field(default_factory=dict)
    _found: dict[tuple[Path, str], tuple[Path, ...]] = field(default_factory=dict)

    def read(self, path: Path, contents: bytes) -> None:
        """A file was read."""
        self._digests[path] = hashlib.sha256(contents).digest()

    def like(self, folder: Path, pattern: str) -> tuple[Path, ...]:
        """Look for files, as `files_like`, and remember what was found."""
        found = files_like(folder, pattern)
        self._found[folder, pattern] = found
        return found

    def stands(self) -> bool:
        """Whether all is as it was."""
        try:
            return all(
                hashlib.sha256(path.read_bytes()).digest() == digest
                for path, digest in self._digests.items()
            ) and all(files_like(*sought) == found for sought, found in self._found.items())
        except OSError:  # gone, or not to be read any more
            return False
