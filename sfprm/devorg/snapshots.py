"""Snapshots of orgs under names. In memory; with a data file they are files beside it, which the
next process finds again: `FILE.snapshots/NAME.db`, and what is known of it in `NAME.json`."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfprm.devorg.storage import Snapshot

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["NAME", "Kept", "Snapshots"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""What orgs and snapshots are called."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot of an org under a name: records, time, and when it was taken (the org's time)."""

    name: str
    org: str
    snapshot: Snapshot
    clock: dict[str, Any]
    at: datetime


class Snapshots:
    """Those of one process, by name, in the order in which they were taken."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._kept: dict[str, Kept] = {}
        if folder is not None and folder.exists():
            found = [self._read(path) for path in folder.glob("*.json")]
            self._kept = {one.name: one for one in sorted(found, key=lambda one: one.at)}

    def all(self) -> list[Kept]:
        """Every one."""
        return list(self._kept.values())

    def find(self, name: str) -> Kept:
        """The one of that name. Raises LookupError."""
        kept = self._kept.get(name.lower())
        if kept is None:
            raise LookupError(f"no snapshot {name!r}: there are {', '.join(self._kept)}")
        return kept

    def keep(self, org: Org, name: str) -> Kept:
        """Take one of an org as it is; without a name it gets a number. An older one of that name
        is replaced. Raises ValueError."""
        name = name.lower() or f"s{len(self._kept) + 1}"
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name: a-z, 0-9 and -, a letter first")
        clock, at = org.clock.kept(), org.clock.now()
        if self._folder is None:
            snapshot = org.storage.snapshot()
            self._forget(name)
        else:
            self._folder.mkdir(exist_ok=True)
            snapshot = org.storage.snapshot_into(self._folder / f"{name}.new")
            self._forget(name)
            snapshot = snapshot.moved(self._folder / f"{name}.db")
            self._write(name, {"org": org.name, "clock": clock, "at": at.isoformat()})
        kept = self._kept[name] = Kept(name, org.name, snapshot, clock, at)
        return kept

    def drop(self, name: str) -> None:
        """Forget one, its file too. Raises LookupError."""
        self._forget(self.find(name).name)

    def close(self) -> None:
        """Let go of all; files stay."""
        for kept in self._kept.values():
            kept.snapshot.close()
        self._kept.clear()

    def _forget(self, name: str) -> None:
        old = self._kept.pop(name, None)
        if old is None:
            return
        old.snapshot.close()
        if self._folder is not None:
            for suffix in ("json", "db"):
                (self._folder / f"{name}.{suffix}").unlink(missing_ok=True)

    def _write(self, name: str, known: dict[str, Any]) -> None:
        """Last, and in one go: a snapshot without it is not there."""
        assert self._folder is not None
        new = self._folder / f"{name}.json.new"
        new.write_text(json.dumps(known), "utf-8")
        os.replace(new, self._folder / f"{name}.json")

    def _read(self, path: Path) -> Kept:
        known = json.loads(path.read_text("utf-8"))
        snapshot = Snapshot.of_file(path.with_suffix(".db"))
        at = datetime.fromisoformat(known["at"])
        return Kept(path.stem, known["org"], snapshot, known["clock"], at)
