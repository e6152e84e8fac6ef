"""Open leads of those who leave, handed on: each to its own pool, the rest to the channel manager.

Where provisioning and distribution meet: the shares are distribution's, the leavers provisioning's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sfprm.distribution.reassign import LeadsWanted, reassign
from sfprm.errors import BadRequest, SfprmError
from sfprm.ids import RecordId
from sfprm.jobs.frame import JobContext
from sfprm.provisioning.offboard import Leavers, NotDone
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

__all__ = ["destinations", "hand_on"]

MANAGER = "manager"


def hand_on(
    context: JobContext, leavers: Leavers, *, to: str | None, max_changes: int | None
) -> tuple[Counter[str], list[NotDone]]:
    """How many leads were handed on to which place, and what was refused on the way. `to`:
    `pool:NAME`, `queue:LABEL`, `user:USERNAME` or `manager`; None: the pools, then the manager.
    Repeatable."""
    moved, trouble = Counter[str](), list[NotDone]()
    for where, leads in destinations(context, to, leavers):
        moved[where] += _one_place(context, where, leads, max_changes, trouble)
    rest = _open_leads(context, leavers)
    if rest and to is None:
        # what no pool could take goes to the channel manager
        moved[MANAGER] += _one_place(context, MANAGER, rest, max_changes, trouble)
    return +moved, trouble


def _one_place(
    context: JobContext,
    where: str,
    leads: Sequence[RecordId],
    max_changes: int | None,
    trouble: list[NotDone],
) -> int:
    if not leads:
        return 0
    context.progress.say(f"{len(leads)} leads → {where}")
    kind, _, name = where.partition(":")
    if kind not in ("pool", "queue", "user", MANAGER) or (kind != MANAGER and not name):
        raise BadRequest(
            f"--to {where!r} is not understood.",
            hint="Write pool:NAME, queue:LABEL, user:USERNAME or manager.",
        )
    try:
        done = reassign(
            context.session,
            context.store,
            context.programme,
            leads=LeadsWanted(ids=tuple(leads)),
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            user=name if kind == "user" else None,
            queue=name if kind == "queue" else None,
            pool=name if kind == "pool" else None,
            manager=kind == MANAGER,
            max_changes=max_changes,
            hands=context.hands,
        )
    except SfprmError as refused:
        trouble.append(NotDone(f"{len(leads)} leads → {where}", refused.message, refused.hint))
        return 0
    for settled in (*done.refused, *done.overtaken):
        trouble.append(NotDone(f"lead {settled.entry.label}", settled.words))
    return done.moved


def _open_leads(context: JobContext, leavers: Leavers) -> list[RecordId]:
    ids: list[RecordId] = []
    for condition in split_in("OwnerId", [u.id for u in leavers.users]):
        where = (condition, eq("IsConverted", False))
        query = Query(("Id",), "Lead", where, ("CreatedDate", "Id"))
        ids += [RecordId(row["Id"]) for row in select(context.session, query)]
    return ids


def destinations(
    context: JobContext, to: str | None, leavers: Leavers
) -> list[tuple[str, list[RecordId]]]:
    """(where, leads): one place when it is named, else each lead's pool by its last decision, else
    a pool that the partner is a member of."""
    leads = _open_leads(context, leavers)
    if to is not None:
        return [(to, leads)]
    pools = context.programme.routing.pools
    own = next(
        (
            key
            for key, pool in pools.items()
            if any(m.kind == "partner" and m.name == leavers.target for m in pool.members)
        ),
        None,
    )
    last: dict[RecordId, str] = {}
    for entry in context.store.entries(leads=leads) if leads else ():
        if entry.pool is not None and entry.pool in pools:
            last[entry.lead] = entry.pool
    by_place: dict[str, list[RecordId]] = {}
    for lead in leads:
        pool = last.get(lead, own)
        by_place.setdefault(f"pool:{pool}" if pool else MANAGER, []).append(lead)
    return list(by_place.items())
