"""Backups of what setup rewrites: a folder that any Salesforce tool can deploy, and the way back.

`backup.json` beside the package says which org it is from; other tools overlook it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest, NotReady, OrgRefused
from sfprm.salesforce.metadata import deploy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.salesforce.session import Session

__all__ = ["Backup", "RestoreResult", "read_backup", "restore", "write_backup"]

_ABOUT = "backup.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """A package that puts things back, the org that it is from, and what it holds."""

    org_id: str
    org_name: str
    at: datetime
    names: tuple[str, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore did. `components`: how many were put back; 0 in a dry run."""

    backup: Backup
    components: int
    dry_run: bool
    calls: int

    def blocks(self) -> tuple[Block, ...]:
        """What was put back."""
        when = f"{self.backup.at:%Y-%m-%d %H:%M} UTC"
        done = "would be put back" if self.dry_run else "put back"
        lines = [f"{name}  {done}" for name in self.backup.names]
        lines.append(f"As of {when}, from {self.backup.org_name}.")
        lines.append(
            "Dry run: the org accepts it; nothing was done."
            if self.dry_run
            else "Sharing is recalculated by the org, which may take hours. Next: sfprm setup "
            "--dry-run shows the review again."
        )
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "restored": list(self.backup.names),
            "components": self.components,
            "dry_run": self.dry_run,
            "calls": self.calls,
        }


def write_backup(folder: Path, backup: Backup) -> Path:
    """Keep it in a new folder: whole or not at all. Raises BadRequest when something is there."""
    if folder.exists() and any(folder.iterdir()):
        raise BadRequest(
            f"{folder} is not empty: a backup there would be overwritten.",
            hint="Name another folder.",
        )
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    about = {
        "org_id": backup.org_id,
        "org_name": backup.org_name,
        "at": backup.at.isoformat(),
        "names": list(backup.names),
    }
    files = {**backup.files, _ABOUT: json.dumps(about, indent=2).encode() + b"\n"}
    for path, content in files.items():
        target = part / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if folder.exists():
        folder.rmdir()
    part.replace(folder)
    return folder


def read_backup(folder: Path) -> Backup:
    """A backup that `write_backup` kept. Raises BadRequest when the folder is none."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != _ABOUT
        }
        backup = Backup(
            str(about["org_id"]),
            str(about["org_name"]),
            datetime.fromisoformat(about["at"]),
            tuple(about["names"]),
            files,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest(
            f"{folder} holds no backup of sfprm's ({error}).",
            hint="Give the folder that `sfprm setup --convert` named.",
        ) from error
    if "package.xml" not in files:
        raise BadRequest(f"{folder} has no package.xml: the backup is not whole.")
    return backup


def restore(
    session: Session, folder: Path, *, clock: Clock, progress: Progress, dry_run: bool = False
) -> RestoreResult:
    """Put the originals back: first a check-only deployment, then the real one.

    Repeating it changes nothing more. Raises BadRequest for a folder that is no backup, NotReady
    for one of another org, OrgRefused with what the org says against it.
    """
    mark = session.calls.snapshot()
    backup = read_backup(folder)
    me = session.identity
    if backup.org_id[:15] != me.org_id[:15]:
        raise NotReady(
            f"The backup is of {backup.org_name} ({backup.org_id}), the login leads to "
            f"{me.org_name} ({me.org_id}). Nothing was done.",
            hint="Log in to the org that the backup is from.",
        )
    count = 0
    for check_only in (True, False):
        if dry_run and not check_only:
            break
        progress.stage("check the way back" if check_only else "put back", None)
        outcome = deploy(session, backup.files, check_only=check_only, clock=clock)
        if not outcome.success:
            raise OrgRefused(
                "The org does not take the originals back: "
                + "; ".join(str(f) for f in outcome.failures),
                hint="Mend what is named, or put it back by hand: the folder holds the originals.",
            )
        count = outcome.successes
    calls = session.calls.since(mark).total
    return RestoreResult(backup, 0 if dry_run else count, dry_run, calls)
