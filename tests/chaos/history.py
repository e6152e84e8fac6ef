"""One seeded history: work arrives, things break, everything settles, and the checker looks."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from sfprm.errors import SfprmError
from sfprm.salesforce.query import select_all
from sfprm.store.records import RunState, WriteState
from tests.chaos.stage import ChaosOrg, Stage, cut_connections, program, set_stage

PATIENCE = 60.0
"""Seconds for everything to come to rest after the last blow."""
PATHS = {"writes": "/composite/sobjects", "reads": "/query", "all": "/services/data"}
FAULTS = (
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
LATE_FAULTS_S = 3.0
"""Seconds that faults last; then they are cleared."""


@dataclass
class Verdict:
    """What the checker found. All zeroes: as it should be. `notes` say what, for whoever mends."""

    seed: int
    lost: int = 0
    doubled: int = 0
    credit_errors: int = 0
    duplicate_users: int = 0
    duplicate_mails: int = 0
    missed_runs: int = 0
    unclean_ends: int = 0
    notes: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(
            (
                self.lost, self.doubled, self.credit_errors, self.duplicate_users,
                self.duplicate_mails, self.missed_runs, self.unclean_ends,
            )
        )  # fmt: skip


def play(
    seed: int,
    org: ChaosOrg,
    base: Path,
    folder: Path,
    *,
    new_database: Callable[[], str] | None = None,
    blows: int = 6,
) -> Verdict:
    """Play one history on SQLite, or on PostgreSQL with three workers; what the checker found."""
    chance = random.Random(seed)
    stage = set_stage(org, base, folder, new_database)
    verdict = Verdict(seed)
    shared = new_database is not None
    jobs = folder / "jobs"
    (jobs / "route.yaml").write_text("job: route\nevery: 1 second\n")
    (jobs / "people.yaml").write_text("job: provision\nevery: 4 seconds\n")
    (jobs / "recall.yaml").write_text("job: recall\nevery: 3 seconds\nretries: {times: 1}\n")
    if shared:
        for kind in ("daemon", "worker", "worker"):
            stage.add(kind)
    else:
        stage.add("daemon")
        if chance.random() < 0.5:
            stage.add("daemon", "--standby")
    stage.supervise()
    try:
        _until(lambda: _has_run(stage), "nothing began")
        for number in range(blows):
            verdict.story.append(_blow(chance, stage, seed * 100 + number, shared=shared))
            time.sleep(chance.uniform(0.1, 1.0))
        _calm(stage)
        _settle(stage, verdict)
    finally:
        codes = stage.end()
    # 1 and 2 are no ends of a daemon that was only told to end
    unclean = [code for code in codes if code not in (0, 130)]
    if unclean:
        verdict.unclean_ends = len(unclean)
        verdict.notes.append(f"exit codes {codes}")
    last = program(stage.env, "route", "--json")
    if last.returncode not in (0, 68):
        verdict.notes.append(f"the last pass: {last.stdout[-500:]}")
        verdict.missed_runs += 1
    check(stage, verdict)
    return verdict


def _blow(chance: random.Random, stage: Stage, number: int, *, shared: bool) -> str:
    """One thing that happens; in words."""
    kinds = ["leads", "leads", "leads", "kill", "stop", "fault", "fault", "person", "reload"]
    if shared:
        kinds += ["cut", "kill"]
    kind = chance.choice(kinds)
    one = chance.choice(stage.watched)
    match kind:
        case "leads":
            count = chance.randint(1, 12)
            stage.org.control(
                "POST", "events", {"event": "leads-arrive", "count": count, "seed": number}
            )
            return f"{count} leads"
        case "kill":
            one.send(signal.SIGKILL)
            return f"kill -9 {one.log.stem}"
        case "stop":
            one.send(signal.SIGSTOP)
            seconds = chance.choice([0.5, 2.0, 6.0]) if shared else chance.choice([0.5, 2.0])
            time.sleep(seconds)
            one.send(signal.SIGCONT)
            return f"stop {one.log.stem} for {seconds} s"
        case "fault":
            fault = dict(chance.choice(FAULTS))
            name = chance.choice(list(PATHS))
            fault |= {"path": PATHS[name], "times": chance.randint(1, 4)}
            fault |= {"after": chance.randint(0, 2)}
            stage.org.control("POST", "faults", fault)
            return f"{fault['kind']} on {name}, {fault['times']} times"
        case "person":
            path = stage.folder / "config" / "people.csv"
            name = f"nova{number}"
            with path.open("a", encoding="utf-8") as out:
                mail = f"{name}@sulcom.example.com"
                out.write(f"{name},sulcom,Nova,Pessoa{number},{mail},Worker,active\n")
            return f"person {name}"
        case "reload":
            path = stage.folder / "jobs" / "route.yaml"
            text = path.read_text()
            path.write_text("job: rout\n")
            one.send(signal.SIGHUP)
            time.sleep(0.3)
            path.write_text(text)
            one.send(signal.SIGHUP)
            return "a job file broken and mended"
    cut_connections(stage.env["SFPRM_DATABASE_URL"])
    return "connections cut"


def _calm(stage: Stage) -> None:
    """No more blows."""
    stage.org.control("DELETE", "faults")
    for one in stage.watched:
        one.send(signal.SIGCONT)


def _has_run(stage: Stage) -> bool:
    with stage.state() as store:
        return any(run.due_at is not None for run in store.runs(limit=5))


def _settle(stage: Stage, verdict: Verdict) -> None:
    """Until nothing waits, nothing is unconfirmed and a whole round of runs was done."""
    began = time.time()

    def at_rest() -> bool:
        try:
            with stage.state() as store, stage.session() as session:
                if store.entries(states=(WriteState.DECIDED,)):
                    return False
                ended = store.work.last_done()
                for name in ("route", "people"):
                    run = ended.get(name)
                    if run is None or run.started.timestamp() < began:
                        return False
                return not _waiting(session, {p.lead for p in store.parked()})
        except (SfprmError, requests.RequestException):
            return False

    try:
        _until(at_rest, "it did not settle")
    except TimeoutError as late:
        verdict.notes.append(str(late))


def _until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.3)


INTAKE = (
    "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads') AND IsConverted = false"
)


def _waiting(session: Any, parked: set[Any]) -> list[str]:
    return [row["Id"] for row in select_all(session, INTAKE) if row["Id"] not in parked]


def check(stage: Stage, verdict: Verdict) -> None:
    """Read the org, its log and the journal."""
    with stage.state() as store, stage.session() as session:
        waiting = _waiting(session, {p.lead for p in store.parked()})
        verdict.lost += len(waiting)
        verdict.notes += [f"lost: {lead}" for lead in waiting]
        broken = store.verify()
        verdict.credit_errors += len(broken)
        verdict.notes += broken
        _check_owners(session, store, verdict)
        _check_users(session, verdict)
        _check_runs(store, verdict)
    mails = Counter(
        (tuple(sorted(mail.get("to", []))) if isinstance(mail.get("to"), list) else mail.get("to"),
         mail.get("subject"), mail.get("body"))
        for mail in stage.org.control("GET", "outbox")
    )  # fmt: skip
    doubled = {key: n for key, n in mails.items() if n > 1}
    verdict.duplicate_mails += sum(n - 1 for n in doubled.values())
    verdict.notes += [f"mail {n} times: {key[0]} {key[1]}" for key, n in doubled.items()]


def _check_owners(session: Any, store: Any, verdict: Verdict) -> None:
    """Each lead changed hands as often as the journal says, and is with whom it says."""
    changes: dict[str, list[str]] = {}
    query = "SELECT LeadId, NewValue FROM LeadHistory WHERE Field = 'Owner'"
    for row in select_all(session, query):
        value = str(row["NewValue"])
        if len(value) in (15, 18) and value[:3] in ("005", "00G"):
            changes.setdefault(row["LeadId"], []).append(value)
    owners = {
        row["Id"]: row["OwnerId"] for row in select_all(session, "SELECT Id, OwnerId FROM Lead")
    }
    decided: dict[str, list[str]] = {}
    for entry in store.entries():
        if entry.owner_new is not None and entry.state is WriteState.CONFIRMED:
            decided.setdefault(entry.lead, []).append(entry.owner_new)
    for lead, new_owners in decided.items():
        if owners.get(lead) != new_owners[-1]:
            verdict.doubled += 1
            verdict.notes.append(f"{lead} is with {owners.get(lead)}, not {new_owners[-1]}")
        if len(changes.get(lead, [])) > len(new_owners):
            verdict.doubled += 1
            verdict.notes.append(f"{lead} changed hands: {changes[lead]}, decided {new_owners}")


def _check_users(session: Any, verdict: Verdict) -> None:
    for query, key in (
        ("SELECT ContactId FROM User WHERE ContactId != null", "ContactId"),
        ("SELECT Partner_Key__c FROM Contact WHERE Partner_Key__c != null", "Partner_Key__c"),
        ("SELECT Partner_Key__c FROM Account WHERE Partner_Key__c != null", "Partner_Key__c"),
    ):
        counts = Counter(row[key] for row in select_all(session, query))
        twice = [value for value, n in counts.items() if n > 1]
        verdict.duplicate_users += len(twice)
        verdict.notes += [f"{key} twice: {value}" for value in twice]


def _check_runs(store: Any, verdict: Verdict) -> None:
    """No slot has two runs in effect; none that was begun is without an end."""
    runs = store.work.history(limit=10_000)
    followed = {run.retry_of for run in runs}
    in_effect = Counter(
        (run.job, run.due_at)
        for run in runs
        if run.due_at is not None and run.state in (RunState.DONE, RunState.PARTLY)
    )
    twice = [slot for slot, n in in_effect.items() if n > 1]
    hanging = [
        run
        for run in runs
        if run.due_at is not None
        and (
            run.state is RunState.RUNNING or (run.state is RunState.LOST and run.id not in followed)
        )
    ]
    verdict.missed_runs += len(twice) + len(hanging)
    verdict.notes += [f"slot done twice: {slot}" for slot in twice]
    verdict.notes += [f"{run.state.value} without a successor: {run.id}" for run in hanging]
