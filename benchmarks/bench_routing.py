"""Routing: decisions in memory, the split of a whole set, routing end to end, the journal.

Prints a table of figures, each with its bound and whether it keeps it, then one line of JSON with
all of them; those of a part that failed, or was left out, are null there. Parts:

- `decide`: decisions in a second of processor time with 10 and 500 members (`routing_decide`).
- `split`: seconds to share 100,000 leads in 200 classes out over 500 members, a third of them with
  a cap; and how far anybody is from its entitlement when no cap is in the way, in leads.
- `org`: end to end on the embedded org, beside a bare loop (`routing_end_to_end`).
- `stream`: one pass over 1,000,000 leads with its second look: memory, calls, seconds.
- `journal`: bytes a decision and milliseconds of `why`, of a journal of 1,000,000 decisions about
  500 partners (`journal`), which takes a quarter of an hour to write.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from sfprm.errors import SfprmError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WARM = 10_000
COUNT = 30_000
RUNS = 5
LEADS, CLASSES, MEMBERS = 100_000, 200, 500
DECIMALS = 3

FAILURES = (SfprmError, AssertionError, LookupError, OSError, RuntimeError, ValueError)
"""What may end one part; the others are measured still."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure is to keep, from issue 7. `most`: it is to be at most that, else at least."""

    value: float
    most: bool = True

    def kept_by(self, figure: float) -> bool:
        return figure <= self.value if self.most else figure >= self.value

    def __str__(self) -> str:
        return f"{'at most' if self.most else 'at least'} {self.value:,g}"


PARTS: Mapping[str, Mapping[str, Bound]] = {
    "decide": {
        "decide_10_per_s": Bound(50_000, most=False),
        "decide_500_per_s": Bound(20_000, most=False),
    },
    "split": {"split_100k_s": Bound(60), "split_worst": Bound(1)},
    "org": {
        "leads_per_min": Bound(100_000, most=False),
        "bare_ratio": Bound(1.5),
        "agent_cpu_share": Bound(0.333),
        "urgent_s": Bound(2),
    },
    "stream": {"rss_1m_mb": Bound(300), "calls_ratio": Bound(1.05), "stream_s": Bound(600)},
    "journal": {"journal_bytes": Bound(400), "why_ms": Bound(1_000)},
}
"""Figures of each part. `split_worst` and `stream_s` are no bounds of the issue: the first is what
a split promises, the second is that the stream is to end within ten minutes."""


def measure_decide(short: bool) -> dict[str, float]:
    """Decisions in memory: the median of RUNS runs, as one alone hangs on the machine's mood."""
    from benchmarks.routing_decide import measure

    found: dict[str, float] = {}
    for members in (10, 500):
        count = COUNT // 3 if short else COUNT
        speeds = [measure(members, count, warm=WARM) for _ in range(RUNS)]
        each = sorted(round(speed.per_second) for speed in speeds)
        found[f"decide_{members}_per_s"] = median(each)
        listed = ", ".join(f"{one:,}" for one in each)
        print(f"{members:>4} members: {speeds[0].classes} classes of eligibility; {listed}")
    return found


def measure_split(short: bool) -> dict[str, float]:
    """The split with caps, timed; and without, to see that everybody is within one lead."""
    from sfprm.routing.split import Group, split

    draw = random.Random(3)
    names = [f"member-{n:03}" for n in range(MEMBERS)]
    leads = LEADS // 10 if short else LEADS
    groups = [
        Group(
            leads // CLASSES,
            {m: 1 + n % 3 for n, m in enumerate(names) if draw.random() < chance},
        )
        for chance in [draw.choice((0.1, 0.5, 0.9)) for _ in range(CLASSES)]
    ]
    caps = {name: draw.randint(50, 250) for name in names[::3]}
    begun = time.process_time()
    found = split(groups, caps)
    seconds = time.process_time() - begun
    if sum(found.left) or any(found.got(name) > cap for name, cap in caps.items()):
        raise RuntimeError("the split left leads over or broke a cap")
    return {"split_100k_s": seconds, "split_worst": float(split(groups).worst)}


def measure_org(short: bool) -> dict[str, float]:
    """End to end."""
    from benchmarks.routing_end_to_end import measure

    return measure(4_000 if short else 20_000)


def measure_stream(short: bool) -> dict[str, float]:
    """One long pass."""
    from benchmarks.routing_end_to_end import stream

    return stream(20_000 if short else 1_000_000)


def measure_journal(short: bool) -> dict[str, float]:
    """A long journal."""
    from benchmarks.journal import measure

    decisions = 20_000 if short else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        journal = measure(decisions, MEMBERS, Path(place))
    print(f"journal of {decisions:,} decisions: the slowest why {journal.why_worst_ms:.0f} ms")
    return {"journal_bytes": journal.bytes_a_decision, "why_ms": journal.why_ms}


MEASURES: Mapping[str, Callable[[bool], dict[str, float]]] = {
    "decide": measure_decide,
    "split": measure_split,
    "org": measure_org,
    "stream": measure_stream,
    "journal": measure_journal,
}


def main() -> int:
    """Measure, print the table and the JSON line; 1 when a part failed."""
    parser = argparse.ArgumentParser(
        description="Routing: decisions, split, end to end, stream, journal. Half an hour in all."
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"which, of {', '.join(PARTS)}; all when none"
    )
    parser.add_argument(
        "--short", action="store_true", help="fewer leads, a few minutes: not the issue's figures"
    )
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    figures: dict[str, float | None] = {name: None for part in PARTS.values() for name in part}
    well = True
    for part in given.parts or PARTS:
        try:
            found = MEASURES[part](given.short)
        except FAILURES as error:
            print(f"{part} failed: {error}", file=sys.stderr)
            well = False
            continue
        for name, bound in PARTS[part].items():
            figures[name] = round(found[name], DECIMALS)
            kept = "kept" if bound.kept_by(found[name]) else "NOT KEPT"
            print(f"{name:<18}{found[name]:>14,.2f}   {bound!s:<18} {kept}")
        sys.stdout.flush()
    if given.short:
        print("short: fewer leads than the bounds are for")
    print(json.dumps(figures))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
