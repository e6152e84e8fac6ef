"""`route` from end to end on the embedded org: read, decide, journal, write, confirm.

Each side runs in a process of its own, so that its processor and memory are its own; `route` and
`bare` besides on an org of their own, copied from one that was prepared, in turn and several times:

- `route`: one pass over so many leads; its second confirmation after the settling time.
- `bare`: a loop over `requests` that reads as many leads, writes as many owners in calls of 200 and
  confirms them by 2,000, and nothing else: the same bodies, no journal and no decision.
- `route` again with the org answering after 200 ms and one request in flight.
- one new lead in an intake that is empty but for it.
- `stream`: one pass over very many leads, in an org of its own, for memory and calls.

`measure` and `stream` return the figures for `bench_routing.py`; run alone, this file prints them.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmarks.access_side import ROOT
from benchmarks.access_side import bare as bare_side
from benchmarks.bench_org import embedded, log_in, served, unlimited

if TYPE_CHECKING:
    from sfprm.distribution.route import RouteResult
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

HERE = Path(__file__).parent
DESKS = 10
INTAKE = ("Web Leads", "Event Leads")
SLOW_S = 0.2
SLOW_LEADS = 4_000
BATCH, PAGE = 200, 2_000
PAIRS = 3
"""Passes and bare loops, in turn first; the figures are medians, as a single pair is noise."""


def programme() -> Programme:
    """Five rules of three criteria each and one for the rest; a pool of ten queues."""
    from sfprm.ids import PoolKey
    from sfprm.programme.load import load_programme
    from sfprm.programme.model import (
        Criterion,
        Operator,
        Origin,
        Pool,
        PoolMember,
        Queue,
        Rule,
        ToPool,
    )

    here = Origin("bench", 1)
    sample = load_programme(HERE.parent / "config")
    desks = [f"Desk {n}" for n in range(DESKS)]
    pool = Pool(PoolKey("desks"), tuple(PoolMember("queue", d, 1, here) for d in desks), here)

    def criterion(field: str, operator: Operator, value: str) -> Criterion:
        return Criterion(field, operator, (value,), f"{field} {operator.value} {value}", here)

    rules = [
        Rule(
            f"rule {n}",
            (
                criterion("Country", Operator.EQUALS, f"X{n}"),
                criterion("Rating", Operator.EQUALS, "Hot"),
                criterion("AnnualRevenue", Operator.GREATER_THAN, str(n)),
            ),
            None,
            ToPool(pool.key),
            here,
        )
        for n in range(5)
    ]
    rules.append(Rule("the rest", (), None, ToPool(pool.key), here))
    queues = {
        **sample.queues,
        **{d: Queue(d, d.replace(" ", "_"), here, managed=False) for d in desks},
    }
    routing = replace(
        sample.routing, pools=MappingProxyType({pool.key: pool}), rules=tuple(rules), notices={}
    )
    return replace(sample, queues=MappingProxyType(queues), routing=routing, digest="")


def session_of(ready: Mapping[str, Any], folder: str, **settings: str) -> tuple[Any, Session]:
    """The settings and an open session."""
    from sfprm.clock import SystemClock
    from sfprm.salesforce.session import open_session
    from sfprm.settings import load_settings

    env = {
        "SFPRM_LOGIN_URL": str(ready["http"]),
        "SFPRM_CLIENT_ID": str(ready["client_id"]),
        "SFPRM_CLIENT_SECRET": str(ready["client_secret"]),
        "SFPRM_CA_BUNDLE": str(ready["ca"]),
        "SFPRM_STATE_DIR": folder,
        **settings,
    }
    found = load_settings(env=env)
    return found, open_session(found, SystemClock())


class SideFailed(RuntimeError):
    """One side of the measurement ended without its figures; the words are its last."""


def prepare(ready: Mapping[str, Any], folder: str, leads: int) -> None:
    """Ten queues, and somewhat more leads than asked for, all of which wait."""
    from sfprm.salesforce import collections as rows
    from sfprm.salesforce.query import count

    client = log_in(ready)
    client("POST", "/_devorg/seed", {"story": "partners-ready", "seed": 7})
    _, session = session_of(ready, folder)
    with session:
        made = [
            {"Type": "Queue", "Name": f"Desk {n}", "DeveloperName": f"Desk_{n}"}
            for n in range(DESKS)
        ]
        groups = [outcome.id for outcome in rows.create(session, "Group", made)]
        links = [{"QueueId": group, "SobjectType": "Lead"} for group in groups]
        assert all(o.success for o in rows.create(session, "QueueSobject", links))
        client("POST", "/_devorg/seed", {"leads": leads + 1_000, "seed": 7, "waiting": True})
        waiting = count(
            session,
            "SELECT COUNT() FROM Lead WHERE IsConverted = false AND "
            "Owner.Name IN ('Web Leads', 'Event Leads')",
        )
        assert waiting >= leads, f"{waiting} leads wait, not {leads}"


def routed(given: Mapping[str, Any]) -> dict[str, float]:
    """One pass, and the second look once the org has settled."""
    from sfprm.cli.interpreter import set_up_interpreter
    from sfprm.clock import SystemClock
    from sfprm.distribution.carry import Carrier
    from sfprm.distribution.route import route
    from sfprm.events import NoProgress
    from sfprm.ids import RunId
    from sfprm.store.database import open_store

    class Later(SystemClock):
        """The machine's clock, six minutes on."""

        def now(self) -> Any:
            return super().now() + timedelta(minutes=6)

    settings, session = session_of(given["ready"], given["folder"], **given.get("settings", {}))
    declared = programme()
    set_up_interpreter()  # as the program does
    with session, open_store(settings.database) as store:
        _ = session.identity
        clock, quiet = SystemClock(), NoProgress()
        calls, begun, cpu = session.calls.total, time.perf_counter(), time.process_time()
        done = route(
            session,
            store,
            declared,
            clock=clock,
            run=RunId("bench"),
            progress=quiet,
            limit=given["leads"],
        )
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        Carrier(session, store, Later(), NoProgress(), declared).take_up()
        whole = time.perf_counter() - begun
        assert done.owned == given["leads"], f"{done.owned} leads came to an owner"
        broken = store.verify() if given["leads"] <= 20_000 else []
        assert broken == [], broken[0]
        return {
            "seconds": seconds,
            "whole": whole,
            "cpu": cpu,
            "calls": session.calls.total - calls,
            "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def bare(given: Mapping[str, Any]) -> dict[str, float]:
    """The same bodies by a loop."""
    leads = int(given["leads"])

    def work(http: Any, base: str) -> tuple[int, int]:
        def ask(soql: str) -> Any:
            return http.get(f"{base}{ROOT}/query", params={"q": soql}, timeout=120).json()

        queues = "SELECT Id FROM Group WHERE Type = 'Queue' AND Name LIKE 'Desk%'"
        desks = [row["Id"] for row in ask(queues)["records"]]
        quoted = ", ".join(f"'{desk}'" for desk in desks)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
        soql = (
            "SELECT Id, OwnerId, CreatedDate, Name, Company, AnnualRevenue, Country, Rating "
            "FROM Lead WHERE (Owner.Name IN ('Web Leads', 'Event Leads')) AND "
            "(IsConverted = false) ORDER BY CreatedDate, Id"
        )
        page, done, calls = ask(soql), 0, 1
        turn = cycle(desks)
        while done < leads:
            rows = page["records"][: leads - done]
            written = {row["Id"]: next(turn) for row in rows}
            ids = list(written)
            for at in range(0, len(ids), BATCH):
                records = [
                    {"attributes": {"type": "Lead"}, "id": one, "OwnerId": written[one]}
                    for one in ids[at : at + BATCH]
                ]
                body = {"allOrNone": False, "records": records}
                url = f"{base}{ROOT}/composite/sobjects"
                answer = http.patch(
                    url, json=body, headers={"Sforce-Auto-Assign": "FALSE"}, timeout=120
                )
                done += sum(one["success"] for one in answer.json())
                calls += 1
            seen = ask(
                f"SELECT Id, OwnerId, SystemModstamp FROM Lead WHERE OwnerId IN ({quoted}) "
                f"AND SystemModstamp >= {stamp} ORDER BY SystemModstamp DESC, Id DESC "
                f"LIMIT {len(ids)}"
            )
            assert len(seen["records"]) == len(ids)
            calls += 2
            if done < leads:
                page = http.get(base + page["nextRecordsUrl"], timeout=120).json()
        return done, calls

    run = bare_side(given["ready"], work)
    assert run.rows == leads
    return {"seconds": run.seconds, "calls": run.calls}


def urgent(given: Mapping[str, Any]) -> dict[str, float]:
    """Seconds from a poll to a new lead's new owner, in a process that runs already."""
    from sfprm.clock import SystemClock
    from sfprm.distribution.route import route
    from sfprm.events import NoProgress
    from sfprm.ids import RunId
    from sfprm.salesforce import collections as rows
    from sfprm.salesforce.query import select_all
    from sfprm.store.database import open_store

    settings, session = session_of(given["ready"], given["folder"])
    base = programme()
    declared = replace(base, routing=replace(base.routing, intake=("Desk 0",)))
    pool = next(iter(declared.routing.pools.values()))
    others = replace(pool, members=pool.members[1:])
    declared = replace(
        declared, routing=replace(declared.routing, pools=MappingProxyType({pool.key: others}))
    )
    with session, open_store(settings.database) as store:
        clock, quiet = SystemClock(), NoProgress()

        def one_pass(name: str) -> RouteResult:
            return route(session, store, declared, clock=clock, run=RunId(name), progress=quiet)

        rows_of = select_all(session, "SELECT Id FROM Lead WHERE Owner.Name = 'Desk 0'")
        rows.delete(session, [row["Id"] for row in rows_of])
        one_pass("before")
        [desk] = select_all(session, "SELECT Id FROM Group WHERE Name = 'Desk 0'")
        new = {"LastName": "Urgent", "Company": "Hot Ltd", "OwnerId": desk["Id"]}
        rows.create(session, "Lead", [new], headers={"Sforce-Auto-Assign": "FALSE"})
        begun = time.perf_counter()
        done = one_pass("urgent")
        seconds = time.perf_counter() - begun
        assert done.owned == 1
        return {"seconds": seconds}


SIDES = {"route": routed, "bare": bare, "urgent": urgent}


def side(name: str, **given: Any) -> dict[str, float]:
    """One side, in a process of its own."""
    told = json.dumps({"side": name, **given})
    command = [sys.executable, "-m", "benchmarks.routing_end_to_end", "--side", told]
    done = subprocess.run(command, text=True, capture_output=True, check=False, cwd=HERE.parent)
    if done.returncode:
        raise SideFailed(f"{name}: {done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def least_calls(leads: int) -> float:
    """Pages to read, confirm at once and confirm settled; calls to write."""
    return 3 * leads / PAGE + leads / BATCH


@contextmanager
def copied(prepared: Path, folder: Path) -> Iterator[Mapping[str, Any]]:
    """An org like the prepared one, and nobody's but one side's: its ready line."""
    shutil.copytree(prepared, folder)
    with served(*embedded(str(folder), "routing")) as (ready, _):
        _unlimited(ready)
        yield ready


def measure(leads: int = 20_000) -> dict[str, float]:
    """The figures of `make bench-routing` that need an org, but for those of the stream."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepared = folder / "prepared"
        prepared.mkdir()
        with served(*embedded(str(prepared), "routing")) as (ready, _):
            prepare(ready, f"{made}/preparing", leads)
        seconds, ratios = [], []
        for turn in range(PAIRS):
            pair = {}
            for name in ("route", "bare") if turn % 2 == 0 else ("bare", "route"):
                own = folder / f"{name} {turn}"
                with copied(prepared, own) as ready:
                    found = side(name, ready=ready, folder=f"{own}/state", leads=leads)
                pair[name] = found["seconds"]
                shutil.rmtree(own)
            seconds.append(pair["route"])
            ratios.append(pair["route"] / pair["bare"])
        with copied(prepared, folder / "slow") as ready:
            slowly = {"kind": "slow", "path": ".", "seconds": SLOW_S, "times": None}
            log_in(ready)("POST", "/_devorg/faults", slowly)
            one_at_a_time = {"SFPRM_MAX_IN_FLIGHT": "1"}
            slow = side(
                "route",
                ready=ready,
                folder=f"{made}/slow side",
                leads=min(leads, SLOW_LEADS),
                settings=one_at_a_time,
            )
            log_in(ready)("DELETE", "/_devorg/faults", {})
            _unlimited(ready)
            soon = side("urgent", ready=ready, folder=f"{made}/urgent side")
    return {
        "leads_per_min": 60 * leads / median(seconds),
        "bare_ratio": median(ratios),
        "agent_cpu_share": slow["cpu"] / slow["seconds"],
        "urgent_s": soon["seconds"],
    }


def stream(leads: int = 1_000_000) -> dict[str, float]:
    """Memory and calls of one long pass with its second look, and how long both took."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(*embedded(folder, "routing")) as (ready, _),
    ):
        prepare(ready, f"{folder}/prepared", leads)
        _unlimited(ready)
        many = side("route", folder=f"{folder}/many", leads=leads, ready=ready)
    return {
        "rss_1m_mb": many["mb"],
        "calls_ratio": many["calls"] / least_calls(leads),
        "stream_s": many["whole"],
    }


def _unlimited(ready: Mapping[str, Any]) -> None:
    """The day's calls are not what is measured."""
    unlimited(log_in(ready))


def main() -> None:
    """Measure and print, or do one side."""
    parser = argparse.ArgumentParser(description="Routing from end to end on the embedded org.")
    parser.add_argument("--leads", type=int, default=20_000, help="leads a side")
    parser.add_argument("--stream", type=int, default=0, help="leads of the long pass; 0: none")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        told = json.loads(given.side)
        print(json.dumps(SIDES[told["side"]](told)))
        return
    figures = measure(given.leads) | (stream(given.stream) if given.stream else {})
    for name, value in figures.items():
        print(f"{name:<18}{value:>14,.2f}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
