"""How many partner users a second an org takes: `bench_estate --users N`, by SFPRM_* settings.

Makes one partner account with N people of its own (keys `sfprm-bench-…`, addresses of example.com),
times the creation of the users, and deactivates them again, whatever happens in between: users
cannot be deleted, nor can an account be un-partnered. Needs N free seats. What it measures is what
`plan` counts with (a run of its own in the state), once it is of 20 users or more.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sfprm.clock import Clock, SystemClock
from sfprm.errors import BadRequest, SfprmError
from sfprm.estate.meant import refuse_unmeant
from sfprm.estate.reader import org_facts
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey, RunId
from sfprm.outbound.mail_guard import MailPolicy, guarded, policy_from
from sfprm.programme.load import load_programme
from sfprm.programme.model import Origin, Partner, Person, PortalRole, Presence, Programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.make_plan import FAIR_NUMBER, make_plan
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.result import ApplyResult
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings, load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState
from sfprm.store.writer import Store

__all__ = ["measure_users"]

_ORIGIN = Origin("bench_users.py", 1)
EXAMPLE = 30_000
"""Users for whom the time is said."""


def measure_users(count: int, settings: Settings | None = None) -> int:
    """Measure, print, and leave the users inactive. The exit code: 0 when all were made and all
    are inactive again."""
    told: dict[str, Any] = {"users": 0, "users_a_second": None, "locks": None, "deactivated": 0}
    try:
        _measure(settings or load_settings(), count, told)
    except SfprmError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
    finally:
        print(json.dumps(told))
    return 0 if told["users"] == told["deactivated"] == count else 1


def _measure(settings: Settings, count: int, told: dict[str, Any]) -> None:
    """Fills `told`. Raises errors of the tree."""
    clock = SystemClock()
    store = open_store(settings.database)
    try:
        declared = load_programme(settings.programme, settings.environment)
        stamp = f"{clock.now():%Y%m%d%H%M%S}"
        with open_session(settings, clock) as session:
            who = session.identity
            store.bind_org(who.org_id, who.org_name, clock.now())
            policy = policy_from(
                settings,
                org_id=who.org_id,
                is_sandbox=who.is_sandbox,
                is_embedded=who.is_embedded,
            )
            refuse_unmeant(declared, org_facts(session))
            bench = _Bench(session, store, clock, declared, policy, count, stamp)
            bench.refuse()
            try:
                _say(bench.turn(Presence.ACTIVE), told)
            finally:
                left = bench.turn(Presence.ABSENT)
                told["deactivated"] = left.done.get("DeactivateUser", 0)
                print(f"{told['deactivated']} users deactivated again.")
    finally:
        store.close()


@dataclass
class _Bench:
    """The same people, once active and once absent."""

    session: Session
    store: Store
    clock: Clock
    declared: Programme
    policy: MailPolicy
    count: int
    stamp: str
    plans: dict[Presence, Plan] = field(default_factory=dict)

    def plan(self, state: Presence) -> Plan:
        programme = _programme(self.declared, self.count, self.stamp, state)
        return make_plan(
            self.session,
            self.store,
            programme,
            progress=NoProgress(),
            guard=lambda address: guarded(address, self.policy),
        )

    def refuse(self) -> None:
        """Raises BadRequest for what would go wrong, before anything is written."""
        plan = self.plan(Presence.ACTIVE)
        blocked = plan.comparison.blocked
        if blocked:
            first = blocked[0]
            raise BadRequest(
                f"{len(blocked)} of {self.count} users cannot be made. {first.label}: {first.why}.",
                hint=first.fix,
            )
        if plan.mails and not plan.org.is_embedded:
            raise BadRequest(
                f"{plan.mails} welcome mails would go to addresses that nobody has.",
                hint="Switch the site's welcome mail off (Administration › Emails) meanwhile.",
            )
        self.plans[Presence.ACTIVE] = plan

    def turn(self, state: Presence) -> ApplyResult:
        """Plan and apply with these people in that state."""
        plan = self.plans.get(state) or self.plan(state)
        run = RunId(f"bench-users-{time.time_ns()}")
        self.store.start_run(Run(run, "bench-users", RunState.RUNNING, "bench", self.clock.now()))
        result = apply(
            self.session,
            self.store,
            plan,
            run=run,
            clock=self.clock,
            progress=NoProgress(),
            programme=_programme(self.declared, self.count, self.stamp, state),
        )
        self.store.finish_run(
            run,
            state=RunState.DONE,
            finished=self.clock.now(),
            counts=result.counts(),
            calls=result.calls,
            exit_code=0,
        )
        return result


def _say(result: ApplyResult, told: dict[str, Any]) -> None:
    made = result.done.get("CreateUser", 0)
    told |= {"users": made, "locks": result.locks}
    for error in result.errors[:5]:
        print(f"  {error.label}: {error.message}")
    if not made or not result.user_seconds:
        print("No user was made: there is no pace to tell.")
        return
    rate = made / result.user_seconds
    told["users_a_second"] = round(rate, 2)
    print(f"{made} users in {result.user_seconds:.2f} s: {rate:.1f} users a second.")
    print(f"{EXAMPLE:,} users would take {timedelta(seconds=round(EXAMPLE / rate))}.")
    if made >= FAIR_NUMBER:
        print("`sfprm plan` counts with this pace now.")
    else:
        print(f"Too few for `sfprm plan` to count with: measure {FAIR_NUMBER} or more.")


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
