"""How many partner users a second an org takes: `bench-estate --users N`, by SFPRM_* settings.

Makes one partner account with N people of its own (keys `sfprm-bench-…`, addresses of example.com),
times the creation of the users, and deactivates them again: users cannot be deleted. Needs N free
seats. What it prints is what `plan` counts with (SFPRM keeps it as a run of its own).
"""

from __future__ import annotations

import json
import time
from datetime import timedelta

from sfprm.clock import SystemClock
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey, RunId
from sfprm.programme.load import load_programme
from sfprm.programme.model import Origin, Partner, Person, PortalRole, Presence, Programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.make_plan import make_plan
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState

__all__ = ["measure_users"]

_ORIGIN = Origin("bench_users.py", 1)


def measure_users(count: int) -> None:
    """Measure, print, and leave the users inactive."""
    settings = load_settings()
    clock = SystemClock()
    store = open_store(settings.database)
    declared = load_programme(settings.programme)
    stamp = f"{clock.now():%Y%m%d%H%M%S}"
    with open_session(settings, clock) as session:
        who = session.identity
        store.bind_org(who.org_id, who.org_name, clock.now())
        for state in (Presence.ACTIVE, Presence.ABSENT):
            programme = _programme(declared, count, stamp, state)
            plan = make_plan(session, store, programme, progress=NoProgress())
            if plan.comparison.blocked:
                blocked = plan.comparison.blocked[0]
                raise SystemExit(f"{blocked.label}: {blocked.why}. {blocked.fix}")
            run = RunId(f"bench-users-{time.time_ns()}")
            store.start_run(Run(run, "bench-users", RunState.RUNNING, "bench", clock.now()))
            result = apply(
                session,
                store,
                plan,
                run=run,
                clock=clock,
                progress=NoProgress(),
                programme=programme,
            )
            store.finish_run(
                run,
                state=RunState.DONE,
                finished=clock.now(),
                counts=result.counts(),
                calls=result.calls,
                exit_code=0,
            )
            if state is Presence.ACTIVE:
                made = result.done.get("CreateUser", 0)
                rate = made / result.user_seconds if result.user_seconds else 0.0
                print(f"{made} users in {result.user_seconds:.1f} s: {rate:.1f} users a second")
                for error in result.errors[:5]:
                    print(f"  {error.label}: {error.message}")
                hour = timedelta(seconds=round(30_000 / rate)) if rate else None
                print(f"30,000 users would take {hour}; `sfprm plan` counts with this pace now.")
                told = {"users": made, "users_a_second": round(rate, 2), "locks": result.locks}
    store.close()
    print(json.dumps(told))


def _programme(declared: Programme, count: int, stamp: str, state: Presence) -> Programme:
    key = PartnerKey(f"sfprm-bench-{stamp}")
    manager = next(iter(declared.channel_managers))
    partner = Partner(key, f"sfprm bench {stamp}", manager, _ORIGIN)
    people = [
        Person(
            key=PersonKey(f"{key}-{n}"),
            partner=key,
            first_name="Bench",
            last_name=f"User {n}",
            email=f"bench{n}@example.com",
            username=f"bench{n}.{stamp}@partners.example.com",
            nickname=f"bench{n}.{stamp}",
            alias=f"bench{n}"[:8],
            role=PortalRole.WORKER,
            profile=declared.profile,
            time_zone="Europe/Lisbon",
            locale="en_US",
            language="en_US",
            email_encoding="UTF-8",
            origin=_ORIGIN,
            state=state,
        )
        for n in range(count)
    ]
    return Programme(
        name="sfprm bench",
        site=declared.site,
        profile=declared.profile,
        channel_managers=declared.channel_managers,
        partners={key: partner},
        people={p.key: p for p in people},
        queues={},
        routing=type(declared.routing)(),
        key_fields=declared.key_fields,
    )
