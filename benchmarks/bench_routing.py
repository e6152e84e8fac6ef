"""Routing: decisions in memory, the split of a whole set, and routing end to end.

Prints a table, then one line of JSON. `decide_10_per_s`, `decide_500_per_s`: decisions in a second
of processor time with 10 and 500 members (see `routing_decide`). `split_100k_s`: seconds to share
100,000 leads in 200 classes out over 500 members, a third of them with a cap; `split_worst`: how
far anybody is from its entitlement when no cap is in the way, in leads. `journal_bytes` and
`why_ms` are of a journal of 1,000,000 decisions about 500 partners (see `journal`), which takes a
quarter of an hour to write; JOURNAL sets another number. The other figures are those of
`routing_end_to_end`. `--decide` leaves both out.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.journal import measure as measure_journal
from benchmarks.routing_decide import measure
from benchmarks.routing_end_to_end import measure as measure_end_to_end
from sfprm.routing.split import Group, split

WARM = 10_000
COUNT = 30_000
LEADS, CLASSES, MEMBERS = 100_000, 200, 500


def measure_split() -> dict[str, float]:
    """The split with caps, timed; and without, to see that everybody is within one lead."""
    draw = random.Random(3)
    names = [f"member-{n:03}" for n in range(MEMBERS)]
    groups = [
        Group(
            LEADS // CLASSES,
            {m: 1 + n % 3 for n, m in enumerate(names) if draw.random() < chance},
        )
        for chance in [draw.choice((0.1, 0.5, 0.9)) for _ in range(CLASSES)]
    ]
    caps = {name: draw.randint(50, 250) for name in names[::3]}
    begun = time.process_time()
    found = split(groups, caps)
    seconds = time.process_time() - begun
    if sum(found.left) or any(found.got(name) > cap for name, cap in caps.items()):
        sys.exit("the split left leads over or broke a cap")
    return {"split_100k_s": seconds, "split_worst": float(split(groups).worst)}


def main() -> None:
    """Measure, print the table and the JSON line."""
    found: dict[str, float] = {}
    for members in (10, 500):
        speed = measure(members, COUNT, warm=WARM)
        found[f"decide_{members}_per_s"] = round(speed.per_second)
        print(
            f"{members:>4} members: {speed.per_second:>9,.0f} decisions/s, "
            f"{speed.classes} classes of eligibility in all"
        )
    found.update({key: round(value, 3) for key, value in measure_split().items()})
    print(
        f"split of {LEADS:,} leads in {CLASSES} classes over {MEMBERS} members: "
        f"{found['split_100k_s']:.2f} s, worst without caps {found['split_worst']:.3f} leads"
    )
    if "--decide" not in sys.argv[1:]:
        found.update(measure_end_to_end())
        decisions = int(os.environ.get("JOURNAL", "1000000"))
        with tempfile.TemporaryDirectory() as place:
            journal = measure_journal(decisions, MEMBERS, Path(place))
        found["journal_bytes"], found["why_ms"] = journal.bytes_a_decision, journal.why_ms
        print(
            f"journal of {decisions:,} decisions: {journal.bytes_a_decision:.0f} bytes a decision, "
            f"why {journal.why_ms:.0f} ms (the slowest {journal.why_worst_ms:.0f})"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
