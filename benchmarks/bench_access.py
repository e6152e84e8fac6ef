"""The access layer beside a bare `requests` loop and plain simple-salesforce, on the same server.

Leads are loaded inside the embedded org; then, each side in a process of its own, over TLS:

1. All leads are read, 10 fields: by a bare loop over pages with json; by sfprm's pages; by the way
   that sfprm's `read` chooses (Bulk 2.0 for so many).
2. 100,000 leads are inserted: by a bare loop of Collections, 200 rows a call; by sfprm's `write`
   (Collections, five in a composite call, as it sends rows that no column tells apart), in turns;
   and a sample by simple-salesforce, one record a call. The same rows by Bulk 2.0 are shown too,
   but not judged: most of that time is that of sfprm's pauses between two looks at the job.

Prints a table, then one line of JSON, in which `read_ratio` and `read_mb` are the worse of sfprm's
two ways to read. Arguments: leads to read (1,000,000), leads to write (100,000).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.bench_org import _deploy_key, embedded, line, log_in, served

HERE = Path(__file__).parent
SAMPLE = 500
"""Rows by simple-salesforce: a call each, of which the org's day has a few thousand."""


def measure(ready: Mapping[str, Any], side: str, rows: int, turn: int = 0) -> dict[str, float]:
    """One side: its figures and `rate`, rows a second. Rows differ from those of another `turn`."""
    given = json.dumps({"side": side, "rows": rows, "ready": ready, "turn": turn})
    command = [sys.executable, str(HERE / "access_side.py"), given]
    done = subprocess.run(command, text=True, capture_output=True, check=False, cwd=HERE.parent)
    if done.returncode:
        raise SystemExit(f"{side}: {done.stderr[-2000:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if told["rows"] != rows:
        raise SystemExit(f"{side}: {told['rows']} rows, not {rows}")
    told["rate"] = told["rows"] / told["seconds"]
    print(
        f"{side:<14}{told['rate']:>12,.0f} rows/s {told['calls']:>8,} calls {told['mb']:>8.0f} MB"
        f" {told['cpu']:>8.1f} s of its own work",
        flush=True,
    )
    return told


def in_turns(ready: Mapping[str, Any], sides: tuple[str, str], rows: int) -> list[dict[str, float]]:
    """Two sides, half of the rows at a time, in the order 1 2 2 1: what the machine does besides,
    and what the org gains in rows, hits both alike. Seconds and calls are summed."""
    told: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for turn, side in enumerate((sides[0], sides[1], sides[1], sides[0])):
        told[side].append(measure(ready, side, rows // 2, turn))
    return [
        {
            "rate": sum(one["rows"] for one in both) / sum(one["seconds"] for one in both),
            "calls": sum(one["calls"] for one in both),
            "mb": max(one["mb"] for one in both),
        }
        for both in told.values()
    ]


def main() -> None:
    """Measure and print."""
    reads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    writes = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with (
        tempfile.TemporaryDirectory() as folder,
        served(*embedded(folder, "access")) as (ready, _),
    ):
        client = log_in(ready)
        _deploy_key(client)
        client("POST", "/_devorg/seed", {"leads": reads, "seed": 7, "key": "Bench_Key__c"})
        bare, pages, chosen = (measure(ready, s, reads) for s in ("bare-read", "pages", "read"))
        naive = measure(ready, "naive-write", SAMPLE)
        bare_write, collections = in_turns(ready, ("bare-write", "collections"), writes)
        bulk = measure(ready, "write", writes)
    figures = {
        "read_ratio": min(pages["rate"], chosen["rate"]) / bare["rate"],
        "read_mb": max(pages["mb"], chosen["mb"]),
        "write_ratio": collections["rate"] / bare_write["rate"],
        "calls_read": chosen["calls"],
        "calls_write": collections["calls"],
        "naive_write_ratio": collections["rate"] / naive["rate"],
    }
    line("read, of the bare loop's rate", figures["read_ratio"], "", "at least 0.7")
    line("memory while reading", figures["read_mb"], "MB", "under 150")
    line("memory while writing", max(collections["mb"], bulk["mb"]), "MB", "under 150")
    line("write, of the bare loop's rate", figures["write_ratio"], "", "at least 0.8")
    line("calls of pages", pages["calls"], "", f"{ceil(reads / 2_000):,} at least")
    line("calls of Collections", collections["calls"], "", f"{ceil(writes / 1_000):,} at least")
    line("write by Bulk 2.0, of the bare loop's rate", bulk["rate"] / bare_write["rate"], "")
    line("write, of simple-salesforce's rate", figures["naive_write_ratio"], "times")
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
