"""What befalls a history: drawn from its seed beforehand, as data, so that a case that once failed
is kept as the blows themselves, whatever the drawing becomes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["FAULTS", "JOBS", "MORE_JOBS", "TAKE_OVER", "Blow", "Plan", "drawn"]

Kind = Literal[
    "leads", "kill", "stop", "fault", "outage", "person", "leaver", "reload", "cut", "away", "held"
]
TAKE_OVER = 3.0
"""Seconds after which a silent worker is replaced; ten in life."""
PATHS = {"writes": "/composite/sobjects", "reads": "/query", "all": "/services/data"}
FAULTS: tuple[Mapping[str, Any], ...] = (
    {"kind": "503"},
    {"kind": "lock"},
    {"kind": "concurrent"},
    {"kind": "expired-session"},
    {"kind": "drop-before"},
    {"kind": "drop-after"},
    {"kind": "truncated"},
    {"kind": "half"},
    {"kind": "html-503"},
    {"kind": "slow", "seconds": 1.0},
)
JOBS: Mapping[str, str] = {
    "route": "job: route\nevery: 1 second\n",
    "people": "job: provision\nevery: 4 seconds\n",
    "beat": "job: tests.chaos.beat:beat\nevery: 2 seconds\nif_late: catch up\noverlap: queue\n"
    "retries: {times: 3, wait: 1 second}\n",
}
"""In every history. `beat` is the one whose every slot must be done, once."""
MORE_JOBS: Mapping[str, str] = {
    "recall": "job: recall\nevery: 3 seconds\nretries: {times: 1}\n",
    "verify": "job: verify\nevery: 5 seconds\n",
    "drift": "job: plan\nevery: 5 seconds\n",
    "report": "job: report\nafter: people\n",
    "purge": "job: purge\nevery: 5 seconds\noptions: {older_than_days: 30}\n",
}
"""Two of these as well."""


@dataclass(frozen=True)
class Blow:
    """One thing that happens. `who`: the number of the process it hits; `seconds`: how long it
    lasts; `then`: seconds until the next blow."""

    kind: Kind
    then: float = 0.3
    who: int = 0
    seconds: float = 0.0
    count: int = 0
    fault: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        match self.kind:
            case "leads":
                return f"{self.count} leads"
            case "kill":
                return f"kill -9 of {self.who}"
            case "stop":
                return f"{self.who} stopped for {self.seconds:g} s"
            case "fault":
                return f"{self.fault['kind']} on {self.fault['path']}, {self.fault['times']} times"
            case "outage":
                return f"the org away for {self.seconds:g} s"
            case "person" | "leaver":
                return "a person joins" if self.kind == "person" else "a person leaves"
            case "reload":
                return "a job file broken and mended"
            case "cut":
                return "connections cut"
            case "away":
                return f"the database away for {self.seconds:g} s"
            case "held":
                return f"the state held by another for {self.seconds:g} s"


@dataclass(frozen=True)
class Plan:
    """One history, before it is played. `jobs`: files by name."""

    seed: int
    shared: bool
    standby: bool
    jobs: Mapping[str, str]
    blows: Sequence[Blow]


def drawn(seed: int, *, shared: bool, blows: int = 6) -> Plan:
    """The history of a seed: on PostgreSQL (`shared`) with three workers, or on SQLite with a
    daemon and perhaps a second one that stands by."""
    chance = random.Random(seed)
    standby = not shared and chance.random() < 0.5
    processes = 3 if shared else 1 + standby
    more = chance.sample(sorted(MORE_JOBS), 2)
    jobs = {**JOBS, **{name: MORE_JOBS[name] for name in more}}
    return Plan(
        seed, shared, standby, jobs, [_one(chance, shared, processes) for _ in range(blows)]
    )


def _one(chance: random.Random, shared: bool, processes: int) -> Blow:
    kinds: list[Kind] = ["leads"] * 4 + ["kill"] * 2 + ["stop", "fault", "fault", "outage"]  # type: ignore[assignment]
    kinds += ["person", "leaver", "reload"]
    kinds += ["cut", "kill", "stop", "away"] if shared else ["held"]
    kind = chance.choice(kinds)
    then, who = round(chance.uniform(0.1, 0.8), 2), chance.randrange(processes)
    match kind:
        case "leads":
            return Blow(kind, then, count=chance.randint(1, 12))
        case "stop":
            # shorter than a lease, about as long, and longer than the take-over time
            lasts = chance.choice([0.5, TAKE_OVER * 0.7, TAKE_OVER * 1.4] if shared else [0.5, 1.5])
            return Blow(kind, then, who, seconds=round(lasts, 2))
        case "fault":
            fault = dict(chance.choice(FAULTS))
            fault |= {"path": PATHS[chance.choice(list(PATHS))], "times": chance.randint(1, 4)}
            return Blow(kind, then, fault=fault | {"after": chance.randint(0, 2)})
        case "outage" | "away" | "held":
            return Blow(kind, then, seconds=round(chance.uniform(0.3, 2.0), 2))
    return Blow(kind, then, who)
