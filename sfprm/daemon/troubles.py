"""What is wrong, read from the state and from what the daemon knows. Asks no org."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from sfprm.daemon.alerts import Alert
from sfprm.daemon.backoff import Backoff
from sfprm.daemon.channels import Trouble
from sfprm.daemon.jobfiles import JobFile
from sfprm.routing.values import UNIT
from sfprm.settings import Settings
from sfprm.store.records import Run, RunState
from sfprm.store.writer import Store

__all__ = ["away_trouble", "disk_trouble", "files_trouble", "state_troubles"]

AWAY_TIMES = 3
"""Tries in a row that an org may fail before somebody is told."""
LEFT_SHARE = 0.1
"""Part of the org's daily calls below which somebody is told."""
WAITS_TOO_LONG = timedelta(days=1)
"""A lead kept back for longer than this is told of."""
LATE_RUN = timedelta(minutes=15)
"""A due run that nobody starts for so long (and three paces of its file) is told of."""
DRIFT_SLACK = 2
"""Leads that refunds may add to a pool's proved bound."""


def state_troubles(org: str, store: Store, files: Iterable[JobFile], now: datetime) -> list[Alert]:
    """Everything that the state of one org says is wrong."""
    mine = {file.name: file for file in files}
    tag = f"{org}:" if org else ""
    ended = store.work.last_ended()
    found: list[Alert] = []
    found += _failures(tag, mine, ended)
    found += _late(tag, mine, store.work.open_runs(), now)
    found += _drift(tag, mine, ended)
    found += _licences(tag, mine, ended)
    found += _leads(tag, store, now)
    found += _pools(tag, store)
    seen = store.allowance()
    if seen is not None and now - seen.at < timedelta(days=1):
        left = max(0, seen.most - seen.used)
        if left < seen.most * LEFT_SHARE:
            title = "The org's API calls of the day are nearly used up"
            detail = f"{left:,} of {seen.most:,} are left. Runs wait or stop before the rest is."
            found.append(Alert(f"{tag}allowance", Trouble.ALLOWANCE, title, detail))
    return found


def _failures(tag: str, files: Mapping[str, JobFile], ended: Mapping[str, Run]) -> Iterator[Alert]:
    for name, run in ended.items():
        if name not in files or run.state is not RunState.FAILED:
            continue
        yield Alert(
            f"{tag}failure:{name}",
            Trouble.FAILURE,
            f"{name} failed",
            f"{run.message}\nRun {run.id}. See: sfprm jobs history {name}",
            urgent=True,
            channels=files[name].told,
        )


def _late(
    tag: str, files: Mapping[str, JobFile], open_runs: Iterable[Run], now: datetime
) -> Iterator[Alert]:
    for run in open_runs:
        file = files.get(run.job)
        if file is None or run.state is not RunState.DUE or run.due_at is None:
            continue
        patience = max(LATE_RUN, 3 * file.every) if file.every is not None else LATE_RUN
        if now - max(run.due_at, run.not_before or run.due_at) > patience:
            yield Alert(
                f"{tag}late:{run.job}",
                Trouble.FAILURE,
                f"{run.job} is due and does not start",
                f"Due since {run.due_at:%Y-%m-%d %H:%M} UTC. See: sfprm status, sfprm workers",
                urgent=True,
                channels=file.told,
            )


def _drift(tag: str, files: Mapping[str, JobFile], ended: Mapping[str, Run]) -> Iterator[Alert]:
    for name, run in ended.items():
        file = files.get(name)
        if file is None or file.job.name != "plan" or not run.counts.get("steps"):
            continue
        yield Alert(
            f"{tag}drift:{name}",
            Trouble.DRIFT,
            "The org differs from the files",
            f"{run.counts['steps']:,} changes are planned. See: sfprm plan",
        )


def _licences(tag: str, files: Mapping[str, JobFile], ended: Mapping[str, Run]) -> Iterator[Alert]:
    for name, run in ended.items():
        left = run.counts.get("licences_left")
        if name in files and left is not None and left <= 0:
            yield Alert(
                f"{tag}licences",
                Trouble.LICENCES,
                "Partner licences have run out",
                "New partner users are refused until licences are bought or users deactivated. "
                "See: sfprm plan",
            )


def _leads(tag: str, store: Store, now: datetime) -> Iterator[Alert]:
    late = [o for o in store.offers.open() if o.accept_by is not None and o.accept_by < now]
    # recall looks at them every few minutes: only what it leaves is trouble
    late = [o for o in late if o.accept_by is not None and now - o.accept_by > LATE_RUN]
    if late:
        title = "Leads are past their deadline and were not taken back"
        yield Alert(
            f"{tag}leads:deadline",
            Trouble.LEADS,
            title,
            f"{len(late):,} offers. Is the recall job running? See: sfprm jobs list",
            urgent=True,
        )
    waiting = [p for p in store.parked() if p.waits and now - p.since > WAITS_TOO_LONG]
    if waiting:
        yield Alert(
            f"{tag}leads:waiting",
            Trouble.LEADS,
            "Leads wait for an owner for more than a day",
            f"{len(waiting):,} leads. See: sfprm status",
        )


def _pools(tag: str, store: Store) -> Iterator[Alert]:
    for key, ledger in store.all_ledgers().items():
        if not key.startswith("pool:") or not ledger.credits:
            continue
        drift = max(abs(credit) for credit in ledger.credits.values()) / UNIT
        bound = max(0, ledger.ever - 1) / 2 + DRIFT_SLACK
        if drift > bound:
            pool = key.removeprefix("pool:")
            yield Alert(
                f"{tag}fairness:{pool}",
                Trouble.FAIRNESS,
                f"Pool {pool} is further from fair than it can be by itself",
                f"A member is {drift:.1f} leads from its entitlement; the bound is {bound:.1f}. "
                "See: sfprm report, sfprm state verify",
            )


def files_trouble(where: str, refused: str) -> list[Alert]:
    """Files that are wrong; the last good ones are in force."""
    if not refused:
        return []
    return [
        Alert(
            f"files:{where}",
            Trouble.FILES,
            f"{where}: the files have errors; the last good ones stay in force",
            refused,
        )
    ]


def away_trouble(org: str, backoff: Backoff) -> list[Alert]:
    """An org that does not answer, or does not let us in."""
    if backoff.failures < AWAY_TIMES:
        return []
    name = f"The org {org}" if org else "The org"
    title = f"{name} cannot be reached or logged in to"
    return [Alert(f"{org}:org" if org else "org", Trouble.ORG, title, backoff.why, urgent=True)]


def disk_trouble(settings: Settings) -> list[Alert]:
    """A disk that is nearly full: runs that write do not start any more."""
    free = free_mb(settings)
    if free is None or free >= settings.disk_reserve_mb:
        return []
    title = "The disk that holds the state is nearly full; nothing is written to the org"
    detail = f"{free:,} MB are free of the {settings.disk_reserve_mb:,} MB kept for the journal."
    return [Alert("disk", Trouble.DISK, title, detail, urgent=True)]


def free_mb(settings: Settings) -> int | None:
    """Free megabytes of the state folder's disk; None when that cannot be told."""
    try:
        return shutil.disk_usage(settings.state_dir).free // 1_000_000
    except OSError:
        return None
