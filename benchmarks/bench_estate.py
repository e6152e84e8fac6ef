"""The partner estate from empty to done: calls, time, memory, and beside a bare loop.

On the embedded org: so many partners with 3 people each, in 200 shared queues. sfprm applies and
plans again; a bare loop sends the same bodies to the same org once more (both one request in
flight, in turns, the median of the pairs); with the org answering in 200 ms the agent's CPU is
compared with the wall time; and at 500 partners the record-by-record way is run beside it.

    python -m benchmarks.bench_estate [--partners 10000] [--ratio-partners 2000] [--pairs 3]
    python -m benchmarks.bench_estate --partners 60    a short run, every side
    python -m benchmarks.bench_estate --users N        user inserts a second of the org in the
                                                       environment (SFPRM_*), and an estimate

Prints a table with a verdict for each bound, then one line of JSON, whatever fails: null is what
was not measured. Exit code 1 when a bound is missed or not measured. The bounds are those of 10,000
partners; the whole run takes some 7 minutes on two quiet cores and is cut off after `--minutes`.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import requests

from benchmarks.bench_org import served

HERE = Path(__file__).parent
PEOPLE = 3
QUEUES = 200
PAUSE = 0.2
"""Seconds in which the org answers, for the agent's share of the CPU."""
_PROGRAMME = """programme: Bench channel
site: Alder Partner Central
profile: Alder Partner User
channel_managers:
  marta: marta.lopes@alder.example.com
defaults:
  person:
    username: "{key}@bench.partners.example.com"
    time_zone: Europe/Lisbon
    locale: pt_PT
    language: en_US
partners: partners.csv
people: people.csv
queues:
"""


def write_programme(folder: Path, partners: int, queues: int) -> None:
    """The files: CSV for partners and people, each partner in one of the queues."""
    folder.mkdir(parents=True)
    rows = ["key,name,manager,Account.Phone"]
    people = ["key,partner,first_name,last_name,email"]
    for n in range(partners):
        rows.append(f"p{n:05},Partner {n:05} Lda,marta,+351 21 555 {n % 10000:04}")
        for i in range(PEOPLE):
            people.append(f"u{n:05}x{i},p{n:05},Ana{i},Exemplo{n},u{n:05}x{i}@bench.example.com")
    (folder / "partners.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "people.csv").write_text("\n".join(people) + "\n", "utf-8")
    text = [_PROGRAMME]
    for q in range(min(queues, partners)):
        members = ", ".join(f"p{n:05}" for n in range(q, partners, queues))
        text.append(f"  Bench {q:03}: {{members: [{members}]}}\n")
    (folder / "programme.yaml").write_text("".join(text), "utf-8")


class Unmeasured(Exception):
    """A side that did not come to its end: why."""


class Org:
    """The embedded org with a snapshot to come back to."""

    def __init__(self, ready: Mapping[str, Any], seats: int) -> None:
        self.ready = ready
        self.control("reset", {})
        self.control("seed", {"story": "partners-ready", "seed": 7})
        self.control(
            "events", {"event": "seats-bought", "licence": "Partner Community", "seats": seats}
        )
        self.control("limits", {"daily_api": 10_000_000})
        self.control("snapshots", {"name": "start"})

    def control(self, path: str, body: Any, method: str = "POST") -> Any:
        """One call of the control API."""
        answer = requests.request(
            method, f"{self.ready['http']}/_devorg/{path}", json=body, timeout=600
        )
        if answer.status_code >= 300:
            raise Unmeasured(f"{path}: {answer.text}")
        return answer.json() if answer.content else None

    def again(self) -> None:
        """Back to the start, without faults."""
        self.control("faults", None, "DELETE")
        self.control("snapshots/start/restore", {})


@dataclass
class Bench:
    """One run: the org, what is measured so far, and what could not be."""

    org: Org
    folder: Path
    ends: float
    """When it is cut off, by `time.monotonic`, in seconds."""
    figures: dict[str, Any]
    trouble: list[str] = field(default_factory=list)

    def measure(self, name: str, part: Callable[[], None]) -> None:
        """One part; what keeps it from its end is written down, and the next one is begun."""
        print(f"{name}:", flush=True)
        try:
            part()
        except (Unmeasured, requests.RequestException) as error:
            self.trouble.append(f"{name}: {error}")
            print(f"  not measured: {error}", flush=True)

    def side(self, name: str, programme: Path, state: str, **more: Any) -> dict[str, Any]:
        """One side in a process of its own. Raises Unmeasured."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise Unmeasured("no time left (--minutes)")
        given = {
            "side": name,
            "ready": self.org.ready,
            "programme": str(programme),
            "state": str(self.folder / state),
            "version": "66.0",
            **more,
        }
        command = [sys.executable, "-m", "benchmarks.estate_side", json.dumps(given)]
        try:
            done = subprocess.run(
                command, text=True, capture_output=True, check=False, cwd=HERE.parent, timeout=left
            )
        except subprocess.TimeoutExpired:
            raise Unmeasured(f"side {name} cut off: no time left (--minutes)") from None
        if done.returncode:
            raise Unmeasured(f"side {name}: {done.stderr[-3000:]}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if told.get("failed") or told.get("blocked"):
            raise Unmeasured(f"side {name}: {told}")
        shown = {k: round(v, 2) if isinstance(v, float) else v for k, v in told.items()}
        print(f"  {name:<8}{shown}", flush=True)
        return told

    def whole(self, partners: int) -> None:
        """From empty to done, and the plan after it."""
        programme = self.folder / "whole"
        write_programme(programme, partners, QUEUES)
        done = self.side("apply", programme, "whole-state", in_flight=4)
        self.figures |= {
            "calls_apply": done["calls"],
            "apply_s": round(done["seconds"], 1),
        }
        again = self.side("plan", programme, "whole-state")
        if again["steps"]:
            raise Unmeasured(f"the second plan has {again['steps']} steps")
        self.figures |= {
            "calls_replan": again["calls"],
            "replan_s": round(again["plan_s"], 1),
            "rss_mb": round(max(done["rss_mb"], again["rss_mb"])),
        }

    def beside(self, programme: Path, pairs: int) -> None:
        """Beside a bare loop, one request in flight; in turns, so that both see the same weather.

        The bodies are recorded in a run that is not measured. Every side finds the org as it was.
        The bare loop neither reads nor plans: `bare_ratio` is the apply with its journal,
        `bare_ratio_with_plan` everything from the login on."""
        keep, applied, planned = self.folder / "bodies.jsonl", [], []
        self.org.again()
        self.side("apply", programme, "recorded", keep=str(keep))
        for n in range(pairs):
            self.org.again()
            ours = self.side("apply", programme, f"beside-{n}")
            self.org.again()
            bare = self.side("bare", programme, "none", keep=str(keep))
            applied.append(ours["apply_s"] / bare["seconds"])
            planned.append(ours["seconds"] / bare["seconds"])
            self.figures |= {
                "bare_ratio": round(statistics.median(applied), 2),
                "bare_ratio_with_plan": round(statistics.median(planned), 2),
                "bare_ratios": [round(ratio, 2) for ratio in applied],
                "agent_cpu_ms_a_record": round(1000 * ours["cpu"] / ours["steps"], 3),
            }

    def slow(self, programme: Path) -> None:
        """The org answers in 200 ms, one request in flight: the agent's share of the time.

        The org's own work is not 200 ms an answer: the stricter share counts 200 ms a call alone.
        """
        self.org.again()
        self.org.control("faults", {"kind": "slow", "path": "/services/data", "seconds": PAUSE,
                                    "times": None, "rate": 1.0})  # fmt: skip
        slow = self.side("apply", programme, "slow-state")
        strict = slow["cpu"] / (slow["calls"] * PAUSE + slow["cpu"])
        self.figures |= {
            "agent_cpu_share": round(max(strict, slow["cpu"] / slow["seconds"]), 3),
            "agent_cpu_share_measured": round(slow["cpu"] / slow["seconds"], 3),
        }

    def naive(self, partners: int) -> None:
        """Record by record, and by sfprm. The names with `_500` are of 500 partners alone."""
        programme = self.folder / "naive"
        write_programme(programme, partners, QUEUES)
        self.org.again()
        theirs = self.side("naive", programme, "none")
        self.org.again()
        ours = self.side("apply", programme, "naive-state", in_flight=4)
        end = f"_{partners}"
        self.figures |= {
            f"naive_calls{end}": theirs["calls"],
            f"calls{end}": ours["calls"],
            f"naive_wall_ratio{end}": round(theirs["seconds"] / ours["seconds"], 1),
        }


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure and what it may be at most; `most` None: said only."""

    key: str
    words: str
    most: float | None = None

    def verdict(self, figures: Mapping[str, Any]) -> str:
        """`kept`, `MISSED`, `NOT MEASURED`, or nothing where there is no bound."""
        if self.most is None:
            return "" if figures[self.key] is not None else "not measured"
        if figures[self.key] is None:
            return "NOT MEASURED"
        return "kept" if figures[self.key] <= self.most else "MISSED"


BOUNDS = (
    Bound("calls_apply", "calls from empty to done", 700),
    Bound("calls_replan", "calls of a second plan", 80),
    Bound("replan_s", "seconds of a second plan", 20),
    Bound("rss_mb", "memory of the agent, MB", 500),
    Bound("bare_ratio", "wall time beside a bare loop", 1.25),
    Bound("bare_ratio_with_plan", "the same, reading and planning too"),
    Bound("agent_cpu_share", "agent's CPU with 200 ms answers", round(1 / 3, 3)),
    Bound("naive_calls_500", "calls record by record, 500 partners"),
    Bound("naive_wall_ratio_500", "record by record, times as slow"),
)


def show(figures: Mapping[str, Any]) -> bool:
    """Print figures and verdicts; whether every bound is kept."""
    kept = True
    for bound in BOUNDS:
        value, verdict = figures[bound.key], bound.verdict(figures)
        said = "-" if value is None else f"{value:,}"
        limit = f"≤ {bound.most:,}" if bound.most is not None else ""
        print(f"{bound.words:<44}{said:>12}  {limit:<9} {verdict}")
        kept &= bound.most is None or verdict == "kept"
    return kept


def at_least(least: int) -> Callable[[str], int]:
    """A whole number for argparse."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return number


def options() -> argparse.ArgumentParser:
    """What it can be told."""
    parser = argparse.ArgumentParser(
        prog="bench_estate", description=(__doc__ or "").splitlines()[0]
    )
    say = parser.add_argument
    say("--partners", type=at_least(1), default=10_000, help="with 3 people each (10000)")
    say("--ratio-partners", type=at_least(1),
        help="beside a bare loop, with a slow org (2000, or --partners when less)")  # fmt: skip
    say("--naive-partners", type=at_least(1),
        help="record by record (500, or --partners when less)")  # fmt: skip
    say("--pairs", type=at_least(1), default=3, help="sfprm and bare loop in turns so often (3)")
    say("--minutes", type=at_least(1), default=12, help="cut off what is not done by then (12)")
    say("--users", type=at_least(1), metavar="N",
        help="only: N user inserts in the org of SFPRM_*; the users are left inactive")  # fmt: skip
    return parser


def main() -> int:
    """Measure and print; 0 when every bound is kept."""
    given = options().parse_args()
    if given.users is not None:
        from benchmarks.bench_users import measure_users

        return measure_users(given.users)
    signal.signal(signal.SIGTERM, _stopped)
    ends = time.monotonic() + 60 * given.minutes
    ratio = given.ratio_partners or min(2_000, given.partners)
    naive = given.naive_partners or min(500, given.partners)
    figures: dict[str, Any] = {"partners": given.partners, **{b.key: None for b in BOUNDS}}
    trouble: list[str] = ["stopped before its end"]
    try:
        with tempfile.TemporaryDirectory() as name:
            command = (sys.executable, "-m", "sfprm.devorg", "serve", "--http-port", "0",
                       "--https-port", "0", "--state", name)  # fmt: skip
            with served(*command) as (ready, _):
                org = Org(ready, max(given.partners, ratio, naive) * PEOPLE + 10)
                bench = Bench(org, Path(name), ends, figures, trouble)
                beside = bench.folder / "beside"
                write_programme(beside, ratio, QUEUES)
                bench.measure(f"{given.partners} partners", lambda: bench.whole(given.partners))
                bench.measure(f"bare loop, {ratio} partners",
                              lambda: bench.beside(beside, given.pairs))  # fmt: skip
                bench.measure(f"200 ms answers, {ratio} partners", lambda: bench.slow(beside))
                bench.measure(f"record by record, {naive} partners", lambda: bench.naive(naive))
                del trouble[0]
    except (KeyboardInterrupt, Unmeasured, requests.RequestException) as error:
        trouble[0] += f": {str(error) or type(error).__name__}"
    finally:
        kept = show(figures)
        for said in trouble:
            print(f"not measured: {said}")
        print(json.dumps(figures), flush=True)
    return 0 if kept and not trouble else 1


def _stopped(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt("ended by a signal")


if __name__ == "__main__":
    sys.exit(main())
