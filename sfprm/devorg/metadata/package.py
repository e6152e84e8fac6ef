"""The zip of a deployment, opened with distrust, and its package.xml.

Limits as documented for the Metadata API: 10,000 files, 39 MB zipped. The unpacked size is limited
too (ours: 400 MB, and 100 MB a file), counted while unpacking, so a zip bomb stops early.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from sfprm.devorg.metadata import markup

__all__ = ["MAX_FILES", "MAX_ZIP", "BadPackage", "Manifest", "Package", "open_package", "pack"]

MAX_ZIP = 39 * 1024 * 1024
MAX_FILES = 10_000
MAX_UNPACKED = 400 * 1024 * 1024
MAX_FILE = 100 * 1024 * 1024
_CHUNK = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class BadPackage(Exception):
    """The zip or its manifest cannot be used at all. Carries the file and line to name."""

    def __init__(self, problem: str, file: str = "package.xml", line: int = 0, column: int = 0):
        super().__init__(problem)
        self.problem = problem
        self.file = file
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Manifest:
    """What package.xml names: members by metadata type, in its order."""

    members: Mapping[str, tuple[str, ...]]
    version: str

    def names(self, type_: str, full_name: str) -> bool:
        """Whether the manifest names this component, by name or by `*`."""
        named = self.members.get(type_, ())
        return full_name in named or "*" in named


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked deployment: manifest and files by path within the package."""

    manifest: Manifest
    files: Mapping[str, bytes]
    prefix: str


def _safe(name: str) -> bool:
    if not name or name.startswith(("/", "\\")) or "\\" in name or "\0" in name or ":" in name:
        return False
    return ".." not in name.split("/")


def _unpack(content: bytes) -> dict[str, bytes]:
    if len(content) > MAX_ZIP:
        raise BadPackage(f"Maximum size of request reached. Maximum size of request is {MAX_ZIP}")
    files: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [info for info in archive.infolist() if not info.filename.endswith("/")]
            if len(entries) > MAX_FILES:
                raise BadPackage(f"Maximum number of files exceeded: {MAX_FILES}")
            for info in entries:
                if not _safe(info.filename):
                    raise BadPackage("The zip holds a path outside the package", info.filename)
                if info.filename in files:
                    raise BadPackage("The zip holds this file twice", info.filename)
                if info.flag_bits & 1 or info.compress_type not in _METHODS:
                    raise BadPackage("The zip is encrypted or packed oddly", info.filename)
                parts: list[bytes] = []
                size = 0
                with archive.open(info) as handle:
                    while chunk := handle.read(_CHUNK):
                        size += len(chunk)
                        total += len(chunk)
                        if size > MAX_FILE or total > MAX_UNPACKED:
                            raise BadPackage("The unpacked zip is too large", info.filename)
                        parts.append(chunk)
                files[info.filename] = b"".join(parts)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise BadPackage("The file is not a valid zip archive", "") from error
    except (ValueError, struct.error) as error:
        raise BadPackage("The file is not a valid zip archive", "") from error
    return files


def read_manifest(content: bytes, file: str = "package.xml") -> Manifest:
    """The manifest of a package.xml. Raises BadPackage with its line."""
    try:
        root = markup.parse(content)
    except markup.Malformed as bad:
        raise BadPackage(f"Error parsing file: {bad.problem}", file, bad.line, bad.column) from bad
    if root.tag != "Package":
        raise BadPackage(
            f"Error parsing file: the root is {root.tag}, not Package", file, root.line, root.column
        )
    members: dict[str, tuple[str, ...]] = {}
    for types in root.all("types"):
        name = types.value("name")
        if not name:
            raise BadPackage("A types element has no name", file, types.line, types.column)
        listed = tuple(member.text for member in types.all("members") if member.text)
        members[name] = members.get(name, ()) + listed
    return Manifest(members, root.value("version") or "")


def open_package(content: bytes) -> Package:
    """The zip unpacked, with the package at its root or in its one top folder.

    Raises BadPackage: not a zip, unsafe path, over a limit, no or bad package.xml.
    """
    files = _unpack(content)
    prefix = ""
    if "package.xml" not in files:
        tops = {path.partition("/")[0] for path in files if "/" in path}
        found = [top for top in sorted(tops) if f"{top}/package.xml" in files]
        if len(found) != 1:
            raise BadPackage("No package.xml found")
        prefix = found[0] + "/"
    inside = {
        path.removeprefix(prefix): data for path, data in files.items() if path.startswith(prefix)
    }
    manifest = read_manifest(inside.pop("package.xml"))
    return Package(manifest, inside, prefix)


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[path])
    return buffer.getvalue()
