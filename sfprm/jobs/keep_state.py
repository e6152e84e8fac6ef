"""`backup` and `verify`: the state kept and proved sound, by schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.store.keeping import backup

__all__ = ["BackupJob", "VerifyJob"]


class BackupOptions(JobOptions):
    """Options of `backup`. `folder`: by default backups/ of the state folder; `keep`: how many."""

    folder: Path | None = None
    keep: int = Field(14, ge=1)


@dataclass(frozen=True)
class BackupResult(JobResult):
    """What was written, and which old files went."""

    file: Path
    rows: int
    removed: tuple[Path, ...]

    def blocks(self) -> tuple[Block, ...]:
        gone = f", {len(self.removed)} old ones removed" if self.removed else ""
        return (Text((f"{self.file}: {self.rows:,} rows, verified{gone}.",)),)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "rows": self.rows,
            "removed": [str(path) for path in self.removed],
        }

    @property
    def counts(self) -> Mapping[str, int]:
        return {"rows": self.rows, "removed": len(self.removed)}


class BackupJob(Job[BackupOptions, BackupResult]):
    """Copies the state into one verified file while others work; keeps the newest few."""

    name: ClassVar[str] = "backup"
    summary: ClassVar[str] = "writes the whole state into one verified file, keeps the newest few"
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = BackupOptions

    def run(self, context: JobContext, options: BackupOptions) -> BackupResult:
        folder = options.folder or context.settings.state_dir / "backups"
        file = folder / f"auto-{context.clock.now():%Y-%m-%dT%H-%M-%S}.db"
        counts = backup(context.settings.database, file)
        old = sorted(folder.glob("auto-*.db"))[: -options.keep]
        for path in old:
            path.unlink(missing_ok=True)
        return BackupResult(file, sum(counts.values()), tuple(old))


class VerifyOptions(JobOptions):
    """`verify` has no options."""


@dataclass(frozen=True)
class VerifyResult(JobResult):
    """Broken laws; none when all is well."""

    broken: tuple[str, ...]

    def blocks(self) -> tuple[Block, ...]:
        well = "Every chain joins, every ledger adds up, every bound holds."
        return (Text(self.broken or (well,)),)

    def to_json(self) -> dict[str, Any]:
        return {"broken": list(self.broken)}

    @property
    def exit_code(self) -> int:
        """1 when the state breaks its own laws."""
        return 1 if self.broken else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"broken": len(self.broken)}


class VerifyJob(Job[VerifyOptions, VerifyResult]):
    """Replays the journal from its beginning."""

    name: ClassVar[str] = "verify"
    summary: ClassVar[str] = "proves journal, credits and hash chains sound"
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = VerifyOptions

    def run(self, context: JobContext, options: VerifyOptions) -> VerifyResult:
        return VerifyResult(tuple(context.store.verify()))
