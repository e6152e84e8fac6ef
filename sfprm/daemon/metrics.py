"""What Prometheus reads: what this process did, counted as it happens, and the state as it is.

Names carry base units; labels are bounded: kinds of calls, jobs and pools of the files, states.
No id, no name of a person or lead is ever a label. `deploy/` holds alert rules and a dashboard that
use these names, and a test holds them to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import make_url

from sfprm import __version__
from sfprm.errors import SfprmError
from sfprm.routing.values import UNIT
from sfprm.store.records import RunState, WriteState
from sfprm.store.refused import refused_by

if TYPE_CHECKING:
    from sfprm.daemon.alerts import AlertBook
    from sfprm.jobs.runner import Finished
    from sfprm.salesforce.calls import CallDone
    from sfprm.settings import Settings
    from sfprm.store.work import WorkBook
    from sfprm.store.writer import Store

__all__ = ["Metrics"]

SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
"""Bounds of the run durations, in seconds."""
REFUSED_SINCE = timedelta(hours=24)
MOST_REFUSERS = 20
"""Rules, flows and triggers that are told by name."""
_NAMED = frozenset({"flow", "trigger", "validation rule", "lock"})
CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)


def outcome_of(status: int) -> str:
    """done, refused, failed (5xx) or silent, by the status of an answer; 0: none came."""
    if status == 0:
        return "silent"
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"


class Metrics:
    """One process's figures. `states`: the stores to read at each scrape, by org."""

    def __init__(
        self, states: Callable[[], Iterable[tuple[str, Store, Settings]]] = lambda: ()
    ) -> None:
        self.registry = CollectorRegistry()
        to = self.registry
        self._calls = Counter(
            "sfprm_api_calls", "Calls to Salesforce.", ("kind", "outcome"), registry=to
        )
        self._call_seconds = Histogram(
            "sfprm_api_call_duration_seconds", "Time to the answer.", ("kind",),
            buckets=CALL_SECONDS, registry=to,
        )  # fmt: skip
        self._rows = Counter(
            "sfprm_rows", "Records written.", ("object", "operation", "outcome"), registry=to
        )
        self._runs = Counter("sfprm_runs", "Runs that ended here.", ("job", "outcome"), registry=to)
        self._run_seconds = Histogram(
            "sfprm_run_duration_seconds",
            "How long runs took.",
            ("job",),
            buckets=SECONDS,
            registry=to,
        )
        self.registry.register(_States(states))

    def call(self, done: CallDone) -> None:
        """A call ended."""
        self._calls.labels(done.kind, outcome_of(done.status)).inc()
        self._call_seconds.labels(done.kind).observe(done.seconds)

    def rows(self, object_: str, operation: str, done: int, refused: int) -> None:
        """An answer told of rows."""
        for outcome, count in (("done", done), ("refused", refused)):
            if count:
                self._rows.labels(object_ or "any", operation, outcome).inc(count)

    def run(self, name: str, finished: Finished) -> None:
        """A run ended."""
        outcome = {0: "done", 68: "partly", 130: "interrupted"}.get(finished.exit_code, "failed")
        self._runs.labels(name, outcome).inc()
        self._run_seconds.labels(name).observe(finished.seconds)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)


class _States(Collector):
    """Reads the states when asked, one scrape at a time."""

    def __init__(self, states: Callable[[], Iterable[tuple[str, Store, Settings]]]) -> None:
        self._states = states
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        gauges = _Gauges()
        gauges.put("sfprm_build_info", "The version that runs.", 1.0, version=__version__)
        with self._lock:
            for org, store, settings in self._states():
                try:
                    _read(gauges, org, store, settings, datetime.now(UTC))
                    reachable = 1.0
                except SfprmError:
                    reachable = 0.0
                gauges.put("sfprm_state_up", "The state answers.", reachable, org=org)
        yield from gauges.families.values()


class _Gauges:
    """Families by name, made when first used."""

    def __init__(self) -> None:
        self.families: dict[str, GaugeMetricFamily] = {}

    def put(self, name: str, words: str, value: float, **labels: str) -> None:
        family = self.families.get(name)
        if family is None:
            family = GaugeMetricFamily(name, words, labels=list(labels))
            self.families[name] = family
        family.add_metric(list(labels.values()), value)


def _read(gauges: _Gauges, org: str, store: Store, settings: Settings, now: datetime) -> None:
    work = store.work
    seen = store.allowance()
    if seen is not None:
        gauges.put(
            "sfprm_api_calls_remaining", "Calls left of the org's rolling day, as last told.",
            max(0, seen.most - seen.used), org=org,
        )  # fmt: skip
        gauges.put("sfprm_api_calls_limit", "Calls of the org's rolling day.", seen.most, org=org)
    _leads(gauges, org, store, now)
    _runs(gauges, org, work, now)
    _pools(gauges, org, store)
    for row in work.workers():
        if (now - row.seen).total_seconds() <= settings.take_over_seconds:
            gauges.put("sfprm_worker_up", "Processes at work.", 1.0, worker=row.id, kind=row.kind)
    for name in work.pauses():
        gauges.put("sfprm_paused", "Paused jobs.", 1.0, org=org, job=name or "all")
    for kind, count in _alerts(store).counts().items():
        gauges.put("sfprm_alerts_active", "Trouble under way.", count, org=org, kind=kind)
    rows = work.size()
    gauges.put("sfprm_journal_entries", "Decisions journalled.", rows["journal"], org=org)
    size = _bytes(settings)
    if size is not None:
        gauges.put("sfprm_state_size_bytes", "The state's file with its log.", size, org=org)


def _alerts(store: Store) -> AlertBook:
    from sfprm.daemon.alerts import AlertBook

    return AlertBook(store.engine)


def _leads(gauges: _Gauges, org: str, store: Store, now: datetime) -> None:
    kept = [p for p in store.parked() if p.reasons]
    parked = [p for p in kept if p.waits]
    reasons: dict[str, int] = {}
    for lead in kept:
        code = lead.reasons[0].code.value
        reasons[code] = reasons.get(code, 0) + 1
    for code, count in reasons.items():
        gauges.put("sfprm_leads_parked", "Leads kept back.", count, org=org, reason=code)
    gauges.put("sfprm_leads_waiting", "Leads without an owner of their own.", len(parked), org=org)
    oldest = max(((now - p.since).total_seconds() for p in parked), default=0.0)
    gauges.put(
        "sfprm_oldest_waiting_lead_age_seconds", "The lead that waits longest.", oldest, org=org
    )
    refusers: dict[tuple[str, str], int] = {}
    for refused in refused_by(store, now - REFUSED_SINCE):
        # words of other refusals may hold an id
        named = refused.name if refused.kind in _NAMED else ""
        refusers[refused.kind, named] = refusers.get((refused.kind, named), 0) + refused.writes
    for (kind, named), count in sorted(refusers.items(), key=lambda x: -x[1])[:MOST_REFUSERS]:
        gauges.put(
            "sfprm_writes_refused", "Refused by the org's own automation in 24 hours.", count,
            org=org, kind=kind, by=named,
        )  # fmt: skip
    open_ = store.entries(states=(WriteState.DECIDED,))
    gauges.put(
        "sfprm_decisions_unconfirmed", "Decisions not yet seen in the org.", len(open_), org=org
    )
    offers = store.offers.open()
    late = sum(1 for o in offers if o.accept_by is not None and o.accept_by < now)
    gauges.put("sfprm_offers_open", "Offers under way.", len(offers), org=org)
    gauges.put(
        "sfprm_offers_past_deadline", "Offers that should have been accepted.", late, org=org
    )


def _runs(gauges: _Gauges, org: str, work: WorkBook, now: datetime) -> None:
    for name, run in work.last_done().items():
        if run.finished is not None:
            gauges.put(
                "sfprm_last_success_timestamp_seconds", "When a job was last done.",
                run.finished.timestamp(), org=org, job=name,
            )  # fmt: skip
    due = [r for r in work.open_runs() if r.state is RunState.DUE]
    waited = [(now - r.not_before).total_seconds() for r in due if r.not_before is not None]
    gauges.put("sfprm_runs_due", "Runs that wait to be started.", len(due), org=org)
    gauges.put(
        "sfprm_run_lag_seconds", "How long the first of them has waited.",
        max(0.0, *waited) if waited else 0.0, org=org,
    )  # fmt: skip


def _pools(gauges: _Gauges, org: str, store: Store) -> None:
    for key, ledger in store.all_ledgers().items():
        pool = key.removeprefix("pool:")
        if pool == key or not ledger.credits:
            continue  # ledgers of people within a partner are many
        drift = max(abs(credit) for credit in ledger.credits.values()) / UNIT
        gauges.put(
            "sfprm_pool_drift_leads", "The member furthest from its entitlement.", drift,
            org=org, pool=pool,
        )  # fmt: skip


def _bytes(settings: Settings) -> float | None:
    """The size of the SQLite file and its log; None for a server's database."""
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    files = (Path(url.database), Path(f"{url.database}-wal"))
    return float(sum(f.stat().st_size for f in files if f.exists()))
