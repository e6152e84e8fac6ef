"""`status`: what ran last, what is not settled, what is kept back, what the org still allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.insight.names import instant_text, span_text
from sfprm.insight.refusals import refusals_json, refusals_table
from sfprm.routing.values import Code
from sfprm.store.records import RunState, SeenAllowance, WriteState
from sfprm.store.refused import refused_by

if TYPE_CHECKING:
    from datetime import datetime

    from sfprm.store.api import StoreReader
    from sfprm.store.records import OrgRecord, Parked, Run
    from sfprm.store.refused import RefusedBy

__all__ = ["ParkedFor", "Status", "status"]

RUNS_SHOWN = 10
REFUSED_DAYS = 7
_FRESH, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ParkedFor:
    """Leads kept back for one reason. `due`: how many may be tried now; `next_try` the first of the
    others'."""

    code: Code
    count: int
    due: int
    next_try: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """The state at one instant. `allowance`: the org's daily API calls as last told, when known.

    `unconfirmed`: journalled decisions whose write is not confirmed; the next pass takes them up.
    """

    at: datetime
    org: OrgRecord | None
    runs: tuple[Run, ...]
    unconfirmed: int
    parked: tuple[ParkedFor, ...]
    allowance: SeenAllowance | None
    refused: tuple[RefusedBy, ...] = ()

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        found: list[Block] = [Text(self._lines())]
        if self.runs:
            found.append(
                Table(
                    ("run", "job", "state", "took", "calls", "what"),
                    tuple(_run_row(run, self.at) for run in self.runs),
                    title="Last runs",
                    right=(3, 4),
                )
            )
        if self.parked:
            found.append(
                Table(
                    ("reason", "leads", "due now", "next try"),
                    tuple(
                        (
                            kept.code.value.replace("-", " "),
                            f"{kept.count:,}",
                            f"{kept.due:,}" if kept.due else "",
                            "" if kept.next_try is None else instant_text(kept.next_try),
                        )
                        for kept in self.parked
                    ),
                    title="Leads kept back",
                    right=(1, 2),
                )
            )
        if self.refused:
            found.append(refusals_table(self.refused, REFUSED_DAYS))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "at": self.at.isoformat(),
            "org": None if self.org is None else {"id": self.org.org_id, "name": self.org.name},
            "runs": [_run_json(run) for run in self.runs],
            "unconfirmed": self.unconfirmed,
            "parked": [
                {
                    "code": kept.code.value,
                    "count": kept.count,
                    "due": kept.due,
                    "next_try": None if kept.next_try is None else kept.next_try.isoformat(),
                }
                for kept in self.parked
            ],
            "refused": refusals_json(self.refused),
            "allowance": None
            if self.allowance is None
            else {
                "used": self.allowance.used,
                "of": self.allowance.most,
                "at": self.allowance.at.isoformat(),
            },
        }

    def _lines(self) -> tuple[str, ...]:
        name = "No org yet" if self.org is None else f"{self.org.name} ({self.org.org_id})"
        lines = [f"{name}, {instant_text(self.at)}"]
        if not self.runs:
            lines.append("Nothing has run yet.")
        if self.unconfirmed:
            noun = "decision is" if self.unconfirmed == 1 else "decisions are"
            lines.append(
                f"{self.unconfirmed:,} {noun} not confirmed in the org; "
                "the next `sfprm route` takes them up."
            )
        if self.allowance is not None:
            lines.append(_allowance_line(self.allowance, self.at))
        return tuple(lines)


def status(reader: StoreReader, now: datetime, allowance: SeenAllowance | None = None) -> Status:
    """The state as it is. `allowance`: what the org tells now; None: as the last run saw it."""
    return Status(
        at=now,
        org=reader.org(),
        runs=tuple(reader.runs(limit=RUNS_SHOWN)),
        unconfirmed=len(reader.entries(states=[WriteState.DECIDED])),
        parked=_by_reason(reader.parked(), now),
        allowance=allowance or reader.allowance(),
        refused=refused_by(reader, now - timedelta(days=REFUSED_DAYS)),
    )


def _allowance_line(seen: SeenAllowance, now: datetime) -> str:
    age = now - seen.at
    words = f"API calls: {seen.used:,} of {seen.most:,} used in 24 hours"
    if age < _FRESH:
        return f"{words}."
    line = f"{words}, as the org told {span_text(age)} ago."
    return line if age < _DAY else f"{line} What is used today is not known."


def _by_reason(parked: list[Parked], now: datetime) -> tuple[ParkedFor, ...]:
    """Most first. A lead counts under its first reason; one that a rule leaves where it is waits
    for nothing and is not counted."""
    counts: Counter[Code] = Counter()
    due: Counter[Code] = Counter()
    coming: dict[Code, list[datetime]] = {}
    for held in parked:
        if not held.waits:
            continue
        code = held.reasons[0].code
        counts[code] += 1
        if held.next_try is not None and held.next_try <= now:
            due[code] += 1
        elif held.next_try is not None:
            coming.setdefault(code, []).append(held.next_try)
    return tuple(
        ParkedFor(code, count, due[code], min(coming.get(code, []), default=None))
        for code, count in counts.most_common()
    )


def _run_row(run: Run, now: datetime) -> tuple[str, ...]:
    took = (run.finished or now) - run.started
    what = run.message or ", ".join(f"{name} {count:,}" for name, count in run.counts.items())
    seconds = took.total_seconds()
    return (
        run.id,
        run.job,
        run.state.value,
        f"{seconds:.1f} s" if seconds < 60 else span_text(took),
        f"{run.calls:,}" if run.state is not RunState.RUNNING else "",
        what,
    )


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "job": run.job,
        "state": run.state.value,
        "started_by": run.started_by,
        "started": run.started.isoformat(),
        "finished": None if run.finished is None else run.finished.isoformat(),
        "counts": dict(run.counts),
        "calls": run.calls,
        "exit_code": run.exit_code,
        "message": run.message,
    }
