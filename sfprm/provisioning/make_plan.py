"""make_plan: read the org, compare, build. Reads only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OrgRefused
from sfprm.estate.meant import refuse_unmeant
from sfprm.estate.reader import read_estate
from sfprm.provisioning.build import build_plan
from sfprm.provisioning.compare import compare, unguarded
from sfprm.provisioning.difference import Kind, Verdict
from sfprm.provisioning.members_seen import known_of
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.steps import AddMember, CreateUser, GrantPermissionSet
from sfprm.salesforce.query import select_all
from sfprm.salesforce.soql import Query, eq
from sfprm.store.records import RunState, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.estate.model import Estate
    from sfprm.events import Progress
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader

__all__ = ["FAIR_NUMBER", "make_plan", "unsettled_members"]

_RUNS_LOOKED_AT = 50
_KEYED = (Kind.ACCOUNT, Kind.CONTACT)
FAIR_NUMBER = 20
"""Users in a run from which its pace is taken for the next estimate."""
_STOPPED = frozenset({RunState.RUNNING, RunState.LOST, RunState.INTERRUPTED, RunState.FAILED})
"""Runs that may have left steps without an outcome."""


def make_plan(
    session: Session,
    store: StoreReader,
    programme: Programme,
    *,
    progress: Progress,
    guard: Callable[[str], str] = unguarded,
    estate: Estate | None = None,
) -> Plan:
    """The plan for this programme and org. `guard` is mail_guard's answer for an address.

    `estate`: one read already in this run. Raises NotReady when `setup` has not been done, or
    when the state belongs to another org."""
    mark = session.calls.snapshot()
    progress.stage("read the org", None)
    applied = store.applied()
    found = estate or read_estate(session, programme, sites=False, known=known_of(applied))
    _refuse_another_org(store, found)
    refuse_unmeant(programme, found.org)
    if not found.keys_visible and programme.key_fields.write_matched:
        raise _no_keys(found)
    if not found.sees_is_partner:
        raise NotReady(
            "Partner management is off in this org: Account has no field IsPartner.",
            hint="Run `sfprm setup`: it turns partner relationship management on.",
        )
    comparison = compare(programme, applied, found, guard=guard, unsettled=unsettled_members(store))
    makes = (d.verdict is Verdict.CREATE for d in comparison.differences if d.kind in _KEYED)
    if not found.keys_visible and any(makes):
        raise _no_keys(found)
    calls = session.calls.since(mark).total
    plan = build_plan(
        programme.name,
        programme.digest,
        found,
        comparison,
        read_calls=calls,
        users_a_second=measured_pace(store),
    )
    users = sum(1 for s in plan.steps if isinstance(s, CreateUser))
    return replace(plan, mails=users if users and sends_welcome(session, programme) else 0)


def _no_keys(estate: Estate) -> NotReady:
    fields = estate.key_fields
    named = (
        f"{fields.account} on Account and Contact"
        if fields.account == fields.contact
        else f"{fields.account} on Account and {fields.contact} on Contact"
    )
    return NotReady(
        f"The fields {named} are not visible to {estate.org.agent_username}.",
        hint="Run `sfprm setup`: it deploys them with the permission sets that grant them.",
    )


def measured_pace(store: StoreReader) -> float | None:
    """Users a second of the latest run that made a fair number of them; None: never measured."""
    for run in store.runs(limit=_RUNS_LOOKED_AT):
        users, took = run.counts.get("CreateUser", 0), run.counts.get("users_ms", 0)
        if users >= FAIR_NUMBER and took > 0:
            return 1000 * users / took
    return None


def sends_welcome(session: Session, programme: Programme) -> bool:
    """Whether the programme's site mails those who become its members: it is Live, and its switch
    is on (facts sheet, section 5)."""
    fields = ("Status", "OptionsSendWelcomeEmail")
    query = Query(fields, "Network", (eq("Name", programme.site),))
    try:
        rows = select_all(session, query)
    except OrgRefused:  # no digital experiences, no mail
        return False
    return any(row["Status"] == "Live" and row["OptionsSendWelcomeEmail"] for row in rows)


def _refuse_another_org(store: StoreReader, estate: Estate) -> None:
    bound = store.org()
    if bound is not None and bound.org_id != estate.org.id:
        raise NotReady(
            f"This state belongs to {bound.name} ({bound.org_id}), but the login leads to "
            f"{estate.org.name} ({estate.org.id}).",
            hint="Correct the login, or use another SFPRM_STATE_DIR for this org.",
        )


_PAIRS = (AddMember.__name__, GrantPermissionSet.__name__)


def unsettled_members(store: StoreReader) -> frozenset[str]:
    """Keys of memberships and assignments that an interrupted run sent without learning the
    outcome."""
    return frozenset(
        step.key
        for run in store.runs(limit=_RUNS_LOOKED_AT)
        if run.state in _STOPPED
        for step in store.steps(run.id)
        if step.state is StepState.SENT and step.kind in _PAIRS
    )
