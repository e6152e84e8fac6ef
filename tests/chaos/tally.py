"""The results of histories, a JSON line each, so that a long count goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.chaos.checker import COUNTED

__all__ = ["Tally", "version_of"]

PROGRAM = Path(__file__).parents[2] / "sfprm"


def version_of(folder: Path = PROGRAM) -> str:
    """A digest of the program played, so that a tally says over how many versions it ran."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Tally:
    """Rows of a results file: `database`, `seed`, `version`, the counts, `seconds`, `cpu`, `story`,
    `notes`. What was played is not played again, clean or not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: dict[tuple[str, int], Mapping[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["database"], row["seed"]] = row

    def has(self, database: str, seed: int) -> bool:
        """Whether that history was played."""
        return (database, seed) in self.rows

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a result, at once."""
        self.rows[row["database"], row["seed"]] = row
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")

    def summary(self) -> dict[str, int]:
        """The counts over all histories of the file."""
        return summed(self.rows.values())

    def bad(self) -> list[str]:
        """Histories that were not clean, as database:seed."""
        return [f"{kind}:{seed}" for (kind, seed), row in self.rows.items() if unclean(row)]


def unclean(row: Mapping[str, Any]) -> bool:
    """Whether anything is wrong with a history."""
    return any(row[name] for name in (*COUNTED, "unclean_ends"))


def summed(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Histories, and each count over them."""
    kept = list(rows)
    total: Counter[str] = Counter()
    for row in kept:
        total.update({name: row[name] for name in COUNTED})
    return {"histories": len(kept), **{name: total[name] for name in COUNTED}}
