"""Bytes of a programme file to text, or a complaint that says how to save the file instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOST_BYTES", "Source", "decode", "read_source"]

MOST_BYTES = 50_000_000
"""100,000 people with a dozen columns take some 15 MB."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text and its lines, by the name that complaints show."""

    file: str
    text: str
    lines: tuple[str, ...]

    def place(self, line: int = 0, column: int = 0, width: int = 1) -> Place:
        """A spot in this file; the excerpt is filled in."""
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Place(self.file, line, column, width, excerpt)


def read_source(path: Path, shown: str, complaints: Complaints, *, hint: str = "") -> Source | None:
    """The file's text. None after a complaint: missing, unreadable, empty, too big, not UTF-8."""
    place = Place(shown)
    try:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "no such file"
            complaints.error(place, f"{what}.", hint)
            return None
        if path.stat().st_size > MOST_BYTES:
            complaints.error(place, f"larger than {MOST_BYTES // 1_000_000} MB.", "Split the file.")
            return None
        raw = path.read_bytes()
    except OSError as error:
        complaints.error(place, f"cannot be read: {error.strerror or error}.")
        return None
    except ValueError:
        complaints.error(place, "is not a usable file name.")
        return None
    complaints.read.append(path)
    complaints.footprint.read(path, raw)
    return decode(raw, shown, complaints)


def decode(raw: bytes, shown: str, complaints: Complaints) -> Source | None:
    """UTF-8 (a byte order mark is dropped) to a Source; None after a complaint."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        complaints.error(
            Place(shown, 1),
            "is written in UTF-16, not in UTF-8.",
            "Save it again as UTF-8 (in Excel: 'CSV UTF-8').",
        )
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + 1
        complaints.error(
            Place(shown, line, column),
            f"is not UTF-8: byte 0x{raw[error.start]:02x} cannot be read.",
            "Save the file again as UTF-8 (in Excel: 'CSV UTF-8').",
        )
        return None
    if not text.strip():
        complaints.error(
            Place(shown), "is empty.", "`sfprm init DIR` writes a sample to copy from."
        )
        return None
    return Source(shown, text, tuple(re.split(r"\r\n|\r|\n", text)))
