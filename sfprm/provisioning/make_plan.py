"""make_plan: read the org, compare, build. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import NotReady
from sfprm.estate.reader import read_estate
from sfprm.provisioning.compare import compare, unguarded
from sfprm.provisioning.plan import Plan, build_plan
from sfprm.provisioning.steps import AddQueueMember
from sfprm.store.records import RunState, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.estate.model import Estate
    from sfprm.events import Progress
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader

__all__ = ["make_plan", "unsettled_members"]

_RUNS_LOOKED_AT = 50
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
    found = estate or read_estate(session, programme, sites=False)
    _refuse_another_org(store, found)
    if not found.keys_visible:
        raise NotReady(
            "The fields Partner_Key__c on Account and Contact are not visible to "
            f"{found.org.agent_username}.",
            hint="Run `sfprm setup`: it deploys them with the permission sets that grant them.",
        )
    if not found.sees_is_partner:
        raise NotReady(
            "Partner management is off in this org: Account has no field IsPartner.",
            hint="Run `sfprm setup`: it turns partner relationship management on.",
        )
    comparison = compare(
        programme, store.applied(), found, guard=guard, unsettled=unsettled_members(store)
    )
    calls = session.calls.since(mark).total
    return build_plan(programme.name, programme.digest, found, comparison, read_calls=calls)


def _refuse_another_org(store: StoreReader, estate: Estate) -> None:
    bound = store.org()
    if bound is not None and bound.org_id != estate.org.id:
        raise NotReady(
            f"This state belongs to {bound.name} ({bound.org_id}), but the login leads to "
            f"{estate.org.name} ({estate.org.id}).",
            hint="Correct the login, or use another SFPRM_STATE_DIR for this org.",
        )


def unsettled_members(store: StoreReader) -> frozenset[str]:
    """Keys of memberships that an interrupted run sent without learning the outcome."""
    return frozenset(
        step.key
        for run in store.runs(limit=_RUNS_LOOKED_AT)
        if run.state in _STOPPED
        for step in store.steps(run.id)
        if step.state is StepState.SENT and step.kind == AddQueueMember.__name__
    )
