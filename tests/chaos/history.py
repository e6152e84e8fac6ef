"""One history: work arrives, things break, everything settles, and the checker looks."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import requests

from sfprm.errors import SfprmError
from sfprm.salesforce.session import Session
from sfprm.store.records import WriteState
from sfprm.store.writer import Store
from tests.chaos.blows import Blow, Plan
from tests.chaos.checker import Verdict, judge, look, waiting
from tests.chaos.stage import Base, Postgres, Stage, program, set_stage

__all__ = ["play"]

PATIENCE = 180.0
"""Seconds for everything to come to rest after the last blow."""
PACE_S = 0.2


def play(
    plan: Plan,
    base: Base,
    folder: Path,
    postgres: Postgres | None = None,
    *,
    planted: str = "",
    patience: float = PATIENCE,
    keep: bool = False,
) -> Verdict:
    """Play a history on SQLite, or on PostgreSQL with three workers; what the checker found. What
    was clean leaves nothing behind. `planted`: a script that the processes run in place of the
    program, to see that the checker notices; `patience`: seconds for everything to come to rest;
    `keep`: logs and state are left."""
    stage = set_stage(base, folder, plan.jobs, postgres)
    verdict = Verdict()
    kinds = (("daemon",), ("worker",), ("worker",)) if plan.shared else (("daemon",),)
    for arguments in kinds:
        stage.add(*arguments, script=planted)
    if plan.standby:
        stage.add("daemon", "--standby", script=planted)
    stage.supervise()
    try:
        try:
            with stage.state() as store:
                _until(lambda: bool(store.runs(job="route", limit=1)[0].due_at), "nothing began")
        except TimeoutError as late:
            verdict.count("missed_runs", str(late))
        for number, blow in enumerate(plan.blows):
            _strike(stage, blow, plan.seed * 100 + number)
            time.sleep(blow.then)
        base.org.control("DELETE", "faults")
        calm = datetime.now(UTC)
        _settle(stage, plan.jobs, calm, verdict, patience)
    finally:
        codes = stage.end()
    # 130: told twice; anything else is no end of a process that was only told to end
    unclean = [code for code in codes if code not in (0, 130)]
    if unclean:
        verdict.count("unclean_ends", f"exit codes {codes}", len(unclean))
    code, out, err = program(base.nursery, stage.env, "route", "--json")
    if code not in (0, 68):
        verdict.count("missed_runs", f"the last pass: {out[-500:]} {err[-500:]}")
    with stage.state() as store, stage.session() as session:
        outbox = base.org.control("GET", "outbox")
        seen = look(store, session, outbox, since=base.at, after=base.last, calm=calm)
    found = judge(seen)
    for name, value in vars(found).items():
        setattr(verdict, name, getattr(verdict, name) + value)
    if verdict.is_clean and not keep:
        stage.clear()
    return verdict


def _strike(stage: Stage, blow: Blow, number: int) -> None:
    """Let it happen."""
    org, database = stage.base.org, stage.env["SFPRM_DATABASE_URL"]
    match blow.kind:
        case "leads":
            event = {"event": "leads-arrive", "count": blow.count, "seed": number}
            org.control("POST", "events", event)
        case "kill":
            stage.send(blow.who, signal.SIGKILL)
        case "stop":
            stage.send(blow.who, signal.SIGSTOP)
            time.sleep(blow.seconds)
            stage.send(blow.who, signal.SIGCONT)
        case "fault":
            org.control("POST", "faults", dict(blow.fault))
        case "outage":
            away = {"kind": "503", "path": "/services/(data|oauth2)", "lasts": blow.seconds}
            org.control("POST", "faults", away)
        case "person":
            path = stage.folder / "config" / "people.csv"
            name = f"nova{number}"
            with path.open("a", encoding="utf-8") as out:
                mail = f"{name}@sulcom.example.com"
                out.write(f"{name},sulcom,Nova,Pessoa{number},{mail},Worker,active\n")
        case "leaver":
            _leave(stage.folder / "config" / "people.csv", number)
        case "reload":
            path = stage.folder / "jobs" / "route.yaml"
            text = path.read_text()
            path.write_text("job: rout\n")
            stage.send(blow.who, signal.SIGHUP)
            time.sleep(0.3)
            path.write_text(text)
            stage.send(blow.who, signal.SIGHUP)
        case "cut" | "away" if stage.postgres is not None:
            if blow.kind == "cut":
                stage.postgres.cut(database)
                return
            with stage.postgres.away(database):
                time.sleep(blow.seconds)
        case "held":
            with stage.held():
                time.sleep(blow.seconds)


def _leave(path: Path, number: int) -> None:
    """One of a partner that keeps others."""
    lines = path.read_text(encoding="utf-8").splitlines()
    staff: dict[str, list[int]] = {}
    for at, line in enumerate(lines[1:], 1):
        if line.endswith(",active"):
            staff.setdefault(line.split(",")[1], []).append(at)
    choice = [at for people in staff.values() if len(people) > 1 for at in people]
    at = choice[number % len(choice)]
    lines[at] = lines[at].removesuffix("active") + "absent"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _settle(
    stage: Stage, jobs: Mapping[str, str], calm: datetime, verdict: Verdict, patience: float
) -> None:
    """Until nothing waits, nothing is unconfirmed and a whole round of runs was done."""
    rounds = [name for name in ("route", "people", "beat") if name in jobs]

    def at_rest(store: Store, session: Session) -> bool:
        try:
            ended = store.work.last_done()
            # by its slot: one before the last blow may not have been named yet
            slots = [ended[name].due_at for name in rounds if name in ended]
            if len(slots) < len(rounds) or any(at is None or at <= calm for at in slots):
                return False
            if any(run.due_at and run.due_at < calm for run in store.work.open_runs()):
                return False
            if store.entries(states=(WriteState.DECIDED,)):
                return False
            return not waiting(session, frozenset(p.lead for p in store.parked()))
        except (SfprmError, requests.RequestException):
            return False

    with stage.state() as store, stage.session() as session:
        try:
            _until(lambda: at_rest(store, session), "it did not settle", patience)
        except TimeoutError as late:
            verdict.count("missed_runs", str(late))
            for lead in waiting(session, frozenset(p.lead for p in store.parked())):
                verdict.count("lost", f"{lead} waited to the end, while the daemon ran")


def _until(reached: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(PACE_S)
