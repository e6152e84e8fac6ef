"""Metadata packages: the zip that is deployed, and the one that a retrieve gives back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from sfprm.errors import BadRequest, OrgUnreachable

__all__ = ["METADATA", "manifest", "unzipped", "zipped"]

METADATA = "http://soap.sforce.com/2006/04/metadata"
"""The XML namespace of the Metadata API."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_MOST_UNPACKED = 400 * 1024 * 1024


def manifest(members: Mapping[str, Sequence[str]], api_version: str) -> bytes:
    """A `package.xml` that names members by type, both sorted. `*` is a member of most types."""
    root = ET.Element("Package", xmlns=METADATA)
    for type_name in sorted(members):
        types = ET.SubElement(root, "types")
        for member in sorted(members[type_name]):
            ET.SubElement(types, "members").text = member
        ET.SubElement(types, "name").text = type_name
    ET.SubElement(root, "version").text = api_version
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip with `package.xml` at its root: the same files give the same bytes.

    Raises BadRequest without a `package.xml` or for a path that leaves the folder.
    """
    if "package.xml" not in files:
        raise BadRequest("A deployment needs a package.xml at its root.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(files):
            if path.startswith("/") or ".." in path.split("/") or "\\" in path:
                raise BadRequest(f"{path!r} is not a path inside the package.")
            entry = zipfile.ZipInfo(path, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, on every machine
            archive.writestr(entry, files[path])
    return out.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """Path → content, without the package folder (`unpackaged/`); raises when it is no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
                raise OrgUnreachable("The retrieved metadata is larger than any org's may be.")
            return {
                entry.filename.removeprefix("unpackaged/"): archive.read(entry) for entry in entries
            }
    except (zipfile.BadZipFile, EOFError) as error:
        raise OrgUnreachable("The retrieved metadata is not a whole zip file.") from error
