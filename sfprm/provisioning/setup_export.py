"""The metadata of setup as files, for teams whose pipeline does the deploying.

Four packages, in the order in which they are deployed: `fields` (external-id fields with the
permission sets that grant them), `convert` (shares rewritten, when chosen), `switch-on`
(irreversible), and `backup` (the originals of `convert`; deploying it is the way back). In the
metadata format each is a folder with its package.xml; in the source format a package directory of
one sfdx project, but for the backup, which stays as it was retrieved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from defusedxml import ElementTree

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest
from sfprm.provisioning.setup_backup import Backup, write_backup
from sfprm.salesforce.package import METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ExportFormat", "ExportResult", "export", "source_files"]

_NS = f"{{{METADATA}}}"
_FOLDER_ENDS = {
    "reports": "reportFolder",
    "dashboards": "dashboardFolder",
    "email": "emailFolder",
    "documents": "documentFolder",
}


class ExportFormat(StrEnum):
    """How files are laid out: as the Metadata API takes them, or as an sfdx project."""

    METADATA = "metadata"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written where. `packages` in the order of deployment."""

    folder: str
    format: ExportFormat
    packages: tuple[str, ...]
    files: int

    def blocks(self) -> tuple[Block, ...]:
        """The folder and what to do with it."""
        lines = [f"{self.files} files in {self.folder}: {', '.join(self.packages)}"]
        lines.append(f"Read {self.folder}/README.md: order, commands and the way back.")
        lines.append("After the pipeline has run: sfprm setup --verify")
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "folder": self.folder,
            "format": self.format.value,
            "packages": list(self.packages),
            "files": self.files,
        }


def export(
    folder: Path,
    packages: Mapping[str, Mapping[str, bytes]],
    backup: Backup | None,
    *,
    format_: ExportFormat,
    api_version: str,
    org: str,
) -> ExportResult:
    """Write the packages (name → files with their package.xml), in order. Raises BadRequest when
    the folder is not empty, so that no older backup is ever overwritten."""
    if folder.exists() and any(folder.iterdir()):
        raise BadRequest(
            f"{folder} is not empty: a backup there would be overwritten.",
            hint="Name a new folder.",
        )
    written: dict[str, bytes] = {}
    for name, files in packages.items():
        if format_ is ExportFormat.METADATA:
            written |= {f"{name}/{path}": content for path, content in files.items()}
        else:
            written |= {f"{name}/{path}": body for path, body in source_files(files).items()}
            written[f"manifest/{name}.xml"] = files["package.xml"]
            removed = files.get("destructiveChangesPost.xml")
            if removed is not None:
                written[f"manifest/{name}-destructive.xml"] = removed
    names = (*packages, *(("backup",) if backup else ()))
    if format_ is ExportFormat.SOURCE:
        written["sfdx-project.json"] = _project(tuple(packages), api_version)
    written["README.md"] = _readme(names, format_, org).encode()
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in written.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    count = len(written)
    if backup is not None:
        write_backup(folder / "backup", backup)
        count += len(backup.files) + 1
    return ExportResult(str(folder), format_, names, count)


def source_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A metadata package in the source format: fields of objects each in a file of their own,
    `-meta.xml` behind the others' names. Manifests are left out."""
    found: dict[str, bytes] = {}
    for path, content in files.items():
        if "/" not in path:
            continue
        kind, _, rest = path.partition("/")
        if path.endswith(".object"):
            found |= _object(rest.removesuffix(".object"), content)
        elif path.endswith("-meta.xml") and kind in _FOLDER_ENDS:
            name = rest.removesuffix("-meta.xml")
            found[f"main/default/{kind}/{name}.{_FOLDER_ENDS[kind]}-meta.xml"] = content
        else:
            found[f"main/default/{path}-meta.xml"] = content
    return found


def _object(name: str, content: bytes) -> dict[str, bytes]:
    """Fields apart; what else the object's file holds stays in one of its own."""
    rest = ET.Element(f"{_NS}CustomObject")
    found = {}
    for child in ElementTree.fromstring(content):
        if child.tag == f"{_NS}fields":
            child.tag = f"{_NS}CustomField"
            label = child.findtext(f"{_NS}fullName") or ""
            path = f"main/default/objects/{name}/fields/{label}.field-meta.xml"
            found[path] = _written(child)
        else:
            rest.append(child)
    if len(rest):
        found[f"main/default/objects/{name}/{name}.object-meta.xml"] = _written(rest)
    return found


def _written(root: ET.Element) -> bytes:
    ET.indent(root, "    ")
    text = ET.tostring(root, encoding="UTF-8", xml_declaration=True, default_namespace=METADATA)
    return bytes(text) + b"\n"


def _project(packages: tuple[str, ...], api_version: str) -> bytes:
    directories = [{"path": name, "default": number == 0} for number, name in enumerate(packages)]
    body = {"packageDirectories": directories, "sourceApiVersion": api_version}
    return json.dumps(body, indent=2).encode() + b"\n"


_ABOUT = {
    "fields": "the external-id fields, and the permission sets that grant them. Assign sfprm_run "
    "to the agent's user afterwards: a deployed field is seen by nobody until it is granted.",
    "convert": "shares rewritten so that partners do not see internal records. Sharing is "
    "calculated anew afterwards, which may take hours: choose a quiet time.",
    "switch-on": "digital experiences and partner management. CANNOT BE UNDONE.",
    "backup": "the originals of `convert`. Deploying it is the way back "
    "(or `sfprm setup --restore backup`).",
}


def _readme(names: tuple[str, ...], format_: ExportFormat, org: str) -> str:
    lines = [f"# Setup of the partner programme, for {org}", "", "Deploy in this order:", ""]
    for number, name in enumerate((n for n in names if n != "backup"), start=1):
        lines += [f"{number}. `{name}`: {_ABOUT[name]}", ""]
        lines += [
            f"       {_command(name, format_)} --dry-run",
            f"       {_command(name, format_)}",
        ]
        lines += [""]
    if "backup" in names:
        lines += [f"The way back is in `backup`: {_ABOUT['backup']}", ""]
        lines += [f"       {_command('backup', ExportFormat.METADATA)}", ""]
    lines += ["Then `sfprm setup --verify` says whether all of it is there.", ""]
    return "\n".join(lines)


def _command(name: str, format_: ExportFormat) -> str:
    if format_ is ExportFormat.METADATA:
        return f"sf project deploy start --metadata-dir {name} --single-package"
    return f"sf project deploy start --source-dir {name}"
